import type { ClientAuth, Configuration, CustomFetch, ServerMetadata } from 'openid-client';

import type { ClientAuthenticationMethod, GrantType } from '../config/connection';
import { ConfigurationError, type VaultedOAuth2Error } from '../errors';
import type { Egress } from '../http/egress';
import { Redactor } from '../redact';
import {
	authenticate,
	invalidClient,
	type AssertionTarget,
	type Client,
} from './clientAuthentication';
import type { Discovery } from './discovery';
import { Exchange, TIMEOUT_MS, type ExchangeOptions } from './exchange';
import { authorizationParameters, grantParameters, responseUrl } from './requestParameters';
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
	/** True if the server takes authorization requests only so (RFC 9126 §5). @throws ConfigurationError, ProviderError */
	requiresPushedRequests(): Promise<boolean>;
	/**
	 * Whether an authorization response comes from this server (RFC 9207 §2.4). True where neither side names an issuer: then the redirect URI,
	 * which no other connection has, tells servers apart.
	 */
	isFromHere(response: URLSearchParams): Promise<boolean>;
	/** True where an ID token of this server can be verified: its keys are known by discovery. */
	readonly verifiesIdTokens: boolean;
	/** Client authentication the server says it supports, in this package's order of preference; undefined where it does not say. */
	supportedAuthentication(): Promise<ClientAuthenticationMethod[] | undefined>;
	/**
	 * End of an access token in milliseconds since the epoch (RFC 7662 §2.2 `exp`): in the future, and at most ten years ahead. Undefined if the
	 * server has no introspection endpoint or gives no usable answer.
	 */
	introspectExpiry(client: Client, accessToken: string): Promise<number | undefined>;
	/**
	 * Revokes a token (RFC 7009 §2.1). Without effect for one that is not good any more.
	 *
	 * @throws ConfigurationError `NO_REVOCATION_ENDPOINT` if none is known, ProviderError
	 */
	revokeToken(client: Client, revoked: RevokedToken): Promise<void>;
}

/** A token to be revoked. */
export interface RevokedToken {
	readonly token: string;
	/** RFC 7009 §2.1 `token_type_hint`. */
	readonly hint: 'refresh_token' | 'access_token';
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

type OpenIdClient = typeof import('openid-client');

const ENDPOINTS = {
	token_endpoint: { field: 'Token URL', what: 'token endpoint', wayOut: 'Fill in Token URL.' },
	authorization_endpoint: {
		field: 'Authorization URL',
		what: 'authorization endpoint',
		wayOut: 'Fill in Authorization URL.',
	},
	pushed_authorization_request_endpoint: {
		field: 'Pushed Authorization Request',
		what: 'endpoint for pushed requests',
		wayOut: 'Choose Never, or fill in the Issuer URL of a provider that has one.',
	},
} as const;
type EndpointKind = keyof typeof ENDPOINTS;

/** Codes which mean that an endpoint is not where the issuer's document says. */
const WRONG_ADDRESS: ReadonlySet<string> = new Set(['ENDPOINT_NOT_FOUND', 'REDIRECTED']);

/** An endpoint as the issuer describes it; for a client with a certificate at the address that asks for one (RFC 8705 §5). */
function addressIn(
	metadata: ServerMetadata | undefined,
	kind: EndpointKind | 'introspection_endpoint' | 'revocation_endpoint',
	client?: Client,
): string | undefined {
	const usesAlias = client?.authentication === 'tls_client_auth';
	const alias = usesAlias ? metadata?.mtls_endpoint_aliases?.[kind] : undefined;
	return alias ?? metadata?.[kind];
}

/** openid-client is ESM and only needed once tokens are asked for. */
const load = async (): Promise<OpenIdClient> => await import('openid-client');

/** Building an address asks nobody. */
const noRequest: CustomFetch = () => Promise.reject(new Error('No request was expected'));

interface Authenticated {
	readonly auth: ClientAuth;
	/** What is secret of it; grows with the request. */
	readonly sent: readonly (string | undefined)[];
	readonly exchangeOptions: ExchangeOptions;
}

interface Sending {
	readonly library: OpenIdClient;
	readonly configuration: Configuration;
	readonly hasIssuer: boolean;
}

async function send(
	{ library, configuration, hasIssuer }: Sending,
	grant: GrantRequest,
): ReturnType<OpenIdClient['authorizationCodeGrant']> {
	const { code, refreshToken = '' } = grant;
	const parameters = grantParameters(grant);
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
		);
	}
	return grant.grantType === 'refresh_token'
		? await library.refreshTokenGrant(configuration, refreshToken, parameters)
		: await library.clientCredentialsGrant(configuration, parameters);
}

