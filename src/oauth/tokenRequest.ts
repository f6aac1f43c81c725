import {
	authorizationCodeOf,
	type AuthorizationCodeSettings,
	type ClientAuthenticationMethod,
	type Connection,
} from '../config/connection';
import type { DpopKey } from '../config/dpopKey';
import { ConfigurationError, ReconnectError, type VaultedOAuth2Error } from '../errors';
import type { Bundle } from '../secrets/bundle';
import { sha256 } from '../secrets/pointer';
import type { SecretStore } from '../secrets/store';
import type { ReferencedSecret, SendOptions, TokenRequest } from '../tokens/tokenRequest';
import type { IssuedTokens } from '../tokens/tokenSet';
import type {
	AuthorizationRequest,
	AuthorizationServer,
	CodeGrant,
	GrantRequest,
	IdTokenClaims,
	TokenResponse,
} from './authorizationServer';
import { CONNECT_AGAIN } from './classify';
import type { Client } from './clientAuthentication';
import { clientOf } from './clientCredential';
import { readReference } from './clientSecret';
import { boundToKey, dpopKeyFor } from './dpopUse';
import { createReferenceGuard, type ReferencePolicy } from './references';
import type { IntrospectedToken, Introspection, UserInfo, UserInfoToken } from './tokenInformation';

/** Where the token request of a connection goes. */
export interface TokenRequestOptions {
	readonly connection: Connection;
	readonly server: AuthorizationServer;
	/** Where a client secret reference is read. */
	readonly store: SecretStore;
	/** Which references are allowed. Default: those whose tags say so. */
	readonly operator?: ReferencePolicy;
	/** Milliseconds since the epoch. */
	readonly now: () => number;
}

/** What a person's consent brought. */
export interface Consented {
	readonly issued: IssuedTokens;
	/** Where the scope has `openid` and the provider is known by its issuer. */
	readonly claims?: IdTokenClaims;
}

/** The requests of one connection to its authorization server. */
export interface ConnectionRequests extends TokenRequest {
	/**
	 * The address for a person's consent. If the request is pushed (RFC 9126) it is good once, and for as long as the provider says: often a minute.
	 *
	 * @param bundle read only if the request is pushed, for which the client authenticates, or the code is to be bound to a key
	 * @throws VaultedOAuth2Error
	 */
	authorizationUrl(
		request: Pick<AuthorizationRequest, 'state' | 'codeVerifier' | 'nonce'>,
		bundle: () => Promise<Bundle>,
	): Promise<URL>;
	/** What tokens are going to be bound to (RFC 9449); undefined if they are not. @throws as {@link AuthorizationServer.dpopAlgorithms} does */
	newDpopKey(): Promise<DpopKey | undefined>;
	/** Redeems an authorization code (RFC 6749 §4.1.3). @throws VaultedOAuth2Error */
	redeemCode(bundle: Bundle, code: Omit<CodeGrant, 'redirectUri'>): Promise<Consented>;
	/**
	 * Ends the grant of a bundle's tokens (RFC 7009): of the refresh token, and of the access tokens as far as the server takes them.
	 *
	 * @throws ConfigurationError also `NO_REVOCATION_ENDPOINT`, ProviderError, SecretStoreError of a referenced client secret
	 */
	revoke(bundle: Bundle): Promise<void>;
	/**
	 * What the provider says of a token of a bundle (RFC 7662).
	 *
	 * @throws ConfigurationError also `NO_INTROSPECTION_ENDPOINT`, ProviderError, SecretStoreError of a referenced client secret
	 */
	introspect(bundle: Bundle, token: IntrospectedToken): Promise<Introspection>;
	/**
	 * Whom an access token is for (OpenID Connect Core 1.0 §5.3); undefined if the provider does not take the token any more.
	 *
	 * @throws ConfigurationError also `NO_USERINFO_ENDPOINT`, ProviderError, SecretStoreError of a referenced client secret
	 */
	userInfo(bundle: Bundle, token: UserInfoToken): Promise<UserInfo | undefined>;
	/** See {@link AuthorizationServer.isFromHere}. */
	isFromHere(response: URLSearchParams): Promise<boolean>;
	/** True where an ID token is asked for, so that a nonce is needed. */
	readonly wantsIdToken: boolean;
}

