import { SessionTokens } from '../../src/authorization/sessionTokens';
import { FlowKeys } from '../../src/authorization/ticket';
import { createKey } from '../../src/secrets/pointer';

const HOUR = 3_600_000;
let now = Date.UTC(2026, 0, 1);
const keys = new FlowKeys(createKey());
const tokens = (changes: { keys?: FlowKeys; audience?: string } = {}): SessionTokens =>
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
	await expect(tokens({ keys: new FlowKeys(createKey()) }).verify(token)).resolves.toBeUndefined();
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
