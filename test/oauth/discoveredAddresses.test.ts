import type { Egress } from '../../src/http/egress';
import { createEgress } from '../../src/http/createEgress';
import {
	createAuthorizationServer,
	type AuthorizationServer,
	type GrantRequest,
} from '../../src/oauth/authorizationServer';
import type { Client } from '../../src/oauth/clientAuthentication';
import { Discovery } from '../../src/oauth/discovery';
import { selfSigned, trust } from '../http/support/certificate';
import { answerLookups } from '../http/support/redirectedSockets';
import { startServer } from '../http/support/servers';
import { failureOf } from '../support/failureOf';

const ISSUER = 'https://idp.example.com';
const ADDRESSES = [
	'token_endpoint',
	'authorization_endpoint',
	'introspection_endpoint',
	'userinfo_endpoint',
	'revocation_endpoint',
	'pushed_authorization_request_endpoint',
	'device_authorization_endpoint',
	'end_session_endpoint',
	'jwks_uri',
] as const;
const client: Client = { clientId: 'c', clientSecret: 's', authentication: 'client_secret_post' };

/** An ID token that only its keys could show to be wrong. */
const UNSIGNED = [
	{ alg: 'RS256', kid: 'k' },
	{ iss: ISSUER, aud: 'c', sub: 'x', nonce: 'n', iat: 0, exp: 9_999_999_999 },
	'signature',
]
	.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
	.join('.');

/** Addresses that were asked for, in order. */
let asked: string[];

/** A network in which the issuer answers with this document, and everything else with tokens. */
function network(document: object, issuer = ISSUER): { egress: Egress; now: () => number } {
	asked = [];
	const answer = (body: object): Awaited<ReturnType<Egress['request']>> => ({
		status: 200,
		headers: { 'content-type': 'application/json' },
		body: JSON.stringify(body),
	});
	return {
		now: Date.now,
		egress: {
			...createEgress(undefined, {}),
			request: (url) => {
				asked.push(url);
				const isDocument = url === `${issuer}/.well-known/openid-configuration`;
				return Promise.resolve(
					answer(isDocument ? { issuer, ...document } : { access_token: 'at', active: true }),
				);
			},
		},
	};
}

function serverOf(document: object, issuer = ISSUER): AuthorizationServer {
	const options = network(document, issuer);
	return createAuthorizationServer({ issuer, discovery: new Discovery(options), ...options });
}

async function metadataOf(document: object, issuer = ISSUER): Promise<Record<string, unknown>> {
	return { ...(await new Discovery(network(document, issuer)).metadata(issuer)) };
}

const BAD = [
	'http://idp.example.com/x',
	'http://127.0.0.1:8080/x',
	'http://localhost/x',
	'http://[::1]/x',
	'http://169.254.169.254/latest/meta-data',
	'blob:https://idp.example.com/x',
	'javascript:alert(1)',
	'file:///etc/passwd',
	'https://user:password@idp.example.com/x',
	'https://*.example.com/x',
	'https:\\\\idp.example.com/x',
	'/x',
	'',
	0,
	null,
	['https://idp.example.com/x'],
	{ href: 'https://idp.example.com/x' },
];

describe.each(ADDRESSES)('%s of an issuer', (name) => {
	it.each(BAD)('is left out if it is %j', async (address) => {
		const metadata = await metadataOf({ [name]: address, scopes_supported: ['a'] });

		expect(metadata).not.toHaveProperty([name]);
		expect(metadata).toMatchObject({ issuer: ISSUER, scopes_supported: ['a'] });
		const aliases = await metadataOf({ mtls_endpoint_aliases: { [name]: address } });
		expect(aliases).toMatchObject({ mtls_endpoint_aliases: {} });
		expect(aliases['mtls_endpoint_aliases']).not.toHaveProperty([name]);
	});

	it('is kept if it is https, on whatever host', async () => {
		const document = { [name]: 'https://keys.example.net/x?y=1' };

		expect(await metadataOf(document)).toMatchObject(document);
		const aliases = { mtls_endpoint_aliases: document };
		expect(await metadataOf(aliases)).toMatchObject(aliases);
	});

	it('may be plain http on this machine if the issuer is there as well', async () => {
		const document = { [name]: 'http://127.0.0.1:8081/x' };

		for (const issuer of ['http://localhost:8080', 'https://idp.localhost', 'http://[::1]:8080']) {
			expect(await metadataOf(document, issuer)).toMatchObject(document);
		}
		const elsewhere = { [name]: 'http://idp.example.com/x' };
		expect(await metadataOf(elsewhere, 'http://localhost:8080')).not.toHaveProperty([name]);
	});
});

