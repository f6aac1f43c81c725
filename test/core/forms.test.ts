import { WholeCore } from '../support/wholeCore';

describe('a form', () => {
	let core: WholeCore;

	beforeAll(async () => {
		core = await WholeCore.start('localVault');
	});
	afterAll(async () => {
		await core.close();
	});

	it('is parsed once, however often it is used; n8n hands over another object each time', async () => {
		const saved = await core.save(core.form());
		const first = await core.connections.read({ ...saved });
		const again = await core.connections.read({ ...saved, nameOfN8n: 'x' });
		expect(again).toBe(first);
		expect(core.connections.open(again)).toBe(core.connections.open(first));
		expect(await core.connections.read({ ...saved, scope: 'api:write' })).not.toBe(first);
	});

	it('is not remembered while it holds a typed secret', async () => {
		const typed = core.form();
		expect(await core.connections.read(typed)).not.toBe(await core.connections.read(typed));
	});
});
