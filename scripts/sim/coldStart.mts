// A cold start as one process sees it: every connection wants its first token in the same moment. The limits are the package's own
// classes, on virtual time; the figures are in docs/scale.md.
import { Concurrency, Rate } from '../../src/http/limiter.ts';
import { CALLS_AT_ONCE, limited, WRITES } from '../../src/secrets/aws/limits.ts';
import { pause } from '../../src/tokens/clock.ts';
import { VirtualTime } from '../../test/tokens/virtualTime.ts';

const CONNECTIONS = 5_000;
/** A refresh holds its slot from the claim of the lease until the new tokens are written. */
const REFRESHES_PER_HOST = 10;
/** Of all hosts: what is under way must be written before its lease ends. */
const REFRESHES_AT_ONCE = 200;
const AWS_MS = 20;
const LEASE_SECONDS = 60;

interface Scenario {
	readonly name: string;
	/** Token endpoints, among which the connections are divided evenly. */
	readonly hosts: number;
	readonly providerMs: number;
	/** Refreshes of all hosts at once, at most. */
	readonly refreshes: number;
}

/** All times in milliseconds since the start. */
interface Figures {
	/** When each connection had its token, in that order. */
	readonly served: number[];
	/** When each write started. */
	readonly writes: number[];
	/** From the moment a lease began until the tokens were written, at the longest. */
	longestClaim: number;
	mostRequests: number;
	mostCalls: number;
	inOrder: boolean;
}

/** Notes whether those that wait start in the order in which they came. */
class Order {
	private readonly next = new Map<string, number>();
	private readonly came = new Map<string, number>();
	held = true;

	/** To be called on arrival; the result, at the start. */
	arrive(queue: string): () => void {
		const place = this.came.get(queue) ?? 0;
		this.came.set(queue, place + 1);
		return () => {
			const expected = this.next.get(queue) ?? 0;
			if (place !== expected) this.held = false;
			this.next.set(queue, expected + 1);
		};
	}
}

/** How many are under way. */
class Gauge {
	private running = 0;
	most = 0;

	async during<T>(task: () => Promise<T>): Promise<T> {
		this.running += 1;
		this.most = Math.max(this.most, this.running);
		const result = await task();
		this.running -= 1;
		return result;
	}
}

async function simulate({ hosts, providerMs, refreshes }: Scenario): Promise<Figures> {
	const time = new VirtualTime();
	const clock = time.clock();
	const limits = { calls: new Concurrency(CALLS_AT_ONCE), writes: new Rate(WRITES, clock) };
	const perHost = new Concurrency(REFRESHES_PER_HOST);
	const together = new Concurrency(refreshes);
	const order = new Order();
	const calls = new Gauge();
	const requests = Array.from({ length: hosts }, () => new Gauge());
	const served: number[] = [];
	const writes: number[] = [];
	let longestClaim = 0;

	const call = async (kind: 'read' | 'write'): Promise<void> => {
		const start = order.arrive(kind);
		await limited(limits, kind, async () => {
			start();
			if (kind === 'write') writes.push(time.elapsed);
			await calls.during(() => pause(clock, AWS_MS));
		});
	};
	/** As the store writes: a look at the version that is replaced before and after. */
	const compareAndSwap = async (): Promise<void> => {
		await call('read');
		await call('write');
		await call('read');
	};
	const refresh = async (requesting: Gauge | undefined): Promise<void> => {
		const claimed = time.elapsed;
		await compareAndSwap();
		await requesting?.during(() => pause(clock, providerMs));
		await compareAndSwap();
		longestClaim = Math.max(longestClaim, time.elapsed - claimed);
		served.push(time.elapsed);
	};
	const connect = async (host: number): Promise<void> => {
		await call('read');
		const start = order.arrive(`host ${host}`);
		await perHost.run(String(host), async () => {
			start();
			await together.run('all', () => refresh(requests[host]));
		});
	};

	const connections = Array.from({ length: CONNECTIONS }, (_, n) => connect(n % hosts));
	await time.until(Promise.all(connections));
	return {
		served,
		writes,
		longestClaim,
		mostRequests: Math.max(...requests.map(({ most }) => most)),
		mostCalls: calls.most,
		inOrder: order.held,
	};
}

/** The most within any one second; `moments` in ascending order. */
function peakPerSecond(moments: readonly number[]): number {
	let first = 0;
	let peak = 0;
	for (const [index, moment] of moments.entries()) {
		while ((moments[first] ?? moment) <= moment - 1000) first += 1;
		peak = Math.max(peak, index - first + 1);
	}
	return peak;
}

function seconds(milliseconds: number | undefined): string {
	return `${((milliseconds ?? 0) / 1000).toFixed(1)} s`;
}

async function print(scenario: Scenario): Promise<void> {
	const figures = await simulate(scenario);
	const { served, writes, longestClaim } = figures;
	console.log(`\n${scenario.name}, an answer takes ${seconds(scenario.providerMs)}`);
	console.log(`  median wait                       ${seconds(served[served.length / 2])}`);
	console.log(`  longest wait                      ${seconds(served.at(-1))}`);
	console.log(`  served                            ${served.length}`);
	console.log(`  most writes in a second           ${peakPerSecond(writes)}`);
	console.log(`  most calls of AWS at once         ${figures.mostCalls}`);
	console.log(`  most token requests at once       ${figures.mostRequests} of one host`);
	console.log(`  first come, first served          ${figures.inOrder ? 'yes' : 'NO'}`);
	console.log(
		`  longest from claim to tokens      ${seconds(longestClaim)} of a lease of ${LEASE_SECONDS} s`,
	);
}

/** Prints the figures of each scenario. */
export async function printColdStart(): Promise<void> {
	console.log(`\nCold start of ${CONNECTIONS.toLocaleString('en')} connections in one process`);
	await print({ name: 'One provider', hosts: 1, providerMs: 200, refreshes: REFRESHES_AT_ONCE });
	await print({ name: 'One provider', hosts: 1, providerMs: 1000, refreshes: REFRESHES_AT_ONCE });
	const many = { hosts: 500, providerMs: 1000 };
	await print({ name: '500 providers, no limit over all', ...many, refreshes: CONNECTIONS });
	await print({ name: '500 providers', ...many, refreshes: REFRESHES_AT_ONCE });
}
