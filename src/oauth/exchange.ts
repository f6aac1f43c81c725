import type { CustomFetch } from 'openid-client';

import { ConfigurationError, ProviderError, type VaultedOAuth2Error } from '../errors';
import { EgressError, type Egress } from '../http/egress';
import {
	classifyNetworkError,
	classifyOAuthError,
	classifyResponse,
	type FailureContext,
} from './classify';
import { normalise, readBody, readOAuthError, type RawResponse } from './tokenResponse';

/** How requests leave, and what time it is. */
export interface ExchangeOptions {
	readonly egress: Egress;
	/** Milliseconds since the epoch. */
	readonly now: () => number;
}

/** How long an authorization server has for one answer. */
export const TIMEOUT_MS = 15_000;

function nonceIn({ headers }: RawResponse): Record<string, string> {
	const nonce = headers['dpop-nonce'];
	return nonce === undefined ? {} : { 'dpop-nonce': nonce };
}

/** As the library understands it (RFC 9449 §8), whatever else the server said. */
function nonceWanted(response: RawResponse): Response {
	return Response.json({ error: 'use_dpop_nonce' }, { status: 400, headers: nonceIn(response) });
}

/** One exchange with the server: its outcome survives whatever the library makes of it. */
export class Exchange {
	failure: VaultedOAuth2Error | undefined;
	expiresIn: number | undefined;
	/** True if the token issued is bound to the key of the proof that was sent (RFC 9449 §5). */
	isBound = false;
	/** True if a protected resource does not take the access token (RFC 6750 §3.1 `invalid_token`). */
	isTokenRefused = false;
	sentAt = 0;
	private hasNonce = false;

	constructor(
		private readonly options: ExchangeOptions,
		private context: FailureContext,
	) {}

	/** For requests that answer with JSON which is passed on as it is. */
	readonly plain: CustomFetch = async (url, request) =>
		this.passedOn(await this.send(url, request));

	/** For a client's requests that get no token: revocation (RFC 7009 §2.2.1) and introspection (RFC 7662 §2.3), whose errors are those of the token endpoint. */
	readonly asClient: CustomFetch = async (url, request) => {
		const response = await this.send(url, request);
		if (response.status !== 200) this.accepted(response);
		return this.passedOn(response);
	};

	/** For the UserInfo endpoint, a protected resource (OpenID Connect Core 1.0 §5.3.3, RFC 6750 §3). */
	readonly asBearer: CustomFetch = async (url, request) => {
		const response = await this.send(url, request);
		const { status, headers } = response;
		const challenge = headers['www-authenticate'] ?? '';
		const isProven = this.context.isProven === true && !this.hasNonce;
		if (status === 401 && isProven && challenge.includes('use_dpop_nonce')) {
			this.hasNonce = true;
			const wanted = { 'www-authenticate': 'DPoP error="use_dpop_nonce"', ...nonceIn(response) };
			return new Response(null, { status, headers: wanted });
		}
		this.isTokenRefused = status === 401;
		if (status === 403) throw this.fail(this.scopeMissing());
		return this.passedOn(response);
	};

	/** For the key set (RFC 7517) that a token answer may be followed by. */
	readonly tokenOrKeys =
		(tokenEndpoint: string): CustomFetch =>
		async (url, request) =>
			await (url === tokenEndpoint ? this.token(url, request) : this.plain(url, request));

	/** For the token endpoint: every failure is classified here, where the answer is at hand; the library sees only clean successes. */
	readonly token: CustomFetch = async (url, request) => {
		const response = await this.send(url, request);
		if (this.wantsNonce(response)) return nonceWanted(response);
		const json = this.accepted(response);
		const success = json && normalise(json, { keepIdToken: this.context.keepIdToken ?? false });
		if (success === undefined)
			throw this.fail(classifyResponse(response, this.context, this.options.now()));
		if (success.isBound && this.context.isProven !== true) throw this.fail(this.boundUnasked());
		this.expiresIn = success.expiresIn;
		this.isBound = success.isBound;
		return new Response(success.body, {
			status: 200,
			headers: { 'content-type': 'application/json', ...nonceIn(response) },
		});
	};

