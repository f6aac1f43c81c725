import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose';

import { createEgress } from '../../src/http/createEgress';
import { createAuthorizationServer } from '../../src/oauth/authorizationServer';
import { Discovery } from '../../src/oauth/discovery';
import { failureOf } from '../support/failureOf';
import { ScriptedServer } from '../support/scriptedServer';

const NONCE = 'the-nonce';
type Keys = Awaited<ReturnType<typeof generateKeyPair>>;
let provider: ScriptedServer;
let keys: Keys;
let others: Keys;

beforeAll(async () => {
	provider = await ScriptedServer.start();
	[keys, others] = await Promise.all([generateKeyPair('RS256'), generateKeyPair('RS256')]);
});
afterEach(() => {
	provider.reset();
});
afterAll(async () => {
	await provider.close();
});

const seconds = (): number => Math.floor(Date.now() / 1000);

async function sign(changes: JWTPayload = {}, by: Keys = keys): Promise<string> {
	const claims: JWTPayload = {
		iss: provider.origin,
		aud: 'the-client',
		sub: 'alex',
		nonce: NONCE,
		iat: seconds(),
		exp: seconds() + 300,
		...changes,
	};
	return await new SignJWT(claims)
		.setProtectedHeader({ alg: 'RS256', kid: 'k' })
		.sign(by.privateKey);
}

/** Redeems a code at a provider that answers with this ID token. */
async function redeem(idToken: string | undefined, wanted = true) {
	const { origin } = provider;
	provider.on('GET /.well-known/openid-configuration').reply(200, {
		issuer: origin,
		token_endpoint: `${origin}/token`,
		jwks_uri: `${origin}/jwks`,
		id_token_signing_alg_values_supported: ['RS256'],
	});
	provider
		.on('POST /token')
		.reply(200, { access_token: 'at', token_type: 'Bearer', id_token: idToken });
	const key = { ...(await exportJWK(keys.publicKey)), kid: 'k', alg: 'RS256' };
	provider.on('GET /jwks').reply(200, { keys: [key] });
	const options = { egress: createEgress(undefined, {}), now: Date.now };
	const server = createAuthorizationServer({
		issuer: origin,
		discovery: new Discovery(options),
		...options,
	});
	return await server.requestTokens(
		{ clientId: 'the-client', clientSecret: 'cs', authentication: 'client_secret_post' },
		{
			grantType: 'authorization_code',
			parameters: {},
			code: {
				response: new URLSearchParams('code=c&state=s'),
				redirectUri: 'https://n8n.example.com/webhook/crm/callback',
				expectedState: 's',
				...(wanted ? { expectedNonce: NONCE } : {}),
			},
		},
	);
}

it('says who signed in, by an ID token that is right in every respect', async () => {
	await expect(redeem(await sign())).resolves.toMatchObject({
		accessToken: 'at',
		claims: { sub: 'alex', iss: provider.origin },
	});
});

it.each<[string, () => Promise<string | undefined>]>([
	['a missing one', () => Promise.resolve(undefined)],
	['one signed by somebody else', () => sign({}, others)],
	['another issuer’s', () => sign({ iss: 'https://attacker.example' })],
	['one for another client', () => sign({ aud: 'another-client' })],
	['one of another sign-in', () => sign({ nonce: 'another' })],
	['one that has expired', () => sign({ exp: seconds() - 600 })],
	[
		'one without a signature',
		async () =>
			`${Buffer.from('{"alg":"none"}').toString('base64url')}.${(await sign()).split('.')[1] ?? ''}.`,
	],
])('refuses %s', async (_name, make) => {
	const token = await make();
	const failure = await failureOf(redeem(token));
	expect(failure).toMatchObject({ code: 'INVALID_ID_TOKEN', field: 'Issuer URL' });
	expect(failure.message).not.toContain('eyJ');
});

it('looks at no ID token where none was asked for', async () => {
	const tokens = await redeem('not.a.token', false);
	expect(tokens.accessToken).toBe('at');
	expect(tokens.claims).toBeUndefined();
});
