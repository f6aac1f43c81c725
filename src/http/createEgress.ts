import type { Readable } from 'node:stream';

import { EgressHttpAgent, EgressHttpsAgent, type Routes } from './agents';
import {
	EgressError,
	type Egress,
	type EgressPolicy,
	type EgressRequest,
	type EgressResponse,
} from './egress';
import { createGuard } from './policy';
import { proxiesFromEnvironment } from './proxy';

const DEFAULT_TIMEOUT_MS = 15_000;
/** Token responses and metadata are a few kilobytes. */
const MAX_BODY_BYTES = 1024 * 1024;

/**
 * Opens the door for requests, with the proxies that `env` names (`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`).
 *
 * `request` resolves for every HTTP status, and rejects with an {@link EgressError} only.
 */
export function createEgress(policy: EgressPolicy | undefined, env: NodeJS.ProcessEnv): Egress {
	const routes = {
		guard: policy && createGuard(policy),
		proxyFor: proxiesFromEnvironment(env),
	};
	// A request whose kept connection the server is just closing may or may not have arrived: nobody can tell whether it redeemed a
	// refresh token. `connection: close` alone does not help, because Node keeps the connection if the server does not echo it.
	const unpooled = agentsFor({ ...routes, keepAlive: false });
	return {
		agents: agentsFor({ ...routes, keepAlive: true }),
		request: (url, request) => {
			const { tls } = request;
			return exchange(
				url,
				request,
				tls === undefined ? unpooled : agentsFor({ ...routes, keepAlive: false, tls }),
			);
		},
	};
}

function agentsFor(routes: Routes): Egress['agents'] {
	return { httpAgent: new EgressHttpAgent(routes), httpsAgent: new EgressHttpsAgent(routes) };
}

async function exchange(
	url: string,
	request: EgressRequest,
	agents: Egress['agents'],
): Promise<EgressResponse> {
	const { protocol, host, href } = parseUrl(url);
	if (!/^https?:$/.test(protocol)) throw new EgressError('NETWORK', 'ERR_INVALID_URL', host);

	const deadline = AbortSignal.timeout(request.timeoutMs ?? DEFAULT_TIMEOUT_MS);
	const signals = request.signal ? [request.signal, deadline] : [deadline];
	try {
		// On first use: n8n loads this package at its start, and most of its starts need no request.
		const { default: axios } = await import('axios');
		const { status, headers, data } = await axios.request<Readable>({
			url: href,
			method: request.method,
			headers: request.headers,
			data: request.body,
			signal: AbortSignal.any(signals),
			adapter: 'http',
			...agents,
			proxy: false,
			maxRedirects: 0,
			responseType: 'stream',
			transformRequest: (body: unknown) => body,
			validateStatus: () => true,
		});
		return { status, headers: flattened(headers), body: await readText(data, host) };
	} catch (error) {
		if (request.signal?.aborted) throw new EgressError('ABORTED', 'signal', host);
		if (deadline.aborted) throw new EgressError('TIMEOUT', 'ETIMEDOUT', host);
		throw withoutRequest(error, host);
	}
}

function parseUrl(url: string): URL {
	if (!URL.canParse(url)) throw new EgressError('NETWORK', 'ERR_INVALID_URL', 'an unknown host');
	return new URL(url);
}

function flattened(headers: object): Record<string, string> {
	return Object.fromEntries(
		Object.entries(headers).map(([name, value]) => [
			name.toLowerCase(),
			Array.isArray(value) ? value.join(', ') : String(value),
		]),
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

/** An error of the HTTP client holds request and response, secrets included: only its code gets out. */
function withoutRequest(error: unknown, host: string): EgressError {
	const { code, cause } = error as { code?: unknown; cause?: unknown };
	for (const found of [error, cause]) {
		if (found instanceof EgressError) return new EgressError(found.code, found.detail, host);
	}
	const readable = typeof code === 'string' && /^[A-Z0-9_]+$/.test(code);
	return new EgressError('NETWORK', readable ? code : 'UNKNOWN', host);
}
