import { Concurrency, processTime, rest } from './limiter';
import { askedWaitMs, type PacedAnswer } from './rateLimits';

/** After a wait that many calls share, they do not all start at one moment. */
const LONGEST_SPREAD_MS = 1000;
const SPREAD_SHARE = 0.1;

/** Nothing an API says holds up the other calls for longer: it may be about one address only, and nobody could end it. */
const LONGEST_PAUSE_MS = 300_000;

/** What a {@link CallPace} works with. */
export interface CallPaceOptions {
	/** Milliseconds since the epoch. */
	readonly now: () => number;
	/** Default: this process's own, with timers that keep it alive. */
	readonly time?: typeof processTime;
	/** From 0 to 1. Default: `Math.random`. */
	readonly random?: () => number;
}

/** How long a call may wait. */
export interface Waiting {
	readonly longestMs: number;
	readonly signal: AbortSignal | undefined;
}

/** When the calls of one connection may start, for all executions of this process: how many at once, and not before the API wants them. */
export class CallPace {
	/** By limit. */
	private readonly lines = new Map<number, Concurrency>();
	private readonly time: typeof processTime;
	private notBefore = -Infinity;

	constructor(private readonly options: CallPaceOptions) {
		this.time = options.time ?? processTime;
	}

	/** From 0 to 1. */
	random(): number {
		return (this.options.random ?? Math.random)();
	}

	/** Milliseconds by the monotonic clock. */
	elapsed(): number {
		return this.time.elapsed();
	}

	/** Milliseconds until the API wants the next call. */
	get left(): number {
		return Math.max(0, this.notBefore - this.time.elapsed());
	}

	/**
	 * Learns from an answer how long every call has to wait. More than five minutes is for the caller alone.
	 *
	 * @returns milliseconds that the answer asks for; undefined if it says nothing
	 */
	learn(answer: PacedAnswer): number | undefined {
		const wait = askedWaitMs(answer, this.options.now());
		if (wait !== undefined && wait <= LONGEST_PAUSE_MS)
			this.notBefore = Math.max(this.notBefore, this.time.elapsed() + wait);
		return wait;
	}

	/**
	 * Resolves with true once the API wants calls, at once in general; with false if that takes longer than `longestMs`.
	 *
	 * @throws the reason of the signal as soon as it aborts
	 */
	async ready({ longestMs, signal }: Waiting): Promise<boolean> {
		const latest = this.time.elapsed() + longestMs;
		for (;;) {
			const { left } = this;
			if (left === 0) return true;
			if (this.time.elapsed() + left > latest) return false;
			await this.rest(this.spread(left), signal);
		}
	}

	/** A wait that others were asked for too, and a little more, each another time. */
	spread(milliseconds: number): number {
		return milliseconds + this.random() * Math.min(milliseconds * SPREAD_SHARE, LONGEST_SPREAD_MS);
	}

	/** Resolves after so many milliseconds. @throws the reason of the signal as soon as it aborts */
	async rest(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
		await rest(Math.ceil(milliseconds), signal, this.time);
	}

	/**
	 * Runs the task as soon as fewer than `limit` tasks of the same limit run, in the order in which they came. Settles as the task does.
	 *
	 * @throws the reason of the signal if it aborts before the task has begun
	 */
	async run<T>(
		task: () => Promise<T>,
		{ limit, signal }: { limit: number; signal: AbortSignal | undefined },
	): Promise<T> {
		const line = this.lines.get(limit) ?? new Concurrency(limit);
		this.lines.set(limit, line);
		return await line.run('calls', task, signal);
	}
}
