import fc from 'fast-check';

import { ProviderError } from '../../src/errors';
import { EgressError, type EgressResponse } from '../../src/http/egress';
import type { GrantRequest, TokenResponse } from '../../src/oauth/authorizationServer';
import { assertClassified, fuzz, type Outcome } from './fuzz';
import { FakeNetwork, ISSUER, TOKEN_ENDPOINT } from './provider';
import { assertNoSecret, echoed, SECRETS } from './secrets';
import { damaged, deepJson, inherited, json, text } from './values';

const KEYS = ['access_token', 'token_type', 'expires_in', 'refresh_token', 'scope', 'id_token', 'error', 'error_description', 'message', 'code', 'type', 'iss', 'state']; // prettier-ignore

const status = fc.oneof(
	fc.constantFrom(200, 200, 200, 201, 204, 301, 400, 401, 403, 404, 408, 425, 429, 500, 503),
	fc.integer({ min: 200, max: 599 }),
);
const value = fc.oneof(
	json,
	text,
	echoed,
	fc.constantFrom('bearer', 'Bearer', 'DPoP', 'mac', 'invalid_grant', 'invalid_client', 'invalid_scope', 'slow_down', 'server_error', 'unauthorized_client'), // prettier-ignore
	echoed.map((secret) => `The value ${secret} is not right`),
	fc.dictionary(fc.constantFrom('code', 'type', 'message'), fc.oneof(text, echoed)),
);
const fields = fc.dictionary(fc.oneof(fc.constantFrom(...KEYS), inherited, text), value, {
	maxKeys: 6,
});
const jsonAnswer = fields.map((object) => JSON.stringify(object));
const formAnswer = fields.map((object) =>
	new URLSearchParams(
		Object.entries(object).map(([name, part]): [string, string] => [
			name,
			typeof part === 'string' ? part : JSON.stringify(part),
		]),
	).toString(),
);
const body = fc.oneof(
	{ weight: 6, arbitrary: jsonAnswer },
	{ weight: 3, arbitrary: formAnswer },
	{ weight: 2, arbitrary: damaged(jsonAnswer) },
	{ weight: 2, arbitrary: damaged(formAnswer) },
	{ weight: 2, arbitrary: text },
	{ weight: 1, arbitrary: fc.json() },
	{ weight: 1, arbitrary: deepJson },
	{ weight: 1, arbitrary: deepJson.map((deep) => `{"error":${deep}}`) },
	{ weight: 1, arbitrary: fc.uint8Array().map((bytes) => Buffer.from(bytes).toString()) },
	{ weight: 1, arbitrary: echoed.map((secret) => `<html><p>${secret}</p></html>`) },
	{ weight: 1, arbitrary: fc.nat({ max: 20_000 }).map((times) => `${'a=&'.repeat(times)}a=<`) },
);
const headerValue = fc.oneof(text, echoed, fc.constantFrom('application/json', 'text/html', 'application/x-www-form-urlencoded; charset=utf-8', '120')); // prettier-ignore
const answer: fc.Arbitrary<EgressResponse> = fc.record({
	status,
	headers: fc.dictionary(
		fc.constantFrom('content-type', 'retry-after', 'location', 'www-authenticate'),
		headerValue,
	),
	body,
});
const failure = fc
	.tuple(
		fc.constantFrom('TIMEOUT', 'NETWORK', 'BLOCKED', 'TOO_LARGE', 'ABORTED'),
		fc.constantFrom('ECONNREFUSED', 'CERT_HAS_EXPIRED', 'address 10.0.0.1'),
	)
	.map(([code, detail]) => new EgressError(code, detail, 'login.example.com'));

const grant: fc.Arbitrary<GrantRequest> = fc.constantFrom<GrantRequest>(
	{ grantType: 'client_credentials', parameters: {} },
	{ grantType: 'refresh_token', refreshToken: SECRETS.refreshToken, parameters: {} },
	{
		grantType: 'authorization_code',
		parameters: {},
		code: {
			response: new URLSearchParams({ code: SECRETS.code, state: 's' }),
			redirectUri: 'https://n8n.example.com/webhook/x/callback',
			expectedState: 's',
			codeVerifier: SECRETS.codeVerifier,
		},
	},
);
const client = fc
	.constantFrom('client_secret_basic', 'client_secret_basic_unencoded', 'client_secret_post')
	.map((authentication) => ({
		clientId: 'client',
		clientSecret: SECRETS.clientSecret,
		authentication,
	}));

/** What a request has in it. */
function secretsOf({ refreshToken, code }: GrantRequest): string[] {
	return [
		SECRETS.clientSecret,
		...(refreshToken === undefined ? [] : [refreshToken]),
		...(code === undefined ? [] : [SECRETS.code, SECRETS.codeVerifier]),
	];
}

function assertUsable({ result }: Outcome): void {
	const { accessToken, refreshToken, scope, expiresIn } = result as TokenResponse;
	if (typeof accessToken !== 'string' || accessToken === '') throw new Error('no access token');
	if (refreshToken === '') throw new Error('an empty refresh token');
	if (scope !== undefined && typeof scope !== 'string') throw new Error('no scope');
	const isLifetime = expiresIn === undefined || (Number.isInteger(expiresIn) && expiresIn > 0);
	if (!isLifetime || (expiresIn ?? 0) > 315_360_000) throw new Error(`${expiresIn} seconds`);
}

