import { generateKeyPairSync, type JsonWebKey, type KeyObject } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader } from 'jose';

import { readClientKey } from '../../src/config/clientKey';
import { createEgress } from '../../src/http/createEgress';
import type { Egress } from '../../src/http/egress';
import type { AuthorizationServer } from '../../src/oauth/authorizationServer';
import type { Client } from '../../src/oauth/clientAuthentication';
import { selfSigned } from '../http/support/certificate';
import {
	startAuthorizationServer,
	type AuthorizationServer as TestProvider,
	type OAuthClient,
} from '../support/authorizationServer';
import { failureOf } from '../support/failureOf';
import { grant, serverAt } from './serverAt';

const pem = (key: KeyObject): string => key.export({ format: 'pem', type: 'pkcs8' }).toString();
const publicJwk = (key: KeyObject, more: object = {}): JsonWebKey => ({
	...key.export({ format: 'jwk' }),
	...more,
});

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed25519 = generateKeyPairSync('ed25519');
const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const own = selfSigned();

function signer(clientId: string, publicKey: KeyObject, more: Partial<OAuthClient> = {}) {
	return {
		clientId,
		authentication: 'private_key_jwt' as const,
		publicKeys: [publicJwk(publicKey)],
		...more,
	};
}

let provider: TestProvider;
let bodies: URLSearchParams[];
let clock: jest.SpyInstance<number> | undefined;

beforeAll(async () => {
	provider = await startAuthorizationServer({
		clients: [
			signer('rs256', rsa.publicKey, { signingAlgorithm: 'RS256' }),
			signer('ps256', rsa.publicKey, { signingAlgorithm: 'PS256' }),
			signer('es256', ec.publicKey, { signingAlgorithm: 'ES256' }),
			signer('eddsa', ed25519.publicKey, { signingAlgorithm: 'EdDSA' }),
			signer('named', ec.publicKey, { publicKeys: [publicJwk(ec.publicKey, { kid: 'k-1' })] }),
		],
	});
});
afterAll(async () => {
	await provider.close();
});
beforeEach(() => {
	bodies = [];
});

/** An egress that keeps what was sent, and puts the clock right again before it is sent. */
function recording(): Egress {
	const egress = createEgress(undefined, {});
	return {
		...egress,
		request: async (url, request) => {
			clock?.mockRestore();
			bodies.push(new URLSearchParams(request.body));
			return await egress.request(url, request);
		},
	};
}

function server(
	place: { issuer?: string; tokenEndpoint?: string } = { tokenEndpoint: provider.tokenEndpoint },
): AuthorizationServer {
	return serverAt(place, { egress: recording() });
}

const client = (clientId: string, key: KeyObject, more: Partial<Client> = {}): Client => ({
	clientId,
	clientKey: readClientKey(pem(key)),
	authentication: 'private_key_jwt',
	...more,
});

const lastAssertion = (): string => bodies.at(-1)?.get('client_assertion') ?? '';

describe('a client assertion', () => {
	it.each<[string, KeyObject, NonNullable<Client['assertion']>]>([
		['rs256', rsa.privateKey, {}],
		['ps256', rsa.privateKey, { algorithm: 'PS256' }],
		['es256', ec.privateKey, {}],
		['eddsa', ed25519.privateKey, {}],
	])('is taken for the client %s by a real provider', async (clientId, key, assertion) => {
		const response = await server().requestTokens(client(clientId, key, { assertion }), grant);
		expect(response.accessToken).not.toBe('');
		expect(bodies.at(-1)?.get('client_assertion_type')).toBe(
			'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
		);
		expect(bodies.at(-1)?.has('client_secret')).toBe(false);
	});

	it('is taken at the address that is discovered, too', async () => {
		const as = server({ issuer: provider.issuer });
		await as.requestTokens(client('es256', ec.privateKey), grant);
		expect(decodeJwt(lastAssertion()).aud).toBe(provider.issuer);
	});

	it('is for the Token URL if that is filled in: many servers want the address itself', async () => {
		const { issuer, tokenEndpoint } = provider;
		await server({ issuer, tokenEndpoint }).requestTokens(client('es256', ec.privateKey), grant);
		expect(decodeJwt(lastAssertion()).aud).toBe(tokenEndpoint);
	});

	it('says who asks, for a minute, and never the same twice', async () => {
		const as = server();
		await as.requestTokens(client('es256', ec.privateKey), grant);
		const first = decodeJwt(lastAssertion());
		await as.requestTokens(client('es256', ec.privateKey), grant);
		const second = decodeJwt(lastAssertion());
		expect(first).toMatchObject({ iss: 'es256', sub: 'es256' });
		expect(first.exp! - first.iat!).toBe(60);
		expect(first.jti).not.toBe(second.jti);
	});

	it.each<[string, Partial<Client>, object]>([
		['no key ID', {}, { alg: 'ES256', typ: 'JWT' }],
		['the key ID of the form', { assertion: { keyId: 'k-1' } }, { kid: 'k-1' }],
		[
			'the key ID of the JWK',
			{ clientKey: readClientKey(JSON.stringify(publicJwk(ec.privateKey, { kid: 'k-1' }))) },
			{ kid: 'k-1' },
		],
		[
			'the key ID of the form in place of that of the JWK',
			{
				assertion: { keyId: 'k-1' },
				clientKey: readClientKey(JSON.stringify(publicJwk(ec.privateKey, { kid: 'k-2' }))),
			},
			{ kid: 'k-1' },
		],
	])('names %s', async (_name, changes, expected) => {
		await server().requestTokens(client('named', ec.privateKey, changes), grant);
		expect(decodeProtectedHeader(lastAssertion())).toMatchObject(expected);
		const named = 'kid' in expected;
		expect('kid' in decodeProtectedHeader(lastAssertion())).toBe(named);
	});

	it('names the certificate beside the key, which some providers find it by', async () => {
		const clientKey = readClientKey(own.key + own.cert);
		await failureOf(server().requestTokens(client('es256', ec.privateKey, { clientKey }), grant));
		const header = decodeProtectedHeader(lastAssertion());
		expect(header['x5t#S256']).toMatch(/^[\w-]{43}$/);
		expect(header).not.toHaveProperty('x5c');
	});

	it('signs by what the provider offers', async () => {
		const egress = createEgress(undefined, {});
		const offering = (algorithms: string[]): AuthorizationServer => {
			const answers: Egress = {
				...egress,
				request: async (url, request) => {
					if (url.endsWith('/token')) return await recording().request(url, request);
					const body = JSON.stringify({
						issuer: provider.issuer,
						token_endpoint: provider.tokenEndpoint,
						token_endpoint_auth_signing_alg_values_supported: algorithms,
					});
					return { status: 200, headers: {}, body };
				},
			};
			return serverAt({ issuer: provider.issuer }, { egress: answers });
		};
		await offering(['PS256', 'ES256']).requestTokens(client('ps256', rsa.privateKey), grant);
		expect(decodeProtectedHeader(lastAssertion()).alg).toBe('PS256');
		await failureOf(
			offering(['Ed25519']).requestTokens(client('eddsa', ed25519.privateKey), grant),
		);
		expect(decodeProtectedHeader(lastAssertion()).alg).toBe('Ed25519');
	});

	it('proves the client to the introspection endpoint as well', async () => {
		const as = server({ issuer: provider.issuer });
		const { accessToken } = await as.requestTokens(client('es256', ec.privateKey), grant);
		await expect(
			as.introspectExpiry(client('es256', ec.privateKey), accessToken),
		).resolves.toBeGreaterThan(Date.now());
	});
});

