import { SecretStoreError } from '../../src/errors';
import { EgressError } from '../../src/http/egress';
import { FaultEnvironment, Users, type Behaviour } from './environment';

/** Calls a second, for ten minutes. */
const LOAD = 5;
const OUTAGE_SECONDS = 600;

const UNREACHABLE: Behaviour = new EgressError('NETWORK', 'ECONNREFUSED', 'login.example.com');

it.each([
	// Seconds since the token of an hour was issued; what may be asked in ten minutes; how many calls are served.
	['the provider, with a token that has ended', 3_700, { provider: true, store: false }, 30, 60, 0],
	[
		'the provider, with a token good for another 350 s',
		3_250,
		{ provider: true, store: false },
		30,
		60,
		1_750,
	],
	['the store, with a token that has ended', 3_700, { provider: false, store: true }, 0, 30, 0],
	[
		'the store, with a token good for another 350 s',
		3_250,
		{ provider: false, store: true },
		0,
		30,
		1_750,
	],
	['both, with a token that has ended', 3_700, { provider: true, store: true }, 0, 30, 0],
])(
	'down: %s: no storm, and all is well afterwards',
	async (_name, age, down, mostTokenRequests, mostStoreCalls, served) => {
		const environment = new FaultEnvironment();
		const form = await environment.sealed('refreshToken');
		const process = environment.process();
		const { tokens } = process.open(await process.read(form));
		await environment.time.until(tokens.refreshNow());
		await environment.wait(age);
		environment.sentAt.length = 0;
		let storeCalls = 0;
		if (down.provider) environment.provider = () => UNREACHABLE;
		environment.around = async ({ action, secretId }, act) => {
			storeCalls += 1;
			if (!down.store) return await act();
			throw new SecretStoreError('no answer', { code: 'UNREACHABLE', action, secretId });
		};
		const users = new Users(environment, form, [process]);
		await users.callFor(OUTAGE_SECONDS, { perSecond: LOAD });
		await users.ended();
		const results = users.outcomes.map(({ result }) => result);
		const counts = results.filter((result) => result === 'served').length;
		expect(results).toHaveLength(LOAD * OUTAGE_SECONDS);
		expect(counts).toBe(served);
		expect(environment.sentAt.length).toBeLessThanOrEqual(mostTokenRequests);
		expect(storeCalls).toBeLessThanOrEqual(mostStoreCalls);

		environment.provider = () => undefined;
		environment.around = async (_call, act) => await act();
		const { tokens: elsewhere } = environment
			.process()
			.open(await environment.process().read(form));
		await users.callFor(60);
		users.outcomes.length = 0;
		await users.callFor(1);
		await users.ended();
		expect(users.outcomes).toMatchObject([{ result: 'served' }]);
		await environment.time.until(elsewhere.get());
		expect(environment.rotation.take().reused).toBe(0);
	},
);
