/**
 * Many real processes, many calls each, one refresh token: `npm run test:faults -- [--processes 20] [--calls 50] [--rounds 10] [--store KIND]
 * [--only TEXT]`. Prints a table, and ends with an error where anything is violated. Figures: docs/operations.md.
 */
import { parseArgs } from 'node:util';

import { Crew, type Answer, type Moment } from './crew';
import { Place, type StoreKind } from './place';

/** A situation that a crew meets again and again. */
interface Scenario {
	readonly name: string;
	/** Milliseconds the provider needs. */
	readonly delayMs: number;
	/** Of the rounds asked for. */
	readonly share: number;
	readonly leaseMs?: number;
	readonly diesAt?: Moment;
	/** The one documented loss: every call is told that a person has to authorize again. */
	readonly losesTheRefreshToken?: boolean;
	/** The slowest call may take this long. */
	readonly withinMs: number;
}

/** What all rounds of a scenario came to. */
interface Result {
	rounds: number;
	redemptions: number;
	reused: number;
	failed: number;
	lost: number;
	slowestMs: number;
	readonly violations: string[];
}

/** For waiting in the crowd: as many processes as the machine has no cores for. */
const CROWD_MS = 30_000;
/** Half of it more is what the others wait: room for twenty processes on two cores. */
const SHORT_LEASE_MS = 10_000;

const SCENARIOS: readonly Scenario[] = [
	{ name: 'provider answers in 0.2 s', delayMs: 200, share: 1, withinMs: 200 + CROWD_MS },
	{ name: 'provider answers in 12 s', delayMs: 12_000, share: 0.1, withinMs: 12_000 + CROWD_MS },
	{
		name: 'provider needs longer than the lease',
		delayMs: 8000,
		share: 0.1,
		leaseMs: 6000,
		withinMs: 8000 + CROWD_MS,
	},
	{
		name: 'SIGKILL before the call',
		delayMs: 50,
		share: 0.1,
		leaseMs: SHORT_LEASE_MS,
		diesAt: 'before the call',
		withinMs: SHORT_LEASE_MS * 1.5 + CROWD_MS,
	},
	{
		name: 'SIGKILL between answer and write',
		delayMs: 50,
		share: 0.1,
		leaseMs: SHORT_LEASE_MS,
		diesAt: 'between answer and write',
		losesTheRefreshToken: true,
		withinMs: SHORT_LEASE_MS * 1.5 + CROWD_MS,
	},
	{
		name: 'SIGKILL after the write',
		delayMs: 50,
		share: 1 / 3,
		leaseMs: SHORT_LEASE_MS,
		diesAt: 'after the write',
		withinMs: CROWD_MS,
	},
];

const STORES: readonly StoreKind[] = ['localVault', 'awsSecretsManager'];

/** What one round did that must not be. */
function violationsOf(
	scenario: Scenario,
	answers: readonly (Answer | undefined)[],
	seen: { redeemed: number; reused: number; tokens: readonly string[]; latest: readonly boolean[] },
): string[] {
	const alive = answers.filter((answer) => answer !== undefined);
	const codes = new Set(alive.flatMap(({ failures }) => Object.keys(failures)));
	const slowest = Math.max(...alive.map(({ slowestMs }) => slowestMs));
	const died = answers.length - alive.length;
	const expected = scenario.losesTheRefreshToken === true;
	return [
		...(seen.redeemed === 1 ? [] : [`${seen.redeemed} redemptions`]),
		...(seen.reused === (expected ? 1 : 0) ? [] : [`${seen.reused} refresh tokens reused`]),
		...(died === (scenario.diesAt === undefined ? 0 : 1) ? [] : [`${died} processes died`]),
		...(seen.latest.every(Boolean) ? [] : ['a token that is not the latest']),
		...(expected
			? [...(seen.tokens.length === 0 ? [] : ['a token of a revoked family'])]
			: [...(seen.tokens.length === 1 ? [] : [`${seen.tokens.length} tokens in use`])]),
		...[...codes]
			.filter((code) => !expected || code !== 'INVALID_GRANT')
			.map((code) => `calls failed with ${code}`),
		...(slowest <= scenario.withinMs ? [] : [`a call took ${Math.round(slowest)} ms`]),
	];
}

async function run(
	scenario: Scenario,
	{ place, crew, store }: { place: Place; crew: Crew; store: StoreKind },
	{ calls, rounds }: { calls: number; rounds: number },
): Promise<Result> {
	const { provider } = place;
	const { leaseMs, diesAt, delayMs } = scenario;
	const result: Result = {
		rounds,
		redemptions: 0,
		reused: 0,
		failed: 0,
		lost: 0,
		slowestMs: 0,
		violations: [],
	};
	provider.delayMs = delayMs;
	for (let round = 1; round <= rounds; round += 1) {
		const answers = await crew.call({
			...(await place.expired(store)),
			calls,
			...(leaseMs === undefined ? {} : { leaseMs }),
			...(diesAt === undefined ? {} : { diesAt, deathMark: place.mark() }),
		});
		const alive = answers.filter((answer) => answer !== undefined);
		const tokens = [...new Set(alive.flatMap((answer) => answer.tokens))];
		const { redeemed, reused } = provider.take();
		result.redemptions += redeemed;
		result.reused += reused;
		result.lost += reused;
		result.failed += alive
			.flatMap(({ failures }) => Object.values(failures))
			.reduce((sum, count) => sum + count, 0);
		result.slowestMs = Math.max(result.slowestMs, ...alive.map(({ slowestMs }) => slowestMs));
		const latest = tokens.map((token) => provider.isLatest(token));
		const violations = violationsOf(scenario, answers, { redeemed, reused, tokens, latest });
		result.violations.push(...violations.map((violation) => `round ${round}: ${violation}`));
	}
	return result;
}

async function main(): Promise<void> {
	const { values } = parseArgs({
		options: {
			processes: { type: 'string', default: '20' },
			calls: { type: 'string', default: '50' },
			rounds: { type: 'string', default: '10' },
			store: { type: 'string' },
			only: { type: 'string', default: '' },
		},
		args: process.argv.slice(3),
	});
	const [processes, calls] = [Number(values.processes), Number(values.calls)];
	const place = await Place.open();
	const crew = await Crew.start(processes);
	const table: object[] = [];
	const violations: string[] = [];
	try {
		for (const store of STORES.filter((kind) => kind === (values.store ?? kind))) {
			for (const scenario of SCENARIOS.filter(({ name }) => name.includes(values.only))) {
				const rounds = Math.ceil(Number(values.rounds) * scenario.share);
				const { violations: found, ...figures } = await run(
					scenario,
					{ place, crew, store },
					{ calls, rounds },
				);
				table.push({
					store,
					scenario: scenario.name,
					...figures,
					slowestMs: Math.round(figures.slowestMs),
				});
				violations.push(...found.map((text) => `${store}, ${scenario.name}, ${text}`));
			}
		}
	} finally {
		await crew.stop();
		await place.close();
	}
	console.log(`${processes} processes, ${calls} calls each in every round`);
	console.table(table);
	for (const violation of violations) console.error(violation);
	if (violations.length > 0 || table.length === 0) process.exitCode = 1;
}

void main();
