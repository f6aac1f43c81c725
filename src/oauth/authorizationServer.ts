import type { ClientAuth, Configuration, CustomFetch, ServerMetadata } from 'openid-client';

import type { ClientAuthenticationMethod, GrantType } from '../config/connection';
import { isSecureUrl } from '../config/secureUrl';
import { ConfigurationError, ProviderError, type VaultedOAuth2Error } from '../errors';
import { EgressError, type Egress } from '../http/egress';
import {
	classifyNetworkError,
	classifyOAuthError,
	classifyResponse,
	type FailureContext,
} from './classify';
import { redact } from './redact';
import { normalise, readBody, readOAuthError } from './tokenResponse';

/** Who asks: the client and how it proves that (RFC 6749 §2.3). */
export interface Client {
	readonly clientId: string;
	readonly clientSecret?: string;
	readonly authentication: ClientAuthenticationMethod;
}

/** A token request (RFC 6749 §4.4.2 or §6). */
export interface GrantRequest {
	readonly grantType: GrantType;
	readonly refreshToken?: string;
	readonly scope?: string;
	readonly parameters: Readonly<Record<string, string>>;
}

/** What the authorization server issued (RFC 6749 §5.1). */
export interface TokenResponse {
	readonly accessToken: string;
	readonly refreshToken?: string;
	readonly scope?: string;
	/** Seconds, counted from `sentAt`; undefined where the server named none. */
	readonly expiresIn: number | undefined;
	/** Milliseconds since the epoch. */
	readonly sentAt: number;
}

/** The port of an authorization server. */
export interface AuthorizationServer {
	/** Sends one token request. @throws VaultedOAuth2Error of any class but `secretStore` */
	requestTokens(client: Client, grant: GrantRequest): Promise<TokenResponse>;
	/** Client authentication the server says it supports, in this package's order of preference; undefined where it does not say. */
	supportedAuthentication(): Promise<ClientAuthenticationMethod[] | undefined>;
	/** End of an access token in milliseconds since the epoch (RFC 7662 §2.2 `exp`), where the server has an introspection endpoint and tells. */
	introspectExpiry(client: Client, accessToken: string): Promise<number | undefined>;
}

/** Where an authorization server is, and how to reach it. */
export interface AuthorizationServerOptions {
	/** At least one of `issuer` and `tokenEndpoint`. */
	readonly issuer?: string;
	readonly tokenEndpoint?: string;
	readonly egress: Egress;
	/** Milliseconds since the epoch. */
	readonly now: () => number;
}

type OpenIdClient = typeof import('openid-client');

const TIMEOUT_SECONDS = 15;
const METADATA_MS = 3_600_000;

/** openid-client is ESM and only needed once tokens are asked for. */
const load = async (): Promise<OpenIdClient> => await import('openid-client');

function authenticate(library: OpenIdClient, client: Client): ClientAuth {
	const { clientId, clientSecret = '' } = client;
	switch (client.authentication) {
		case 'none':
			return library.None();
		case 'client_secret_post':
			return library.ClientSecretPost(clientSecret);
		case 'client_secret_basic':
			return library.ClientSecretBasic(clientSecret);
		case 'client_secret_basic_unencoded':
			// RFC 6749 §2.3.1 wants both parts form-encoded; servers that do not decode them refuse "-" or "_" in them.
			return (...[, , , headers]) => {
				headers.set(
					'authorization',
					`Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`,
				);
			};
	}
}

/** One exchange with the server: its outcome survives whatever the library makes of it. */
class Exchange {
	failure: VaultedOAuth2Error | undefined;
	expiresIn: number | undefined;
	sentAt = 0;

	constructor(
		private readonly options: AuthorizationServerOptions,
		private readonly context: FailureContext,
	) {}

