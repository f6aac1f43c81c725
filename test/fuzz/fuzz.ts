import fc from 'fast-check';

import { VaultedOAuth2Error } from '../../src/errors';
import { costOf, LONGEST_MS } from '../support/costOf';

/** The same in every run, so that it fails for a change and not by chance; `FUZZ_SEED=…` looks elsewhere. */
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_260_101);
/** Of all properties together. */
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 100_000);
/** Of one property. */
const TIME_LIMIT_MS = 600_000;

/** What {@link fuzz} tries. */
export interface Property<T> {
	/** Percent of all cases. */
	readonly share: number;
	readonly of: fc.Arbitrary<T>;
	/** Does what is measured, and must do the same again if it is repeated. What it throws is a result too. */
	readonly run: (value: T) => unknown;
	/** Throws if the result is wrong. */
	readonly check: (outcome: Outcome, value: T) => void;
}

/** What became of one case. */
export interface Outcome {
	readonly result?: unknown;
	readonly error?: unknown;
}

async function outcomeOf(run: () => unknown): Promise<Outcome> {
	try {
		return { result: await run() };
	} catch (error) {
		return { error };
	}
}

/** Tries a property on its share of all cases. No case may take more than 50 ms; the longest one is reported. */
export function fuzz<T>(name: string, { share, of, run, check }: Property<T>): void {
	test(
		name,
		async () => {
			let longest = 0;
			let cases = 0;
			const startedAt = performance.now();
			// What is loaded on first use is no cost of the first case.
			for (const value of fc.sample(of, { seed: SEED, numRuns: 5 }))
				await outcomeOf(() => run(value));
			await fc.assert(
				fc.asyncProperty(of, async (value) => {
					let outcome: Outcome = {};
					const cost = await costOf(async () => (outcome = await outcomeOf(() => run(value))));
					longest = Math.max(longest, cost);
					cases += 1;
					check(outcome, value);
					if (cost > LONGEST_MS) throw new Error(`it takes ${Math.round(cost)} ms`);
				}),
				{
					seed: SEED,
					numRuns: Math.max(1, Math.ceil((RUNS * share) / 100)),
					interruptAfterTimeLimit: TIME_LIMIT_MS,
					markInterruptAsFailure: true,
				},
			);
			const seconds = Math.round((performance.now() - startedAt) / 100) / 10;
			process.stderr.write(
				`${name}: ${cases} cases in ${seconds} s, the longest ${longest.toFixed(1)} ms (FUZZ_SEED=${SEED})\n`,
			);
		},
		TIME_LIMIT_MS + 30_000,
	);
}

/** One of the four classes, if it is an error; of the class that is named, if one is. */
export function assertClassified(
	{ error }: Outcome,
	...classes: readonly VaultedOAuth2Error['failureClass'][]
): void {
	if (error === undefined) return;
	if (!(error instanceof VaultedOAuth2Error))
		throw new Error('it is none of the four classes', { cause: error });
	if (classes.length > 0 && !classes.includes(error.failureClass))
		throw new Error(`it is a ${error.failureClass} error`, { cause: error });
}