async function isPushed(
	pushed: AuthorizationCodeSettings['pushed'],
	server: AuthorizationServer,
): Promise<boolean> {
	if (pushed === 'always' || pushed === 'never') return pushed === 'always';
	const { offered, required } = await server.pushedRequests();
	return pushed === 'ifOffered' ? offered : required;
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
	const { clientSecretSource, dpop } = connection;
	return sha256(
		JSON.stringify([
			...asked,
			...(resources.length === 0 ? [] : [resources]),
			// Another reference has to prove itself at once, not when the token ends.
			...(clientSecretSource.kind === 'reference' ? [clientSecretSource] : []),
			...(dpop === 'never' ? [] : [{ dpop }]),
		]),
	);
}

function missingRefreshToken(
	{ authorizationCode }: Connection,
	bundle: Bundle,
): VaultedOAuth2Error {
	if (authorizationCode === undefined) {
		return new ConfigurationError('Refresh Token', 'none is stored. Type one and save.', {
			code: 'MISSING_FIELD',
		});
	}
	return bundle.tokenSets.length === 0
		? notConnected()
		: new ReconnectError(
				`the provider gave no refresh token, so the connection ended with its access token. Ask for one in the way the provider’s documentation says (often the scope offline_access, or access_type=offline in Additional Authorization Parameters). ${CONNECT_AGAIN}`,
				{ code: 'NO_REFRESH_TOKEN' },
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
	operator = {},
	now,
}: TokenRequestOptions): ConnectionRequests {
	const reading = {
		store,
		guard: createReferenceGuard(store, operator, now),
		/** What the issuer describes further, such as introspection, is as trusted as the issuer. */
		hosts: async () => {
			const { issuer, revocationEndpoint } = connection;
			const further = [issuer, revocationEndpoint].filter((address) => address !== undefined);
			return [...new Set([await server.tokenHost(), ...further.map((url) => new URL(url).host)])];
		},
	};
	const fingerprint = requestedFor(connection);
	const usesRefreshToken = connection.grantType !== 'client_credentials';
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
	async function tryEach<T>(
		client: Omit<Client, 'authentication'>,
		methods: readonly ClientAuthenticationMethod[],
		send: (client: Client) => Promise<T>,
	): Promise<{ response: T; authentication: ClientAuthenticationMethod }> {
		let refusal: unknown;
		for (const authentication of methods) {
			try {
				return { response: await send({ ...client, authentication }), authentication };
			} catch (error) {
				if (!(error instanceof ConfigurationError) || error.code !== 'INVALID_CLIENT') throw error;
				refusal ??= error;
			}
		}
		throw refusal;
	}

	/** The client for one request; what it refers to is read now unless it was read before. */
	async function clientFor(
		bundle: Bundle,
		reference: ReferencedSecret | undefined,
	): Promise<Omit<Client, 'authentication'>> {
		const read = reference ?? (await readReference(connection, reading));
		return clientOf(connection, bundle, read);
	}

	/** The client once it has tokens: how it authenticates was found out when it got them. */
	async function knownClient(bundle: Bundle, reference?: ReferencedSecret): Promise<Client> {
		const [authentication = 'none'] = await candidates(bundle);
		return { ...(await clientFor(bundle, reference)), authentication };
	}

	/** The end of a new token in milliseconds since the epoch, or null: the server named none. */
	function expiryOf({ expiresIn, sentAt }: TokenResponse): number | null {
		const seconds = expiresIn ?? connection.defaultLifetimeSeconds;
		return seconds > 0 ? sentAt + seconds * 1000 : null;
	}

	/** Sends one grant as the client, and says what came of it. */
	async function request(
		bundle: Bundle,
		grant: Pick<GrantRequest, 'grantType' | 'refreshToken' | 'code' | 'scope'>,
		{ reference, beforeSend }: SendOptions = {},
	): Promise<Consented> {
		const asking = await clientFor(bundle, reference);
		const methods = await candidates(bundle);
		const dpopKey = await dpopKeyFor(connection, bundle, server);
		const { response, authentication } = await tryEach(asking, methods, async (client) => {
			await beforeSend?.();
			return await server.requestTokens(client, {
				...grant,
				resources: connection.resources,
				parameters: connection.tokenParameters,
				...(dpopKey === undefined ? {} : { dpopKey }),
				byConsent: connection.authorizationCode !== undefined,
			});
		});
		const { refreshToken, claims } = response;
		const issued: IssuedTokens = {
			tokenSet: {
				accessToken: response.accessToken,
				...(response.scope === undefined ? {} : { scope: response.scope }),
				issuedAt: response.sentAt,
				expiresAt: expiryOf(response),
				requestedFor: fingerprint,
				...(dpopKey === undefined || !response.isBound ? {} : { dpopKey }),
			},
			...(refreshToken === undefined || !usesRefreshToken ? {} : { refreshToken }),
			...(connection.clientAuthentication === 'automatic'
				? { clientAuthentication: authentication }
				: {}),
		};
		return { issued, ...(claims === undefined ? {} : { claims }) };
	}

	return {
		requestedFor: fingerprint,
		usesRefreshToken,
		wantsIdToken,

		digest: ({ clientSecret, privateKey, refreshToken, clientAuthentication, dpopKey }) => {
			const sent = [fingerprint, clientSecret, refreshToken, clientAuthentication];
			const { assertion, dpop } = connection;
			return sha256(
				JSON.stringify([
					...sent,
					...(privateKey === undefined ? [] : [privateKey, assertion]),
					...(dpop === 'never' || dpopKey === undefined ? [] : [{ jkt: dpopKey.kid }]),
				]),
			);
		},

		readReference: async () => await readReference(connection, reading),

		missing: (bundle) =>
			usesRefreshToken && bundle.refreshToken === undefined
				? missingRefreshToken(connection, bundle)
				: boundToKey(connection, bundle),

		newDpopKey: async () => await dpopKeyFor(connection, {}, server),

		async send(bundle, options): Promise<IssuedTokens> {
			// RFC 6749 §6: a refresh that names no scope asks for what was granted, and a person may have granted less than was asked for.
			const scope =
				connection.authorizationCode !== undefined || connection.scope === undefined
					? {}
					: { scope: connection.scope };
			const { refreshToken } = bundle;
			if (!usesRefreshToken)
				return (await request(bundle, { grantType: 'client_credentials', ...scope }, options))
					.issued;
			if (refreshToken === undefined) throw missingRefreshToken(connection, bundle);
			const bound = boundToKey(connection, bundle);
			if (bound !== undefined) throw bound;
			return (
				await request(bundle, { grantType: 'refresh_token', refreshToken, ...scope }, options)
			).issued;
		},

		async findExpiry({ accessToken, issuedAt }, bundle, { reference }) {
			try {
				const asking = await knownClient(bundle, reference);
				const found = await server.introspectExpiry(asking, accessToken);
				return found !== undefined && found > issuedAt ? found : undefined;
			} catch {
				// Only a better guess at the lifetime is lost: the token is used until it is refused.
				return undefined;
			}
		},

		async authorizationUrl(asked, bundle): Promise<URL> {
			const { clientId, resources, dpop } = connection;
			const { redirectUri, scope, parameters, formPost, pushed } = authorizationCodeOf(connection);
			const client = { clientId, redirectUri, scope, parameters, formPost, resources };
			const dpopJkt = dpop === 'never' ? undefined : (await bundle()).dpopKey?.kid;
			const bound = dpopJkt === undefined ? {} : { dpopJkt };
			const request = { ...asked, ...client, ...bound };
			if (!(await isPushed(pushed, server))) return await server.authorizationUrl(request);
			const sealed = await bundle();
			const asking = await clientFor(sealed, undefined);
			const { response } = await tryEach(
				asking,
				await candidates(sealed),
				async (client) => await server.pushedAuthorizationUrl(client, request),
			);
			return response;
		},

		async redeemCode(bundle, code): Promise<Consented> {
			const { redirectUri } = authorizationCodeOf(connection);
			return await request(bundle, {
				grantType: 'authorization_code',
				code: { ...code, redirectUri },
			});
		},

		async revoke(bundle): Promise<void> {
			const asking = await knownClient(bundle);
			const { refreshToken, tokenSets } = bundle;
			const ended = refreshToken !== undefined;
			if (ended) await server.revokeToken(asking, { token: refreshToken, hint: 'refresh_token' });
			for (const { accessToken: token } of tokenSets) {
				try {
					await server.revokeToken(asking, { token, hint: 'access_token' });
				} catch (error) {
					// RFC 7009 §2.2.1: a server need not take access tokens; with the refresh token the grant has ended.
					if (!ended) throw error;
				}
			}
		},

		introspect: async (bundle, token) => await server.introspect(await knownClient(bundle), token),

		userInfo: async (bundle, token) => await server.userInfo(await knownClient(bundle), token),

		isFromHere: async (response) => await server.isFromHere(response),
	};
}
