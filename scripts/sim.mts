// `npm run sim`: very many connections over one region's write quota of AWS Secrets Manager, second by second, after a cold start of
// everything at once; then such a start of fewer connections, call by call. Uses the package's own rule for when a token is replaced
// and its own limits; the figures are in docs/scale.md.
import { WRITES } from '../src/secrets/aws/limits.ts';
import { effectiveBuffer } from '../src/tokens/freshness.ts';
import { printColdStart } from './sim/coldStart.mts';

const LIFETIME_SECONDS = 3600;
const BUFFER_SECONDS = 300;
/** Writes and label moves a second, shared by a region and account. */
const QUOTA = 50;
const HOURS = 24;
const SHOWN_HOURS = new Set([1, 2, 3, 6, 12, 24]);

interface Scenario {
	readonly name: string;
	readonly connections: number;
	/** How far connections spread: 1 as they do in the package, over a tenth of the buffer; 10 over all of it. */
	readonly jitter: 0 | 1 | 10;
	/** 1: one process of n8n. 2: several, which claim a lease before the new tokens are written. */
	readonly writes: 1 | 2;
}

/** What an hour was like. */
interface Hour {
	/** The most writes wanted within one second. */
	peak: number;
	/** Seconds that the last of the jobs begun in this hour waited for its turn. */
	longestWait: number;
	/** Connections whose token had ended before another one was there. */
	expired: number;
}

/** A write that waits: 0 the lease, 1 the tokens. */
interface Job {
	readonly connection: number;
	readonly step: 0 | 1;
	readonly since: number;
}

/** Evenly spread and the same in every run. */
function spread(connection: number): number {
	return (connection * 0.618_033_988_749_895) % 1;
}

function periodOf(connection: number, jitter: number): number {
	const policy = { bufferMs: BUFFER_SECONDS * 1000, jitter: spread(connection) * jitter };
	return LIFETIME_SECONDS - effectiveBuffer(policy, LIFETIME_SECONDS * 1000) / 1000;
}

/** Writes a second: one process keeps to half of the quota. */
function allowed({ writes }: Scenario): number {
	return writes === 1 ? WRITES.perSecond : QUOTA;
}

function simulate(scenario: Scenario): Hour[] {
	const { connections, jitter, writes } = scenario;
	const end = HOURS * 3600;
	const due: number[][] = Array.from({ length: end }, () => []);
	const expiry = new Float64Array(connections);
	const hours: Hour[] = Array.from({ length: HOURS }, () => ({
		peak: 0,
		longestWait: 0,
		expired: 0,
	}));
	const queue: Job[] = [];
	let head = 0;

	const hourAt = (second: number): Hour =>
		hours[Math.floor(second / 3600)] ?? { peak: 0, longestWait: 0, expired: 0 };
	/** A token is issued; its successor will be wanted a period later. */
	const issue = (connection: number, second: number): void => {
		if (second > (expiry[connection] ?? 0) && second > 0) hourAt(second).expired += 1;
		expiry[connection] = second + LIFETIME_SECONDS;
		due[Math.round(second + periodOf(connection, jitter))]?.push(connection);
	};

	// Everything at once: no connection has a token.
	for (let connection = 0; connection < connections; connection += 1) due[0]?.push(connection);
	for (let second = 0; second < end; second += 1) {
		const wanted = due[second] ?? [];
		for (const connection of wanted) {
			// Without a lease the provider is asked at once, and the write follows.
			if (writes === 1) issue(connection, second);
			queue.push({ connection, step: writes === 1 ? 1 : 0, since: second });
		}
		const hour = hourAt(second);
		hour.peak = Math.max(hour.peak, wanted.length);
		due[second] = [];
		for (let served = 0; served < allowed(scenario); served += 1) {
			const job = queue[head];
			if (job === undefined) break;
			const { connection, step, since } = job;
			head += 1;
			const begun = hourAt(since);
			begun.longestWait = Math.max(begun.longestWait, second - since);
			if (step === 0) {
				issue(connection, second);
				queue.push({ connection, step: 1, since: second });
			}
		}
	}
	return hours;
}

function print(scenario: Scenario): void {
	const hours = simulate(scenario);
	const perSecond = (scenario.connections * scenario.writes) / periodOf(0, scenario.jitter);
	console.log(
		`\n${scenario.name}: ${perSecond.toFixed(1)} writes a second on average, ${allowed(scenario)} allowed`,
	);
	console.log('  hour   most wanted in a second   longest wait (s)   tokens that ended first');
	for (const [index, { peak, longestWait, expired }] of hours.entries()) {
		const hour = index + 1;
		if (!SHOWN_HOURS.has(hour)) continue;
		console.log(
			`  ${String(hour).padStart(4)}   ${String(peak).padStart(23)}   ${String(longestWait).padStart(16)}   ${String(expired).padStart(23)}`,
		);
	}
}

const started = Date.now();
console.log(
	`Tokens of ${LIFETIME_SECONDS} s, cold start of all connections at once, ${HOURS} simulated hours`,
);
const JITTERS = [
	['no jitter', 0],
	['with jitter', 1],
	['jitter ten times as wide', 10],
] as const;
for (const [described, jitter] of JITTERS) {
	const name = `One process, 75,000 connections, ${described}`;
	print({ name, connections: 75_000, jitter, writes: 1 });
}
for (const [described, jitter] of JITTERS) {
	const name = `Several processes, 100,000 connections, ${described}`;
	print({ name, connections: 100_000, jitter, writes: 2 });
}
print({
	name: 'Several processes, 75,000 connections, with jitter',
	connections: 75_000,
	jitter: 1,
	writes: 2,
});
await printColdStart();
console.log(`\n${((Date.now() - started) / 1000).toFixed(1)} s`);
