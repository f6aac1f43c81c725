import { generateKeyPairSync, randomBytes, type JsonWebKey } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type {
	Client,
	ClientMetadata,
	Configuration,
	KoaContextWithOIDC,
	Provider,
} from 'oidc-provider' with { 'resolution-mode': 'import' };
import { encodeBasic, insistOnRegisteredMethod } from './clientAuthentication.ts';
import { listenOnLoopback } from './loopback.ts';
import { OAuthStore, type IssuedToken } from './oauthStore.ts';
import { TokenEndpoint, type TokenFault, type TokenRequest } from './tokenEndpoint.ts';

export interface OAuthClient {
	clientId: string;
	/** Required for `client_secret_basic` and `client_secret_post`. */
	clientSecret?: string;
	/** How the client has to authenticate; any other way is refused. `client_secret_basic` unless told. */
	authentication?:
		| 'client_secret_basic'
		| 'client_secret_post'
		| 'private_key_jwt'
		| 'self_signed_tls_client_auth'
		| 'tls_client_auth'
		| 'none';
	/** What `private_key_jwt` and `self_signed_tls_client_auth` are verified with. */
	publicKeys?: readonly JsonWebKey[];
	/** What the certificate for `tls_client_auth` has to be for. */
	certificateDnsName?: string;
	/** The only algorithm for `private_key_jwt`; any unless told. */
	signingAlgorithm?: NonNullable<ClientMetadata['token_endpoint_auth_signing_alg']>;
	/** With at least one, the client may use the authorization code grant. */
	redirectUris?: string[];
	/** Whether its authorization requests are refused unless they were pushed (RFC 9126). False unless told. */
	mustPush?: boolean;
	/** The scopes the client may ask for; any other is refused as `invalid_scope`. All unless told. */
	scope?: string;
}

export interface AuthorizationServerOptions {
	/** Any free one unless told. */
	port?: number;
	clients: readonly OAuthClient[];
	/** Scopes the server knows besides `openid` and `offline_access`; `api:read` and `api:write` unless told. */
	scopes?: readonly string[];
	/** Lifetime of access tokens; 3600 unless told. */
	accessTokenSeconds?: number;
	/** Whether a refresh answers with a new refresh token; reuse of the old one then revokes all of its grant. True unless told. */
	rotateRefreshTokens?: boolean;
	/** Whether client id and secret in Basic authentication are taken as they are, against RFC 6749 §2.3.1. False unless told. */
	unencodedBasic?: boolean;
	/** Login and consent pages that accept anybody, for a browser. False unless told. */
	loginPages?: boolean;
	/** Whether every authorization request has to be pushed, and the metadata say so. False unless told. */
	mustPush?: boolean;
	/** Proofs of possession (RFC 9449): offered, offered with a nonce of the server required in each, or not known. Offered unless told. */
	dpop?: 'offered' | 'withNonce' | 'unknown';
	/** Serves over TLS, and asks clients for a certificate. */
	tls?: { readonly cert: string; readonly key: string };
	/** Milliseconds since the epoch; what {@link AuthorizationServer.isActive} goes by. `Date.now` unless told. */
	now?: () => number;
}

export interface AuthorizationServer {
	readonly issuer: string;
	readonly authorizationEndpoint: string;
	readonly tokenEndpoint: string;
	readonly introspectionEndpoint: string;
	readonly revocationEndpoint: string;
	readonly userinfoEndpoint: string;

	/** Lifetime of the access tokens issued from now on. */
	accessTokenSeconds: number;
	rotateRefreshTokens: boolean;

	/** Gives the client another secret; the former one is refused from then on. */
	changeClientSecret(clientId: string, clientSecret: string): Promise<void>;
	/** A first refresh token for the client, as after a user's consent. `openid offline_access` and all API scopes unless told. */
	mintRefreshToken(clientId: string, scope?: string): Promise<string>;
	/** Whether a resource server should accept the access token now. */
	isActive(accessToken: string): boolean;
	/** Thumbprint of the key that an access token is bound to (RFC 9449 §6); undefined for a bearer token. */
	boundTo(accessToken: string): string | undefined;
	/** Revokes one token before its time, without a trace for whoever holds it. */
	revoke(token: string): void;
	/** Withdraws the consent a token came from: all its tokens are dead. */
	revokeGrantOf(token: string): void;

	/** Queues a fault for the token endpoint; the first one queued befalls the next request. */
	injectFault(fault: TokenFault): void;
	clearFaults(): void;

