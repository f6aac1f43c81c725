import {
	authorizationCodeOf,
	type ClientAuthenticationMethod,
	type Connection,
} from '../config/connection';
import { ConfigurationError, ReconnectError } from '../errors';
import { refusedSince, type Bundle } from '../secrets/bundle';
import { sha256 } from '../secrets/pointer';
import type { SecretStore } from '../secrets/store';
import type { MayAsk } from '../tokens/lease';
import type { TokenRequest } from '../tokens/tokenSource';
import type { IssuedTokens } from '../tokens/tokenSet';
import type {
	AuthorizationRequest,
	AuthorizationServer,
	Client,
	CodeGrant,
	GrantRequest,
	IdTokenClaims,
	TokenResponse,
} from './authorizationServer';
import { CONNECT_AGAIN } from './classify';
import { clientSecretOf } from './clientSecret';

/** Where the token request of a connection goes. */
export interface TokenRequestOptions {
	readonly connection: Connection;
	readonly server: AuthorizationServer;
	/** Where a client secret reference is read. */
	readonly store: SecretStore;
}

/** What a person's consent brought. */
export interface Consented {
	readonly issued: IssuedTokens;
	/** Where the scope has `openid` and the provider is known by its issuer. */
	readonly claims?: IdTokenClaims;
}

/** The requests of one connection to its authorization server. */
export interface ConnectionRequests extends TokenRequest {
	/** The address for a person's consent. @throws ConfigurationError, ProviderError where it has to be discovered */
	authorizationUrl(
		request: Pick<AuthorizationRequest, 'state' | 'codeVerifier' | 'nonce'>,
	): Promise<URL>;
	/** Redeems an authorization code (RFC 6749 §4.1.3). @throws VaultedOAuth2Error */
	redeemCode(bundle: Bundle, code: Omit<CodeGrant, 'redirectUri'>): Promise<Consented>;
	/** See {@link AuthorizationServer.isFromHere}. */
	isFromHere(response: URLSearchParams): Promise<boolean>;
	/** True where an ID token is asked for, so that a nonce is needed. */
	readonly wantsIdToken: boolean;
}

/** Fingerprint of what a connection's tokens are asked for. */
function requestedFor(connection: Connection): string {
	const { grantType, clientId, issuer, tokenEndpoint, tokenParameters, resources } = connection;
	// What a person granted does not change with the form: a refresh asks for just that again.
	const scope = grantType === 'authorization_code' ? undefined : connection.scope;
	const parameters = Object.entries(tokenParameters).sort(([a], [b]) => (a < b ? -1 : 1));
	// The order of scopes means nothing (RFC 6749 §3.3).
	const scopes = scope?.split(' ').sort();
	const asked = [grantType, clientId, issuer, tokenEndpoint, scopes, parameters];
	return sha256(JSON.stringify(resources.length === 0 ? asked : [...asked, resources]));
}

function missingRefreshToken({ authorizationCode }: Connection, bundle: Bundle): Error {
	if (authorizationCode === undefined) {
		return new ConfigurationError('Refresh Token', 'none is stored. Type one and save.', {
			code: 'MISSING_FIELD',
		});
	}
	return bundle.tokenSet === undefined
		? notConnected()
		: new ReconnectError(
				`the provider gave no refresh token, so that the connection ended with its access token. Ask for one in the way the provider’s documentation says (often the scope offline_access, or access_type=offline in Additional Authorization Parameters). ${CONNECT_AGAIN}`,
				{ code: 'NO_REFRESH_TOKEN' },
			);
}

/** What was heard before need not be asked again. */
function refusedBefore({ authorizationCode }: Connection, since: number): ReconnectError {
	const again =
		authorizationCode === undefined
			? 'Authorize the connection again: type a new Refresh Token into the credential and save.'
			: CONNECT_AGAIN;
	return new ReconnectError(
		`the provider has refused the refresh token since ${new Date(since).toISOString()}: the consent was withdrawn or has expired, or the token was used elsewhere. ${again}`,
		{ code: 'INVALID_GRANT' },
	);
}

/** No person has consented yet. */
function notConnected(): ReconnectError {
	return new ReconnectError(
		'no account is connected yet. Run “Get Authorization URL” of the Vaulted OAuth2 node, or open the credential and save it, and follow the link.',
		{ code: 'NOT_CONNECTED', title: 'Not connected yet' },
	);
}

