import { Readable } from 'node:stream';

import { Answer } from './answer';
import { ACCEPTED_ENCODINGS, decoded } from './decode';
import type { Route } from './connect';
import { Dispatchers, type Sent } from './dispatchers';
import {
	EgressError,
	toEgressError,
	type Egress,
	type EgressPolicy,
	type EgressRequest,
	type EgressResponse,
	type StreamingRequest,
	type StreamingResponse,
	type TlsIdentity,
} from './egress';
import { outgoingHeaders } from './headers';
import { createGuard, type Guard } from './policy';
import {
	authority,
	proxiesFromEnvironment,
	proxyAuthorization,
	type ProxyFor,
	type Target,
} from './proxy';

const DEFAULT_TIMEOUT_MS = 15_000;
/** Token responses and metadata are a few kilobytes. */
const MAX_BODY_BYTES = 1024 * 1024;

/** RFC 9110 §9.2.1: what is asked for twice is the same as once. */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** What n8n calls itself, as the operator has set it. */
function userAgentOf(env: NodeJS.ProcessEnv): string {
	if (env['N8N_ENFORCE_GLOBAL_USER_AGENT'] !== 'true') return 'n8n';
	return env['N8N_GLOBAL_USER_AGENT_VALUE'] || 'Mozilla/5.0 (compatible; n8n; +https://n8n.io/)';
}

/**
 * Opens the door for requests, with the proxies that `env` names (`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`).
 *
 * It answers for every HTTP status, and rejects with an {@link EgressError} only.
 */
export function createEgress(policy: EgressPolicy | undefined, env: NodeJS.ProcessEnv): Egress {
	const door = new Door(policy && createGuard(policy), proxiesFromEnvironment(env), {
		accept: '*/*',
		'accept-encoding': ACCEPTED_ENCODINGS,
		'user-agent': userAgentOf(env),
	});
	return {
		request: async (url, request) => await exchange(door, parseUrl(url), request),
		open: async (url, request) => await open(door, parseUrl(url), request),
	};
}

type Way = 'sendOnKept' | 'sendAlone';

class Door {
	private loading: Promise<Dispatchers> | undefined;

	constructor(
		private readonly guard: Guard | undefined,
		private readonly proxyFor: ProxyFor,
		private readonly defaultHeaders: Readonly<Record<string, string>>,
	) {}

	/** Begins an exchange; whatever becomes of it is the answer's. */
	send(url: URL, request: StreamingRequest, way: Way): Answer {
		const answer = new Answer(url.host, request);
		this.start(url, request, { answer, way }).catch((error: unknown) => answer.fail(error));
		return answer;
	}

	private async start(
		url: URL,
		{ method, headers, body, tls }: StreamingRequest,
		{ answer, way }: { answer: Answer; way: Way },
	): Promise<void> {
		const route = this.routeOf(url, tls);
		const forwarder = route.target.scheme === 'http' ? route.proxy : undefined;
		// For each request: the proxy asks the DNS itself, however long the connection has been there.
		if (forwarder) await this.guard?.checkForProxy(route.target.host);
		const dispatchers = await this.dispatchers();
		const content = await contentOf(body, () => answer.progress());
		const sent: Sent = {
			answer,
			method,
			path: `${forwarder ? forwardedOrigin(route.target) : ''}${url.pathname}${url.search}`,
			headers: {
				...outgoingHeaders(headers, this.defaultHeaders),
				...content.headers,
				...(forwarder ? proxyAuthorization(forwarder) : {}),
			},
			body: content.body,
		};
		if (!answer.isOver) dispatchers[way](route, sent);
		else if (content.body instanceof Readable) content.body.destroy();
	}

	private routeOf({ protocol, hostname, port }: URL, tls: TlsIdentity | undefined): Route {
		const scheme = protocol === 'https:' ? 'https' : 'http';
		const target: Target = {
			scheme,
			host: hostname.replace(/^\[|\]$/g, ''),
			port: Number(port) || (scheme === 'https' ? 443 : 80),
		};
		return { target, proxy: this.proxyFor(target), tls };
	}

	/** On first use: n8n loads this package at its start, and most of its starts need no request. */
	private async dispatchers(): Promise<Dispatchers> {
		this.loading ??= import('undici').then((undici) => new Dispatchers(undici, this.guard));
		return await this.loading;
	}
}

/** In the request line of what a proxy forwards (RFC 9112 §3.2.2). */
function forwardedOrigin(target: Target): string {
	return `http://${authority(target).replace(/:80$/, '')}`;
}

interface Content {
	readonly body: string | Buffer | Readable | null;
	readonly headers: Record<string, string>;
}

async function contentOf(body: StreamingRequest['body'], progress: () => void): Promise<Content> {
	if (body === undefined) return { body: null, headers: {} };
	if (typeof body === 'string' || Buffer.isBuffer(body)) return { body, headers: {} };
	const { length } = body;
	return {
		body: Readable.from(watched(await body.open(), progress), { objectMode: false }),
		headers: length === undefined ? {} : { 'content-length': String(length) },
	};
}

async function* watched(source: Readable, progress: () => void): AsyncGenerator {
	for await (const chunk of source) {
		progress();
		yield chunk;
	}
}

async function open(door: Door, url: URL, request: StreamingRequest): Promise<StreamingResponse> {
	const { method } = request;
	const answer = door.send(url, request, 'sendOnKept');
	const response = answer.head.catch(async (error: unknown) => {
		if (!answer.isStale || !SAFE.has(method)) throw error;
		return await door.send(url, request, 'sendAlone').head;
	});
	return decoded(await response, method);
}

async function exchange(door: Door, url: URL, request: EgressRequest): Promise<EgressResponse> {
	// A request whose kept connection the server is just closing may or may not have arrived: nobody can tell whether it redeemed a
	// refresh token.
	const answer = door.send(url, request, 'sendAlone');
	const { timeoutMs = DEFAULT_TIMEOUT_MS, method } = request;
	const timer = setTimeout(() => {
		answer.fail(new EgressError('TIMEOUT', 'ETIMEDOUT', url.host));
	}, timeoutMs);
	try {
		const { status, headers, body } = decoded(await answer.head, method);
		return { status, headers: flattened(headers), body: await readText(body, url.host) };
	} catch (error) {
		throw toEgressError(error, url.host);
	} finally {
		clearTimeout(timer);
	}
}

function parseUrl(text: string): URL {
	const url = URL.canParse(text) ? new URL(text) : undefined;
	if (url !== undefined && /^https?:$/.test(url.protocol)) return url;
	throw new EgressError('NETWORK', 'ERR_INVALID_URL', url?.host ?? 'an unknown host');
}

function flattened(headers: StreamingResponse['headers']): Record<string, string> {
	return Object.fromEntries(
		Object.entries(headers).map(([name, value]) => [name, [value].flat().join(', ')]),
	);
}

async function readText(stream: Readable, host: string): Promise<string> {
	const chunks: Buffer[] = [];
	let size = 0;
	for await (const chunk of stream as AsyncIterable<Buffer>) {
		size += chunk.length;
		if (size > MAX_BODY_BYTES) {
			throw new EgressError('TOO_LARGE', `more than ${MAX_BODY_BYTES} bytes`, host);
		}
		chunks.push(chunk);
	}
	return new TextDecoder().decode(Buffer.concat(chunks));
}