	/** Every token request that arrived, in order. */
	readonly tokenRequests: readonly TokenRequest[];
	/** How many token requests arrived, by grant type, by result, or both. */
	countTokenRequests(filter?: { grant?: string; result?: string }): number;
	/** Every token and code issued, in order. */
	readonly issued: readonly IssuedToken[];
	/** Every client secret, token and code this server knows of: what must not be found in logs, databases or answers. */
	confidential(): string[];

	close(): Promise<void>;
}

/** Seconds. */
const DAY = 24 * 60 * 60;

const BY_CERTIFICATE = ['self_signed_tls_client_auth', 'tls_client_auth'] as const;

/** Made once: an RSA key takes longer than everything else here together. */
let signingKey: JsonWebKey | undefined;

function makeSigningKey(): JsonWebKey {
	const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
	return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' };
}

function clientMetadata(client: OAuthClient): ClientMetadata {
	const redirectUris = client.redirectUris ?? [];
	const byCode = redirectUris.length > 0;
	return {
		client_id: client.clientId,
		...(client.clientSecret === undefined ? {} : { client_secret: client.clientSecret }),
		token_endpoint_auth_method: client.authentication ?? 'client_secret_basic',
		...(client.publicKeys === undefined ? {} : { jwks: { keys: [...client.publicKeys] } }),
		...(client.certificateDnsName === undefined
			? {}
			: { tls_client_auth_san_dns: client.certificateDnsName }),
		...(client.signingAlgorithm === undefined
			? {}
			: { token_endpoint_auth_signing_alg: client.signingAlgorithm }),
		grant_types: ['client_credentials', 'refresh_token', ...(byCode ? ['authorization_code'] : [])],
		response_types: byCode ? ['code'] : [],
		redirect_uris: redirectUris,
		require_pushed_authorization_requests: client.mustPush ?? false,
		...(client.scope === undefined ? {} : { scope: client.scope }),
	};
}

/** The library clones the clients it is given at its start, and under Jest takes the clone of a key for something else. */
function hasKeys({ publicKeys }: OAuthClient): boolean {
	return publicKeys !== undefined;
}

async function clientOf(provider: Provider, clientId: string): Promise<Client> {
	const client = await provider.Client.find(clientId);
	if (!client) throw new Error(`No client ${clientId} at this authorization server`);
	return client;
}

async function mint(provider: Provider, clientId: string, scope: string): Promise<string> {
	const client = await clientOf(provider, clientId);
	const accountId = 'test-user';
	const grant = new provider.Grant({ accountId, clientId });
	grant.addOIDCScope(scope);
	const grantId = await grant.save();
	const token = new provider.RefreshToken({
		client,
		accountId,
		grantId,
		scope,
		gty: 'authorization_code',
	});
	return await token.save();
}

/** The library warns of its login pages for development, which are just what is wanted here. Every other warning is passed on. */
function quietly<T>(create: () => T): T {
	const { warn } = console;
	console.warn = (...words: unknown[]) => {
		if (!words.join(' ').includes('devInteractions')) warn(...words);
	};
	try {
		return create();
	} finally {
		console.warn = warn;
	}
}

/**
 * A real OAuth 2.0 and OpenID Connect server (`oidc-provider`) on a loopback port: client credentials, refresh tokens, authorization
 * code, introspection (RFC 7662), revocation (RFC 7009), discovery; opaque tokens.
 */
