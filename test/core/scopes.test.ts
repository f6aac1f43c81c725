import type { Connections } from '../../src/connections';
import { WholeCore, type Form, type StoreKind } from '../support/wholeCore';

/** Scope and audience can be expressions, so that one credential asks for several things. */
describe.each<StoreKind>(['localVault', 'awsSecretsManager'])('with the store %s', (kind) => {
	let core: WholeCore;

	beforeAll(async () => {
		core = await WholeCore.start(kind);
	});
	afterAll(async () => {
		await core.close();
	});

	/** So many token requests for 100 calls, one after the other. */
	async function requestsOf(forms: readonly Form[], connections: Connections): Promise<number> {
		const before = core.provider.countTokenRequests();
		for (let call = 0; call < 100; call += 1) {
			const form = forms[call % forms.length] ?? {};
			const { tokens } = connections.open(await connections.read(form));
			const { accessToken, scope } = await tokens.get();
			expect(core.provider.isActive(accessToken)).toBe(true);
			if (form['scope'] !== '') expect(scope).toBe(form['scope']);
		}
		return core.provider.countTokenRequests() - before;
	}

	const scopes = [{ scope: 'api:read' }, { scope: 'api:write' }];
	const audiences = [
		{ tokenParameters: '{"audience":"https://one.example"}' },
		{ tokenParameters: '{"audience":"https://two.example"}' },
	];

	describe.each<[string, (c: WholeCore) => Promise<Form>]>([
		['client credentials', async (c) => await Promise.resolve(c.form())],
		['a refresh token', async (c) => await c.refreshForm()],
	])('%s', (_grant, formOf) => {
		it.each([
			['scopes', scopes],
			['audiences', audiences],
		])('two %s in turn, 100 calls: 2 token requests an hour', async (_name, wanted) => {
			const saved = await core.save(await formOf(core));
			const forms = wanted.map((changes) => ({ ...saved, ...changes }));
			for (let hour = 0; hour < 2; hour += 1) {
				core.wait(3_601);
				await expect(requestsOf(forms, core.connections)).resolves.toBe(2);
			}
			expect(core.provider.countTokenRequests({ result: 'invalid_grant' })).toBe(0);
		});

		it('a process that knows the store alone asks for neither again', async () => {
			const saved = await core.save(await formOf(core));
			const forms = scopes.map((changes) => ({ ...saved, ...changes }));
			core.wait(3_601);
			await requestsOf(forms, core.connections);
			await expect(requestsOf(forms, core.process())).resolves.toBe(0);
		});

		it('both at the same moment: 2 token requests', async () => {
			const saved = await core.save(await formOf(core));
			const forms = scopes.map((changes) => ({ ...saved, ...changes }));
			core.wait(3_601);
			const before = core.provider.countTokenRequests();
			const calls = [...forms, ...forms, ...forms].map(async (form) => {
				const { tokens } = core.connections.open(await core.connections.read(form));
				return { asked: form.scope, got: (await tokens.get()).scope };
			});
			for (const { asked, got } of await Promise.all(calls)) expect(got).toBe(asked);
			expect(core.provider.countTokenRequests() - before).toBe(2);
			expect(core.provider.countTokenRequests({ result: 'invalid_grant' })).toBe(0);
		});
	});
});
