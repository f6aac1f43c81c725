import { NodeApiError, NodeOperationError } from 'n8n-workflow';

import { isTransient } from '../../src';
import { limitsOf } from './actions/apiRequest/limitOptions';
import { readRetryOptions, type RetryOptions } from './actions/apiRequest/retryOptions';
import type { Item } from './actions/operation';
import type { ItemConnection } from './connection';
import { summaryOf } from './summary';
import { callApi, discard, type ApiAnswer, type ApiCall } from './transport';

/** RFC 9110 §9.2.2: sent twice they do what they do once. */
const IDEMPOTENT: ReadonlySet<string> = new Set(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PUT']);

/** Codes of a connection that failed and may succeed later. Not among them: unknown names, certificates, what the instance refuses. */
const CONNECTION_FAILURES: ReadonlySet<string> = new Set([
	'EAI_AGAIN',
	'ECONNABORTED',
	'ECONNREFUSED',
	'ECONNRESET',
	'EHOSTUNREACH',
	'ENETUNREACH',
	'EPIPE',
	'ERR_STREAM_PREMATURE_CLOSE',
	'ETIMEDOUT',
	'UND_ERR_BODY_TIMEOUT',
	'UND_ERR_CONNECT_TIMEOUT',
	'UND_ERR_HEADERS_TIMEOUT',
	'UND_ERR_SOCKET',
]);

const FIRST_BACKOFF_MS = 1000;
const LONGEST_BACKOFF_MS = 30_000;

function isConnectionFailure(error: unknown): error is NodeApiError {
	return error instanceof NodeApiError && CONNECTION_FAILURES.has(error.httpCode ?? '');
}

/** A moment from now, in whole seconds. */
function momentIn(milliseconds: number): string {
	const seconds = Math.ceil((Date.now() + milliseconds) / 1000);
	return new Date(seconds * 1000).toISOString().replace('.000', '');
}

type Outcome<T> = { readonly result: T } | { readonly waitMs: number };

/** One call of the API with its further tries. */
class RetriedCall {
	private readonly options: RetryOptions;
	private readonly begunAt: number;
	private retries = 0;

	constructor(
		private readonly item: Item,
		private readonly connection: ItemConnection,
		private readonly call: ApiCall,
	) {
		this.options = readRetryOptions(item);
		this.begunAt = connection.pace.elapsed();
	}

	async run<T>(read: (answer: ApiAnswer) => Promise<T>): Promise<T> {
		const { node } = this.item;
		const summary = summaryOf(node);
		for (;;) {
			await this.ready();
			summary.requests += 1;
			const outcome = await this.attempt(read);
			if ('result' in outcome) return outcome.result;
			this.retries += 1;
			summary.retries += 1;
			summary.waitedMs += outcome.waitMs;
			const { waitMs } = outcome;
			node.logger.debug('Vaulted OAuth2: a request is sent again', { retry: this.retries, waitMs });
			await this.connection.pace.rest(outcome.waitMs, this.signal);
		}
	}

	private get signal(): AbortSignal | undefined {
		return this.item.node.getExecutionCancelSignal();
	}

	private get leftMs(): number {
		return this.options.longestMs - (this.connection.pace.elapsed() - this.begunAt);
	}

	private get mayRepeat(): boolean {
		return this.options.allMethods || IDEMPOTENT.has(this.call.method);
	}

	/** Waits while the API wants no calls of this connection. */
	private async ready(): Promise<void> {
		const { pace } = this.connection;
		if (pace.left === 0) return;
		const since = pace.elapsed();
		const isReady = await pace.ready({ longestMs: this.leftMs, signal: this.signal });
		summaryOf(this.item.node).waitedMs += pace.elapsed() - since;
		if (isReady) return;
		const { node, itemIndex } = this.item;
		throw new NodeOperationError(
			node.getNode(),
			`The API wants no request of this connection before ${momentIn(pace.left)}`,
			{
				itemIndex,
				description:
					'It was not sent. Run the workflow later, or raise Max Time under Options → Retries.',
			},
		);
	}

	private async attempt<T>(read: (answer: ApiAnswer) => Promise<T>): Promise<Outcome<T>> {
		return await this.exchange(read).catch((error: unknown) => {
			if (!isConnectionFailure(error)) throw error;
			const waitMs = this.waitBeforeNext();
			if (waitMs !== undefined) return { waitMs };
			error.description = this.hint(error.description);
			throw error;
		});
	}

	private async exchange<T>(read: (answer: ApiAnswer) => Promise<T>): Promise<Outcome<T>> {
		const answer = await callApi(this.item, this.connection, this.call);
		const askedMs = this.connection.pace.learn(answer);
		if (!isTransient(answer.status)) return { result: await read(answer) };
		const waitMs = this.waitBeforeNext(askedMs);
		if (waitMs === undefined)
			return { result: await read({ ...answer, hint: this.hint(answer.hint, askedMs) }) };
		discard(answer.body);
		return { waitMs };
	}

	/** Milliseconds until the next try; undefined if there is none. What the API asks for is waited for in full, or not at all. */
	private waitBeforeNext(askedMs = 0): number | undefined {
		if (!this.mayRepeat || this.retries >= this.options.maxRetries) return undefined;
		const { pace } = this.connection;
		const longest = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** this.retries);
		const waitMs = Math.max(pace.spread(askedMs), pace.random() * longest);
		return waitMs > this.leftMs ? undefined : waitMs;
	}

	/** What a failure says besides. */
	private hint(known: string | null | undefined, askedMs = 0): string | undefined {
		const { method } = this.call;
		const texts = [
			known,
			this.retries > 0 ? `It was sent ${this.retries + 1} times.` : undefined,
			askedMs > 0 ? `The API wants the next request at ${momentIn(askedMs)}.` : undefined,
			askedMs > this.leftMs
				? 'That is too long to wait for: see Max Time under Options → Retries.'
				: undefined,
			this.mayRepeat
				? undefined
				: `A ${method} is sent again only with Retry POST and PATCH, under Options → Retries.`,
		];
		return texts.filter(Boolean).join(' ') || undefined;
	}
}

/**
 * Calls the API and reads its answer; both again if the connection failed, or the answer is 429, 502, 503 or 504, as far as the option
 * Retries lets them. POST and PATCH are never sent again unless it says so. Starts when the API wants calls of this connection, and as soon
 * as there is a slot, as the option Requests at Once says; that is held until the answer is read, through every wait.
 *
 * @param read may be called again after a connection that failed under it; gets the last answer, whatever its status
 * @throws what {@link callApi} and `read` throw, NodeOperationError if the API wants no call in time, the reason of a cancelled execution
 */
export async function callAndRead<T>(
	item: Item,
	{ connection, call }: { readonly connection: ItemConnection; readonly call: ApiCall },
	read: (answer: ApiAnswer) => Promise<T>,
): Promise<T> {
	const { node } = item;
	return await connection.pace.run(
		async () => await new RetriedCall(item, connection, call).run(read),
		{ limit: limitsOf(node).atOnce, signal: node.getExecutionCancelSignal() },
	);
}
