import { setTimeout as pause } from 'node:timers/promises';

import type { InstanceSettings } from '../../src/config/instanceSettings';
import { Connections } from '../../src/connections';
import { createEgress } from '../../src/http/createEgress';
import { eventually } from '../support/eventually';
import { startSecretsManagerServer, TEST_IDENTITY } from '../support/secretsManagerServer';
import { formOf, REGULAR, type Form } from './environment';
import { startStrictProvider, type StrictProvider } from './strictProvider';

/*
 * A valid token is never held up: real timers, a real provider and a real Secrets Manager that hang. The token is due in each of them, or there
 * would be nothing to wait for.
 */

const CALLS = 1_000;
/** Calls that begin at the same moment. */
const AT_ONCE = 10;
const LONGEST_MS = 1_000;
const QUICK_MS = 50;
const QUICK_SHARE = 0.99;
/** Inside the buffer of 300 s; it ends four minutes later. */
const DUE_AFTER_MS = 3_360_000;

let provider: StrictProvider;
let aws: Awaited<ReturnType<typeof startSecretsManagerServer>>;
let ahead: number;
let opened: Connections[];

beforeEach(async () => {
	provider = await startStrictProvider();
	aws = await startSecretsManagerServer();
	ahead = 0;
	opened = [];
});
afterEach(async () => {
	// Whoever hangs is cut off first.
	await Promise.all([provider.close(), aws.close()]);
	await Promise.all(opened.map(async (connections) => await connections.end()));
});

function processOf(settings: Partial<InstanceSettings> = {}): Connections {
	const connections = new Connections({
		settings: { ...REGULAR, ...settings },
		egress: createEgress(undefined, {}),
		now: () => Date.now() + ahead,
		elapsed: () => performance.now(),
		emit: () => undefined,
	});
	opened.push(connections);
	return connections;
}

/** A connection that these connections have used. */
async function used(connections: Connections): Promise<Form> {
	const form = formOf('refreshToken', {
		tokenUrl: provider.tokenUrl,
		refreshToken: provider.mint(),
		awsAccessKeyId: TEST_IDENTITY.accessKeyId,
		awsSecretAccessKey: TEST_IDENTITY.secretAccessKey,
		awsEndpoint: aws.url,
	});
	const sealed = { ...form, ...(await connections.seal(await connections.read(form))) };
	const { tokens } = connections.open(await connections.read(sealed));
	await tokens.get();
	return sealed;
}

/** How long each of 1,000 calls took, in milliseconds. */
async function durations(connections: Connections, form: Form): Promise<number[]> {
	const found: number[] = [];
	const call = async (): Promise<void> => {
		const startedAt = performance.now();
		const { tokens } = connections.open(await connections.read(form));
		await tokens.get();
		found.push(performance.now() - startedAt);
	};
	for (let calls = 0; calls < CALLS; calls += AT_ONCE) {
		// Some during the hang's first second, some after it.
		void Promise.all(Array.from({ length: AT_ONCE }, call));
		await pause(20);
	}
	const deadline = performance.now() + 5_000;
	while (found.length < CALLS && performance.now() < deadline) await pause(20);
	return found;
}

type Hold = (connections: Connections, form: Form) => Promise<void> | void;

const HELD: readonly [name: string, settings: Partial<InstanceSettings>, hold: Hold][] = [
	[
		'the provider never answers',
		{},
		() => {
			provider.instead = 'hang';
		},
	],
	['the store never answers', {}, () => aws.fail({ action: '*', kind: 'hang', times: Infinity })],
	[
		'the holder of the lease is dead',
		{ severalProcesses: true },
		async (_connections, form) => {
			const dead = processOf({ severalProcesses: true });
			provider.instead = 'hang';
			const { tokens } = dead.open(await dead.read(form));
			void tokens.refreshNow().catch(() => undefined);
			// It has the lease once its request has arrived; nothing more comes of it.
			const { arrived } = provider;
			await eventually(() => provider.arrived > arrived);
			provider.instead = undefined;
		},
	],
	[
		'a forced refresh runs',
		{},
		async (connections, form) => {
			provider.instead = 'hang';
			const { tokens } = connections.open(await connections.read(form));
			void tokens.refreshNow().catch(() => undefined);
			const { arrived } = provider;
			await eventually(() => provider.arrived > arrived);
		},
	],
	[
		'a save in the editor runs',
		{},
		async (connections, form) => {
			provider.instead = 'hang';
			const { arrived } = provider;
			const typed = await connections.read({ ...form, clientSecret: 'a-new-one' });
			void connections.seal(typed).catch(() => undefined);
			await eventually(() => provider.arrived > arrived);
		},
	],
];

it.each(HELD)('%s: 1,000 calls with a valid token', async (_name, settings, hold) => {
	const connections = processOf(settings);
	const form = await used(connections);
	ahead = DUE_AFTER_MS;
	await hold(connections, form);
	const found = (await durations(connections, form)).sort((a, b) => a - b);
	const slowest = found.at(-1) ?? Infinity;
	const quick = found.filter((duration) => duration < QUICK_MS).length;
	expect(found).toHaveLength(CALLS);
	expect(slowest).toBeLessThanOrEqual(LONGEST_MS);
	expect(quick).toBeGreaterThanOrEqual(CALLS * QUICK_SHARE);
});