	/** For a pushed authorization request (RFC 9126 §2.2). */
	readonly pushed: CustomFetch = async (url, request) => {
		const response = await this.send(url, request);
		const json = this.accepted(response);
		if (typeof json?.['request_uri'] !== 'string')
			throw this.fail(classifyResponse(response, this.context, this.options.now()));
		return Response.json(json, { status: 201 });
	};

	/** The classified failure, or a general one where the library refused what looked like a success. */
	toError(): VaultedOAuth2Error {
		if (this.failure !== undefined) return this.failure;
		const { host, field, keepIdToken } = this.context;
		if (keepIdToken === true) {
			return new ConfigurationError(
				'Issuer URL',
				`${host} sent no ID token that can be verified (its signature, issuer, audience, nonce or expiry). Check Issuer URL and Client ID, and this machine’s clock; without openid in Scope none is asked for.`,
				{ code: 'INVALID_ID_TOKEN' },
			);
		}
		return new ProviderError(
			`${host} sent an answer that cannot be used. Nothing is lost; try again in a while. If it stays like this, check ${field}.`,
			{ code: 'INVALID_RESPONSE' },
		);
	}

	/** True once, if the server wants its nonce in the proof (RFC 9449 §8): it has looked at nothing else, and the library sends all of it again. */
	private wantsNonce(response: RawResponse): boolean {
		if (this.context.isProven !== true || this.hasNonce) return false;
		this.hasNonce = readOAuthError(readBody(response))?.error === 'use_dpop_nonce';
		return this.hasNonce;
	}

	private scopeMissing(): VaultedOAuth2Error {
		return new ConfigurationError(
			'Scope',
			`${this.context.host} answered 403: this token may not be used to ask whom it is for. Add openid (and profile or email, for more than the subject) to Scope, and connect the account again.`,
			{ code: 'INVALID_SCOPE' },
		);
	}

	private boundUnasked(): VaultedOAuth2Error {
		return new ConfigurationError(
			'DPoP',
			`${this.context.host} issued a token that has to be used with proofs of possession, and none was sent. Choose Always.`,
			{ code: 'DPOP_REQUIRED' },
		);
	}

	/** The JSON text of a success. */
	private passedOn(response: RawResponse): Response {
		if (response.status !== 200)
			throw this.fail(classifyResponse(response, this.context, this.options.now()));
		return new Response(response.body, {
			status: 200,
			headers: { 'content-type': 'application/json' },
		});
	}

	/** The JSON of an answer that is no error; undefined for one without OAuth in it. */
	private accepted(response: RawResponse): ReturnType<typeof readBody> {
		const json = readBody(response);
		const oauthError = readOAuthError(json);
		const overloaded = response.status >= 500 || response.status === 429;
		if (oauthError !== undefined && !overloaded)
			throw this.fail(classifyOAuthError(oauthError, this.context, response.status));
		return response.status >= 200 && response.status < 300 ? json : undefined;
	}

	private async send(
		url: string,
		request: Parameters<CustomFetch>[1],
	): ReturnType<Egress['request']> {
		this.sentAt = this.options.now();
		try {
			const response = await this.options.egress.request(url, {
				method: request.method,
				headers: { ...request.headers, accept: 'application/json' },
				// The library sends forms only.
				body: request.body instanceof URLSearchParams ? request.body.toString() : undefined,
				timeoutMs: TIMEOUT_MS,
			});
			const clockAheadMs = this.options.now() - Date.parse(response.headers['date'] ?? '');
			if (!Number.isNaN(clockAheadMs)) this.context = { ...this.context, clockAheadMs };
			return response;
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
