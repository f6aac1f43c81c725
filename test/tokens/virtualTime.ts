import type { Clock } from '../../src/tokens/clock';

interface Timer {
	readonly due: number;
	readonly callback: () => void;
}

/** More timers than any test needs: what waits longer waits for ever. */
const MOST_TIMERS = 100_000;

/** Time that passes only when a test lets it, and then at once. */
export class VirtualTime {
	/** The time of day of a host whose clock is right: milliseconds since the epoch. */
	now = Date.UTC(2026, 0, 1);
	/** Milliseconds since the test began. */
	elapsed = 0;
	private timers: Timer[] = [];

	/** @param quiet resolves once everybody waits for a timer */
	constructor(private readonly quiet: () => Promise<void> = nextTurn) {}

	/** A host's clock; `skew` says how far its time of day is off at present, in milliseconds. */
	clock(skew: () => number = () => 0): Clock {
		return {
			now: () => this.now + skew(),
			elapsed: () => this.elapsed,
			after: (milliseconds, callback) => {
				const timer = { due: this.elapsed + milliseconds, callback };
				this.timers.push(timer);
				return () => {
					this.timers = this.timers.filter((other) => other !== timer);
				};
			},
		};
	}

	/** Lets time pass without calling anybody back. */
	pass(milliseconds: number): void {
		this.now += milliseconds;
		this.elapsed += Math.max(0, milliseconds);
	}

	/** Lets time pass until the promise is settled. */
	async until<T>(promise: Promise<T>): Promise<T> {
		const state = { isSettled: false };
		const settled = promise.finally(() => (state.isSettled = true));
		settled.catch(() => undefined);
		for (let fired = 0; fired < MOST_TIMERS; fired += 1) {
			await this.quiet();
			if (state.isSettled) return await settled;
			if (!this.fireNext()) throw new Error('Nothing is left that could settle it');
		}
		throw new Error('It waits for ever');
	}

	/** Lets so many milliseconds pass, and calls back whoever is due. */
	async run(milliseconds: number): Promise<void> {
		const end = this.elapsed + milliseconds;
		for (;;) {
			await this.quiet();
			if (!this.fireNext(end)) break;
		}
		this.pass(end - this.elapsed);
	}

	/** Goes on to the next timer and calls back, if there is one until then. */
	fireNext(until = Infinity): boolean {
		const [next] = this.timers.sort((left, right) => left.due - right.due);
		if (next === undefined || next.due > until) return false;
		this.timers.shift();
		this.pass(Math.max(0, next.due - this.elapsed));
		next.callback();
		return true;
	}
}

/** Enough where nothing is asked of another thread or process. */
async function nextTurn(): Promise<void> {
	await new Promise(setImmediate);
}
