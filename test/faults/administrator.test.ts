import { setImmediate } from 'node:timers/promises';

import { WholeCore, type Form } from '../support/wholeCore';

let core: WholeCore;
let label = 0;

beforeAll(async () => {
	core = await WholeCore.start('awsSecretsManager');
});
afterAll(async () => {
	await core.close();
});

interface Opened {
	readonly form: Form;
	readonly secretId: string;
}

/** A connection whose token has ended, and whose refresh the provider holds up until `meanwhile` is done. */
async function duringRefresh(
	severalProcesses: boolean,
	meanwhile: (opened: Opened) => Promise<void> | void,
): Promise<Opened & { status: number }> {
	label += 1;
	core.connections = core.process({ severalProcesses });
	const form = await core.save(await core.refreshForm({ label: `Edited ${label}` }));
	const { secretRef, tokens } = await core.connections.open(form);
	await tokens.get();
	core.wait(3_700);
	const opened = { form, secretId: secretRef.secretId };
	let release: () => void = () => undefined;
	const held = new Promise<void>((resolve) => (release = resolve));
	core.provider.injectFault({ wait: held });
	const reads = countReads();
	const call = core.call(form);
	// The store has been read for this refresh: the provider is next.
	while (countReads() === reads) await setImmediate();
	await meanwhile(opened);
	release();
	return { ...opened, status: await call };
}

function countReads(): number {
	return core.aws.calls.filter(({ action }) => action === 'GetSecretValue').length;
}

function json(secretId: string): Record<string, unknown> {
	return JSON.parse(core.aws.secret(secretId)?.content ?? '{}') as Record<string, unknown>;
}

function put(secretId: string, changes: Record<string, unknown>): void {
	const content = JSON.stringify({ ...json(secretId), ...changes });
	core.aws.perform('PutSecretValue', { SecretId: secretId, SecretString: content });
}

/** It goes on for hours, in this process and in one that knows the store alone. */
async function goesOn(form: Form, severalProcesses: boolean): Promise<void> {
	for (let hour = 0; hour < 3; hour += 1) {
		core.wait(3_700);
		await expect(core.call(form)).resolves.toBe(200);
	}
	core.wait(3_700);
	await expect(core.call(form, core.process({ severalProcesses }))).resolves.toBe(200);
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
		await goesOn(form, severalProcesses);
		expect(json(secretId)).toMatchObject({ owner: 'finance' });
	});

	it('moves AWSCURRENT back: the chain goes on', async () => {
		const { form, status } = await duringRefresh(severalProcesses, ({ secretId }) => {
			put(secretId, { note: 'a mistake' });
			const versions = core.aws.secret(secretId)?.versions ?? [];
			const current = versions.find(({ labels }) => labels.includes('AWSCURRENT'));
			const previous = versions.find(({ labels }) => labels.includes('AWSPREVIOUS'));
			core.aws.perform('UpdateSecretVersionStage', {
				SecretId: secretId,
				VersionStage: 'AWSCURRENT',
				MoveToVersionId: previous?.id,
				RemoveFromVersionId: current?.id,
			});
		});
		expect(status).toBe(200);
		await goesOn(form, severalProcesses);
	});

	it('rotates the client secret, at the provider and in the bundle: the chain goes on', async () => {
		const secret = `rotated-${label}`;
		const { form, secretId, status } = await duringRefresh(severalProcesses, async (opened) => {
			await core.provider.changeClientSecret('crm', secret);
			put(opened.secretId, { client_secret: secret });
		});
		expect(status).toBe(200);
		expect(json(secretId)).toMatchObject({ client_secret: secret });
		await goesOn(form, severalProcesses);
		await core.provider.changeClientSecret('crm', 'example-client-secret');
	});
});
