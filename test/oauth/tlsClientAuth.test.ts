import { X509Certificate } from 'node:crypto';

import { readClientKey } from '../../src/config/clientKey';
import { createEgress } from '../../src/http/createEgress';
import { EgressError, type Egress, type EgressRequest } from '../../src/http/egress';
import type { AuthorizationServer, GrantRequest } from '../../src/oauth/authorizationServer';
import type { Client } from '../../src/oauth/clientAuthentication';
import { selfSigned, trust, type SelfSigned } from '../http/support/certificate';
import {
	startAuthorizationServer,
	type AuthorizationServer as TestProvider,
} from '../support/authorizationServer';
import { failureOf } from '../support/failureOf';
import { SIGNER, WholeCore } from '../support/wholeCore';
import { grant, serverAt } from './serverAt';

const serverCertificate = selfSigned();
const own = selfSigned('client.example.com');
const trusted = selfSigned('trusted.example.com');
const stranger = selfSigned('client.example.com');

let provider: TestProvider;
let undo: (() => void)[];

beforeAll(async () => {
	// What the provider trusts as well: it vouches for `trusted`, and for nobody else.
	undo = [trust(serverCertificate), trust(trusted)];
	const { publicKey, raw } = new X509Certificate(own.cert);
	provider = await startAuthorizationServer({
		tls: serverCertificate,
		clients: [
			{
				clientId: 'self-signed',
				authentication: 'self_signed_tls_client_auth',
				publicKeys: [{ ...publicKey.export({ format: 'jwk' }), x5c: [raw.toString('base64')] }],
			},
			{
				clientId: 'vouched-for',
				authentication: 'tls_client_auth',
				certificateDnsName: 'trusted.example.com',
			},
		],
	});
});
afterAll(async () => {
	for (const distrust of undo.reverse()) distrust();
	await provider.close();
});

const client = (clientId: string, { key, cert }: SelfSigned): Client => ({
	clientId,
	clientKey: readClientKey(key + cert),
	authentication: 'tls_client_auth',
});

function server(
	place: { issuer?: string; tokenEndpoint?: string } = { issuer: provider.issuer },
	egress?: Egress,
): AuthorizationServer {
	return serverAt(place, egress === undefined ? {} : { egress });
}

describe('a client with a certificate', () => {
	it.each([
		['self-signed', own],
		['vouched-for', trusted],
	])('gets its token from a real provider: %s', async (clientId, certificate) => {
		const as = server();
		const { accessToken } = await as.requestTokens(client(clientId, certificate), grant);
		await expect(
			as.introspectExpiry(client(clientId, certificate), accessToken),
		).resolves.toBeGreaterThan(Date.now());
	});

	it.each([
		['self-signed', stranger],
		['vouched-for', own],
	])('is not taken with another certificate: %s', async (clientId, certificate) => {
		const failure = await failureOf(server().requestTokens(client(clientId, certificate), grant));
		expect(failure).toMatchObject({ code: 'INVALID_CLIENT', field: 'Private Key' });
		expect(failure.message).toMatch(/certificate beside it is registered/);
	});

	it('is sealed with key and certificate, which are left in the bundle alone', async () => {
		const core = await WholeCore.start('awsSecretsManager');
		try {
			const form = core.signerForm({
				issuerUrl: provider.issuer,
				tokenUrl: '',
				clientId: 'self-signed',
				clientAuthentication: 'tlsClientCertificate',
				privateKey: `${own.cert}${own.key}`,
			});
			const saved = await core.save(form);
			expect(saved).toMatchObject({ privateKey: '' });
			const other = core.process();
			const { tokens } = other.open(await other.read(saved));
			await expect(tokens.get()).resolves.toHaveProperty('accessToken');
			const [bundle] = core.aws.secrets();
			expect(JSON.parse(bundle?.content ?? '')).toMatchObject({
				private_key: `${own.key.trim()}\n${own.cert.trim()}`,
			});
			const uncertified = { ...saved, privateKey: SIGNER.privateKey };
			await expect(failureOf(core.save(uncertified))).resolves.toMatchObject({
				field: 'Private Key',
				code: 'MISSING_FIELD',
			});
		} finally {
			await core.close();
		}
	});
});

