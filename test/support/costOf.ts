/** What one input may cost at most, in milliseconds: 50; on a machine of CI, which may be slow and shared, four times that. What is not linear takes seconds. */
export const LONGEST_MS = process.env['CI'] === undefined ? 50 : 200;

/** What takes so long is slow on any machine, and is not repeated. */
const SURELY_SLOW_MS = 1000;

/** What takes no longer is not repeated either. */
const QUICK_MS = 10;

/** How often a slow run is repeated: the machine may have been busy with something else. */
const TRIES = 4;

/**
 * How long `run` takes, in milliseconds: the shortest of a few runs, and only one if that is quick enough.
 *
 * @param run has to do the same each time
 */
export async function costOf(run: () => unknown): Promise<number> {
	let shortest = Infinity;
	for (let left = TRIES; left > 0 && shortest > QUICK_MS; left -= 1) {
		const startedAt = performance.now();
		const spent = process.cpuUsage();
		await run();
		const { user, system } = process.cpuUsage(spent);
		// Neither waiting for the processor nor what the garbage collector does beside it is a cost of the input.
		const cost = Math.min(performance.now() - startedAt, (user + system) / 1000);
		shortest = Math.min(shortest, cost);
		if (cost > SURELY_SLOW_MS) break;
	}
	return shortest;
}
