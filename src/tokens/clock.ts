/** Time as one process measures it. Two clocks, because the time of day differs from host to host and can be set back. */
export interface Clock {
	/** The time of day: milliseconds since the epoch. */
	now(): number;
	/** Milliseconds since some moment of the past; never goes back. */
	elapsed(): number;
	/** Calls back once after so many milliseconds, and keeps no process alive for it. The result cancels it. */
	after(milliseconds: number, callback: () => void): () => void;
}

/** The clocks and timers of this process. */
export const systemClock: Clock = {
	now: () => Date.now(),
	elapsed: () => performance.now(),
	after: (milliseconds, callback) => {
		const timer = setTimeout(callback, milliseconds).unref();
		return () => clearTimeout(timer);
	},
};

/** Resolves after so many milliseconds. */
export async function pause(clock: Clock, milliseconds: number): Promise<void> {
	await new Promise<void>((resolve) => {
		clock.after(milliseconds, resolve);
	});
}

/** What the promise brings if it does so in time, else undefined; then its rejection is nobody's. */
export async function within<T>(
	clock: Clock,
	milliseconds: number,
	promise: Promise<T>,
): Promise<T | undefined> {
	let cancel: () => void = () => undefined;
	const late = new Promise<undefined>((resolve) => {
		cancel = clock.after(milliseconds, () => resolve(undefined));
	});
	try {
		return await Promise.race([promise, late]);
	} finally {
		cancel();
	}
}
