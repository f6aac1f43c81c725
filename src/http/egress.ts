import type { Agent as HttpAgent } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';

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

/** The one door for requests that do not go through n8n's own helpers: token requests and AWS calls. */
export interface Egress {
	/** Sends one request on a connection of its own, which is closed after the answer; never follows a redirect. */
	request(url: string, request: EgressRequest): Promise<EgressResponse>;
	/** Agents with the same proxies and policy, for libraries that bring their own HTTP client. They keep connections open. */
	readonly agents: { readonly httpAgent: HttpAgent; readonly httpsAgent: HttpsAgent };
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
