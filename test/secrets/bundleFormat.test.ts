import { generateKeyPairSync } from 'node:crypto';

import type { Bundle } from '../../src/secrets/bundle';
import { formatBundle, isBundle, parseBundle, sameBundle } from '../../src/secrets/bundleFormat';

const bundle: Bundle = {
	label: 'Example',
	keySha256: 'digest',
	sealedFor: {
		grantType: 'refresh_token',
		clientId: 'c',
		issuer: 'https://i.example/',
		tokenEndpoint: 'https://t.example/',
		apiOrigins: ['https://a.example'],
		store: { kind: 'awsSecretsManager', region: 'eu-central-1', endpoint: 'https://s.example/' },
		authentication: 'secret',
		authorizationEndpoint: 'https://t.example/authorize',
		revocationEndpoint: 'https://t.example/revoke',
	},
	clientSecret: 'cs',
	privateKey: 'pk',
	clientAuthentication: 'client_secret_post',
	refreshToken: 'rt',
	tokenSets: [
		{ accessToken: 'at', scope: 'a b', issuedAt: 1000, expiresAt: null, requestedFor: 'f' },
		{ accessToken: 'at-g', issuedAt: 1000, expiresAt: 61_000, requestedFor: 'g' },
	],
	typedSha256: { clientSecret: 'd', privateKey: 'e', refreshToken: 'f' },
	authorization: {
		connectedAt: 1000,
		connectedBy: 'flow',
		askedScope: 'a b',
		subjectSha256: 's',
		usedUntil: 3000,
		flowKey: 'k',
		used: { link: { owner: 'o', until: 2000 } },
	},
	refusal: {
		at: 1000,
		requestSha256: 'r',
		tries: 2,
		cause: { failureClass: 'reconnect', code: 'INVALID_GRANT', title: 'T', detail: 'd' },
	},
	generation: 3,
	issuedSha256: 'i',
	adoptedSha256: 'j',
	other: { note: { by: 'ops' } },
};

type Json = Record<string, unknown>;

const json = (): Json => JSON.parse(formatBundle(bundle)) as Json;
const parsed = (changes: Json): Bundle =>
	parseBundle(JSON.stringify({ ...json(), ...changes }), 's');

it('survives being written and read', () => {
	expect(parseBundle(formatBundle(bundle), 's')).toEqual(bundle);
});

it('is readable for a person: standard names, ISO times', () => {
	expect(JSON.parse(formatBundle(bundle))).toMatchObject({
		vaulted_oauth2: 1,
		client_secret: 'cs',
		private_key: 'pk',
		token_endpoint_auth_method: 'client_secret_post',
		refresh_token: 'rt',
		token: { access_token: 'at', issued_at: '1970-01-01T00:00:01.000Z', expires_at: null },
		other_tokens: { g: { access_token: 'at-g', expires_at: '1970-01-01T00:01:01.000Z' } },
		refused: { at: '1970-01-01T00:00:01.000Z', cause: { class: 'reconnect' } },
	});
});

