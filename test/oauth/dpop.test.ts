import { createHash } from 'node:crypto';
import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify, type JWTVerifyResult } from 'jose';

import { asDpopKey, DPOP_ALGORITHMS, type DpopKey } from '../../src/config/dpopKey';
import { ApiAuthorizer, type ApiRequest } from '../../src/oauth/apiAuthorization';
import { ApiNonces } from '../../src/oauth/apiNonces';
import { createDpopKey, dpopAlgorithm } from '../../src/oauth/dpop';
import type { TokenSet } from '../../src/tokens/tokenSet';

const NOW = Date.UTC(2026, 5, 1);

function tokenOf(dpopKey?: DpopKey): TokenSet {
	return {
		accessToken: 'example-access-token',
		issuedAt: NOW,
		expiresAt: null,
		requestedFor: 'f',
		...(dpopKey === undefined ? {} : { dpopKey }),
	};
}

function options(dpop: 'never' | 'ifOffered' | 'always' = 'always') {
	const tokenPlacement = { in: 'header', name: 'authorization', prefix: 'Bearer' } as const;
	return {
		connection: { dpop, tokenPlacement, sendsApiHeaders: false },
		apiHeaders: () => undefined,
		nonces: new ApiNonces(),
		now: () => NOW,
	};
}

async function authorizeRequest(
	own: ReturnType<typeof options>,
	tokenSet: TokenSet,
	request: ApiRequest,
): Promise<Readonly<Record<string, string>>> {
	return (await new ApiAuthorizer(own).authorize(tokenSet, request)).headers;
}

async function verified(proof: string | undefined): Promise<JWTVerifyResult> {
	return await jwtVerify(proof ?? '', EmbeddedJWK, {
		typ: 'dpop+jwt',
		currentDate: new Date(NOW),
	});
}

describe('a key', () => {
	it.each(DPOP_ALGORITHMS)('for %s signs a proof that holds', async (alg) => {
		const key = await createDpopKey(alg);
		expect(asDpopKey(JSON.parse(JSON.stringify(key)))).toEqual(key);
		const url = new URL('https://api.example.com/me');
		const { dpop } = await authorizeRequest(options(), tokenOf(key), { method: 'GET', url });
		const { protectedHeader } = await verified(dpop);
		expect(protectedHeader.alg).toBe(alg);
		expect(await calculateJwkThumbprint(protectedHeader.jwk!)).toBe(key.kid);
		const isPrivate = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k', 'kid', 'alg'];
		expect(Object.keys(protectedHeader.jwk!).filter((name) => isPrivate.includes(name))).toEqual(
			[],
		);
	});

	it.each([
		[undefined, 'ES256'],
		[['ES512', 'ES384'], 'ES512'],
		[['RS256', 'ES256'], 'ES256'],
		[['ES256K', 'Ed25519'], 'Ed25519'],
		[['PS256'], 'PS256'],
		[['EdDSA', 'none', 'HS256'], undefined],
		[[], undefined],
	])('of the algorithms %j is for %s', (offered, alg) => {
		expect(dpopAlgorithm(offered)).toBe(alg);
	});

	it.each([
		undefined,
		null,
		'text',
		{},
		[],
		{ alg: 'ES256', kid: 'k' },
		{ alg: 'none', kid: 'k', d: 'd' },
		{ alg: 'ES256', kid: '', d: 'd' },
		{ alg: 'ES256', kid: 'k', d: 5 },
		{ alg: 'ES256', d: 'd' },
		{ alg: 'ES256', kty: 'EC', crv: 'P-256', x: 'x', y: 'y', d: 'd', kid: 'k' },
	])('is not %j', (value) => {
		expect(asDpopKey(value)).toBeUndefined();
	});

	it.each(['alg', 'kty', 'crv', 'kid', 'd', 'x', 'y'])('is none without its %s', async (name) => {
		const { [name]: _left, ...rest } = await createDpopKey('ES256');
		expect(asDpopKey(rest)).toBeUndefined();
	});

	it.each<[string, Record<string, string>]>([
		['another curve', { crv: 'P-384' }],
		['another algorithm', { alg: 'ES384' }],
		['another kind', { kty: 'RSA' }],
		['an algorithm that is none', { alg: 'none' }],
		['an empty member', { extra: '' }],
	])('is none with %s', async (_name, changes) => {
		expect(asDpopKey({ ...(await createDpopKey('ES256')), ...changes })).toBeUndefined();
	});
});

