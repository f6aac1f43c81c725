import fc from 'fast-check';

import { BEGINNING, COMMANDS, type Command } from './commands';
import { play } from './play';
import type { Beginning } from './world';

/*
 * Two to four processes, one store, one strict provider, people, administrators, crashes and faults, in random orders. What must hold is in
 * record.ts and world.ts; what is allowed to happen within the documented windows as well.
 *
 * A failure names its seed and path: `MODEL_SEED=… npm run test:faults -- test/model`. What it found belongs into regressions.test.ts.
 */

const { MODEL_SEED, MODEL_RUNS, CI } = process.env;
/** The same in every run of CI, so that it fails for a change and not by chance. `MODEL_SEED=fresh` looks for what nobody has seen yet. */
const SEEDS =
	MODEL_SEED === undefined
		? [20_260_101, 7]
		: [MODEL_SEED === 'fresh' ? Date.now() % 2 ** 31 : Number(MODEL_SEED)];
/** With each seed. */
const RUNS = MODEL_RUNS === undefined ? 5_000 : Number(MODEL_RUNS);
/** Milliseconds; a run takes about 4. CI has to take all, however slow its machine is. */
const LIMIT = CI === undefined ? 60_000 : 600_000;
const EVENTS_SHOWN = 60;

type Result = fc.RunDetails<[Beginning, Command[], unknown]>;

/** How to see it again, and what it was. */
function describeFailure({
	seed,
	counterexamplePath,
	counterexample,
	errorInstance,
}: Result): string {
	const [beginning, commands] = counterexample ?? [];
	return [
		`seed ${String(seed)}, path ${counterexamplePath ?? ''}`,
		JSON.stringify(beginning),
		...(commands ?? []).map((command) => JSON.stringify(command)),
		errorInstance instanceof Error ? errorInstance.message : '',
	].join('\n');
}

it.each(SEEDS)(
	'nothing is redeemed twice, nothing is lost, every call ends (seed %d)',
	async (seed) => {
		const property = fc.asyncProperty(
			BEGINNING,
			COMMANDS,
			fc.scheduler(),
			async (beginning, commands, scheduler) => {
				const { violations, log } = await play(beginning, commands, scheduler);
				if (violations.length === 0) return;
				throw new Error([...violations, '', ...log.slice(0, EVENTS_SHOWN)].join('\n'));
			},
		);
		const result = (await fc.check(property, {
			seed,
			numRuns: RUNS,
			plugins: [fc.interruptAfterTimeLimit(LIMIT)],
		})) as Result;
		if (result.failed) throw new Error(describeFailure(result));
		if (CI !== undefined) expect(result.numRuns).toBe(RUNS);
	},
	LIMIT + 60_000,
);
