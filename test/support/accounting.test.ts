import { Person } from '../../demo/harness/person';
import { ACCOUNTING_SCOPE, startAccounting } from './accounting';

const REDIRECT_URI = 'http://127.0.0.1:9/callback';
const CLIENT = { clientId: 'books', clientSecret: 'example-secret', redirectUris: [REDIRECT_URI] };

let accounting: Awaited<ReturnType<typeof startAccounting>>;
beforeAll(async () => (accounting = await startAccounting([CLIENT])));
afterAll(async () => {
	await Promise.all([accounting.provider.close(), accounting.api.close()]);
});

async function tokens(parameters: Record<string, string>): Promise<Record<string, unknown>> {
	const { clientId, clientSecret } = CLIENT;
	const response = await fetch(accounting.provider.tokenEndpoint, {
		method: 'POST',
		headers: {
			authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`,
		},
		body: new URLSearchParams(parameters),
	});
	return (await response.json()) as Record<string, unknown>;
}

async function call(accessToken: unknown): Promise<number> {
	const headers = { authorization: `Bearer ${String(accessToken)}` };
	return (await fetch(`${accounting.api.url}/me`, { headers })).status;
}

it('describes itself, with the issuer in the authorization response', async () => {
	const { issuer } = accounting.provider;
	const response = await fetch(`${issuer}/.well-known/openid-configuration`);
	expect(await response.json()).toMatchObject({
		issuer,
		authorization_response_iss_parameter_supported: true,
		scopes_supported: expect.arrayContaining(['accounting.transactions']) as string[],
	});
});

it('gives an hour and a rotating refresh token to whom a user consented, and the API takes that', async () => {
	const address = new URL(accounting.provider.authorizationEndpoint);
	address.search = new URLSearchParams({
		client_id: CLIENT.clientId,
		response_type: 'code',
		redirect_uri: REDIRECT_URI,
		scope: ACCOUNTING_SCOPE,
		prompt: 'consent',
	}).toString();
	const { url } = await new Person(({ href }) => href.startsWith(REDIRECT_URI)).consent(
		address.href,
	);
	const code = url.searchParams.get('code') ?? '';
	const issued = await tokens({
		grant_type: 'authorization_code',
		code,
		redirect_uri: REDIRECT_URI,
	});
	expect(issued).toMatchObject({ token_type: 'Bearer', expires_in: 3600, scope: ACCOUNTING_SCOPE });
	expect(await call(issued['access_token'])).toBe(200);

	const refresh = { grant_type: 'refresh_token', refresh_token: String(issued['refresh_token']) };
	expect((await tokens(refresh))['refresh_token']).not.toBe(issued['refresh_token']);
	expect(await tokens(refresh)).toMatchObject({ error: 'invalid_grant' });
});

it('refuses a token that no user consented to', async () => {
	const { access_token: accessToken } = await tokens({ grant_type: 'client_credentials' });
	expect(accessToken).toEqual(expect.any(String));
	expect(await call(accessToken)).toBe(401);
	expect(await call('')).toBe(401);
});
