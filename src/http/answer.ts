import { Readable } from 'node:stream';

import type { Dispatcher } from 'undici';

import {
	EgressError,
	toEgressError,
	type StreamingRequest,
	type StreamingResponse,
} from './egress';
import { incomingHeaders } from './headers';

/** What an answer tells of the connection it came by. */
export interface Connection {
	/** Answers that have ended on it. */
	answers: number;
}

type Controller = Dispatcher.DispatchController;
type ResponseStart = Parameters<Required<Dispatcher.DispatchHandler>['onResponseStart']>;

/** The answer to one request: a promise of its head, then its body as it arrives. */
export class Answer implements Dispatcher.DispatchHandler {
	/** Settles once. Rejects with an {@link EgressError} only. */
	readonly head: Promise<StreamingResponse>;
	/** The one that the request goes to; set if connections are kept. */
	connection: () => Connection = () => ({ answers: 0 });
	/** True if the server closed a kept connection before it answered: most likely before it read the request. */
	isStale = false;
	private resolve!: (response: StreamingResponse) => void;
	private reject!: (error: EgressError) => void;
	private controller: Controller | undefined;
	private isReused = false;
	private hasBegun = false;
	private body: Readable | undefined;
	private isComplete = false;
	private failure: EgressError | undefined;
	private timer: NodeJS.Timeout | undefined;
	private readonly onAbort = (): void => this.fail(new EgressError('ABORTED', 'signal', this.host));

	constructor(
		private readonly host: string,
		private readonly request: Pick<
			StreamingRequest,
			'connectTimeoutMs' | 'headersTimeoutMs' | 'signal'
		>,
	) {
		this.head = new Promise((resolve, reject) => {
			this.resolve = resolve;
			this.reject = reject;
		});
		const { signal, connectTimeoutMs } = request;
		if (signal?.aborted) this.onAbort();
		else signal?.addEventListener('abort', this.onAbort, { once: true });
		this.wait(connectTimeoutMs);
	}

	/** To be called when a part of the request was sent: the time until the answer begins is counted again. */
	progress(): void {
		this.timer?.refresh();
	}

	/** True if it has failed, or come whole. */
	get isOver(): boolean {
		return this.failure !== undefined || this.isComplete;
	}

	/** Ends the exchange with this error. */
	fail(error: unknown): void {
		if (this.isOver) return;
		this.failure = toEgressError(error, this.host);
		this.stop();
		this.controller?.abort(this.failure);
		this.reject(this.failure);
		this.body?.destroy(this.failure);
	}

	onRequestStart(controller: Controller): void {
		this.controller = controller;
		if (this.failure !== undefined) {
			controller.abort(this.failure);
			return;
		}
		this.isReused = this.connection().answers > 0;
		this.wait(this.request.headersTimeoutMs);
	}

	/** Its first byte is there. */
	onResponseStarted(): void {
		this.hasBegun = true;
	}

	onResponseStart(...[controller, status, , statusText = '']: ResponseStart): void {
		// Hints in front of the answer.
		if (status < 200) return;
		clearTimeout(this.timer);
		const body = new Readable({
			read: () => controller.resume(),
			destroy: (error, done) => {
				if (!this.isComplete) this.fail(error ?? new EgressError('ABORTED', 'body', this.host));
				done(error);
			},
		});
		// A failure is that of who reads, then or later; until then nobody listens.
		body.on('error', () => undefined);
		this.body = body;
		const raw = (controller.rawHeaders ?? []) as readonly (Buffer | string)[];
		const rawHeaders = raw.map((text) =>
			typeof text === 'string' ? text : text.toString('latin1'),
		);
		this.resolve({ status, statusText, headers: incomingHeaders(rawHeaders), rawHeaders, body });
	}

	onResponseData(controller: Controller, chunk: Buffer): void {
		if (this.body?.push(chunk) === false) controller.pause();
	}

	onResponseEnd(): void {
		this.connection().answers += 1;
		this.isComplete = true;
		this.stop();
		this.body?.push(null);
	}

	onResponseError(_controller: Controller, error: Error): void {
		const { detail } = toEgressError(error, this.host);
		this.isStale = this.isReused && !this.hasBegun && CLOSED.has(detail);
		this.fail(error);
	}

	private wait(milliseconds: number | undefined): void {
		clearTimeout(this.timer);
		if (milliseconds === undefined || this.failure !== undefined) return;
		this.timer = setTimeout(
			() => this.fail(new EgressError('TIMEOUT', 'ETIMEDOUT', this.host)),
			milliseconds,
		);
	}

	private stop(): void {
		clearTimeout(this.timer);
		this.request.signal?.removeEventListener('abort', this.onAbort);
	}
}

/** How a connection that the server has closed shows itself. */
const CLOSED: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE']);