	/** For requests that answer with JSON which is passed on as it is. */
	readonly plain: CustomFetch = async (url, request) => {
		const response = await this.send(url, request);
		if (response.status !== 200)
			throw this.fail(classifyResponse(response, this.context, this.options.now()));
		return new Response(response.body, {
			status: 200,
			headers: { 'content-type': 'application/json' },
		});
	};

	/** For the token endpoint: every failure is classified here, where the answer is at hand; the library sees only clean successes. */
	readonly token: CustomFetch = async (url, request) => {
		const response = await this.send(url, request);
		const json = readBody(response);
		const oauthError = readOAuthError(json);
		const overloaded = response.status >= 500 || response.status === 429;
		if (oauthError !== undefined && !overloaded)
			throw this.fail(classifyOAuthError(oauthError, this.context));
		const success =
			response.status >= 200 && response.status < 300 && json !== undefined
				? normalise(json)
				: undefined;
		if (success === undefined)
			throw this.fail(classifyResponse(response, this.context, this.options.now()));
		this.expiresIn = success.expiresIn;
		return new Response(success.body, {
			status: 200,
			headers: { 'content-type': 'application/json' },
		});
	};

	/** The classified failure, or a general one where the library refused what looked like a success. */
	toError(): VaultedOAuth2Error {
		return (
			this.failure ??
			new ProviderError(
				`${this.context.host} sent an answer that cannot be used. Nothing is lost; try again in a while. If it stays like this, check ${this.context.field}.`,
				{ code: 'INVALID_RESPONSE' },
			)
		);
	}

	private async send(
		url: string,
		request: Parameters<CustomFetch>[1],
	): ReturnType<Egress['request']> {
		this.sentAt = this.options.now();
		try {
			return await this.options.egress.request(url, {
				method: request.method,
				headers: { ...request.headers, accept: 'application/json' },
				// The library sends forms only.
				body: request.body instanceof URLSearchParams ? request.body.toString() : undefined,
				timeoutMs: TIMEOUT_SECONDS * 1000,
			});
		} catch (error) {
			if (error instanceof EgressError) throw this.fail(classifyNetworkError(error, this.context));
			throw error;
		}
	}

	private fail(failure: VaultedOAuth2Error): VaultedOAuth2Error {
		this.failure = failure;
		return failure;
	}
}