/** An authorization server reached through openid-client. Its metadata is discovered when it is first needed. */
export function createAuthorizationServer(
	options: AuthorizationServerOptions,
): AuthorizationServer {
	const { issuer, tokenEndpoint, authorizationEndpoint, revocationEndpoint } = options;
	const { discovery, now } = options;
	const entered: Partial<Record<EndpointKind, string | undefined>> = {
		token_endpoint: tokenEndpoint,
		authorization_endpoint: authorizationEndpoint,
	};

	/** The address in the form, else the discovered one; for a client with a certificate that of RFC 8705 §5. */
	async function endpoint(kind: EndpointKind, client?: Client): Promise<string> {
		const { field, what, wayOut } = ENDPOINTS[kind];
		const described = issuer === undefined ? undefined : discovery.metadata(issuer);
		const address = entered[kind] ?? addressIn(await described, kind, client);
		if (address !== undefined) return address;
		throw new ConfigurationError(
			field,
			`the issuer describes no ${what} with an https:// address. ${wayOut}`,
			{ code: 'DISCOVERY_FAILED' },
		);
	}

	/** Why a request failed; an address that is wrong is looked for again. */
	function failureAt(kind: EndpointKind, exchange: Exchange): VaultedOAuth2Error {
		const failure = exchange.toError();
		const isDiscovered = entered[kind] === undefined && issuer !== undefined;
		if (isDiscovered && WRONG_ADDRESS.has(failure.code)) discovery.invalidate(issuer);
		return failure;
	}

	/** What a client assertion has to say. The address that a person entered is where it goes, and many servers want just that. */
	async function assertionTarget(): Promise<AssertionTarget> {
		if (tokenEndpoint !== undefined) return { audience: tokenEndpoint, algorithms: [] };
		const { issuer: audience, token_endpoint_auth_signing_alg_values_supported: algorithms } =
			await discovery.metadata(issuer ?? '');
		return { audience, algorithms: Array.isArray(algorithms) ? algorithms : [] };
	}

	/** How the client authenticates its request to `address`, what it goes through, and what it sends that nobody may see. */
	async function authenticated(client: Client, address: string): Promise<Authenticated> {
		const { auth, tls } = await authenticate(await load(), client, {
			target: assertionTarget,
			now,
		});
		const { egress } = options;
		const sent = [client.clientSecret];
		const observed: Egress = {
			...egress,
			request: async (url, request) => {
				// The key set of the same issuer is asked for without a certificate.
				if (url !== address) return await egress.request(url, request);
				sent.push(new URLSearchParams(request.body).get('client_assertion') ?? undefined);
				return await egress.request(url, { ...request, tls });
			},
		};
		return { auth, sent, exchangeOptions: { ...options, egress: observed } };
	}

	/** A client of this server, for requests to `endpoints`. */
	async function configure(
		{ clientId, auth }: { clientId: string; auth?: ClientAuth },
		endpoints: Partial<ServerMetadata>,
		send: CustomFetch,
	): Promise<Configuration> {
		const library = await load();
		const configuration = new library.Configuration(
			{ issuer: issuer ?? new URL(tokenEndpoint ?? '').origin, ...endpoints },
			clientId,
			{},
			auth ?? library.None(),
		);
		configuration.timeout = TIMEOUT_MS / 1000;
		configuration[library.customFetch] = send;
		// Every address was checked: https, or http to this machine itself.
		library.allowInsecureRequests(configuration);
		return configuration;
	}

	return {
		verifiesIdTokens: issuer !== undefined,

		tokenHost: async () => new URL(await endpoint('token_endpoint')).host,

		async requestTokens(client, grant) {
			const library = await load();
			const address = await endpoint('token_endpoint', client);
			const { code, refreshToken } = grant;
			const wantsIdToken = code?.expectedNonce !== undefined;
			const { auth, sent, exchangeOptions } = await authenticated(client, address);
			const exchange = new Exchange(exchangeOptions, {
				host: new URL(address).host,
				field: tokenEndpoint === undefined ? 'Issuer URL' : 'Token URL',
				grantType: grant.grantType,
				byConsent: grant.byConsent,
				keepIdToken: wantsIdToken,
				invalidClient: invalidClient(client),
				get redactor() {
					return new Redactor([
						...sent,
						refreshToken,
						code?.response.get('code') ?? undefined,
						code?.codeVerifier,
					]);
				},
			});
			// What verifies an answer with a person behind it is discovered: issuer, keys, algorithms.
			const discovered =
				code !== undefined && issuer !== undefined ? await discovery.metadata(issuer) : undefined;
			if (wantsIdToken && discovered?.jwks_uri === undefined) {
				throw new ConfigurationError(
					'Issuer URL',
					'the issuer describes no jwks_uri with an https:// address, so its ID token cannot be verified. Let the provider correct its metadata, or remove openid from Scope.',
					{ code: 'DISCOVERY_FAILED' },
				);
			}
			const configuration = await configure(
				{ clientId: client.clientId, auth },
				{ ...discovered, token_endpoint: address },
				exchange.tokenOrKeys(address),
			);
			if (wantsIdToken) library.enableNonRepudiationChecks(configuration);
			try {
				const tokens = await send(
					{ library, configuration, hasIssuer: issuer !== undefined },
					grant,
				);
				const claims = wantsIdToken ? tokens.claims() : undefined;
				return {
					accessToken: tokens.access_token,
					...(tokens.refresh_token === undefined ? {} : { refreshToken: tokens.refresh_token }),
					...(tokens.scope === undefined ? {} : { scope: tokens.scope }),
					expiresIn: exchange.expiresIn,
					sentAt: exchange.sentAt,
					...(claims === undefined ? {} : { claims }),
				};
			} catch {
				throw failureAt('token_endpoint', exchange);
			}
		},

		async authorizationUrl(request) {
			const library = await load();
			const configuration = await configure(
				{ clientId: request.clientId },
				{ authorization_endpoint: await endpoint('authorization_endpoint') },
				noRequest,
			);
			return library.buildAuthorizationUrl(
				configuration,
				await authorizationParameters(library, request),
			);
		},

		async pushedAuthorizationUrl(client, request) {
			const library = await load();
			const address = await endpoint('pushed_authorization_request_endpoint', client);
			const { auth, sent, exchangeOptions } = await authenticated(client, address);
			const exchange = new Exchange(exchangeOptions, {
				host: new URL(address).host,
				field: 'Issuer URL',
				grantType: 'authorization_code',
				wanted: 'a request_uri',
				invalidClient: invalidClient(client),
				get redactor() {
					return new Redactor([...sent, request.state, request.nonce]);
				},
			});
			const configuration = await configure(
				{ clientId: client.clientId, auth },
				{
					authorization_endpoint: await endpoint('authorization_endpoint'),
					pushed_authorization_request_endpoint: address,
				},
				exchange.pushed,
			);
			try {
				return await library.buildAuthorizationUrlWithPAR(
					configuration,
					await authorizationParameters(library, request),
				);
			} catch {
				throw failureAt('pushed_authorization_request_endpoint', exchange);
			}
		},

		async requiresPushedRequests() {
			if (issuer === undefined) return false;
			const described = await discovery.metadata(issuer);
			return described.require_pushed_authorization_requests === true;
		},

		async isFromHere(response) {
			if (issuer === undefined) return true;
			const described = await discovery.metadata(issuer);
			const named = response.get('iss');
			if (named !== null) return named === described.issuer;
			return described.authorization_response_iss_parameter_supported !== true;
		},

		async supportedAuthentication() {
			if (issuer === undefined) return undefined;
			const names = (await discovery.metadata(issuer)).token_endpoint_auth_methods_supported;
			// RFC 8414 §2: where it is left out, client_secret_basic is meant; many servers leave it out without meaning that.
			if (!Array.isArray(names)) return undefined;
			return (['client_secret_basic', 'client_secret_post'] as const).filter((method) =>
				names.includes(method),
			);
		},

		async revokeToken(client, { token, hint }) {
			const isEntered = revocationEndpoint !== undefined;
			const metadata =
				isEntered || issuer === undefined ? undefined : await discovery.metadata(issuer);
			const address = revocationEndpoint ?? addressIn(metadata, 'revocation_endpoint', client);
			if (address === undefined) {
				throw new ConfigurationError(
					'Revocation URL',
					'it is empty, and the provider describes no revocation endpoint. Fill it in if the provider’s documentation names one; otherwise end the access in the account’s settings at the provider.',
					{ code: 'NO_REVOCATION_ENDPOINT' },
				);
			}
			const library = await load();
			const { auth, sent, exchangeOptions } = await authenticated(client, address);
			const exchange = new Exchange(exchangeOptions, {
				host: new URL(address).host,
				field: isEntered ? 'Revocation URL' : 'Issuer URL',
				grantType: 'refresh_token',
				get redactor() {
					return new Redactor([...sent, token]);
				},
			});
			const configuration = await configure(
				{ clientId: client.clientId, auth },
				{ revocation_endpoint: address },
				exchange.plain,
			);
			try {
				await library.tokenRevocation(configuration, token, { token_type_hint: hint });
			} catch {
				throw exchange.toError();
			}
		},

		async introspectExpiry(client, accessToken) {
			if (issuer === undefined) return undefined;
			try {
				const described = await discovery.metadata(issuer);
				const address = addressIn(described, 'introspection_endpoint', client);
				if (address === undefined) return undefined;
				const library = await load();
				const { auth, sent, exchangeOptions } = await authenticated(client, address);
				const exchange = new Exchange(exchangeOptions, {
					host: new URL(address).host,
					field: 'Issuer URL',
					grantType: 'client_credentials',
					get redactor() {
						return new Redactor([...sent, accessToken]);
					},
				});
				const configuration = await configure(
					{ clientId: client.clientId, auth },
					{ introspection_endpoint: address },
					exchange.plain,
				);
				const { active, exp } = await library.tokenIntrospection(configuration, accessToken);
				return active ? readExpiry(exp, now()) : undefined;
			} catch {
				// Only a better guess at the lifetime is lost: the token is used until it is refused.
				return undefined;
			}
		},
	};
}