describe('a request to the API', () => {
	let key: DpopKey;
	beforeAll(async () => {
		key = await createDpopKey('ES256');
	});

	it('is authorized by a proof that was made for it alone', async () => {
		const url = new URL('https://API.example.com:443/a%20b/c?q=1#part');
		const headers = await authorizeRequest(options(), tokenOf(key), { method: 'post', url });
		expect(Object.keys(headers).sort()).toEqual(['authorization', 'dpop']);
		expect(headers['authorization']).toBe('DPoP example-access-token');
		const { payload } = await verified(headers['dpop']);
		expect(payload).toEqual({
			jti: expect.stringMatching(/^[\da-f-]{36}$/) as string,
			htm: 'POST',
			htu: 'https://api.example.com/a%20b/c',
			ath: createHash('sha256').update('example-access-token').digest('base64url'),
			iat: NOW / 1000,
		});
	});

	it('with a bearer token has no proof', async () => {
		const url = new URL('https://api.example.com/me');
		for (const dpop of ['never', 'ifOffered'] as const) {
			await expect(
				authorizeRequest(options(dpop), tokenOf(), { method: 'GET', url }),
			).resolves.toEqual({ authorization: 'Bearer example-access-token' });
		}
		await expect(
			authorizeRequest(options('always'), tokenOf(), { method: 'GET', url }),
		).rejects.toMatchObject({ code: 'NOT_BOUND_TO_KEY', field: 'DPoP' });
	});

	it('has the last nonce of its origin, and of no other', async () => {
		const own = options();
		const url = new URL('https://api.example.com/me');
		const nonceAt = async (address: URL): Promise<unknown> => {
			const { dpop } = await authorizeRequest(own, tokenOf(key), { method: 'GET', url: address });
			return (await verified(dpop)).payload['nonce'];
		};
		for (const nonce of ['n-1', 'n-2'])
			own.nonces.learn(url, { status: 200, headers: { 'dpop-nonce': nonce } });
		await expect(nonceAt(new URL('https://api.example.com/other'))).resolves.toBe('n-2');
		await expect(nonceAt(new URL('https://api.example.com:8443/me'))).resolves.toBeUndefined();
		await expect(nonceAt(new URL('http://api.example.com/me'))).resolves.toBeUndefined();
	});
});

describe('an answer', () => {
	const url = new URL('https://api.example.com/me');
	const wants = { 'www-authenticate': 'DPoP error="use_dpop_nonce"', 'dpop-nonce': 'n-1' };

	it.each<[string, number, unknown, boolean, string | undefined]>([
		['that wants a nonce', 401, wants, true, 'n-1'],
		['of another status', 400, wants, false, 'n-1'],
		['that let the request in', 200, { 'dpop-nonce': 'n-1' }, false, 'n-1'],
		[
			'that refuses the token',
			401,
			{ ...wants, 'www-authenticate': 'DPoP error="invalid_token"' },
			false,
			'n-1',
		],
		[
			'that says nothing of a nonce',
			401,
			{ 'www-authenticate': wants['www-authenticate'] },
			false,
			undefined,
		],
		['with two nonces', 401, { ...wants, 'dpop-nonce': ['a', 'b'] }, false, undefined],
		['with a nonce that is none', 401, { ...wants, 'dpop-nonce': 'a b' }, false, undefined],
		['with an endless nonce', 401, { ...wants, 'dpop-nonce': 'n'.repeat(9999) }, false, undefined],
		['without headers', 401, undefined, false, undefined],
	])('%s', (_name, status, headers, isWanted, known) => {
		const nonces = new ApiNonces();
		expect(nonces.learn(url, { status, headers })).toBe(isWanted);
		expect(nonces.of(url)).toBe(known);
	});

	it('of very many APIs is not remembered for ever', () => {
		const nonces = new ApiNonces();
		const at = (index: number) => new URL(`https://api-${index}.example.com/`);
		for (let index = 0; index <= 1000; index += 1)
			nonces.learn(at(index), { status: 200, headers: { 'dpop-nonce': 'n' } });
		expect(nonces.of(at(0))).toBeUndefined();
		expect(nonces.of(at(1000))).toBe('n');
	});
});