describe('its lease', () => {
	const lease = { owner: 'o', until: 2000, seconds: 60 };
	const read = (changes: object): Bundle => {
		const { lease: written } = JSON.parse(formatBundle({ ...bundle, lease })) as { lease: object };
		return parsed({ lease: { ...written, ...changes } });
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

describe('values out of range or of another kind', () => {
	const token = (changes: Json): Json => ({ ...(json()['token'] as Json), ...changes });
	const others = bundle.tokenSets.slice(1);

	it.each(['yesterday', '', 5, {}, '+999999-01-01T00:00:00Z'])(
		'issued_at %j: the token is left out, so that one is requested',
		(issued_at) => {
			expect(parsed({ token: token({ issued_at }) }).tokenSets).toEqual(others);
		},
	);

	it.each(['never', 9_999_999_999_999, undefined])(
		'expires_at %j: the token is left out, so that one is requested',
		(expires_at) => {
			expect(parsed({ token: token({ expires_at }) }).tokenSets).toEqual(others);
		},
	);

	it.each(['+275760-09-13T00:00:00.000Z', '-271821-04-20T00:00:00.000Z'])(
		'expires_at %s: is written again as a time between 1970 and 9999',
		(expires_at) => {
			const read = parsed({ token: token({ expires_at }) });
			expect(read.tokenSets).toHaveLength(2);
			const written = JSON.parse(formatBundle(read)) as { token: { expires_at: string } };
			expect(written.token.expires_at).toMatch(/^(9999-12-31|1970-01-01)T/);
		},
	);

	it.each([NaN, Infinity, -Infinity, -1, 1e300, 0.5])(
		'a time of %p in memory is written as one that can be read',
		(time) => {
			const [first] = bundle.tokenSets;
			if (first === undefined) throw new Error('no token');
			const written = formatBundle({
				...bundle,
				tokenSets: [{ ...first, issuedAt: time, expiresAt: time }],
				lease: { owner: 'o', until: time, seconds: 60 },
			});
			expect(parseBundle(written, 's')).toMatchObject({
				tokenSets: [{ accessToken: 'at' }],
				lease: { owner: 'o' },
			});
		},
	);

	it.each<Json>([
		{ token: 'at' },
		{ token: [] },
		{ other_tokens: [1] },
		{ other_tokens: { g: null } },
		{ typed_sha256: 'none' },
		{ typed_sha256: { client_secret: 5 } },
		{ authorization: 'yes' },
		{ authorization: { used: 5, connected_at: 'x' } },
		{ authorization: { used: { link: 'used', other: { owner: 5, until: 5 } } } },
		{ refused: true },
		{ refused: { at: 'x' } },
		{ refused: { at: '2026-01-01T00:00:00Z', request_sha256: 'r', cause: { class: 'odd' } } },
		{ refused: { at: '2026-01-01T00:00:00Z', request_sha256: 'r', tries: -1 } },
		{ lease: 5 },
		{ generation: -1 },
		{ generation: 1.5 },
		{ generation: 'three' },
		{ generation: 1e300 },
		{ issued_sha256: 7 },
		{ label: 7 },
		{ client_secret: 7 },
		{ refresh_token: {} },
	])('%j breaks nothing: the rest is read and can be written', (changes) => {
		const read = parsed(changes);
		expect(read.keySha256).toBe(bundle.keySha256);
		expect(parseBundle(formatBundle(read), 's')).toEqual(read);
	});
});

it.each([
	'',
	'no json',
	'[]',
	'null',
	'{}',
	'{"vaulted_oauth2":1}',
	'{"client_secret":"theirs"}',
	formatBundle(bundle).replace('"vaulted_oauth2":1', '"vaulted_oauth2":0'),
	formatBundle(bundle).replace('"vaulted_oauth2":1', '"vaulted_oauth2":"2"'),
])('is not %j, and the error does not repeat it', (content) => {
	expect(() => parseBundle(content, 'the-secret')).toThrow(
		expect.objectContaining({
			code: 'BUNDLE_INVALID',
			message: expect.not.stringContaining('theirs') as string,
		}) as Error,
	);
});

it.each([100, 20_000])(
	'with something of %d levels in it is not read, since it could not be written; it is recognised all the same',
	(levels) => {
		const deep = `${'['.repeat(levels)}${']'.repeat(levels)}`;
		const content = formatBundle(bundle).replace(/}$/, `,"theirs":${deep}}`);
		expect(() => parseBundle(content, 'the-secret')).toThrow(
			expect.objectContaining({ code: 'BUNDLE_INVALID' }) as Error,
		);
		expect(isBundle(content)).toBe(true);
	},
);

it('of a newer version of this package is said to be that, whatever else is in it', () => {
	for (const newer of [{ ...json(), vaulted_oauth2: 2 }, { vaulted_oauth2: 12 }]) {
		expect(() => parseBundle(JSON.stringify(newer), 'the-secret')).toThrow(
			expect.objectContaining({
				code: 'BUNDLE_TOO_NEW',
				message: expect.stringMatching(/the-secret.*update n8n-nodes-vaulted-oauth2/) as string,
			}) as Error,
		);
	}
});

describe('keys this package does not know', () => {
	const unknown = {
		top: 1,
		sealed_for: { tenant: 'x' },
		token: { token_type: 'Bearer' },
		other_tokens: { g: { note: 'g' } },
		typed_sha256: { other: 'o' },
		authorization: { account: 'a', used: { link: { by: 'someone' } } },
		refused: { host: 'h', cause: { since: 's' } },
	};
	/** Adds `from` to `to` at every depth. */
	const merged = (to: Json, from: Json): Json => ({
		...to,
		...Object.fromEntries(
			Object.entries(from).map(([key, value]) => [
				key,
				typeof value === 'object' && value !== null && key in to
					? merged(to[key] as Json, value as Json)
					: value,
			]),
		),
	});
	const read = (): Bundle => parseBundle(JSON.stringify(merged(json(), unknown)), 's');

	it('survive at every depth', () => {
		expect(JSON.parse(formatBundle(read()))).toEqual(merged(json(), unknown));
	});

	it('survive a change of what is beside them', () => {
		const [newest, ...others] = read().tokenSets;
		if (newest === undefined) throw new Error('no token');
		const next = { ...read(), tokenSets: [{ ...newest, accessToken: 'at-2' }, ...others] };
		expect(JSON.parse(formatBundle(next))).toMatchObject({
			token: { access_token: 'at-2', token_type: 'Bearer' },
			sealed_for: { tenant: 'x' },
		});
	});

	it('stay with their token set if another one is the newest', () => {
		const [first, second] = read().tokenSets;
		if (first === undefined || second === undefined) throw new Error('no tokens');
		const turned = { ...read(), tokenSets: [second, first] };
		expect(JSON.parse(formatBundle(turned))).toMatchObject({
			token: { access_token: 'at-g', note: 'g' },
			other_tokens: { f: { access_token: 'at', token_type: 'Bearer' } },
		});
		expect(formatBundle(parseBundle(formatBundle(turned), 's'))).toBe(formatBundle(turned));
	});

	it('go with the object they were in', () => {
		const { authorization: _gone, ...rest } = read();
		const written = JSON.parse(formatBundle(rest)) as Json;
		expect(written).not.toHaveProperty('authorization');
		expect(written).toMatchObject({ top: 1, sealed_for: { tenant: 'x' } });
	});
});

it('with two tokens for the same thing has the first of them', () => {
	const { token } = json();
	const copy = { ...(token as Json), access_token: 'copy' };
	expect(parsed({ other_tokens: { f: copy } }).tokenSets).toEqual(bundle.tokenSets.slice(0, 1));
});

it('is the same if the same text would be stored', () => {
	expect(sameBundle(bundle, { ...bundle })).toBe(true);
	expect(sameBundle(bundle, { ...bundle, generation: 4 })).toBe(false);
	expect(sameBundle(bundle, { ...bundle, other: { note: { by: 'somebody' } } })).toBe(false);
});

it('is recognised as one of this package', () => {
	expect(isBundle(formatBundle(bundle))).toBe(true);
	expect(isBundle('{"vaulted_oauth2":2}')).toBe(true);
	expect(isBundle('{"client_secret":"x"}')).toBe(false);
	expect(isBundle('plain')).toBe(false);
});

describe('the key that tokens are bound to', () => {
	const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
	const jwk = privateKey.export({ format: 'jwk' }) as { d: string };
	const dpopKey = { ...jwk, alg: 'ES256', kid: 'jkt' } as const;
	const [first, second] = bundle.tokenSets;
	const bound: Bundle = {
		...bundle,
		dpopKey,
		tokenSets: [{ ...first!, dpopKey }, second!],
	};

	it('is written once, and its tokens name it by its thumbprint', () => {
		const text = formatBundle(bound);
		expect(parseBundle(text, 's')).toEqual(bound);
		expect(JSON.parse(text)).toMatchObject({ dpop_key: dpopKey, token: { dpop_jkt: 'jkt' } });
		expect(text.split(dpopKey.d)).toHaveLength(2);
		expect((JSON.parse(text) as { other_tokens: Json }).other_tokens['g']).not.toHaveProperty(
			'dpop_jkt',
		);
	});

	it.each<[string, Json]>([
		['another one is there', { dpop_key: { ...dpopKey, kid: 'other' } }],
		['none is there', { dpop_key: undefined }],
		['what is there is none', { dpop_key: 'text' }],
	])('a token that is bound to it is no bearer token if %s', (_name, changes) => {
		const read = parseBundle(JSON.stringify({ ...JSON.parse(formatBundle(bound)), ...changes }), 's'); // prettier-ignore
		expect(read.tokenSets).toEqual([second]);
	});

	it('a token that names it in an odd way is none either', () => {
		const { token } = JSON.parse(formatBundle(bound)) as { token: Json };
		for (const dpop_jkt of [null, 5, '', {}])
			expect(parsed({ token: { ...token, dpop_jkt } }).tokenSets).toEqual([second]);
	});
});