it('says that there is no token endpoint over https, and asks none', async () => {
	const server = serverOf({ token_endpoint: 'http://127.0.0.1:6379/' });

	const failure = await failureOf(
		server.requestTokens(client, { grantType: 'client_credentials', parameters: {} }),
	);

	expect(failure).toMatchObject({ code: 'DISCOVERY_FAILED', field: 'Token URL' });
	expect(failure.message).toContain('no token endpoint with an https:// address');
	expect(asked).toHaveLength(1);
});

it('sends nobody to an authorization endpoint that is not https', async () => {
	const server = serverOf({ authorization_endpoint: 'javascript:alert(document.domain)' });

	const failure = await failureOf(
		server.authorizationUrl({
			clientId: 'c',
			redirectUri: 'https://n8n.example.com/webhook/x/callback',
			scope: 'a',
			state: 's',
			resources: [],
			parameters: {},
		}),
	);

	expect(failure).toMatchObject({ code: 'DISCOVERY_FAILED', field: 'Authorization URL' });
});

const codeGrant: GrantRequest = {
	grantType: 'authorization_code',
	parameters: {},
	code: {
		response: new URLSearchParams('code=c&state=s'),
		redirectUri: 'https://n8n.example.com/webhook/x/callback',
		expectedState: 's',
		expectedNonce: 'n',
	},
};

it.each(['http://idp.example.com/jwks', 'http://127.0.0.1/jwks', undefined])(
	'redeems no code if the keys that verify the ID token are at %s',
	async (jwks) => {
		const server = serverOf({ token_endpoint: `${ISSUER}/token`, jwks_uri: jwks });

		const failure = await failureOf(server.requestTokens(client, codeGrant));

		expect(failure).toMatchObject({ code: 'DISCOVERY_FAILED', field: 'Issuer URL' });
		expect(failure.message).toContain('jwks_uri');
		expect(asked).toEqual([`${ISSUER}/.well-known/openid-configuration`]);
	},
);

it('reaches no service on this machine for an issuer elsewhere, over real connections', async () => {
	const certificate = selfSigned('idp.example.com');
	const distrust = trust(certificate);
	const local = await startServer((_, response) => response.end('{"keys":[]}'));
	const seen: string[] = [];
	const idp = await startServer(({ url = '' }, response) => {
		seen.push(url);
		const issuer = `https://idp.example.com:${idp.port}`;
		const token = { access_token: 'at', token_type: 'Bearer', id_token: UNSIGNED };
		const document = {
			issuer,
			token_endpoint: `${issuer}/token`,
			jwks_uri: `http://127.0.0.1:${local.port}/jwks`,
			introspection_endpoint: `http://127.0.0.1:${local.port}/introspect`,
		};
		response.setHeader('content-type', 'application/json');
		response.end(JSON.stringify(url === '/token' ? token : document));
	}, certificate);
	answerLookups(() => ['127.0.0.1']);
	const options = { now: Date.now, egress: createEgress(undefined, {}) };
	const issuer = `https://idp.example.com:${idp.port}`;
	const server = createAuthorizationServer({
		issuer,
		discovery: new Discovery(options),
		...options,
	});

	try {
		const failure = await failureOf(server.requestTokens(client, codeGrant));
		expect(failure.message).toContain('no jwks_uri with an https:// address');
		await expect(server.introspectExpiry(client, 'at')).resolves.toBeUndefined();

		expect(local.connections()).toBe(0);
		expect(seen).toEqual(['/.well-known/openid-configuration']);
	} finally {
		distrust();
		await Promise.all([idp.close(), local.close()]);
	}
});

it('shows no access token to an introspection endpoint that is not https', async () => {
	const server = serverOf({ introspection_endpoint: 'http://127.0.0.1:8080/introspect' });

	await expect(server.introspectExpiry(client, 'at')).resolves.toBeUndefined();

	expect(asked).toHaveLength(1);
});
