import { randomUUID } from 'node:crypto';

import type { Connections } from '../../src/connections';
import { eventually } from '../support/eventually';
import { heldRequest } from '../support/heldRequest';
import { CLIENT, WholeCore, type Form } from '../support/wholeCore';

/** Longer than a token lives, in seconds. */
const MORE_THAN_AN_HOUR = 3_700;

let core: WholeCore;
let label = 0;
let requestsBefore: number;

beforeAll(async () => {
	core = await WholeCore.start('awsSecretsManager');
});
afterAll(async () => {
	await core.close();
});
beforeEach(() => {
	requestsBefore = core.provider.tokenRequests.length;
});
afterEach(async () => {
	await core.provider.changeClientSecret(CLIENT.clientId, CLIENT.clientSecret);
	// The provider revokes everything if a refresh token comes twice.
	const requests = core.provider.tokenRequests.slice(requestsBefore);
	expect(requests.filter(({ result }) => result === 'invalid_grant')).toEqual([]);
});

interface Opened {
	readonly form: Form;
	readonly secretId: string;
}

async function saved(): Promise<Opened> {
	label += 1;
	const form = await core.save(await core.refreshForm({ label: `Edited ${label}` }));
	const { secretRef } = core.connections.open(await core.connections.read(form));
	return { form, secretId: secretRef.secretId };
}

function json(secretId: string): Record<string, unknown> {
	return JSON.parse(core.aws.secret(secretId)?.content ?? '{}') as Record<string, unknown>;
}

function put(secretId: string, changes: Record<string, unknown>): void {
	const content = JSON.stringify({ ...json(secretId), ...changes });
	core.aws.perform('PutSecretValue', { SecretId: secretId, SecretString: content });
}

function versionWith(secretId: string, stage: string): string | undefined {
	const { versions = [] } = core.aws.secret(secretId) ?? {};
	return versions.find(({ labels }) => labels.includes(stage))?.id;
}

function moveCurrentTo(secretId: string, stage: string): void {
	core.aws.perform('UpdateSecretVersionStage', {
		SecretId: secretId,
		VersionStage: 'AWSCURRENT',
		MoveToVersionId: versionWith(secretId, stage),
		RemoveFromVersionId: versionWith(secretId, 'AWSCURRENT'),
	});
}

/** A connection whose token has ended, and whose refresh the provider holds up until `meanwhile` is done. */
async function duringRefresh(
	severalProcesses: boolean,
	meanwhile: (opened: Opened) => Promise<void> | void,
): Promise<Opened & { status: number }> {
	core.connections = core.process({ severalProcesses });
	const opened = await saved();
	core.wait(MORE_THAN_AN_HOUR);
	const { arrived, wait, answer } = heldRequest();
	core.provider.injectFault({ wait });
	const call = core.call(opened.form);
	await arrived;
	await meanwhile(opened);
	answer();
	return { ...opened, status: await call };
}

/** It goes on for hours, in these processes at the same moment, and then in one that knows the store alone. */
async function goesOn(
	form: Form,
	processes: readonly Connections[],
	severalProcesses: boolean,
): Promise<void> {
	const cold = core.process({ severalProcesses });
	for (const together of [processes, processes, processes, [cold]]) {
		core.wait(MORE_THAN_AN_HOUR);
		const statuses = await Promise.all(
			together.map(async (process) => await core.call(form, process)),
		);
		expect(new Set(statuses)).toEqual(new Set([200]));
	}
}

/** The refresh token that the provider issued last is the one in the store. */
async function newestIsStored(secretId: string): Promise<void> {
	const newest = core.provider.issued.filter(({ kind }) => kind === 'RefreshToken').at(-1);
	await eventually(() => json(secretId)['refresh_token'] === newest?.value);
}

describe.each([
	['one process', false],
	['several processes', true],
])('%s: while a refresh is under way an administrator', (_name, severalProcesses) => {
	it('adds a key: nothing is lost, the chain goes on', async () => {
		const { form, secretId, status } = await duringRefresh(severalProcesses, (opened) =>
			put(opened.secretId, { owner: 'finance' }),
		);
		expect(status).toBe(200);
		expect(json(secretId)).toMatchObject({ owner: 'finance' });
		await goesOn(form, [core.connections], severalProcesses);
		expect(json(secretId)).toMatchObject({ owner: 'finance' });
	});

	it('moves AWSCURRENT back: the chain goes on', async () => {
		const { form, status } = await duringRefresh(severalProcesses, ({ secretId }) => {
			put(secretId, { note: 'a mistake' });
			moveCurrentTo(secretId, 'AWSPREVIOUS');
		});
		expect(status).toBe(200);
		await goesOn(form, [core.connections], severalProcesses);
	});

	it('rotates the client secret, at the provider and in the bundle: the chain goes on', async () => {
		const secret = `rotated-${label}`;
		const { form, secretId, status } = await duringRefresh(severalProcesses, async (opened) => {
			await core.provider.changeClientSecret('crm', secret);
			put(opened.secretId, { client_secret: secret });
		});
		expect(status).toBe(200);
		expect(json(secretId)).toMatchObject({ client_secret: secret });
		await goesOn(form, [core.connections], severalProcesses);
	});

	it('types another refresh token: theirs is redeemed next', async () => {
		const theirs = await core.provider.mintRefreshToken(CLIENT.clientId);
		const { form, secretId, status } = await duringRefresh(severalProcesses, (opened) =>
			put(opened.secretId, { refresh_token: theirs }),
		);
		expect(status).toBe(200);
		expect(json(secretId)).toMatchObject({ refresh_token: theirs });
		core.wait(MORE_THAN_AN_HOUR);
		await expect(core.call(form)).resolves.toBe(200);
		expect(core.provider.tokenRequests.at(-1)).toMatchObject({ refreshToken: theirs });
		await goesOn(form, [core.connections], severalProcesses);
	});
});

