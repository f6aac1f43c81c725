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

	const json = JSON.parse(formatSecretRef(ref)) as Record<string, unknown>;

	it.each([
		'x',
		'null',
		'{}',
		'"text"',
		...[
			{ v: 2 },
			{ v: '1' },
			{ secretId: undefined },
			{ secretId: 7 },
			{ secretId: '' },
			{ key: undefined },
			{ key: ['k'.repeat(43)] },
			{ key: 'k'.repeat(42) },
			{ store: undefined },
			{ store: 'elsewhere' },
			{ at: null },
			{ at: 'here' },
		].map((wrong) => JSON.stringify({ ...json, ...wrong })),
	])('is not %j', (text) => {
		expect(() => parseSecretRef(text, ref.store)).toThrow(
			expect.objectContaining({ code: 'INVALID_SECRET_REF' }) as Error,
		);
	});

	it('of version 0.1.0 names the kind of store only, which is then where the form says', () => {
		const aws = {
			kind: 'awsSecretsManager',
			region: 'eu-central-1',
			endpoint: 'https://a/',
		} as const;
		const { at: _none, ...former } = json;
		expect(parseSecretRef(JSON.stringify(former), ref.store)).toEqual(ref);
		const inAws = JSON.stringify({ ...former, store: 'awsSecretsManager' });
		expect(parseSecretRef(inAws, aws).store).toEqual(aws);
		expect(() => parseSecretRef(inAws, ref.store)).toThrow(
			expect.objectContaining({ code: 'SEALED_ELSEWHERE' }) as Error,
		);
	});

	it.each([
		['AWS Region', { region: 'us-east-1' }],
		['AWS Endpoint', { endpoint: 'https://b/' }],
		['AWS Endpoint', { endpoint: undefined }],
	])('does not lead to another %s', (field, change) => {
		const aws = {
			kind: 'awsSecretsManager',
			region: 'eu-central-1',
			endpoint: 'https://a/',
		} as const;
		const text = formatSecretRef({ ...ref, store: aws });
		expect(parseSecretRef(text, aws)).toEqual({ ...ref, store: aws });
		expect(() => parseSecretRef(text, { ...aws, ...change } as typeof aws)).toThrow(
			expect.objectContaining({ code: 'SEALED_ELSEWHERE', field }) as Error,
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

	it('begins with the operator’s prefix', () => {
		const store = { kind: 'localVault' } as const;

		expect(secretNameFor({ label: 'X', tenantId: 'acme', store }, 'prod-')).toMatch(
			/^prod-acme\/x-[0-9a-f]{8}$/,
		);
	});
});
