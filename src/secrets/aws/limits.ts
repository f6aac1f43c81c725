import type { Concurrency, Rate, RateLimit } from '../../http/limiter';

/** Reads of one client at once, and writes of one client at once: 50 calls together. */
export const CALLS_AT_ONCE = 25;

/** PutSecretValue and CreateSecret of one client. AWS takes 50 a second of a region and account, which other processes share. */
export const WRITES: RateLimit = { perSecond: 25, burst: 5 };

/** What one client's calls go through. */
export interface AwsLimits {
	/** {@link CALLS_AT_ONCE} */
	readonly calls: Concurrency;
	/** {@link WRITES} */
	readonly writes: Rate;
}

/**
 * Makes a call when its turn comes, in the order in which calls were asked for. Reads never wait for writes. Time limits belong into
 * `send`, which then do not include the wait.
 */
export async function limited<T>(
	{ calls, writes }: AwsLimits,
	kind: 'read' | 'write',
	send: () => Promise<T>,
): Promise<T> {
	return await calls.run(kind, async () => {
		// In its slot, so that writes that had their turn cannot pile up while AWS hangs, and come all at once later.
		if (kind === 'write') await writes.turn();
		return await send();
	});
}
