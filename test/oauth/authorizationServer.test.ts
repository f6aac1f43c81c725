import { createEgress } from '../../src/http/createEgress';
import {
	createAuthorizationServer,
	type AuthorizationServer,
	type GrantRequest,
} from '../../src/oauth/authorizationServer';
import type { Client } from '../../src/oauth/clientAuthentication';
import { Discovery } from '../../src/oauth/discovery';
import { failureOf, type Failure } from '../support/failureOf';
import { ScriptedServer } from '../support/scriptedServer';

const NOW = Date.UTC(2026, 0, 1);
const client: Client = {
	clientId: 'the-client',
	clientSecret: 'a-b_c~d+e%',
	authentication: 'client_secret_basic',
};
const clientCredentials: GrantRequest = {
	grantType: 'client_credentials',
	scope: 'a b',
	parameters: { audience: 'x' },
};
const refresh: GrantRequest = {
	grantType: 'refresh_token',
	refreshToken: 'the-refresh-token',
	parameters: {},
};

let provider: ScriptedServer;
let now: number;
beforeAll(async () => {
	provider = await ScriptedServer.start();
});
beforeEach(() => {
	now = NOW;
});

function server(
	place: { issuer?: string; tokenEndpoint?: string } = {
		tokenEndpoint: `${provider.origin}/token`,
	},
): AuthorizationServer {
	const options = { egress: createEgress(undefined, {}), now: () => now };
	return createAuthorizationServer({ ...place, ...options, discovery: new Discovery(options) });
}

const failure = async (grant: GrantRequest = clientCredentials, as = server()): Promise<Failure> =>
	await failureOf(as.requestTokens(client, grant));

afterEach(() => {
	expect(provider.reset()).toEqual([]);
});
afterAll(async () => {
	await provider.close();
});

it('takes unauthorized_client with 401 for a client that was not recognised, as Keycloak means it', async () => {
	provider.on('POST /token').reply(401, { error: 'unauthorized_client' });
	await expect(failure()).resolves.toMatchObject({
		code: 'INVALID_CLIENT',
		field: 'Client Secret',
	});
	provider.on('POST /token').reply(400, { error: 'unauthorized_client' });
	await expect(failure()).resolves.toMatchObject({ code: 'UNAUTHORIZED_CLIENT' });
});

describe('a token request', () => {
	it('sends the client credentials grant with scope and further parameters', async () => {
		provider
			.on('POST /token')
			.reply(200, { access_token: 'at', token_type: 'Bearer', expires_in: 3600 });
		await expect(server().requestTokens(client, clientCredentials)).resolves.toEqual({
			accessToken: 'at',
			expiresIn: 3600,
			sentAt: NOW,
			isBound: false,
		});
		expect(provider.form).toMatchObject({
			grant_type: 'client_credentials',
			scope: 'a b',
			audience: 'x',
		});
	});

	it('sends the refresh token grant and returns the rotated token', async () => {
		provider
			.on('POST /token')
			.reply(201, { access_token: 'at', refresh_token: 'new', id_token: 'not.checked.here' });
		await expect(server().requestTokens(client, refresh)).resolves.toMatchObject({
			accessToken: 'at',
			refreshToken: 'new',
		});
		expect(provider.form).toMatchObject({
			grant_type: 'refresh_token',
			refresh_token: 'the-refresh-token',
		});
	});

	it.each([
		[
			'client_secret_basic',
			`Basic ${Buffer.from('the%2Dclient:a%2Db%5Fc%7Ed%2Be%25').toString('base64')}`,
			undefined,
		],
		[
			'client_secret_basic_unencoded',
			`Basic ${Buffer.from('the-client:a-b_c~d+e%').toString('base64')}`,
			undefined,
		],
		['client_secret_post', undefined, 'a-b_c~d+e%'],
		['none', undefined, undefined],
	] as const)('authenticates the client by %s', async (authentication, authorization, inBody) => {
		provider.on('POST /token').reply(200, { access_token: 'at' });
		await server().requestTokens({ ...client, authentication }, clientCredentials);
		expect(provider.requests[0]?.headers.authorization).toBe(authorization);
		expect(provider.form['client_secret']).toBe(inBody);
	});
});

