import type { Clock } from '../tokens/clock';

/** The tasks of one key. */
interface Line {
	running: number;
	/** Each starts one waiting task; oldest first. */
	readonly waiting: (() => void)[];
}

/** Waits for a slot that a task leaves. Whoever gives up leaves the line. */
async function turn({ waiting }: Line, signal: AbortSignal | undefined): Promise<void> {
	await new Promise<void>((resolve, reject) => {
		const start = (): void => {
			signal?.removeEventListener('abort', leave);
			resolve();
		};
		const leave = (): void => {
			waiting.splice(waiting.indexOf(start), 1);
			reject(signal?.reason as Error);
		};
		waiting.push(start);
		signal?.addEventListener('abort', leave, { once: true });
	});
}

/**
 * At most so many tasks of one key at once. The others wait, and start in the order in which they came: a slot that becomes free goes
 * to the oldest, never to one that comes at that moment. A key without tasks takes no memory.
 */
export class Concurrency {
	private readonly lines = new Map<string, Line>();
	private readonly limit: number;

	/** @param limit tasks of one key at once; at least 1 */
	constructor(limit: number) {
		this.limit = limit;
	}

	/** How many keys have a task that runs or waits. */
	get busyKeys(): number {
		return this.lines.size;
	}

	/**
	 * Runs the task as soon as its turn comes, at once if a slot is free, and settles as the task does. Time limits that must not
	 * include the wait are to be set inside the task. A task must not wait for another one of the same key.
	 *
	 * @throws the reason of `signal` if it aborts before the task has begun
	 */
	async run<T>(key: string, task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
		signal?.throwIfAborted();
		const line = this.lines.get(key) ?? { running: 0, waiting: [] };
		this.lines.set(key, line);
		if (line.running < this.limit) line.running += 1;
		else await turn(line, signal);
		try {
			return await task();
		} finally {
			this.passOn(key, line);
		}
	}

	/** The slot stays counted if a waiting task takes it over. */
	private passOn(key: string, line: Line): void {
		const next = line.waiting.shift();
		if (next !== undefined) {
			next();
			return;
		}
		line.running -= 1;
		if (line.running === 0) this.lines.delete(key);
	}
}

/** Time for whoever waits while there is work to finish: unlike the clock of the tokens, its timers keep the process alive. */
export const processTime: Pick<Clock, 'elapsed' | 'after'> = {
	elapsed: () => performance.now(),
	after: (milliseconds, callback) => {
		const timer = setTimeout(callback, milliseconds);
		return () => clearTimeout(timer);
	},
};

/** Resolves after so many milliseconds. @throws the reason of `signal` as soon as it aborts */
export async function rest(
	milliseconds: number,
	signal: AbortSignal | undefined,
	time = processTime,
): Promise<void> {
	signal?.throwIfAborted();
	await new Promise<void>((resolve, reject) => {
		const stop = (): void => {
			cancel();
			reject(signal?.reason as Error);
		};
		const cancel = time.after(milliseconds, () => {
			signal?.removeEventListener('abort', stop);
			resolve();
		});
		signal?.addEventListener('abort', stop, { once: true });
	});
}

/** How fast tasks may start. */
export interface RateLimit {
	/** Starts per second on average. */
	readonly perSecond: number;
	/** Starts at once after a time of rest; at least 1. Within any one second there are at most `perSecond + burst`. */
	readonly burst: number;
}

/**
 * Spaces starts out over time, in the order in which they were asked for. It is a token bucket: late timers and a process that stood
 * still cause no larger burst than stated. There is one timer while somebody waits, and none otherwise.
 */
export class Rate {
	/** Each starts one waiting task; oldest first. While there is one, a timer runs. */
	private readonly waiting: (() => void)[] = [];
	private readonly time: typeof processTime;
	private readonly intervalMs: number;
	/** How far `fullAt` may lie ahead for a start to be allowed. */
	private readonly allowanceMs: number;
	/** When the bucket is full again. */
	private fullAt = Number.NEGATIVE_INFINITY;

	constructor({ perSecond, burst }: RateLimit, time = processTime) {
		this.time = time;
		this.intervalMs = 1000 / perSecond;
		this.allowanceMs = (burst - 1) * this.intervalMs;
	}

	/** Resolves when the caller may start; never rejects. */
	async turn(): Promise<void> {
		await new Promise<void>((resolve) => {
			this.waiting.push(resolve);
			if (this.waiting.length === 1) this.startDue();
		});
	}

	private startDue(): void {
		while (this.waiting.length > 0) {
			const now = this.time.elapsed();
			const waitMs = this.fullAt - this.allowanceMs - now;
			if (waitMs > 0) {
				// Timers cut fractions off, and would come too early.
				this.time.after(Math.ceil(waitMs), () => this.startDue());
				return;
			}
			this.fullAt = Math.max(this.fullAt, now) + this.intervalMs;
			this.waiting.shift()?.();
		}
	}
}