describe('what a provider refuses', () => {
	const CHECK = /public half is registered.*Key ID and Signing Algorithm/;
	const minutes = (count: number): void => {
		const now = Date.now();
		clock = jest.spyOn(Date, 'now').mockReturnValue(now + count * 60_000);
	};

	it.each<[string, () => Client, RegExp]>([
		['a key it does not know', () => client('es256', stranger.privateKey), CHECK],
		[
			'a key ID it does not know',
			() => client('named', ec.privateKey, { assertion: { keyId: 'k-2' } }),
			CHECK,
		],
		['an algorithm it does not take', () => client('ps256', rsa.privateKey), CHECK],
		['a client it does not know', () => client('nobody', ec.privateKey), CHECK],
	])('is said with what to correct: %s', async (_name, asking, wayOut) => {
		const failure = await failureOf(server().requestTokens(asking(), grant));
		expect(failure).toMatchObject({ code: 'INVALID_CLIENT', field: 'Private Key' });
		expect(failure.message).toMatch(wayOut);
		expect(failure.message).toContain('invalid_client');
		expect(failure.message).not.toContain(lastAssertion());
		expect(failure.message).not.toContain('Client Secret');
	});

	it('an assertion of a clock that is behind', async () => {
		const as = server();
		minutes(-5);
		await expect(as.requestTokens(client('es256', ec.privateKey), grant)).rejects.toMatchObject({
			code: 'INVALID_CLIENT',
			field: 'Private Key',
		});
	});

	it.each([
		[-300, /clock is 300 s behind the provider’s: correct it/],
		[300, /clock is 300 s ahead of the provider’s: correct it/],
		[20, CHECK],
	])('tells a clock that is %i seconds off from a wrong key', async (seconds, wayOut) => {
		const answer: Egress = {
			...createEgress(undefined, {}),
			request: async () => ({
				status: 401,
				headers: { date: new Date(Date.UTC(2026, 0, 1)).toUTCString() },
				body: '{"error":"invalid_client"}',
			}),
		};
		const now = (): number => Date.UTC(2026, 0, 1) + seconds * 1000;
		const as = serverAt({ tokenEndpoint: provider.tokenEndpoint }, { egress: answer, now });
		const failure = await failureOf(as.requestTokens(client('es256', ec.privateKey), grant));
		expect(failure.message).toMatch(wayOut);
	});

	it('is repeated without the assertion, if the provider echoes it', async () => {
		let echoed = '';
		const echo: Egress = {
			...createEgress(undefined, {}),
			request: async (_url, request) => {
				echoed = new URLSearchParams(request.body).get('client_assertion') ?? '';
				const body = JSON.stringify({ error: 'invalid_client', error_description: echoed });
				return { status: 401, headers: {}, body };
			},
		};
		const as = serverAt({ tokenEndpoint: provider.tokenEndpoint }, { egress: echo });
		const failure = await failureOf(as.requestTokens(client('es256', ec.privateKey), grant));
		expect(echoed).not.toBe('');
		expect(failure.message).toContain('**hidden**');
		expect(failure.message).not.toContain(echoed.slice(-40));
	});
});