/** Reads the whole JSON, and writes it back with changes after `meanwhile`. */
type Edit = (
	secretId: string,
	changes: Record<string, unknown>,
	meanwhile: () => Promise<void>,
) => Promise<void>;

const inTheConsole: Edit = async (secretId, changes, meanwhile) => {
	const content = JSON.stringify({ ...json(secretId), ...changes });
	await meanwhile();
	core.aws.perform('PutSecretValue', { SecretId: secretId, SecretString: content });
};

/** What AWS calls createSecret and finishSecret. */
const byRotationFunction: Edit = async (secretId, changes, meanwhile) => {
	core.aws.perform('PutSecretValue', {
		SecretId: secretId,
		SecretString: JSON.stringify({ ...json(secretId), ...changes }),
		ClientRequestToken: randomUUID(),
		VersionStages: ['AWSPENDING'],
	});
	await meanwhile();
	moveCurrentTo(secretId, 'AWSPENDING');
};

describe.each([
	['in the console', inTheConsole],
	['by a rotation function', byRotationFunction],
])('an older copy is written back %s', (_way, edit) => {
	describe.each([
		['one process', 1, false],
		['three processes', 3, true],
	])('%s', (_name, count, severalProcesses) => {
		let processes: Connections[];
		let opened: Opened;

		beforeEach(async () => {
			processes = Array.from({ length: count }, () => core.process({ severalProcesses }));
			[core.connections = core.connections] = processes;
			opened = await saved();
			await used();
		});

		/** All of them use the connection, one after the other. */
		async function used(): Promise<void> {
			for (const process of processes)
				await expect(core.call(opened.form, process)).resolves.toBe(200);
		}

		/** So many refreshes. */
		const refreshes = (times: number) => async (): Promise<void> => {
			for (let round = 0; round < times; round += 1) {
				core.wait(MORE_THAN_AN_HOUR);
				await used();
			}
		};

		it.each([1, 2])('after %s refreshes: edit and newest refresh token survive', async (times) => {
			const { form, secretId } = opened;
			await edit(secretId, { note: 'by hand', client_secret: 'rotated' }, refreshes(times));
			await core.provider.changeClientSecret(CLIENT.clientId, 'rotated');
			await goesOn(form, processes, severalProcesses);
			await newestIsStored(secretId);
			expect(json(secretId)).toMatchObject({ note: 'by hand', client_secret: 'rotated' });
		});

		it('is mended by processes that only look, within 5 minutes of use', async () => {
			const { secretId } = opened;
			await edit(secretId, { note: 'by hand' }, refreshes(1));
			for (let second = 0; second <= 300; second += 10) {
				core.wait(10);
				await used();
			}
			await newestIsStored(secretId);
			expect(json(secretId)).toMatchObject({ note: 'by hand' });
		});

		it('is mended by a process that knows the store alone', async () => {
			const { form, secretId } = opened;
			await edit(secretId, { note: 'by hand' }, refreshes(1));
			core.wait(MORE_THAN_AN_HOUR);
			const cold = core.process({ severalProcesses });
			await expect(core.call(form, cold)).resolves.toBe(200);
			await newestIsStored(secretId);
			expect(json(secretId)).toMatchObject({ note: 'by hand' });
			await goesOn(form, processes, severalProcesses);
		});

		it('with another refresh token in it: that one is redeemed next', async () => {
			const { form, secretId } = opened;
			const theirs = await core.provider.mintRefreshToken(CLIENT.clientId);
			await edit(secretId, { refresh_token: theirs }, refreshes(1));
			const before = core.provider.tokenRequests.length;
			await goesOn(form, processes, severalProcesses);
			expect(core.provider.tokenRequests[before]).toMatchObject({ refreshToken: theirs });
			await newestIsStored(secretId);
		});
	});
});
