import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';

/** Which hosts and addresses requests may reach: n8n's `N8N_SSRF_*` settings. `undefined` means everything. */
export interface EgressPolicy {
	readonly blockedIpRanges: readonly string[];
	readonly allowedIpRanges: readonly string[];
	readonly blockedHostnames: readonly string[];
	readonly allowedHostnames: readonly string[];
}

/** A client certificate and its key, both PEM, for one connection (RFC 8705). */
export interface TlsIdentity {
	/** The client's own certificate first, then those that issued it. */
	readonly cert: string;
	readonly key: string;
}

/** One request; `body` is sent as UTF-8. */
export interface EgressRequest {
	readonly method: string;
	readonly headers: Readonly<Record<string, string>>;
	readonly body?: string | undefined;
	/** Aborts after this many milliseconds, counted over the whole exchange. */
	readonly timeoutMs?: number | undefined;
	readonly signal?: AbortSignal | undefined;
	/** Shown to the server if it asks for a certificate; never to a proxy. */
	readonly tls?: TlsIdentity | undefined;
}

/** The answer, whatever its status. */
export interface EgressResponse {
	readonly status: number;
	/** Lower-case names; repeated headers joined with ", ". */
	readonly headers: Readonly<Record<string, string>>;
	readonly body: string;
}

/** A body that is read from elsewhere as it is sent. */
export interface StreamedBody {
	/** The content from its beginning; called again for every redirect and every further try. */
	open(): Promise<Readable>;
	/** Bytes, if they are known: the request then says so in its Content-Length. */
	readonly length?: number | undefined;
}

/** What a request can carry. */
export type RequestBody = string | Buffer | StreamedBody;

/** One request whose answer is read as it arrives. */
export interface StreamingRequest {
	readonly method: string;
	/** `content-length` and `transfer-encoding` are left out: they follow from the body. */
	readonly headers: Readonly<Record<string, string | readonly string[]>>;
	readonly body?: RequestBody | undefined;
	/** Until there is a connection for the request, in milliseconds. Default: no limit but that of connecting, 10,000. */
	readonly connectTimeoutMs?: number | undefined;
	/** From then on until the answer begins, in milliseconds, counted again from each part of a streamed body. Default: no limit. */
	readonly headersTimeoutMs?: number | undefined;
	/** Ends the request, also while its answer is read. */
	readonly signal?: AbortSignal | undefined;
	readonly tls?: TlsIdentity | undefined;
}

/** An answer, whatever its status, of which the body is still to come. */
export interface StreamingResponse {
	readonly status: number;
	readonly statusText: string;
	/** Lower-case names, without the Content-Encoding that has been undone. */
	readonly headers: IncomingHttpHeaders;
	/** Names and values in turn, as the server sent them. */
	readonly rawHeaders: readonly string[];
	/** Fails with an {@link EgressError}. It has to be read or destroyed, or it keeps its connection. Nothing of the request can be reached from it. */
	readonly body: Readable;
}

/** The one door for requests that do not go through n8n's own helpers: token requests, AWS calls, and the node's calls of an API. */
export interface Egress {
	/** Sends one request on a connection of its own, which is closed after the answer; never follows a redirect. */
	request(url: string, request: EgressRequest): Promise<EgressResponse>;
	/**
	 * Sends one request on a connection that is kept for the next one, at most 50 of an origin; never follows a redirect.
	 *
	 * If the server closes a kept connection before it answers GET, HEAD or OPTIONS, the request is sent once more on a new one. No other
	 * method is ever sent twice: nobody can tell whether the server has acted on it.
	 */
	open(url: string, request: StreamingRequest): Promise<StreamingResponse>;
}

/** What became of a request that got no usable answer. */
export type EgressErrorCode = 'TIMEOUT' | 'NETWORK' | 'BLOCKED' | 'TOO_LARGE' | 'ABORTED';

const TEXTS: Record<EgressErrorCode, string> = {
	TIMEOUT: 'No complete answer in time from',
	NETWORK: 'No answer from',
	BLOCKED: 'This n8n instance does not allow requests to',
	TOO_LARGE: 'Too large an answer from',
	ABORTED: 'Given up by the caller: the request to',
};

/** A request got no usable answer. Carries neither address, header nor body of it, and no error of the HTTP client. */
export class EgressError extends Error {
	override readonly name = 'EgressError';

	/**
	 * @param detail what the system said: `ECONNREFUSED`, `ENOTFOUND`, `CERT_HAS_EXPIRED`, `PROXY_STATUS_407`, or a few words
	 * @param host of the request, with its port unless that is the scheme's own
	 */
	constructor(
		readonly code: EgressErrorCode,
		readonly detail: string,
		readonly host: string,
	) {
		super(`${TEXTS[code]} ${host} (${detail})`);
	}
}

/** How this package calls what Node would call otherwise. */
const DETAILS: ReadonlyMap<string, readonly [EgressErrorCode, string]> = new Map([
	['UND_ERR_CONNECT_TIMEOUT', ['TIMEOUT', 'ETIMEDOUT']],
	['UND_ERR_BODY_TIMEOUT', ['TIMEOUT', 'ETIMEDOUT']],
	['UND_ERR_SOCKET', ['NETWORK', 'ECONNRESET']],
	['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', ['NETWORK', 'ECONNRESET']],
	['UND_ERR_HEADERS_OVERFLOW', ['NETWORK', 'HPE_HEADER_OVERFLOW']],
	['UND_ERR_INVALID_ARG', ['NETWORK', 'ERR_INVALID_ARG_VALUE']],
]);

/** An error of the HTTP client or of the system as one that only has its code. One of this package stays what it is, with this host. */
export function toEgressError(error: unknown, host: string): EgressError {
	if (error instanceof EgressError) return new EgressError(error.code, error.detail, host);
	const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
	if (name === 'HTTPParserError') return new EgressError('NETWORK', 'HPE_INVALID_RESPONSE', host);
	if (typeof code !== 'string' || !/^[A-Z0-9_]+$/.test(code)) {
		return new EgressError('NETWORK', 'UNKNOWN', host);
	}
	const [known, detail] = DETAILS.get(code) ?? ['NETWORK', code];
	return new EgressError(known, detail, host);
}
