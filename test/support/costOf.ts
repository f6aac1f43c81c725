/** What one input may cost at most, in milliseconds. */
export const LONGEST_MS = 50;

/** What takes so long is slow on any machine, and is not repeated. */
const SURELY_SLOW_MS = 1000;

/** How often a slow run is repeated: the machine may have been busy with something else. */
const TRIES = 4;

/**
 * How long `run` takes, in milliseconds: the shortest of a few runs, and only one if that is quick enough.
 *
 * @param run has to do the same each time
 */
export async function costOf(run: () => unknown): Promise<number> {
	let shortest = Infinity;
	for (let left = TRIES; left > 0 && shortest > LONGEST_MS; left -= 1) {
		const startedAt = performance.now();
		await run();
		const cost = performance.now() - startedAt;
		shortest = Math.min(shortest, cost);
		if (cost > SURELY_SLOW_MS) break;
	}
	return shortest;
}