export async function startAuthorizationServer(
	options: AuthorizationServerOptions,
): Promise<AuthorizationServer> {
	const { default: OidcProvider } = await import('oidc-provider');
	const now = options.now ?? Date.now;
	const store = new OAuthStore(now);
	const tokenEndpoint = new TokenEndpoint(now);
	const scopes = ['openid', 'offline_access', ...(options.scopes ?? ['api:read', 'api:write'])];
	const settings = {
		accessTokenSeconds: options.accessTokenSeconds ?? 3600,
		rotateRefreshTokens: options.rotateRefreshTokens ?? true,
	};

	for (const client of options.clients.filter(hasKeys))
		await store.adapter('Client').upsert(client.clientId, clientMetadata(client), Infinity);

	const configuration: Configuration = {
		adapter: (model) => store.adapter(model),
		clients: options.clients.filter((client) => !hasKeys(client)).map(clientMetadata),
		...(options.tls === undefined ? {} : { clientAuthMethods: [...BY_CERTIFICATE] }),
		scopes,
		cookies: { keys: [randomBytes(16).toString('hex')] },
		jwks: { keys: [(signingKey ??= makeSigningKey())] },
		claims: { openid: ['sub', 'name'] },
		findAccount: (_ctx, accountId) => ({
			accountId,
			claims: async () => ({ sub: accountId, name: 'Test User' }),
		}),
		features: {
			clientCredentials: { enabled: true },
			introspection: { enabled: true, allowedPolicy: async () => true },
			revocation: { enabled: true, allowedPolicy: async () => true },
			pushedAuthorizationRequests: {
				enabled: true,
				requirePushedAuthorizationRequests: options.mustPush ?? false,
			},
			dPoP: {
				enabled: options.dpop !== 'unknown',
				nonceSecret: randomBytes(32),
				requireNonce: () => options.dpop === 'withNonce',
			},
			mTLS: {
				enabled: options.tls !== undefined,
				selfSignedTlsClientAuth: true,
				tlsClientAuth: true,
				getCertificate: ({ socket }) => (socket as TLSSocket).getPeerX509Certificate()?.toString(),
				certificateAuthorized: ({ socket }) => (socket as TLSSocket).authorized,
				certificateSubjectMatches: ({ socket }, _property, expected) =>
					(socket as TLSSocket).getPeerX509Certificate()?.subjectAltName?.includes(expected) ??
					false,
			},
			devInteractions: { enabled: options.loginPages ?? false },
		},
		issueRefreshToken: async (_ctx, client, code) =>
			client.grantTypeAllowed('refresh_token') && code.scopes.has('offline_access'),
		rotateRefreshToken: () => settings.rotateRefreshTokens,
		ttl: {
			AccessToken: () => settings.accessTokenSeconds,
			ClientCredentials: () => settings.accessTokenSeconds,
			AuthorizationCode: 60,
			Grant: DAY,
			IdToken: 3600,
			Interaction: 3600,
			RefreshToken: DAY,
			Session: DAY,
		},
	};

	const server = await listenOnLoopback(options.port, options.tls);
	const provider = quietly(() => new OidcProvider(server.origin, configuration));
	insistOnRegisteredMethod(OidcProvider, provider);
	provider.use(async (ctx, next) => {
		if (options.unencodedBasic) {
			ctx.req.headers.authorization = encodeBasic(ctx.req.headers.authorization);
		}
		const isTokenRequest = ctx.path === '/token' && ctx.method === 'POST';
		// The provider adds what makes it a KoaContextWithOIDC in the next step.
		await (isTokenRequest ? tokenEndpoint.handle(ctx as KoaContextWithOIDC, next) : next());
	});
	const answer = provider.callback();
	server.serve((request, response) => void answer(request, response));

	const secrets = options.clients.flatMap((client) => client.clientSecret ?? []);
	return {
		issuer: server.origin,
		authorizationEndpoint: `${server.origin}/auth`,
		tokenEndpoint: `${server.origin}/token`,
		introspectionEndpoint: `${server.origin}/token/introspection`,
		revocationEndpoint: `${server.origin}/token/revocation`,
		userinfoEndpoint: `${server.origin}/me`,
		get accessTokenSeconds() {
			return settings.accessTokenSeconds;
		},
		set accessTokenSeconds(seconds) {
			settings.accessTokenSeconds = seconds;
		},
		get rotateRefreshTokens() {
			return settings.rotateRefreshTokens;
		},
		set rotateRefreshTokens(rotate) {
			settings.rotateRefreshTokens = rotate;
		},
		changeClientSecret: async (clientId, clientSecret) => {
			secrets.push(clientSecret);
			// Read-only by its type, because the library offers no such change; it reads the property at every request.
			Object.assign(await clientOf(provider, clientId), { clientSecret });
		},
		mintRefreshToken: async (clientId, scope = scopes.join(' ')) =>
			await mint(provider, clientId, scope),
		isActive: (accessToken) => store.isActive(accessToken),
		boundTo: (accessToken) => store.boundTo(accessToken),
		revoke: (token) => store.revoke(token),
		revokeGrantOf: (token) => store.revokeGrantOf(token),
		injectFault: (fault) => tokenEndpoint.inject(fault),
		clearFaults: () => tokenEndpoint.clearFaults(),
		tokenRequests: tokenEndpoint.requests,
		countTokenRequests: ({ grant, result } = {}) =>
			tokenEndpoint.requests.filter(
				(request) =>
					(grant === undefined || request.grant === grant) &&
					(result === undefined || request.result === result),
			).length,
		issued: store.issued,
		confidential: () => [
			...secrets,
			...store.issued.map(({ value }) => value),
			...tokenEndpoint.idTokens,
		],
		close: () => server.close(),
	};
}
