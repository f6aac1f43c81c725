import type { Connections } from '../../src/connections';
import { EgressError } from '../../src/http/egress';
import { FaultEnvironment, Users, type Behaviour, type Form } from './environment';

const OUTAGE_SECONDS = 1_200;
const HOUR_SECONDS = 3_700;
const VERSIONS_PER_DAY = 96;
/** A lease that is extended again and again, twice as long each time; it begins again with another holder. */
const VERSIONS_OF_OUTAGE = 12;
/** Within which a call without a valid token ends. */
const ANSWER_MS = 10_000;

const DOWN: [name: string, code: string, behaviour: Behaviour][] = [
	['answers 503', 'SERVER_ERROR', { status: 503, body: 'maintenance' }],
	[
		'is not reached',
		'UNREACHABLE',
		new EgressError('NETWORK', 'ECONNREFUSED', 'login.example.com'),
	],
	['never answers', 'TIMEOUT', 'hang'],
];

let environment: FaultEnvironment;
let form: Form;
let processes: Connections[];
let users: Users;

/** Three processes of a queue mode that have used the connection, and whose token has ended. */
beforeEach(async () => {
	environment = new FaultEnvironment();
	form = await environment.sealed('refreshToken');
	processes = [0, 1, 2].map(() => environment.process({ severalProcesses: true }));
	users = new Users(environment, form, processes);
	await users.callFor(1);
	await users.ended();
	await environment.wait(HOUR_SECONDS);
	users.outcomes.length = 0;
	environment.sentAt.length = 0;
});

function slowest(outcomes: Users['outcomes']): number {
	return Math.max(...outcomes.map(({ tookMs }) => tookMs));
}

describe.each(DOWN)('for 20 minutes the provider %s', (_name, code, behaviour) => {
	it.each([
		['every process is used', undefined],
		['the process that asks first is not used again', [1, 2]],
	])('%s: the cause within 10 s, and all work within 60 s of its return', async (_who, only) => {
		environment.provider = () => behaviour;
		const versions = environment.store.versions();
		// A first request that hangs takes its own time limit, and nobody knows a cause before.
		await users.callFor(20, { only: [0] });
		const first = slowest(users.outcomes);
		expect(first).toBeLessThanOrEqual(behaviour === 'hang' ? 15_000 : ANSWER_MS);
		users.outcomes.length = 0;
		await users.callFor(OUTAGE_SECONDS - 20, only === undefined ? {} : { only });
		await users.ended();
		expect(new Set(users.outcomes.map(({ result }) => result))).toEqual(new Set([code]));
		expect(slowest(users.outcomes)).toBeLessThanOrEqual(ANSWER_MS);
		expect(environment.store.versions() - versions).toBeLessThanOrEqual(VERSIONS_OF_OUTAGE);

		environment.provider = () => undefined;
		await users.callFor(60, only === undefined ? {} : { only });
		users.outcomes.length = 0;
		await users.callFor(5);
		await users.ended();
		expect(users.outcomes.map(({ result }) => result)).toEqual(Array(15).fill('served'));
		expect(environment.rotation.take().reused).toBe(0);
	});
});

it('an outage of a day costs less than the versions of a day', async () => {
	environment.provider = () => ({ status: 503, body: 'maintenance' });
	const versions = environment.store.versions();
	await users.callFor(86_400, { perSecond: 1 / 30 });
	await users.ended();
	const spent = environment.store.versions() - versions;
	expect(spent).toBeLessThanOrEqual(VERSIONS_PER_DAY);
	expect(new Set(users.outcomes.map(({ result }) => result))).toEqual(new Set(['SERVER_ERROR']));
});
