import type { Connection } from '../../src/config/connection';
import { assertSealedFor, changedSince, sealedForOf } from '../../src/secrets/binding';
import { assertKey, type Bundle } from '../../src/secrets/bundle';
import { parseBundle } from '../../src/secrets/bundleFormat';
import { createKey, sha256 } from '../../src/secrets/pointer';

const connection = {
	grantType: 'refresh_token',
	clientId: 'c',
	tokenEndpoint: 'https://t.example/token',
	clientAuthentication: 'automatic',
	clientSecretSource: { kind: 'entered' },
	store: { kind: 'localVault' },
	apiOrigins: ['https://a.example', 'https://b.example'],
	tokenPlacement: { in: 'header', name: 'authorization', prefix: 'Bearer' },
} as unknown as Connection;

const key = createKey();
const bundle: Bundle = {
	label: 'L',
	keySha256: sha256(key),
	sealedFor: sealedForOf(connection),
	tokenSets: [],
	typedSha256: {},
	generation: 0,
	other: {},
};

it('opens to the key it was sealed with, and to no other', () => {
	const ref = { store: { kind: 'localVault' }, secretId: 'the-secret', key } as const;
	expect(() => assertKey(bundle, ref)).not.toThrow();
	expect(() => assertKey(bundle, { ...ref, key: createKey() })).toThrow(
		expect.objectContaining({ code: 'KEY_MISMATCH' }) as Error,
	);
});

it.each([
	['arn:aws:secretsmanager:eu-central-1:123456789012:secret:n8n/crm-AbCdEf', 'GetSecretValue'],
	['n8n/vaulted-oauth2/crm-7f3kq2', 'read'],
])('names %s and the store’s own action %s if it does not open', (secretId, action) => {
	const ref = { store: { kind: 'localVault' }, secretId, key: createKey() } as const;

	expect(() => assertKey(bundle, ref)).toThrow(
		expect.objectContaining({
			action,
			secretId,
			detail: expect.stringContaining(`${action}: the secret ${secretId} `) as string,
		}) as Error,
	);
	expect(() => parseBundle('{}', secretId)).toThrow(
		expect.objectContaining({
			code: 'BUNDLE_INVALID',
			action,
			detail: expect.stringContaining(`${action}: the secret ${secretId} `) as string,
		}) as Error,
	);
});

it('of version 0.1.0 is bound to what that version knew, until it is sealed again', () => {
	const { store: _s, authentication: _a, ...sealedFor } = bundle.sealedFor;
	const other: Connection = {
		...connection,
		clientAuthentication: 'none',
		store: {
			kind: 'awsSecretsManager',
			region: 'eu-central-1',
			credentials: { kind: 'default' },
		},
	};
	expect(changedSince(sealedFor, other)).toEqual([]);
	expect(changedSince(sealedFor, { ...other, clientId: 'd' })).toEqual(['Client ID']);
	// A new way out is no matter of the bundle's age.
	const revocationEndpoint = 'https://attacker.example/revoke';
	expect(changedSince(sealedFor, { ...other, revocationEndpoint })).toEqual(['Revocation URL']);
});

it('is bound to the same address, however that is written', () => {
	const written = { ...bundle.sealedFor, tokenEndpoint: 'HTTPS://T.example:443/x/../token' };
	expect(changedSince(written, connection)).toEqual([]);
});

it('goes where it was sealed for, also to fewer API origins', () => {
	expect(() => assertSealedFor(bundle, connection)).not.toThrow();
	expect(() =>
		assertSealedFor(bundle, { ...connection, apiOrigins: ['https://b.example'] }),
	).not.toThrow();
});

it.each<[string[], Partial<Connection>]>([
	[['Grant Type'], { grantType: 'client_credentials' }],
	[['Issuer URL'], { issuer: 'https://i.example' }],
	[['Token URL'], { tokenEndpoint: 'https://attacker.example' }],
	[['Client ID'], { clientId: 'd' }],
	[['Revocation URL'], { revocationEndpoint: 'https://attacker.example/revoke' }],
	[['Client Authentication'], { clientAuthentication: 'none' }],
	[['Client Secret Source'], { clientSecretSource: { kind: 'reference', secretId: 's' } }],
	[
		['Authorization URL'],
		{ authorizationCode: { authorizationEndpoint: 'https://x.example/' } as never },
	],
	[
		['Secret Store', 'AWS Region', 'AWS Endpoint'],
		{
			store: {
				kind: 'awsSecretsManager',
				region: 'eu-central-1',
				endpoint: 'https://aws.example/',
				credentials: { kind: 'default' },
			},
		},
	],
	[['API Base URL'], { apiOrigins: ['https://c.example'] }],
	[['Additional API Origins'], { apiOrigins: ['https://a.example', 'https://c.example'] }],
	[
		['Token URL', 'API Base URL'],
		{ tokenEndpoint: 'https://attacker.example', apiOrigins: ['https://c.example'] },
	],
])('goes nowhere else: %j', (fields, changes) => {
	const other: Connection = { ...connection, ...changes };
	expect(changedSince(bundle.sealedFor, other)).toEqual(fields);
	expect(() => assertSealedFor(bundle, other)).toThrow(
		expect.objectContaining({ code: 'SEALED_FOR_OTHER', field: fields[0] }) as Error,
	);
});
