import type { Connections } from '../../src/connections';
import { eventually } from '../support/eventually';
import { WholeCore, type Form } from '../support/wholeCore';

const LIMIT = 3;

/** A process that keeps a few connections in memory, as a large one keeps 20,000. */
describe('more connections than a process keeps in memory', () => {
	let core: WholeCore;
	let small: Connections;
	let forms: Form[];

	beforeAll(async () => {
		core = await WholeCore.start('awsSecretsManager');
		forms = [];
		for (let n = 0; n < 2 * LIMIT; n += 1)
			forms.push(await core.save(core.form({ label: `Connection ${n}` })));
	});
	beforeEach(() => {
		small = core.process({ limit: LIMIT });
	});
	afterAll(async () => {
		await core.close();
	});

	async function token(form: Form): Promise<string> {
		const { tokens } = small.open(await small.read(form));
		return (await tokens.get()).accessToken;
	}

	/** How often the store was asked for a connection's secret. */
	async function readsOf(form: Form): Promise<number> {
		const { secretRef } = core.connections.open(await core.connections.read(form));
		return core.aws.calls.filter(
			({ action, secretId }) => action === 'GetSecretValue' && secretId === secretRef.secretId,
		).length;
	}

	it('the one in use stays, the idle ones go', async () => {
		const [inUse = {}, idle = {}, ...others] = forms;
		await token(inUse);
		await token(idle);
		const before = { inUse: await readsOf(inUse), idle: await readsOf(idle) };
		for (let round = 0; round < 3; round += 1) {
			for (const other of others) {
				await token(other);
				await token(inUse);
			}
		}
		expect(await readsOf(inUse)).toBe(before.inUse);
		await token(idle);
		expect(await readsOf(idle)).toBe(before.idle + 1);
	});

	it('what is not stored yet stays, however idle', async () => {
		const [first = {}, ...others] = forms;
		const unsaved = await core.save(await core.refreshForm({ label: 'Unsaved' }));
		core.wait(3_601);
		core.aws.fail({ action: 'PutSecretValue', kind: 'kmsAccessDenied', after: 1 });
		await token(unsaved);
		for (const other of [...others, first]) await token(other);
		await eventually(() => core.events.some(({ name }) => name === 'saved after all'));
		const newest = core.provider.issued.filter(({ kind }) => kind === 'RefreshToken').at(-1);
		expect(core.aws.secrets().some(({ content }) => content?.includes(newest?.value ?? '-'))).toBe(
			true,
		);
		core.wait(3_601);
		await expect(core.call(unsaved, core.process())).resolves.toBe(200);
		expect(core.provider.countTokenRequests({ result: 'invalid_grant' })).toBe(0);
	});

	it('one that was dropped and is used by both sides of that is refreshed once', async () => {
		const [kept = {}, ...others] = forms;
		core.wait(3_601);
		const before = small.open(await small.read(kept));
		for (const other of others) small.open(await small.read(other));
		const after = small.open(await small.read(kept));
		expect(after).not.toBe(before);
		const requests = core.provider.countTokenRequests();
		await before.tokens.get();
		await after.tokens.get();
		expect(core.provider.countTokenRequests() - requests).toBe(1);
	});
});
