import { openStore } from '../../src/secrets/openStore';
import { heldRequest } from '../support/heldRequest';
import { WholeCore, type Form, type StoreKind } from '../support/wholeCore';

/** Counts how often a process reads the store. */
class Looks {
	count = 0;
	private waiting: { count: number; resolve: () => void } | undefined;

	readonly openStore: typeof openStore = (...parts) => {
		const store = openStore(...parts);
		return {
			...store,
			read: async (secretId) => {
				this.count += 1;
				if (this.count === this.waiting?.count) this.waiting.resolve();
				return await store.read(secretId);
			},
		};
	};

	async reached(count: number): Promise<void> {
		await new Promise<void>((resolve) => (this.waiting = { count, resolve }));
	}
}

/** What n8n's editor saves while workers use the connection. */
describe.each<StoreKind>(['localVault', 'awsSecretsManager'])('with the store %s', (kind) => {
	let core: WholeCore;

	beforeEach(async () => {
		core = await WholeCore.start(kind);
	});
	afterEach(async () => {
		await core.close();
	});

	/** The form is still open, and the address of the API is corrected: the stored refresh token is redeemed. */
	const corrected = (form: Form): Form => ({
		...form,
		apiBaseUrl: String(form['apiBaseUrl']).replace('127.0.0.1', 'localhost'),
	});

	it('a save that redeems the stored refresh token waits for the worker that is redeeming it', async () => {
		const form = await core.refreshForm();
		const looks = new Looks();
		const editor = core.process({ severalProcesses: true, openStore: looks.openStore });
		const saved = await core.save(form, editor);
		core.wait(3550);
		const worker = core.process({ severalProcesses: true });
		const [first, second] = [heldRequest(), heldRequest()];
		core.provider.injectFault({ wait: first.wait });
		core.provider.injectFault({ wait: second.wait });

		const asked = worker
			.read(saved)
			.then(async (asked) => await worker.open(asked).tokens.refreshNow());
		await first.arrived;
		const saving = editor.seal(await editor.read(corrected(form)));
		// It opens the bundle, reads it in its turn, finds the lease and looks again; or it asks the provider, which it must not.
		await Promise.race([looks.reached(looks.count + 3), second.arrived]);
		first.answer();
		second.answer();
		await asked;
		await saving;

		expect(core.provider.tokenRequests.map(({ result }) => result)).toEqual(['ok', 'ok', 'ok']);
		core.wait(3601);
		expect(await core.call(corrected(saved), core.process())).toBe(200);
	});

	it('a save leaves no lease behind, whether the provider takes it or not', async () => {
		const form = await core.refreshForm();
		const editor = core.process({ severalProcesses: true });
		const saved = await core.save(form, editor);
		core.provider.injectFault({ instead: { status: 503, body: {} } });
		await expect(editor.seal(await editor.read(corrected(form)))).rejects.toMatchObject({
			code: 'SERVER_ERROR',
		});
		// Where a lease were left, this would wait for a minute.
		await editor.seal(await editor.read(corrected(form)));
		core.wait(3601);
		const worker = core.process({ severalProcesses: true });
		expect(await core.call(corrected(saved), worker)).toBe(200);
		expect(core.events.map(({ name }) => name)).not.toContain('lease taken over');
	});
});