describe('discovery', () => {
	const metadata = () => ({
		issuer: provider.origin,
		token_endpoint: `${provider.origin}/discovered/token`,
		introspection_endpoint: `${provider.origin}/introspect`,
		token_endpoint_auth_methods_supported: ['private_key_jwt', 'client_secret_post'],
	});

	it('finds the token endpoint once for many requests', async () => {
		provider.on('GET /.well-known/openid-configuration').reply(200, metadata());
		provider
			.on('POST /discovered/token')
			.reply(200, { access_token: 'at' })
			.reply(200, { access_token: 'at' });
		const as = server({ issuer: provider.origin });
		await as.requestTokens(client, clientCredentials);
		await as.requestTokens(client, clientCredentials);
		await expect(as.supportedAuthentication()).resolves.toEqual(['client_secret_post']);
	});

	it('falls back to RFC 8414', async () => {
		provider.on('GET /.well-known/openid-configuration').reply(404);
		provider.on('GET /.well-known/oauth-authorization-server').reply(200, metadata());
		provider.on('POST /discovered/token').reply(200, { access_token: 'at' });
		await expect(
			server({ issuer: provider.origin }).requestTokens(client, clientCredentials),
		).resolves.toMatchObject({ accessToken: 'at' });
	});

	it('does not believe metadata of another issuer', async () => {
		provider
			.on('GET /.well-known/openid-configuration')
			.reply(200, { ...metadata(), issuer: 'https://evil.example' });
		provider.on('GET /.well-known/oauth-authorization-server').reply(404);
		await expect(
			failure(clientCredentials, server({ issuer: provider.origin })),
		).resolves.toMatchObject({
			field: 'Issuer URL',
		});
	});

	it('does not send secrets to a discovered address without TLS', async () => {
		provider
			.on('GET /.well-known/openid-configuration')
			.reply(200, { ...metadata(), token_endpoint: 'http://login.example.com/token' });
		await expect(
			failure(clientCredentials, server({ issuer: provider.origin })),
		).resolves.toMatchObject({
			field: 'Token URL',
		});
	});

	it('is a temporary failure while the provider is down, and tried again', async () => {
		provider.on('GET /.well-known/openid-configuration').reply(503);
		provider.on('GET /.well-known/openid-configuration').reply(200, metadata());
		provider.on('POST /discovered/token').reply(200, { access_token: 'at' });
		const as = server({ issuer: provider.origin });
		await expect(failure(clientCredentials, as)).resolves.toMatchObject({
			failureClass: 'provider',
		});
		now += 1000;
		await expect(as.requestTokens(client, clientCredentials)).resolves.toMatchObject({
			accessToken: 'at',
		});
	});

	it('tells the end of a token where the server introspects', async () => {
		provider.on('GET /.well-known/openid-configuration').reply(200, metadata());
		provider.on('POST /introspect').reply(200, { active: true, exp: 1_800_000_000 });
		await expect(server({ issuer: provider.origin }).introspectExpiry(client, 'at')).resolves.toBe(
			1_800_000_000_000,
		);
	});
});

describe('an OAuth error', () => {
	it.each([
		['invalid_grant', refresh, 'reconnect', 'INVALID_GRANT', undefined],
		['invalid_grant', clientCredentials, 'configuration', 'UNAUTHORIZED_CLIENT', 'Grant Type'],
		['invalid_refresh_token', refresh, 'reconnect', 'INVALID_GRANT', undefined],
		['invalid_client', clientCredentials, 'configuration', 'INVALID_CLIENT', 'Client Secret'],
		[
			'unauthorized_client',
			clientCredentials,
			'configuration',
			'UNAUTHORIZED_CLIENT',
			'Grant Type',
		],
		['invalid_scope', clientCredentials, 'configuration', 'INVALID_SCOPE', 'Scope'],
		['invalid_target', clientCredentials, 'configuration', 'INVALID_TARGET', 'Resource'],
		[
			'temporarily_unavailable',
			clientCredentials,
			'provider',
			'TEMPORARILY_UNAVAILABLE',
			undefined,
		],
		['something_else', clientCredentials, 'configuration', 'INVALID_REQUEST', 'Token URL'],
	] as const)('%s is one of the four classes', async (error, grant, failureClass, code, field) => {
		provider.on('POST /token').reply(400, { error, error_description: 'said the provider' });
		const result = await failure(grant);
		expect(result).toMatchObject({ failureClass, code, ...(field === undefined ? {} : { field }) });
		expect(result.message).toContain(`${error}: said the provider`);
	});

	it('is read from an answer with 401 and a challenge, and from one with 200', async () => {
		provider
			.on('POST /token')
			.reply(401, { error: 'invalid_client' }, { 'www-authenticate': 'Basic realm="x"' });
		await expect(failure()).resolves.toMatchObject({ code: 'INVALID_CLIENT' });
		provider.on('POST /token').reply(200, { error: 'invalid_scope' });
		await expect(failure()).resolves.toMatchObject({ code: 'INVALID_SCOPE' });
	});

	it('never repeats a secret the provider echoes, in whatever form', async () => {
		provider.on('POST /token').reply(400, {
			error: 'invalid_grant',
			error_description: `the-refresh-token / a-b_c~d+e% / ${encodeURIComponent('a-b_c~d+e%')} / ${Buffer.from('a-b_c~d+e%').toString('base64')}\r\nforged line`,
		});
		const { message } = await failure(refresh);
		expect(message).toContain('**hidden** / **hidden** / **hidden** / **hidden**== forged line');
	});
});

describe('an answer without an OAuth error', () => {
	it.each([
		[503, 'busy', {}, 'provider', 'SERVER_ERROR'],
		[500, '{"error":"invalid_client"}', {}, 'provider', 'SERVER_ERROR'],
		[429, '', { 'retry-after': '30' }, 'provider', 'RATE_LIMITED'],
		[
			200,
			'<html>maintenance</html>',
			{ 'content-type': 'text/html' },
			'provider',
			'INVALID_RESPONSE',
		],
		[200, '{"access_to', {}, 'provider', 'INVALID_RESPONSE'],
		[404, 'not here', {}, 'configuration', 'ENDPOINT_NOT_FOUND'],
		[405, '', {}, 'configuration', 'ENDPOINT_NOT_FOUND'],
		[302, '', { location: 'https://evil.example/' }, 'configuration', 'REDIRECTED'],
		[401, '', {}, 'configuration', 'INVALID_CLIENT'],
	] as const)(
		'%i %j is one of the four classes',
		async (status, body, headers, failureClass, code) => {
			provider.on('POST /token').reply(status, body, headers);
			await expect(failure()).resolves.toMatchObject({ failureClass, code });
		},
	);

	it('is temporary if there is none', async () => {
		provider.on('POST /token').cut();
		const result = await failure();
		expect(result).toMatchObject({ failureClass: 'provider', code: 'UNREACHABLE' });
		expect(result.message).toContain(new URL(provider.origin).host);
		expect(result.message).toContain('Token URL');
	});
});
