import { createKey, formatSecretRef, parseSecretRef } from '../../src/secrets/pointer';
import { secretNameFor } from '../../src/secrets/secretName';

describe('the pointer', () => {
	const ref = { store: { kind: 'localVault' }, secretId: 'n8n/x', key: createKey() } as const;

	it('survives being written and read', () => {
		expect(parseSecretRef(formatSecretRef(ref), ref.store)).toEqual(ref);
	});

	it('has a key of 256 bits, another one each time', () => {
		expect(Buffer.from(createKey(), 'base64url')).toHaveLength(32);
		expect(createKey()).not.toBe(createKey());
	});

	it.each([
		'x',
		'null',
		'{}',
		'"text"',
		JSON.stringify({ ...ref, v: 1, key: 'short' }),
		JSON.stringify({ ...ref, v: 2 }),
	])('is not %j', (text) => {
		expect(() => parseSecretRef(text, ref.store)).toThrow(
			expect.objectContaining({ code: 'INVALID_SECRET_REF' }) as Error,
		);
	});

	it('does not lead from one store into the other', () => {
		expect(() =>
			parseSecretRef(formatSecretRef(ref), { kind: 'awsSecretsManager', region: 'eu-central-1' }),
		).toThrow(expect.objectContaining({ code: 'SEALED_ELSEWHERE' }) as Error);
	});
});

describe('the name of a new secret', () => {
	const name = (label: string, tenantId?: string): string =>
		secretNameFor({
			label,
			store: { kind: 'localVault' },
			...(tenantId === undefined ? {} : { tenantId }),
		});

	it('says tenant and label in characters AWS takes, and ends at random', () => {
		expect(name('Salesforce Production', 'acme')).toMatch(
			/^n8n\/vaulted-oauth2\/acme\/salesforce-production-[0-9a-f]{8}$/,
		);
		expect(name('Zürich / Café')).toMatch(/^n8n\/vaulted-oauth2\/zurich-cafe-[0-9a-f]{8}$/);
		expect(name('日本')).toMatch(/^n8n\/vaulted-oauth2\/connection-[0-9a-f]{8}$/);
		expect(name('x')).not.toBe(name('x'));
	});
});