describe('the address of a client with a certificate', () => {
	/** A provider with addresses of its own for certificates (RFC 8705 §5), and what it was asked. */
	function aliased(aliases: object | undefined) {
		const asked: { url: string; request: EgressRequest }[] = [];
		const egress: Egress = {
			...createEgress(undefined, {}),
			request: async (url, request) => {
				asked.push({ url, request });
				const body = url.includes('well-known')
					? {
							issuer: 'https://as.example',
							token_endpoint: 'https://as.example/token',
							introspection_endpoint: 'https://as.example/introspect',
							mtls_endpoint_aliases: aliases,
						}
					: { access_token: 'at', token_type: 'Bearer', active: true };
				return { status: 200, headers: {}, body: JSON.stringify(body) };
			},
		};
		return { asked, egress };
	}
	const aliases = {
		token_endpoint: 'https://mtls.as.example/token',
		introspection_endpoint: 'https://mtls.as.example/introspect',
	};

	it.each<[string, object | undefined, string | undefined, string]>([
		['the alias', aliases, undefined, 'https://mtls.as.example/token'],
		['the usual one without an alias', undefined, undefined, 'https://as.example/token'],
		['the usual one if others have an alias', {}, undefined, 'https://as.example/token'],
		['the Token URL', aliases, 'https://t.example/token', 'https://t.example/token'],
	])('is %s', async (_name, names, tokenEndpoint, expected) => {
		const { asked, egress } = aliased(names);
		const place = { issuer: 'https://as.example', ...(tokenEndpoint && { tokenEndpoint }) };
		await server(place, egress).requestTokens(client('c', own), grant);
		expect(asked.at(-1)?.url).toBe(expected);
		expect(asked.at(-1)?.request.tls).toEqual({ key: own.key, cert: own.cert.trim() });
		// Discovery needs none.
		for (const { request } of asked.slice(0, -1)) expect(request.tls).toBeUndefined();
	});

	it('is the only one that sees the certificate: the keys of an ID token are asked for without', async () => {
		const part = (value: object): string =>
			Buffer.from(JSON.stringify(value)).toString('base64url');
		const seconds = Math.floor(Date.now() / 1000);
		const claims = { iss: 'https://as.example', aud: 'c', sub: 's', nonce: 'n' };
		const asked: { url: string; isCertified: boolean }[] = [];
		const egress: Egress = {
			...createEgress(undefined, {}),
			request: async (url, { tls }) => {
				asked.push({ url, isCertified: tls !== undefined });
				const body = url.includes('well-known')
					? {
							issuer: 'https://as.example',
							token_endpoint: 'https://as.example/token',
							jwks_uri: 'https://as.example/jwks',
						}
					: url.endsWith('/token')
						? {
								access_token: 'at',
								token_type: 'Bearer',
								id_token: [
									part({ alg: 'RS256', kid: 'k' }),
									part({ ...claims, iat: seconds, exp: seconds + 60 }),
									'c2lnbmF0dXJl',
								].join('.'),
							}
						: { keys: [] };
				return { status: 200, headers: {}, body: JSON.stringify(body) };
			},
		};
		const code = {
			response: new URLSearchParams({ code: 'c', state: 's' }),
			redirectUri: 'https://n8n.example/callback',
			expectedState: 's',
			expectedNonce: 'n',
		};
		const redeeming: GrantRequest = { grantType: 'authorization_code', code, parameters: {} };
		const as = server({ issuer: 'https://as.example' }, egress);
		await expect(failureOf(as.requestTokens(client('c', own), redeeming))).resolves.toMatchObject({
			code: 'INVALID_ID_TOKEN',
		});
		expect(asked.slice(-2)).toEqual([
			{ url: 'https://as.example/token', isCertified: true },
			{ url: 'https://as.example/jwks', isCertified: false },
		]);
	});

	it('is an alias for introspection, too, and for nobody without a certificate', async () => {
		const { asked, egress } = aliased(aliases);
		const as = server({ issuer: 'https://as.example' }, egress);
		await as.introspectExpiry(client('c', own), 'at');
		expect(asked.at(-1)?.url).toBe('https://mtls.as.example/introspect');
		await as.requestTokens(
			{ clientId: 'c', clientSecret: 's', authentication: 'client_secret_post' },
			grant,
		);
		expect(asked.at(-1)?.url).toBe('https://as.example/token');
		expect(asked.at(-1)?.request.tls).toBeUndefined();
	});

	it('is not an alias without TLS', async () => {
		const { egress, asked } = aliased({ token_endpoint: 'http://mtls.as.example/token' });
		const as = server({ issuer: 'https://as.example' }, egress);
		await as.requestTokens(client('c', own), grant);
		expect(asked.at(-1)?.url).toBe('https://as.example/token');
		expect(asked.some(({ url }) => url.startsWith('http:'))).toBe(false);
	});
});

it.each([
	'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
	'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE',
	'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
])('takes a refusal in the handshake for one of the certificate: %s', async (code) => {
	const refusing: Egress = {
		...createEgress(undefined, {}),
		request: async () => await Promise.reject(new EgressError('NETWORK', code, 'as.example')),
	};
	const as = server({ tokenEndpoint: 'https://as.example/token' }, refusing);
	await expect(failureOf(as.requestTokens(client('c', own), grant))).resolves.toMatchObject({
		code: 'INVALID_CLIENT',
		field: 'Private Key',
	});
	const other: Client = { clientId: 'c', authentication: 'none' };
	await expect(failureOf(as.requestTokens(other, grant))).resolves.toMatchObject({
		failureClass: 'provider',
		code: 'UNREACHABLE',
	});
});

it('does not ask with a certificate that has expired', async () => {
	const later = Date.now() + 2 * 86_400_000;
	const as = serverAt({ tokenEndpoint: provider.tokenEndpoint }, { now: () => later });
	const failure = await failureOf(as.requestTokens(client('self-signed', own), grant));
	expect(failure).toMatchObject({ code: 'INVALID_FIELD', field: 'Private Key' });
	expect(failure.message).toMatch(/certificate expired on \d{4}-\d\d-\d\d/);
});
