import { openStore } from '../../src/secrets/openStore';
import { heldRequest } from '../support/heldRequest';
import { WholeCore, type Form, type StoreKind } from '../support/wholeCore';

/** Counts how often a process reads the store. */
class Looks {
	private count = 0;
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

	/** Everything is typed again, for another place at the same API: the stored refresh token is redeemed. */
	const edited = (saved: Form, typed: Form): Form => ({
		...saved,
		clientSecret: typed['clientSecret'],
		refreshToken: typed['refreshToken'],
		tokenUrl: `${String(typed['tokenUrl'])}?tenant=other`,
	});

	it('a save that redeems the stored refresh token waits for the worker that is redeeming it', async () => {
		const form = await core.refreshForm();
		const saved = await core.save(form);
		core.wait(3601);
		const worker = core.process({ severalProcesses: true });
		const looks = new Looks();
		const editor = core.process({ severalProcesses: true, openStore: looks.openStore });
		const [first, second] = [heldRequest(), heldRequest()];
		core.provider.injectFault({ wait: first.wait });
		core.provider.injectFault({ wait: second.wait });

		const asked = worker.open(saved).then(async ({ tokens }) => await tokens.get());
		await first.arrived;
		const saving = editor.seal(edited(saved, form));
		// It opens the bundle, reads it in its turn, finds the lease and looks again; or it asks the provider, which it must not.
		await Promise.race([looks.reached(4), second.arrived]);
		first.answer();
		second.answer();
		await asked;
		await saving;

		expect(core.provider.tokenRequests.map(({ result }) => result)).toEqual(['ok', 'ok', 'ok']);
		core.wait(3601);
		expect(await core.call(edited(saved, { tokenUrl: form['tokenUrl'] }), core.process())).toBe(
			200,
		);
	});

	it('a save leaves no lease behind, whether the provider takes it or not', async () => {
		const form = await core.refreshForm();
		const saved = await core.save(form);
		const editor = core.process({ severalProcesses: true });
		core.provider.injectFault({ instead: { status: 503, body: {} } });
		await expect(editor.seal(edited(saved, form))).rejects.toMatchObject({ code: 'SERVER_ERROR' });
		// Where a lease were left, this would wait for a minute.
		await editor.seal(edited(saved, form));
		core.wait(3601);
		const worker = core.process({ severalProcesses: true });
		const moved = edited(saved, { tokenUrl: form['tokenUrl'] });
		expect(await core.call(moved, worker)).toBe(200);
		expect(core.events.map(({ name }) => name)).not.toContain('lease.takenOver');
	});
});
