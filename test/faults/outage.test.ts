import { EgressError } from '../../src/http/egress';
import { createEgress } from '../../src/http/createEgress';
import { SecretStoreError } from '../../src/errors';
import { openStore } from '../../src/secrets/openStore';
import type { SecretStore } from '../../src/secrets/store';
import { WholeCore, type Form } from '../support/wholeCore';

/** Calls a second, for ten minutes. */
const LOAD = 5;
const OUTAGE_SECONDS = 600;

let core: WholeCore;
let providerDown = false;
let storeDown = false;
const asked = { provider: 0, store: 0 };

function watched(real: SecretStore): SecretStore {
	const call = async <T>(secretId: string, task: () => Promise<T>): Promise<T> => {
		asked.store += 1;
		if (!storeDown) return await task();
		throw new SecretStoreError('no answer', { code: 'UNREACHABLE', action: 'read', secretId });
	};
	return {
		kind: real.kind,
		versionsPerDay: real.versionsPerDay,
		create: async (...parameters) => await real.create(...parameters),
		read: async (secretId) => await call(secretId, () => real.read(secretId)),
		write: async (secretId, content, expected) =>
			await call(secretId, () => real.write(secretId, content, expected)),
	};
}

beforeAll(async () => {
	core = await WholeCore.start('localVault');
	const real = createEgress(undefined, {});
	core.connections = core.process({
		egress: {
			agents: real.agents,
			request: async (url, request) => {
				asked.provider += 1;
				if (providerDown) throw new EgressError('NETWORK', 'ECONNREFUSED', 'login.example.com');
				return await real.request(url, request);
			},
		},
		openStore: (settings, options) => watched(openStore(settings, options)),
	});
});
afterAll(async () => {
	await core.close();
});

async function outage(form: Form): Promise<{ served: number; failed: number }> {
	const { tokens } = await core.connections.open(form);
	const counts = { served: 0, failed: 0 };
	Object.assign(asked, { provider: 0, store: 0 });
	for (let second = 0; second < OUTAGE_SECONDS; second += 1) {
		const calls = Array.from({ length: LOAD }, () => tokens.get());
		for (const { status } of await Promise.allSettled(calls))
			counts[status === 'fulfilled' ? 'served' : 'failed'] += 1;
		core.wait(1);
	}
	return counts;
}

it.each([
	// Seconds since the token of an hour was issued; what may be asked in ten minutes; whether calls are served.
	['the provider is down, the token ended', 3_700, { provider: true, store: false }, 30, 60],
	[
		'the provider is down, the token is valid for most of it',
		3_250,
		{ provider: true, store: false },
		40,
		80,
	],
	['the store is down, the token ended', 3_700, { provider: false, store: true }, 5, 60],
	['both are down', 3_700, { provider: true, store: true }, 30, 60],
])(
	'%s: no storm, and all is well afterwards',
	async (name, age, down, mostTokenRequests, mostStoreCalls) => {
		const form = await core.save(await core.refreshForm({ label: `Outage ${name}` }));
		const { tokens } = await core.connections.open(form);
		await tokens.get();
		core.wait(age);
		[providerDown, storeDown] = [down.provider, down.store];
		const counts = await outage(form);
		[providerDown, storeDown] = [false, false];
		expect(asked.provider).toBeLessThanOrEqual(mostTokenRequests);
		expect(asked.store).toBeLessThanOrEqual(mostStoreCalls);
		expect(counts.served + counts.failed).toBe(LOAD * OUTAGE_SECONDS);
		core.wait(60);
		await expect(core.call(form)).resolves.toBe(200);
		await expect(core.call(form, core.process())).resolves.toBe(200);
	},
);
