import type { Configuration, CustomFetch, DPoPHandle } from 'openid-client';

import type { ClientAuthenticationMethod, GrantType } from '../config/connection';
import type { DpopKey } from '../config/dpopKey';
import { ConfigurationError } from '../errors';
import type { Client } from './clientAuthentication';
import { beginRequest, configure, loadLibrary, type OpenIdClient } from './clientRequest';
import type { Discovery } from './discovery';
import { DpopHandles } from './dpop';
import { Endpoints } from './endpoints';
import type { ExchangeOptions } from './exchange';
import { authorizationParameters, grantParameters, responseUrl } from './requestParameters';
import {
	askUserInfo,
	introspectToken,
	type IntrospectedToken,
	type Introspection,
	type UserInfo,
	type UserInfoToken,
} from './tokenInformation';
import { readExpiry } from './tokenResponse';

/** An authorization response (RFC 6749 §4.1.2) and what it has to fit. */
export interface CodeGrant {
	/** The parameters the person came back with. */
	readonly response: URLSearchParams;
	/** As in the authorization request. */
	readonly redirectUri: string;
	readonly expectedState: string;
	/** RFC 7636 §4.1; absent where PKCE is off. */
	readonly codeVerifier?: string;
	/** Set where an ID token was asked for: it has to be there and to be right (OpenID Connect Core 1.0 §3.1.3.7). */
	readonly expectedNonce?: string;
}

/** A token request (RFC 6749 §4.1.3, §4.4.2 or §6). */
export interface GrantRequest {
	readonly grantType: GrantType;
	readonly refreshToken?: string;
	readonly code?: CodeGrant;
	readonly scope?: string;
	/** RFC 8707. */
	readonly resources?: readonly string[];
	readonly parameters: Readonly<Record<string, string>>;
	/** What the tokens are to be bound to (RFC 9449 §5); absent: bearer tokens are asked for. */
	readonly dpopKey?: DpopKey;
	/** True where lost consent is renewed by a link. */
	readonly byConsent?: boolean;
}

/** An authorization request (RFC 6749 §4.1.1). */
export interface AuthorizationRequest {
	readonly clientId: string;
	readonly redirectUri: string;
	readonly scope: string;
	readonly state: string;
	readonly resources: readonly string[];
	/** RFC 7636 §4.1; absent where PKCE is off. */
	readonly codeVerifier?: string;
	readonly nonce?: string;
	/** Thumbprint of the key that the code is bound to (RFC 9449 §10). */
	readonly dpopJkt?: string;
	/** OAuth 2.0 Form Post Response Mode. */
	readonly formPost?: boolean;
	readonly parameters: Readonly<Record<string, string>>;
}

/** Claims of a validated ID token (OpenID Connect Core 1.0 §2). */
export type IdTokenClaims = Readonly<Record<string, unknown>> & { readonly sub: string };

/** What the authorization server issued (RFC 6749 §5.1). */
export interface TokenResponse {
	readonly accessToken: string;
	readonly refreshToken?: string;
	readonly scope?: string;
	/** Seconds, counted from `sentAt`; undefined where the server named none. */
	readonly expiresIn: number | undefined;
	/** Milliseconds since the epoch. */
	readonly sentAt: number;
	/** True if the tokens are bound to the key they were asked for with. */
	readonly isBound: boolean;
	/** Where an ID token was asked for. */
	readonly claims?: IdTokenClaims;
}

/** The port of an authorization server. */
export interface AuthorizationServer {
	/** Sends one token request. @throws VaultedOAuth2Error of any class but `secretStore` */
	requestTokens(client: Client, grant: GrantRequest): Promise<TokenResponse>;
	/** Host of the token endpoint, with its port unless that is the scheme's own. @throws ConfigurationError, ProviderError where it has to be discovered */
	tokenHost(): Promise<string>;
	/** The address a person is sent to for consent. @throws ConfigurationError, ProviderError where it has to be discovered first */
	authorizationUrl(request: AuthorizationRequest): Promise<URL>;
	/** The same, with the request sent beforehand (RFC 9126): nothing of it but a reference is in the address. @throws VaultedOAuth2Error */
	pushedAuthorizationUrl(client: Client, request: AuthorizationRequest): Promise<URL>;
	/** Whether the server's metadata offers to take authorization requests so, or requires it (RFC 9126 §5). @throws ConfigurationError, ProviderError */
	pushedRequests(): Promise<{ readonly offered: boolean; readonly required: boolean }>;
	/**
	 * Whether an authorization response comes from this server (RFC 9207 §2.4). True where neither side names an issuer: then the redirect URI,
	 * which no other connection has, tells servers apart.
	 */
	isFromHere(response: URLSearchParams): Promise<boolean>;
	/** True where an ID token of this server can be verified: its keys are known by discovery. */
	readonly verifiesIdTokens: boolean;
	/** Client authentication the server says it supports, in this package's order of preference; undefined where it does not say. */
	supportedAuthentication(): Promise<ClientAuthenticationMethod[] | undefined>;
	/** Algorithms for proofs of possession that the server says it takes (RFC 9449 §5.1); undefined if it says nothing of them. */
	dpopAlgorithms(): Promise<readonly string[] | undefined>;
	/**
	 * End of an access token in milliseconds since the epoch (RFC 7662 §2.2 `exp`): in the future, and at most ten years ahead. Undefined if the
	 * server has no introspection endpoint or gives no usable answer.
	 */
	introspectExpiry(client: Client, accessToken: string): Promise<number | undefined>;
	/** As {@link introspectToken} does. */
	introspect(client: Client, token: IntrospectedToken): Promise<Introspection>;
	/** As {@link askUserInfo} does. */
	userInfo(client: Client, token: UserInfoToken): Promise<UserInfo | undefined>;
	/**
	 * Revokes a token (RFC 7009 §2.1). Without effect for one that is not good any more.
	 *
	 * @throws ConfigurationError `NO_REVOCATION_ENDPOINT` if none is known, ProviderError
	 */
	revokeToken(client: Client, revoked: RevokedToken): Promise<void>;
}