fuzz('token answers', {
	share: 25,
	of: fc.record({ client, grant, answer: fc.oneof({ weight: 30, arbitrary: answer }, failure) }),
	async run(asked) {
		const network = new FakeNetwork(() => {
			if (asked.answer instanceof EgressError) throw asked.answer;
			return asked.answer;
		});
		const server = network.server({ tokenEndpoint: TOKEN_ENDPOINT });
		return await server.requestTokens(asked.client, asked.grant);
	},
	check(outcome, asked) {
		assertClassified(outcome, 'configuration', 'provider', 'reconnect');
		assertNoSecret(outcome.error, secretsOf(asked.grant));
		if (outcome.error === undefined) assertUsable(outcome);
		else if (/[\r\n\p{Cc}]/u.test((outcome.error as Error).message))
			throw new Error('a control character, which forges lines of a log');
	},
});

const seconds = fc.oneof(
	fc.integer({ min: -10, max: 10_000 }).map(String),
	fc.double().map(String),
	fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
	fc.constantFrom(
		'1e9',
		'0x10',
		'+5',
		'١',
		'Infinity',
		'Thu, 01 Jan 2026 00:02:00 GMT',
		'-5',
		' 7 ',
	),
	text,
);

fuzz('Retry-After', {
	share: 10,
	of: fc.record({ status: fc.constantFrom(429, 500, 503, 408, 425), value: seconds }),
	async run({ status: code, value: header }) {
		const network = new FakeNetwork(() => ({
			status: code,
			headers: { 'retry-after': header },
			body: '',
		}));
		const server = network.server({ tokenEndpoint: TOKEN_ENDPOINT });
		return await server.requestTokens(
			{ clientId: 'client', authentication: 'none' },
			{ grantType: 'client_credentials', parameters: {} },
		);
	},
	check({ error }, { value: header }) {
		if (!(error instanceof ProviderError)) throw new Error('no provider error', { cause: error });
		const { retryAfterSeconds: after } = error;
		if (after !== undefined && !(Number.isInteger(after) && after >= 0 && after <= 3600))
			throw new Error(`a wait of ${after} seconds`);
		if (/^\d{1,6}$/.test(header) && after !== Math.min(Number(header), 3600))
			throw new Error(`${header} is read as ${after}`);
	},
});

const address = fc.oneof(
	fc.constantFrom<unknown>('https://login.example.com/token', 'http://login.example.com/token', 'https://user:pw@login.example.com/', 'http://127.0.0.1/token', 'ftp://login.example.com/', '/token', 'javascript:alert(1)', 'https://elsewhere.example.com/token', 'https://login.example.com/token#x', 'http://127.0.0.1.example.com/'), // prettier-ignore
	value,
);
const ENDPOINTS = ['token_endpoint', 'authorization_endpoint', 'jwks_uri', 'introspection_endpoint', 'token_endpoint_auth_methods_supported', 'authorization_response_iss_parameter_supported']; // prettier-ignore
const issuerDocument = fc
	.record({
		issuer: fc.oneof({ weight: 6, arbitrary: fc.constant<unknown>(ISSUER) }, address),
		others: fc.dictionary(fc.oneof(fc.constantFrom(...ENDPOINTS), inherited), address, {
			maxKeys: 6,
		}),
	})
	.map(({ issuer, others }) => JSON.stringify({ issuer, ...others }));
const isPrivate = (url: string): boolean => {
	const { protocol, hostname } = new URL(url);
	return protocol === 'https:' || (protocol === 'http:' && hostname === '127.0.0.1');
};

fuzz('discovery documents', {
	share: 10,
	of: fc.record({
		status: fc.oneof({ weight: 6, arbitrary: fc.constant(200) }, status),
		body: fc.oneof(
			{ weight: 6, arbitrary: issuerDocument },
			damaged(issuerDocument),
			text,
			fc.json(),
			deepJson,
		),
		tokens: answer,
	}),
	async run(asked) {
		const network = new FakeNetwork((url) =>
			url.includes('/.well-known/') ? { ...asked, headers: {} } : asked.tokens,
		);
		const server = network.server({ issuer: ISSUER });
		const results = await Promise.allSettled([
			server.requestTokens(
				{
					clientId: 'client',
					clientSecret: SECRETS.clientSecret,
					authentication: 'client_secret_post',
				},
				{ grantType: 'refresh_token', refreshToken: SECRETS.refreshToken, parameters: {} },
			),
			server.authorizationUrl({
				clientId: 'client',
				redirectUri: 'https://n8n.example.com/webhook/x/callback',
				scope: 'a',
				state: 's',
				resources: [],
				parameters: {},
			}),
			server.supportedAuthentication(),
			server.isFromHere(new URLSearchParams({ iss: ISSUER })),
			server.introspectExpiry(
				{
					clientId: 'client',
					clientSecret: SECRETS.clientSecret,
					authentication: 'client_secret_basic',
				},
				SECRETS.stored,
			),
		]);
		return { results, asked: network.asked };
	},
	check(outcome) {
		const { results, asked } = outcome.result as {
			results: PromiseSettledResult<unknown>[];
			asked: string[];
		};
		// What is sent, and so may come back.
		const secrets = [SECRETS.clientSecret, SECRETS.refreshToken];
		for (const result of results) {
			if (result.status === 'fulfilled') continue;
			assertClassified({ error: result.reason }, 'configuration', 'provider', 'reconnect');
			assertNoSecret(result.reason, secrets);
		}
		const consent = results[1];
		const addresses = [
			...asked,
			...(consent?.status === 'fulfilled' ? [(consent.value as URL).href] : []),
		];
		const open = addresses.find((url) => !isPrivate(url));
		if (open !== undefined) throw new Error(`${open} may be read on the way`);
	},
});