/** The requests of one connection; as a {@link TokenSource} sends them, and for a person's consent. */
export function createTokenRequest({
	connection,
	server,
	store,
}: TokenRequestOptions): ConnectionRequests {
	const fingerprint = requestedFor(connection);
	const rotates = connection.grantType !== 'client_credentials';
	const wantsIdToken =
		server.verifiesIdTokens && (connection.scope ?? '').split(' ').includes('openid');

	/** What to try: the chosen method; else the one that worked; else what discovery says; else Basic, then post. */
	async function candidates(bundle: Bundle): Promise<readonly ClientAuthenticationMethod[]> {
		if (connection.clientAuthentication !== 'automatic') return [connection.clientAuthentication];
		if (bundle.clientAuthentication !== undefined) return [bundle.clientAuthentication];
		const supported = (await server.supportedAuthentication()) ?? [];
		return supported.length > 0 ? supported : ['client_secret_basic', 'client_secret_post'];
	}

	/** One method after the other, going on only where the client was not recognised: then nothing was redeemed. */
	async function tryEach(
		client: Omit<Client, 'authentication'>,
		methods: readonly ClientAuthenticationMethod[],
		{ mayAsk, ...grant }: GrantRequest & { mayAsk?: MayAsk | undefined },
	): Promise<{ response: TokenResponse; authentication: ClientAuthenticationMethod }> {
		let refusal: unknown;
		for (const authentication of methods) {
			await mayAsk?.();
			try {
				return {
					response: await server.requestTokens({ ...client, authentication }, grant),
					authentication,
				};
			} catch (error) {
				if (!(error instanceof ConfigurationError) || error.code !== 'INVALID_CLIENT') throw error;
				refusal ??= error;
			}
		}
		throw refusal;
	}

	async function expiryOf(client: Client, response: TokenResponse): Promise<number | null> {
		const { expiresIn, sentAt, accessToken } = response;
		if (expiresIn !== undefined) return sentAt + expiresIn * 1000;
		if (connection.defaultLifetimeSeconds > 0)
			return sentAt + connection.defaultLifetimeSeconds * 1000;
		const introspected = await server.introspectExpiry(client, accessToken);
		return introspected !== undefined && introspected > sentAt ? introspected : null;
	}

	/** Sends one grant as the client, and says what came of it. */
	async function request(
		bundle: Bundle,
		grant: Pick<GrantRequest, 'grantType' | 'refreshToken' | 'code' | 'scope'> & {
			mayAsk?: MayAsk | undefined;
		},
	): Promise<Consented> {
		const clientSecret = await clientSecretOf(connection, bundle, store);
		const client = {
			clientId: connection.clientId,
			...(clientSecret === undefined ? {} : { clientSecret }),
		};
		const { response, authentication } = await tryEach(client, await candidates(bundle), {
			...grant,
			resources: connection.resources,
			parameters: connection.tokenParameters,
			byConsent: connection.authorizationCode !== undefined,
		});
		const { refreshToken, claims } = response;
		const issued: IssuedTokens = {
			tokenSet: {
				accessToken: response.accessToken,
				...(response.scope === undefined ? {} : { scope: response.scope }),
				issuedAt: response.sentAt,
				expiresAt: await expiryOf({ ...client, authentication }, response),
				requestedFor: fingerprint,
			},
			...(refreshToken === undefined || !rotates ? {} : { refreshToken }),
			...(connection.clientAuthentication === 'automatic'
				? { clientAuthentication: authentication }
				: {}),
		};
		return { issued, ...(claims === undefined ? {} : { claims }) };
	}

	return {
		requestedFor: fingerprint,
		rotates,
		wantsIdToken,

		same: (left, right) =>
			left.clientSecret === right.clientSecret &&
			left.refreshToken === right.refreshToken &&
			left.clientAuthentication === right.clientAuthentication,

		refused(bundle) {
			const since = refusedSince(bundle);
			return since === undefined ? undefined : { since, error: refusedBefore(connection, since) };
		},

		markRefused: ({ refreshToken }, at) =>
			refreshToken === undefined ? undefined : { at, refreshTokenSha256: sha256(refreshToken) },

		async send(bundle, mayAsk): Promise<IssuedTokens> {
			// RFC 6749 §6: a refresh that names no scope asks for what was granted, and a person may have granted less than was asked for.
			const scope =
				connection.authorizationCode !== undefined || connection.scope === undefined
					? {}
					: { scope: connection.scope };
			if (!rotates) {
				const { issued } = await request(bundle, { grantType: 'client_credentials', ...scope });
				return issued;
			}
			const { refreshToken } = bundle;
			if (refreshToken === undefined) throw missingRefreshToken(connection, bundle);
			const grantType = 'refresh_token';
			const { issued } = await request(bundle, { grantType, refreshToken, ...scope, mayAsk });
			return issued;
		},

		async authorizationUrl(asked): Promise<URL> {
			const { clientId, resources } = connection;
			const { redirectUri, scope, parameters } = authorizationCodeOf(connection);
			return await server.authorizationUrl({
				...asked,
				clientId,
				redirectUri,
				scope,
				parameters,
				resources,
			});
		},

		async redeemCode(bundle, code): Promise<Consented> {
			const { redirectUri } = authorizationCodeOf(connection);
			return await request(bundle, {
				grantType: 'authorization_code',
				code: { ...code, redirectUri },
			});
		},

		isFromHere: async (response) => await server.isFromHere(response),
	};
}
