import { Readable } from 'node:stream';

import { EgressError, type Egress } from '../../http/egress';
import type { AwsTimeouts } from './connection';

/** What the SDK sends: the parts of its `HttpRequest` that are used here. */
interface SdkRequest {
	readonly protocol: string;
	readonly hostname: string;
	readonly port?: number;
	readonly path: string;
	readonly query?: Readonly<Record<string, string | readonly string[] | null>>;
	readonly method: string;
	readonly headers: Readonly<Record<string, string>>;
	readonly body?: unknown;
}

/** What it takes for an answer. */
interface SdkResponse {
	readonly statusCode: number;
	readonly reason: string;
	readonly headers: Record<string, string>;
	readonly body: Readable;
}

/** Sends the SDK's requests through this package's own door, on connections that are kept. */
export class SdkTransport {
	readonly metadata = { handlerProtocol: 'http/1.1' };

	constructor(
		private readonly egress: Pick<Egress, 'open'>,
		private readonly timeouts: Pick<AwsTimeouts, 'connect' | 'request'>,
	) {}

	/** For the SDK, which names errors that pass by `name` and `code`, as Node does. */
	async handle(
		request: SdkRequest,
		{ abortSignal }: { readonly abortSignal?: unknown } = {},
	): Promise<{ response: SdkResponse }> {
		try {
			const { status, statusText, headers, body } = await this.egress.open(addressOf(request), {
				method: request.method,
				headers: { 'accept-encoding': 'identity', ...request.headers },
				body: bodyOf(request.body),
				connectTimeoutMs: this.timeouts.connect,
				headersTimeoutMs: this.timeouts.request,
				signal: abortSignal instanceof AbortSignal ? abortSignal : undefined,
			});
			const flat = Object.entries(headers).map(([name, value]) => [name, [value].flat().join(',')]);
			return {
				response: {
					statusCode: status,
					reason: statusText,
					headers: Object.fromEntries(flat) as Record<string, string>,
					body: Readable.from(readFor(body), { objectMode: false }),
				},
			};
		} catch (error) {
			throw asSdkError(error);
		}
	}

	/** The settings are those of the constructor. */
	updateHttpClientConfig(): void {
		return undefined;
	}

	/** See {@link updateHttpClientConfig}. */
	httpHandlerConfigs(): object {
		return {};
	}
}

async function* readFor(body: Readable): AsyncGenerator {
	try {
		yield* body;
	} catch (error) {
		throw asSdkError(error);
	}
}

function addressOf({ protocol, hostname, port, path, query = {} }: SdkRequest): string {
	const pairs = Object.entries(query).flatMap(([name, values]) =>
		[values].flat().map((value) => {
			const text = encodeURIComponent(name);
			return value === null ? text : `${text}=${encodeURIComponent(value)}`;
		}),
	);
	const place = `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}`;
	return pairs.length === 0 ? place : `${place}?${pairs.join('&')}`;
}

function bodyOf(body: unknown): string | Buffer | undefined {
	if (typeof body === 'string') return body;
	return body instanceof Uint8Array ? Buffer.from(body) : undefined;
}

/** A refusal of the instance's policy, or a proxy's failure, is not worth another attempt: the SDK does not know it. */
function asSdkError(error: unknown): unknown {
	if (!(error instanceof EgressError)) return error;
	const { code, detail, message } = error;
	if (code === 'ABORTED') return Object.assign(new Error(message), { name: 'AbortError' });
	if (code === 'TIMEOUT') {
		return Object.assign(new Error(message), { name: 'TimeoutError', code: detail });
	}
	if (code !== 'NETWORK' || detail.startsWith('PROXY_')) return error;
	return Object.assign(new Error(message), { code: detail });
}
