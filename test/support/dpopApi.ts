import { createHash } from 'node:crypto';
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify, type JWTPayload } from 'jose';
import type { AuthorizationServer } from './authorizationServer.ts';
import { listenOnLoopback } from './loopback.ts';

/** A request as it arrived. */
export interface ProvenRequest {
	readonly method: string;
	/** With the query string. */
	readonly path: string;
	/** The authentication scheme, as it was sent; undefined without a token. */
	readonly scheme: string | undefined;
	/** As it was sent. */
	readonly proof: string | undefined;
	readonly status: number;
	/** Why it was refused (RFC 6750 §3.1, RFC 9449 §7.1). */
	readonly error?: string;
}

export interface DpopApi {
	/** `http://127.0.0.1:PORT`, without a trailing slash. */
	readonly url: string;
	/** Every request that was answered, in order. */
	readonly requests: ProvenRequest[];
	/** The nonce that every proof has to have; none is wanted unless this is set. */
	nonce: string | undefined;
	/** Statuses for the next requests that are let in. */
	readonly failures: number[];
	close(): Promise<void>;
}

/** Seconds. */
const MOST_SKEW = 5;

interface Verdict {
	readonly status: number;
	readonly error?: string;
	readonly headers?: OutgoingHttpHeaders;
}

/**
 * A resource server that takes tokens as RFC 9449 §7 wants it: one that is bound to a key only with a proof that was made for this very request,
 * a bearer token only as such. `/redirect?to=` redirects, `/echo` repeats the request's headers, everything else answers `{}`.
 *
 * @param now milliseconds since the epoch; `Date.now` unless told
 */
export async function startDpopApi(
	provider: Pick<AuthorizationServer, 'boundTo' | 'isActive'>,
	now: () => number = Date.now,
): Promise<DpopApi> {
	const server = await listenOnLoopback();
	const seen = new Set<string>();

	const verify = async (request: IncomingMessage, token: string): Promise<JWTPayload> => {
		const { payload, protectedHeader } = await jwtVerify(
			String(request.headers['dpop']),
			EmbeddedJWK,
			{
				typ: 'dpop+jwt',
				requiredClaims: ['jti', 'htm', 'htu', 'iat', 'ath'],
				currentDate: new Date(now()),
			},
		);
		const { jwk = {} } = protectedHeader;
		const { pathname } = new URL(request.url ?? '', server.origin);
		const wrong = [
			'd' in jwk && 'the private key',
			(await calculateJwkThumbprint(jwk)) !== provider.boundTo(token) && 'jkt',
			payload['htm'] !== request.method && 'htm',
			payload['htu'] !== `${server.origin}${pathname}` && 'htu',
			payload['ath'] !== createHash('sha256').update(token).digest('base64url') && 'ath',
			Math.abs((payload.iat ?? 0) - now() / 1000) > MOST_SKEW && 'iat',
			seen.has(String(payload.jti)) && 'jti',
		].filter((part) => part !== false);
		seen.add(String(payload.jti));
		if (wrong.length > 0) throw new Error(`wrong: ${wrong.join(', ')}`);
		return payload;
	};

	const judge = async (request: IncomingMessage): Promise<Verdict> => {
		const [scheme = '', token = ''] = (request.headers.authorization ?? '').split(' ');
		const refuse = (error: string, headers: OutgoingHttpHeaders = {}): Verdict => ({
			status: 401,
			error,
			headers: { 'www-authenticate': `DPoP error="${error.split(':', 1)[0]}"`, ...headers },
		});
		if (token === '' || !provider.isActive(token)) return refuse('invalid_token');
		const isBound = provider.boundTo(token) !== undefined;
		if (!isBound) return scheme === 'Bearer' ? { status: 200 } : refuse('invalid_token');
		if (scheme !== 'DPoP') return refuse('invalid_token: bound, but sent as a bearer token');
		try {
			const { nonce } = await verify(request, token);
			if (api.nonce !== undefined && nonce !== api.nonce)
				return refuse('use_dpop_nonce', { 'dpop-nonce': api.nonce });
		} catch (error) {
			return refuse(`invalid_dpop_proof: ${String(error)}`);
		}
		return { status: api.failures.shift() ?? 200 };
	};

	const api: DpopApi = {
		url: server.origin,
		requests: [],
		nonce: undefined,
		failures: [],
		close: async () => await server.close(),
	};
	server.serve((request, response) => {
		void judge(request).then(({ status, error, headers }) => {
			const { method = '', url = '' } = request;
			const { pathname, searchParams } = new URL(url, server.origin);
			const isRedirect = status === 200 && pathname === '/redirect';
			api.requests.push({
				method,
				path: url,
				scheme: request.headers.authorization?.split(' ', 1)[0],
				proof: request.headers['dpop'] as string | undefined,
				status: isRedirect ? 302 : status,
				...(error === undefined ? {} : { error }),
			});
			response.writeHead(isRedirect ? 302 : status, {
				'content-type': 'application/json',
				...(isRedirect ? { location: searchParams.get('to') ?? '/' } : {}),
				...headers,
			});
			response.end(JSON.stringify(pathname === '/echo' ? { headers: request.headers } : {}));
		});
	});
	return api;
}
