import type { ClientAuthenticationMethod, Connection } from '../config/connection';
import { ConfigurationError } from '../errors';
import type { Bundle } from '../secrets/bundle';
import { sha256 } from '../secrets/pointer';
import type { SecretStore } from '../secrets/store';
import type { TokenRequest } from '../tokens/tokenSource';
import type { IssuedTokens, TokenSet } from '../tokens/tokenSet';
import type {
	AuthorizationServer,
	Client,
	GrantRequest,
	TokenResponse,
} from './authorizationServer';
import { clientSecretOf } from './clientSecret';

/** Where the token request of a connection goes. */
export interface TokenRequestOptions {
	readonly connection: Connection;
	readonly server: AuthorizationServer;
	/** Where a client secret reference is read. */
	readonly store: SecretStore;
}

/** Fingerprint of what a connection's tokens are asked for. */
function requestedFor(connection: Connection): string {
	const { grantType, clientId, issuer, tokenEndpoint, scope, tokenParameters } = connection;
	const parameters = Object.entries(tokenParameters).sort(([a], [b]) => (a < b ? -1 : 1));
	// The order of scopes means nothing (RFC 6749 §3.3).
	const scopes = scope?.split(' ').sort();
	return sha256(JSON.stringify([grantType, clientId, issuer, tokenEndpoint, scopes, parameters]));
}

function missingRefreshToken(): ConfigurationError {
	return new ConfigurationError('Refresh Token', 'none is stored. Type one and save.', {
		code: 'MISSING_FIELD',
	});
}

/** The token request of one connection, as a {@link TokenSource} sends it. */
export function createTokenRequest({
	connection,
	server,
	store,
}: TokenRequestOptions): TokenRequest {
	const fingerprint = requestedFor(connection);

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
		grant: GrantRequest,
	): Promise<{ response: TokenResponse; authentication: ClientAuthenticationMethod }> {
		let refusal: unknown;
		for (const authentication of methods) {
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

	return {
		requestedFor: fingerprint,
		rotates: connection.grantType === 'refresh_token',

		same: (left, right) =>
			left.clientSecret === right.clientSecret &&
			left.refreshToken === right.refreshToken &&
			left.clientAuthentication === right.clientAuthentication,

		async send(bundle): Promise<IssuedTokens> {
			const isRefresh = connection.grantType === 'refresh_token';
			if (isRefresh && bundle.refreshToken === undefined) throw missingRefreshToken();
			const clientSecret = await clientSecretOf(connection, bundle, store);
			const client = {
				clientId: connection.clientId,
				...(clientSecret === undefined ? {} : { clientSecret }),
			};
			const { response, authentication } = await tryEach(client, await candidates(bundle), {
				grantType: connection.grantType,
				...(isRefresh && bundle.refreshToken !== undefined
					? { refreshToken: bundle.refreshToken }
					: {}),
				...(connection.scope === undefined ? {} : { scope: connection.scope }),
				parameters: connection.tokenParameters,
			});
			const tokenSet: TokenSet = {
				accessToken: response.accessToken,
				...(response.scope === undefined ? {} : { scope: response.scope }),
				issuedAt: response.sentAt,
				expiresAt: await expiryOf({ ...client, authentication }, response),
				requestedFor: fingerprint,
			};
			return {
				tokenSet,
				...(response.refreshToken === undefined || !isRefresh
					? {}
					: { refreshToken: response.refreshToken }),
				...(connection.clientAuthentication === 'automatic'
					? { clientAuthentication: authentication }
					: {}),
			};
		},
	};
}
