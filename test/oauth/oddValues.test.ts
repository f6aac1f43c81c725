import type { IncomingMessage, ServerResponse } from 'node:http';

import type { ProviderError } from '../../src/errors';
import { createEgress } from '../../src/http/createEgress';
import {
	createAuthorizationServer,
	type AuthorizationServer,
	type TokenResponse,
} from '../../src/oauth/authorizationServer';
import type { Client } from '../../src/oauth/clientAuthentication';
import { Discovery } from '../../src/oauth/discovery';
import { failureOf } from '../support/failureOf';
import { listenOnLoopback, type LoopbackServer } from '../support/loopback';

/** Seconds. */
const TEN_YEARS = 315_360_000;
const NOW = Date.UTC(2026, 0, 1);
const client: Client = { clientId: 'c', clientSecret: 's', authentication: 'client_secret_post' };

/** A provider that answers token and introspection requests with any text. */
let provider: LoopbackServer;
let server: AuthorizationServer;
let answer: (response: ServerResponse) => void;
let document: Record<string, unknown>;

beforeEach(async () => {
	provider = await listenOnLoopback();
	const { origin } = provider;
	document = {
		issuer: origin,
		token_endpoint: `${origin}/token`,
		introspection_endpoint: `${origin}/introspect`,
	};
	provider.serve((request: IncomingMessage, response: ServerResponse) => {
		response.setHeader('content-type', 'application/json');
		if (request.method === 'POST') answer(response);
		else response.end(JSON.stringify(document));
	});
	const options = { egress: createEgress(undefined, {}), now: () => NOW };
	const discovery = new Discovery(options);
	server = createAuthorizationServer({ issuer: origin, discovery, ...options });
});
afterEach(async () => {
	await provider.close();
});

async function tokens(json: string): Promise<TokenResponse> {
	answer = (response) => response.end(json);
	return await server.requestTokens(client, { grantType: 'client_credentials', parameters: {} });
}

it.each([
	['3600', 3600],
	['"3600"', 3600],
	['3600.9', 3600],
	['1e308', TEN_YEARS],
	['1e999', TEN_YEARS],
	['-1e999', undefined],
	['-1', undefined],
	['"NaN"', undefined],
	['"Infinity"', undefined],
	['"-5"', undefined],
	['{}', undefined],
	['[60]', undefined],
	['null', undefined],
])('issues a token with an expires_in of %s', async (value, expected) => {
	const { accessToken, expiresIn, sentAt } = await tokens(
		`{"access_token":"at","expires_in":${value}}`,
	);
	expect([accessToken, expiresIn]).toEqual(['at', expected]);
	expect(new Date(sentAt + (expiresIn ?? 0) * 1000).toISOString()).toMatch(/^20\d\d-/);
});

it.each([
	['"a b"', 'a b'],
	['["a","b"]', 'a b'],
	['7', undefined],
	['["a",7]', undefined],
	['{"a":true}', undefined],
	['null', undefined],
])('issues a token with a scope of %s', async (value, expected) => {
	const { accessToken, scope } = await tokens(`{"access_token":"at","scope":${value}}`);
	expect([accessToken, scope]).toEqual(['at', expected]);
});

it.each([
	[String(NOW / 1000 + 60), NOW + 60_000],
	[`"${String(NOW / 1000 + 60)}"`, NOW + 60_000],
	['9999999999999', NOW + TEN_YEARS * 1000],
	['1e999', NOW + TEN_YEARS * 1000],
	['-1', undefined],
	['0', undefined],
	[String(NOW / 1000), undefined],
	['"NaN"', undefined],
	['"2030-01-01"', undefined],
	['null', undefined],
	['{}', undefined],
	['NaN', undefined],
])('introspects an exp of %s', async (value, expected) => {
	answer = (response) => response.end(`{"active":true,"exp":${value}}`);
	await expect(server.introspectExpiry(client, 'at')).resolves.toBe(expected);
});

it.each([
	['7', 7],
	['99999999999999999999', 3600],
	['Fri, 31 Dec 9999 23:59:59 GMT', 3600],
	['-7', undefined],
	['soon', undefined],
])('carries a Retry-After of %s', async (value, expected) => {
	answer = (response) => response.writeHead(503, { 'retry-after': value }).end();
	const grant = { grantType: 'client_credentials', parameters: {} } as const;
	const failure: unknown = await failureOf(server.requestTokens(client, grant));
	expect((failure as ProviderError).retryAfterSeconds).toBe(expected);
});

it.each([7, ['https://login.example.com/token'], {}, '', 'no address'])(
	'sends nothing to a discovered token endpoint of %p',
	async (endpoint) => {
		document['token_endpoint'] = endpoint;
		await expect(failureOf(tokens('{"access_token":"at"}'))).resolves.toMatchObject({
			code: 'DISCOVERY_FAILED',
			field: 'Token URL',
		});
	},
);

it('ignores a discovered introspection endpoint that is no address', async () => {
	document['introspection_endpoint'] = [`${provider.origin}/introspect`];
	answer = (response) => response.end(`{"active":true,"exp":${String(NOW / 1000 + 60)}}`);
	await expect(server.introspectExpiry(client, 'at')).resolves.toBeUndefined();
});