/** RFC 7009 §2.1, RFC 7662 §2.1 `token_type_hint`. */
export type TokenKind = 'refresh_token' | 'access_token';

/** A token to be revoked. */
export interface RevokedToken {
	readonly token: string;
	readonly hint: TokenKind;
}

/** Where an authorization server is, and how to reach it. */
export interface AuthorizationServerOptions extends ExchangeOptions {
	/** At least one of `issuer` and `tokenEndpoint`. */
	readonly issuer?: string;
	readonly tokenEndpoint?: string;
	readonly authorizationEndpoint?: string;
	readonly revocationEndpoint?: string;
	/** Shared by all connections of one process. */
	readonly discovery: Discovery;
}

/** Building an address asks nobody. */
const noRequest: CustomFetch = () => Promise.reject(new Error('No request was expected'));

interface Sending {
	readonly library: OpenIdClient;
	readonly configuration: Configuration;
	readonly DPoP: DPoPHandle | undefined;
	readonly hasIssuer: boolean;
}

async function send(
	{ library, configuration, DPoP, hasIssuer }: Sending,
	grant: GrantRequest,
): ReturnType<OpenIdClient['authorizationCodeGrant']> {
	const { code, refreshToken = '' } = grant;
	const parameters = grantParameters(grant);
	const proven = DPoP === undefined ? {} : { DPoP };
	if (code !== undefined) {
		const { codeVerifier, expectedNonce, expectedState } = code;
		return await library.authorizationCodeGrant(
			configuration,
			responseUrl(code, hasIssuer),
			{
				expectedState,
				...(codeVerifier === undefined ? {} : { pkceCodeVerifier: codeVerifier }),
				...(expectedNonce === undefined ? {} : { expectedNonce }),
			},
			parameters,
			proven,
		);
	}
	return grant.grantType === 'refresh_token'
		? await library.refreshTokenGrant(configuration, refreshToken, parameters, proven)
		: await library.clientCredentialsGrant(configuration, parameters, proven);
}

