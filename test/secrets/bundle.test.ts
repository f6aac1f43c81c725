import { formatBundle, isBundle, parseBundle, type Bundle } from '../../src/secrets/bundle';
import { createKey, formatSecretRef, parseSecretRef } from '../../src/secrets/pointer';
import { secretNameFor } from '../../src/secrets/secretName';

const bundle: Bundle = {
	label: 'Example',
	keySha256: 'digest',
	sealedFor: {
		grantType: 'refresh_token',
		clientId: 'c',
		tokenEndpoint: 'https://t.example/',
		apiOrigins: ['https://a.example'],
	},
	clientSecret: 'cs',
	clientAuthentication: 'client_secret_post',
	refreshToken: 'rt',
	tokenSet: { accessToken: 'at', scope: 'a b', issuedAt: 1000, expiresAt: null, requestedFor: 'f' },
	typedSha256: { clientSecret: 'd' },
	other: { note: { by: 'ops' } },
};

it('survives being written and read', () => {
	expect(parseBundle(formatBundle(bundle), 's')).toEqual(bundle);
});

it('is readable for a person: standard names, ISO times', () => {
	expect(JSON.parse(formatBundle(bundle))).toMatchObject({
		vaulted_oauth2: 1,
		client_secret: 'cs',
		token_endpoint_auth_method: 'client_secret_post',
		refresh_token: 'rt',
		token: { access_token: 'at', issued_at: '1970-01-01T00:00:01.000Z', expires_at: null },
	});
});

describe('its lease', () => {
	const lease = { owner: 'o', until: 2000, seconds: 60 };
	const read = (change: object): Bundle => {
		const json = JSON.parse(formatBundle({ ...bundle, lease })) as { lease: object };
		return parseBundle(JSON.stringify({ ...json, lease: { ...json.lease, ...change } }), 's');
	};

	it('survives being written and read', () => {
		expect(read({})).toEqual({ ...bundle, lease });
	});

	it.each([{ seconds: 0 }, { seconds: -1 }, { seconds: '60' }, { until: 'later' }, { owner: '' }])(
		'is none with %j in it, so that nobody waits for it',
		(change) => {
			expect(read(change)).toEqual(bundle);
		},
	);

	it('is waited for an hour at most, whatever it says', () => {
		expect(read({ seconds: 1e12 }).lease?.seconds).toBe(3600);
	});
});

it('without a readable token has none, so that one is requested', () => {
	const json = JSON.parse(formatBundle(bundle)) as Record<string, unknown>;
	expect(
		parseBundle(
			JSON.stringify({ ...json, token: { access_token: 'at', issued_at: 'yesterday' } }),
			's',
		),
	).not.toHaveProperty('tokenSet');
});

it.each([
	'',
	'no json',
	'[]',
	'null',
	'{}',
	'{"vaulted_oauth2":1}',
	'{"client_secret":"theirs"}',
	formatBundle(bundle).replace(':1,', ':2,'),
])('is not %j, and the error does not repeat it', (content) => {
	expect(() => parseBundle(content, 'the-secret')).toThrow(
		expect.objectContaining({
			code: 'BUNDLE_INVALID',
			message: expect.not.stringContaining('theirs') as string,
		}) as Error,
	);
});

it('is recognised as one of this package', () => {
	expect(isBundle(formatBundle(bundle))).toBe(true);
	expect(isBundle('{"client_secret":"x"}')).toBe(false);
	expect(isBundle('plain')).toBe(false);
});

describe('the pointer', () => {
	const ref = { store: 'localVault', secretId: 'n8n/x', key: createKey() } as const;

	it('survives being written and read', () => {
		expect(parseSecretRef(formatSecretRef(ref), 'localVault')).toEqual(ref);
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
		expect(() => parseSecretRef(text, 'localVault')).toThrow(
			expect.objectContaining({ code: 'INVALID_SECRET_REF' }) as Error,
		);
	});

	it('does not lead from one store into the other', () => {
		expect(() => parseSecretRef(formatSecretRef(ref), 'awsSecretsManager')).toThrow(
			expect.objectContaining({ code: 'SEALED_ELSEWHERE' }) as Error,
		);
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