/** An authorization server reached through openid-client. Metadata is discovered on first use and kept for an hour. */
export function createAuthorizationServer(
	options: AuthorizationServerOptions,
): AuthorizationServer {
	const { issuer, tokenEndpoint, now } = options;
	let metadata: Promise<ServerMetadata> | undefined;
	let discoveredAt = 0;

	/** OpenID Connect Discovery 1.0 §4, else RFC 8414 §3. The library compares the issuer in the answer. */
	async function discover(address: string): Promise<ServerMetadata> {
		const library = await load();
		let failure: VaultedOAuth2Error | undefined;
		for (const algorithm of ['oidc', 'oauth2'] as const) {
			const exchange = new Exchange(options, {
				host: new URL(address).host,
				field: 'Issuer URL',
				grantType: 'client_credentials',
				redact: (text) => redact(text, []),
			});
			try {
				const found = await library.discovery(new URL(address), 'discovery', undefined, undefined, {
					algorithm,
					timeout: TIMEOUT_SECONDS,
					[library.customFetch]: exchange.plain,
					// The address was checked: https, or http to this machine itself.
					execute: [library.allowInsecureRequests],
				});
				return found.serverMetadata();
			} catch {
				failure ??= exchange.failure;
				if (failure instanceof ProviderError) throw failure;
			}
		}
		throw (
			failure ??
			new ConfigurationError(
				'Issuer URL',
				`${new URL(address).host} does not describe this issuer. Check the address, or leave it empty and fill in Token URL.`,
				{ code: 'DISCOVERY_FAILED' },
			)
		);
	}

	async function serverMetadata(address: string): Promise<ServerMetadata> {
		if (metadata === undefined || now() - discoveredAt > METADATA_MS || now() < discoveredAt) {
			discoveredAt = now();
			metadata = discover(address);
			// A failure is not kept.
			metadata.catch(() => (metadata = undefined));
		}
		return await metadata;
	}

	async function endpoint(): Promise<string> {
		const address =
			tokenEndpoint ??
			(issuer === undefined ? undefined : (await serverMetadata(issuer)).token_endpoint);
		if (address !== undefined && isSecureUrl(address)) return address;
		throw new ConfigurationError(
			'Token URL',
			address === undefined
				? 'the issuer describes no token endpoint. Fill in Token URL.'
				: 'the token endpoint that the issuer describes is not an https:// address. Fill in Token URL.',
			{ code: 'DISCOVERY_FAILED' },
		);
	}

	/** A client of this server, for requests to `endpoints`. */
	async function configure(
		client: Client,
		endpoints: Partial<ServerMetadata>,
		send: CustomFetch,
	): Promise<Configuration> {
		const library = await load();
		const configuration = new library.Configuration(
			{ issuer: issuer ?? new URL(tokenEndpoint ?? '').origin, ...endpoints },
			client.clientId,
			{},
			authenticate(library, client),
		);
		configuration.timeout = TIMEOUT_SECONDS;
		configuration[library.customFetch] = send;
		// Every address was checked: https, or http to this machine itself.
		library.allowInsecureRequests(configuration);
		return configuration;
	}

	return {
		async requestTokens(client, grant) {
			const library = await load();
			const address = await endpoint();
			const exchange = new Exchange(options, {
				host: new URL(address).host,
				field: tokenEndpoint === undefined ? 'Issuer URL' : 'Token URL',
				grantType: grant.grantType,
				redact: (text) => redact(text, [client.clientSecret, grant.refreshToken]),
			});
			const configuration = await configure(client, { token_endpoint: address }, exchange.token);
			const parameters = {
				...grant.parameters,
				...(grant.scope === undefined ? {} : { scope: grant.scope }),
			};
			try {
				const tokens =
					grant.grantType === 'refresh_token'
						? await library.refreshTokenGrant(configuration, grant.refreshToken ?? '', parameters)
						: await library.clientCredentialsGrant(configuration, parameters);
				return {
					accessToken: tokens.access_token,
					...(tokens.refresh_token === undefined ? {} : { refreshToken: tokens.refresh_token }),
					...(tokens.scope === undefined ? {} : { scope: tokens.scope }),
					expiresIn: exchange.expiresIn,
					sentAt: exchange.sentAt,
				};
			} catch {
				throw exchange.toError();
			}
		},

		async supportedAuthentication() {
			if (issuer === undefined) return undefined;
			const names = (await serverMetadata(issuer)).token_endpoint_auth_methods_supported;
			// RFC 8414 §2: where it is left out, client_secret_basic is meant; many servers leave it out without meaning that.
			if (!Array.isArray(names)) return undefined;
			return (['client_secret_basic', 'client_secret_post'] as const).filter((method) =>
				names.includes(method),
			);
		},

		async introspectExpiry(client, accessToken) {
			if (issuer === undefined) return undefined;
			try {
				const address = (await serverMetadata(issuer)).introspection_endpoint;
				if (address === undefined || !isSecureUrl(address)) return undefined;
				const library = await load();
				const exchange = new Exchange(options, {
					host: new URL(address).host,
					field: 'Issuer URL',
					grantType: 'client_credentials',
					redact: (text) => redact(text, [client.clientSecret, accessToken]),
				});
				const described = await configure(
					client,
					{ introspection_endpoint: address },
					exchange.plain,
				);
				const { active, exp } = await library.tokenIntrospection(described, accessToken);
				return active && typeof exp === 'number' ? exp * 1000 : undefined;
			} catch {
				// Only a better guess at the lifetime is lost: the token is used until it is refused.
				return undefined;
			}
		},
	};
}