/** An authorization server reached through openid-client. Its metadata is discovered when it is first needed. */
export function createAuthorizationServer(
	options: AuthorizationServerOptions,
): AuthorizationServer {
	const { issuer, tokenEndpoint, revocationEndpoint, now } = options;
	const endpoints = new Endpoints(options);
	const handles = new DpopHandles();

	return {
		verifiesIdTokens: issuer !== undefined,

		tokenHost: async () => new URL(await endpoints.address('token_endpoint')).host,

		async requestTokens(client, grant) {
			const address = await endpoints.address('token_endpoint', client);
			const { code, refreshToken, dpopKey } = grant;
			const wantsIdToken = code?.expectedNonce !== undefined;
			// What verifies an answer with a person behind it is discovered: issuer, keys, algorithms.
			const discovered = code === undefined ? undefined : await endpoints.metadata();
			if (wantsIdToken && discovered?.jwks_uri === undefined) {
				throw new ConfigurationError(
					'Issuer URL',
					'the issuer describes no jwks_uri with an https:// address, so its ID token cannot be verified. Let the provider correct its metadata, or remove openid from Scope.',
					{ code: 'DISCOVERY_FAILED' },
				);
			}
			const { library, configuration, exchange } = await beginRequest(options, endpoints, {
				client,
				address,
				metadata: { ...discovered, token_endpoint: address },
				context: {
					field: tokenEndpoint === undefined ? 'Issuer URL' : 'Token URL',
					grantType: grant.grantType,
					byConsent: grant.byConsent,
					keepIdToken: wantsIdToken,
					isProven: dpopKey !== undefined,
				},
				secrets: [refreshToken, code?.response.get('code') ?? undefined, code?.codeVerifier],
				answer: (exchange) => exchange.tokenOrKeys(address),
			});
			if (wantsIdToken) library.enableNonRepudiationChecks(configuration);
			const DPoP = dpopKey && (await handles.of(library, configuration, dpopKey));
			try {
				const tokens = await send(
					{ library, configuration, DPoP, hasIssuer: issuer !== undefined },
					grant,
				);
				const claims = wantsIdToken ? tokens.claims() : undefined;
				return {
					accessToken: tokens.access_token,
					...(tokens.refresh_token === undefined ? {} : { refreshToken: tokens.refresh_token }),
					...(tokens.scope === undefined ? {} : { scope: tokens.scope }),
					expiresIn: exchange.expiresIn,
					sentAt: exchange.sentAt,
					isBound: exchange.isBound,
					...(claims === undefined ? {} : { claims }),
				};
			} catch {
				throw endpoints.failureAt('token_endpoint', exchange);
			}
		},

		async authorizationUrl(request) {
			const library = await loadLibrary();
			const configuration = await configure(options, {
				clientId: request.clientId,
				metadata: { authorization_endpoint: await endpoints.address('authorization_endpoint') },
				send: noRequest,
			});
			return library.buildAuthorizationUrl(
				configuration,
				await authorizationParameters(library, request),
			);
		},

		async pushedAuthorizationUrl(client, request) {
			const address = await endpoints.address('pushed_authorization_request_endpoint', client);
			const { library, configuration, exchange } = await beginRequest(options, endpoints, {
				client,
				address,
				metadata: {
					authorization_endpoint: await endpoints.address('authorization_endpoint'),
					pushed_authorization_request_endpoint: address,
				},
				context: { grantType: 'authorization_code', wanted: 'a request_uri' },
				secrets: [request.state, request.nonce],
				answer: ({ pushed }) => pushed,
			});
			try {
				return await library.buildAuthorizationUrlWithPAR(
					configuration,
					await authorizationParameters(library, request),
				);
			} catch {
				throw endpoints.failureAt('pushed_authorization_request_endpoint', exchange);
			}
		},

		async pushedRequests() {
			const described = await endpoints.metadata();
			const required = described?.require_pushed_authorization_requests === true;
			const endpoint = described?.pushed_authorization_request_endpoint;
			return { required, offered: required || endpoint !== undefined };
		},

		async isFromHere(response) {
			const described = await endpoints.metadata();
			if (described === undefined) return true;
			const named = response.get('iss');
			if (named !== null) return named === described.issuer;
			return described.authorization_response_iss_parameter_supported !== true;
		},

		async supportedAuthentication() {
			const names = (await endpoints.metadata())?.token_endpoint_auth_methods_supported;
			// RFC 8414 §2: where it is left out, client_secret_basic is meant; many servers leave it out without meaning that.
			if (!Array.isArray(names)) return undefined;
			return (['client_secret_basic', 'client_secret_post'] as const).filter((method) =>
				names.includes(method),
			);
		},

		async dpopAlgorithms() {
			const names = (await endpoints.metadata())?.dpop_signing_alg_values_supported;
			return Array.isArray(names) ? names : undefined;
		},

		async revokeToken(client, { token, hint }) {
			const address = await endpoints.find('revocation_endpoint', client);
			if (address === undefined) {
				throw new ConfigurationError(
					'Revocation URL',
					'it is empty, and the provider describes no revocation endpoint. Fill it in if the provider’s documentation names one; otherwise end the access in the account’s settings at the provider.',
					{ code: 'NO_REVOCATION_ENDPOINT' },
				);
			}
			const { library, configuration, exchange } = await beginRequest(options, endpoints, {
				client,
				address,
				metadata: { revocation_endpoint: address },
				context: {
					field: revocationEndpoint === undefined ? 'Issuer URL' : 'Revocation URL',
					grantType: 'refresh_token',
				},
				secrets: [token],
				answer: ({ asClient }) => asClient,
			});
			try {
				await library.tokenRevocation(configuration, token, { token_type_hint: hint });
			} catch {
				throw exchange.toError();
			}
		},

		async introspectExpiry(client, accessToken) {
			try {
				const asked = { token: accessToken, hint: 'access_token' } as const;
				const { active, exp } = await introspectToken({ options, endpoints, client }, asked);
				return active ? readExpiry(exp, now()) : undefined;
			} catch {
				// Only a better guess at the lifetime is lost: the token is used until it is refused.
				return undefined;
			}
		},

		introspect: async (client, token) =>
			await introspectToken({ options, endpoints, client }, token),

		userInfo: async (client, token) =>
			await askUserInfo({ options, endpoints, client }, token, handles),
	};
}
