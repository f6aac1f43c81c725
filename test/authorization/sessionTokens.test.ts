import { EncryptJWT } from 'jose';

import { KeySource } from '../../src/authorization/keySource';
import { SessionTokens } from '../../src/authorization/sessionTokens';
import { FlowKeys } from '../../src/authorization/ticket';
import { createKey } from '../../src/secrets/pointer';
import type { SealedBundle } from '../../src/secrets/sealedBundle';

const HOUR = 3_600_000;
let now = Date.UTC(2026, 0, 1);

/** The keys of a bundle that holds this key. */
function sourceOf(flowKey: string): KeySource {
	const lastKnown = { authorization: { used: {}, flowKey } };
	const bundle = { lastKnown, lookedAt: 0 } as unknown as SealedBundle;
	const request = { newDpopKey: async () => await Promise.resolve(undefined) };
	return new KeySource({ bundle, request, elapsed: () => 0 });
}

const key = createKey();
const keys = sourceOf(key);
const tokens = (changes: { keys?: KeySource; audience?: string } = {}): SessionTokens =>
	new SessionTokens({ keys, audience: 'secret-1', now: () => now, ...changes });
const somebody = { subject: 'alex', claims: { email: 'alex@example.com', groups: ['a', 'b'] } };

it('says who signed in, and until when', async () => {
	const { token, expiresAt } = await tokens().issue(somebody, HOUR);
	expect(expiresAt).toBe(now + HOUR);
	await expect(tokens().verify(token)).resolves.toEqual({ ...somebody, issuedAt: now, expiresAt });
});

it('shows nothing to who holds it', async () => {
	const { token } = await tokens().issue(somebody, HOUR);
	const parts = token.split('.').map((part) => Buffer.from(part, 'base64url').toString());
	expect(JSON.parse(parts[0] ?? '')).toEqual({ alg: 'dir', enc: 'A256GCM', typ: 'JWT' });
	expect(parts.join(' ')).not.toContain('alex');
});

it('ends with its time', async () => {
	const { token } = await tokens().issue(somebody, HOUR);
	now += HOUR;
	await expect(tokens().verify(token)).resolves.toBeUndefined();
});

it('is nothing to another connection, not even with the same key', async () => {
	const { token } = await tokens().issue(somebody, HOUR);
	await expect(tokens({ keys: sourceOf(createKey()) }).verify(token)).resolves.toBeUndefined();
	await expect(tokens({ audience: 'secret-2' }).verify(token)).resolves.toBeUndefined();
});

it('is nothing once it was changed, and neither is any other text', async () => {
	const { token } = await tokens().issue(somebody, HOUR);
	const [head = '', ...rest] = token.split('.');
	const none = Buffer.from('{"alg":"none"}').toString('base64url');
	for (const text of ['', 'x', `${token}x`, [none, ...rest].join('.'), `${none}.e30.`, head]) {
		await expect(tokens().verify(text)).resolves.toBeUndefined();
	}
});

/** A token made with the connection's own key, as nobody but the connection could. */
async function forged(issuedAt: number, expiresAt: number): Promise<string> {
	return await new EncryptJWT({ claims: {} })
		.setProtectedHeader({ alg: 'dir', enc: 'A256GCM', typ: 'JWT' })
		.setIssuer('n8n-nodes-vaulted-oauth2')
		.setAudience('secret-1')
		.setSubject('admin')
		.setIssuedAt(issuedAt / 1000)
		.setExpirationTime(expiresAt / 1000)
		.encrypt(new FlowKeys(key).derive('session token'));
}

it('is good for a day at most, whatever it says', async () => {
	now = Date.UTC(2026, 0, 1);
	const day = 24 * HOUR;
	await expect(tokens().verify(await forged(now, now + day))).resolves.toMatchObject({
		subject: 'admin',
	});
	for (const [issuedAt, expiresAt] of [
		[now, now + day + 1000],
		[now, now + 10 * 365 * day],
		[now + 2 * 60_000, now + HOUR],
		[now + 365 * day, now + 366 * day],
	] as const)
		await expect(tokens().verify(await forged(issuedAt, expiresAt))).resolves.toBeUndefined();
	const { expiresAt } = await tokens().issue(somebody, 10 * 365 * day);
	expect(expiresAt).toBe(now + day);
});
