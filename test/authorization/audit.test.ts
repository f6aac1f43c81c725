import { createHash } from 'node:crypto';

import { SecretStoreError } from '../../src/errors';
import type { ConnectionEvent } from '../../src/events';
import { eventually } from '../support/eventually';
import { failureOf } from '../support/failureOf';
import { WholeCore, type Form } from '../support/wholeCore';
import { accountsOf } from './accounts';

let core: WholeCore;
const { saved, flowOf, visit, visitOfAnother, connect, status } = accountsOf(() => core);

beforeAll(async () => {
	core = await WholeCore.start('localVault');
});
beforeEach(() => {
	core.events.length = 0;
});
afterEach(() => {
	const told = JSON.stringify(core.events);
	expect(core.provider.confidential().filter((secret) => told.includes(secret))).toEqual([]);
	expect(told).not.toMatch(/(link|browser|paste)\.\w+\.\w+\.|alex|sam/);
});
afterAll(async () => {
	await core.close();
});

function digest(subject: string): string {
	return createHash('sha256').update(`${core.provider.issuer} ${subject}`).digest('hex');
}

function told(name: ConnectionEvent['name']): ConnectionEvent[] {
	return core.events.filter((event) => event.name === name);
}

function names(): string[] {
	return core.events.map(({ name }) => name);
}

async function link(form: Form): Promise<string> {
	const { connectUrl = '' } = await (
		await flowOf(form)
	).links({ by: { from: 'workflow', workflowId: 'w1', executionId: 'e1' } });
	return new URL(connectUrl).searchParams.get('link') ?? '';
}

describe('who did what', () => {
	it('made, opened and used a link', async () => {
		const form = await saved({ accountChangesByWorkflows: true });
		core.events.length = 0;
		const text = await link(form);
		const flow = await flowOf(form);
		const { location, cookie } = await flow.connect(text, { workflowId: 'w2' });
		const state = new URL(location).searchParams.get('state') ?? '';
		const [, , , linkId, flowId] = state.split('.');
		const { response } = await visit(form, { link: text });
		await expect(
			failureOf(flow.callback(response, `${cookie.name}=${cookie.value}`, { workflowId: 'w2' })),
		).resolves.toMatchObject({ code: 'OTHER_BROWSER' });
		const mine = await visit(form, { link: text });
		await flow.callback(mine.response, mine.cookies, { workflowId: 'w2' });
		await failureOf(flow.connect(text, { workflowId: 'w2' }));

		expect(told('link.minted')).toEqual([
			{
				name: 'link.minted',
				label: form['label'],
				secretId: expect.stringMatching(/^n8n\/vaulted-oauth2\//) as string,
				linkId,
				expiresAt: expect.stringMatching(/^\d{4}-/) as string,
				from: 'workflow',
				workflowId: 'w1',
				executionId: 'e1',
			},
		]);
		expect(told('link.opened')[0]).toMatchObject({ linkId, flowId, workflowId: 'w2' });
		expect(told('account.refused')).toMatchObject([{ linkId, code: 'OTHER_BROWSER' }]);
		expect(told('account.connected')).toMatchObject([
			{ linkId, subject: digest('alex'), from: 'workflow', workflowId: 'w2' },
		]);
		expect(told('link.refused')).toMatchObject([{ linkId, code: 'LINK_USED', workflowId: 'w2' }]);
		expect(names()).not.toContain('account.replaced');
	});

	it('opened an address without a good link: that is told apart', async () => {
		const flow = await flowOf(await saved());
		await failureOf(flow.connect('x', { workflowId: 'w2' }));
		await failureOf(flow.callback(new URLSearchParams({ code: 'c', state: 's' }), undefined));
		expect(core.events).toMatchObject([
			{ name: 'bundle.sealed' },
			{ name: 'visit.refused', code: 'LINK_INVALID', workflowId: 'w2' },
			{ name: 'visit.refused', code: 'RESPONSE_INVALID' },
		]);
	});
});

describe('what was done with the secrets', () => {
	const named = (name: string) => core.events.filter((event) => event.name === name);

	it('sealed, and sealed again for another purpose: with the fields that changed', async () => {
		const form = await core.save(core.form({ label: 'Sealed' }));
		await core.save({
			...form,
			tokenUrl: `${core.provider.tokenEndpoint}?tenant=other`,
			clientSecret: core.form()['clientSecret'],
		});
		expect(core.events).toMatchObject([
			{ name: 'bundle.sealed', label: 'Sealed' },
			{ name: 'bundle.resealed', changed: ['Token URL'] },
		]);
		expect(JSON.stringify(core.events)).not.toContain(core.form()['clientSecret']);
	});

	it('asked of it what it was not sealed for: reported once a minute', async () => {
		const form = await core.save(core.form({ label: 'Asked' }));
		const key = 'x'.repeat(43);
		const forged = [
			{ ...form, tokenUrl: `${core.api.url}/token` },
			{ ...form, secretRef: JSON.stringify({ ...JSON.parse(form.secretRef), key }) },
		];
		for (let call = 0; call < 3; call += 1)
			for (const each of forged) await failureOf(core.call(each));
		expect(named('reveal.refused')).toMatchObject([
			{ code: 'SEALED_FOR_OTHER', changed: ['Token URL'] },
			{ code: 'KEY_MISMATCH' },
		]);
		await failureOf(core.save({ ...forged[1], label: 'Saved' }));
		expect(named('reveal.refused')).toHaveLength(2);
		core.wait(61);
		await failureOf(core.call(forged[0] ?? {}));
		expect(named('reveal.refused')).toHaveLength(3);
	});
});

describe('which account took the place of which', () => {
	it('another person’s: both are told by digests, and the former grant ends at the provider, after the new tokens are stored', async () => {
		const form = await saved();
		await connect(form, { account: 'alex' });
		const former = await status(form);
		core.wait(60);
		await connect(form, { account: 'sam' });
		expect(told('account.replaced')).toMatchObject([
			{ subject: digest('sam'), formerSubject: digest('alex') },
		]);
		await eventually(() => names().includes('grant.revoked'));
		expect(told('grant.revoked')).toMatchObject([{ subject: digest('alex') }]);
		expect(core.provider.isActive(former)).toBe(false);
		expect(core.provider.isActive(await status(form))).toBe(true);
		core.wait(2 * 3600);
		await expect(core.call(form, core.process())).resolves.toBe(200);
	});

	it('the same person’s: nothing is replaced, and the former grant is left alone', async () => {
		const form = await saved();
		await connect(form);
		const former = await status(form);
		core.wait(60);
		await connect(form);
		expect(names()).not.toContain('account.replaced');
		await revokeAnother();
		expect(told('grant.revoked')).toHaveLength(1);
		expect(core.provider.isActive(former)).toBe(true);
	});

	/** Once this is done, whatever was to be revoked before is revoked as well. */
	async function revokeAnother(): Promise<void> {
		const form = await saved();
		await connect(form);
		core.wait(60);
		await connect(form, { account: 'sam' });
		await eventually(() => told('grant.revoked').some(({ label }) => label === form['label']));
	}

	it('one that the provider does not name: unknown, and nothing is revoked', async () => {
		const form = await saved({ scope: 'offline_access api:read' });
		await connect(form);
		const former = await status(form);
		core.wait(60);
		await connect(form, { account: 'sam' });
		expect(told('account.replaced')).toMatchObject([
			{ subject: 'unknown', formerSubject: 'unknown' },
		]);
		await revokeAnother();
		expect(told('grant.revoked')).toHaveLength(1);
		expect(core.provider.isActive(former)).toBe(true);
	});

	it('one whose tokens could not be stored yet: the former grant is what the store has, and stays', async () => {
		const form = await saved();
		await connect(form);
		const former = await status(form);
		core.wait(60);
		const { response, cookies } = await visit(form, { account: 'sam' });
		const { store } = core.connections.open(await core.connections.read(form));
		let isDown = false;
		core.provider.injectFault({
			alter: (answer) => {
				isDown = true;
				return answer;
			},
		});
		const failing = new Proxy(store, {
			get: (target, name) =>
				name === 'write' && isDown
					? async (secretId: string) =>
							await Promise.reject(
								new SecretStoreError('down.', { code: 'UNAVAILABLE', action: 'write', secretId }),
							)
					: (Reflect.get(target, name) as unknown),
		});
		const down = core.process({ openStore: () => failing, after: () => () => undefined });
		const flow = await flowOf(form, down);
		const connected = await flow.callback(response, cookies);
		expect(connected.unsaved).toMatchObject({ code: 'UNAVAILABLE' });
		await revokeAnother();
		expect(told('grant.revoked')).toHaveLength(1);
		expect(core.provider.isActive(former)).toBe(true);
	});

	it('an error of the revocation is reported, and the new account stays', async () => {
		const form = await saved();
		const { response, cookies } = await visitOfAnother(form);
		core.provider.injectFault({
			alter: (answer) => {
				void core.provider.changeClientSecret('app', 'another-app-secret');
				return answer;
			},
		});
		await (await flowOf(form)).callback(response, cookies);
		await eventually(() => names().includes('grant.notRevoked'));
		await core.provider.changeClientSecret('app', 'example-app-secret');
		expect(told('grant.notRevoked')).toMatchObject([{ subject: digest('alex') }]);
		await expect(core.call(form, core.process())).resolves.toBe(200);
	});
});

it('who disconnected an account', async () => {
	const form = await saved({ accountChangesByWorkflows: true });
	await connect(form);
	const { disconnect } = core.connections.open(await core.connections.read(form));
	const by = { from: 'workflow', workflowId: 'w1', executionId: 'e1' } as const;
	await disconnect({ by, evenIfNotRevoked: false });
	expect(told('account.disconnected')).toMatchObject([{ subject: digest('alex'), ...by }]);
	expect(told('grant.revoked')).toMatchObject([{ subject: digest('alex') }]);
});

describe('who may change the account', () => {
	const BY = { from: 'workflow', workflowId: 'w1' } as const;
	const onlyEditors = { code: 'ONLY_BY_EDITORS', failureClass: 'configuration' };

	it('not a workflow, unless the credential says so', async () => {
		const form = await saved();
		await connect(form);
		const open = core.connections.open(await core.connections.read(form));
		await expect(failureOf((await flowOf(form)).links({ by: BY }))).resolves.toMatchObject({
			...onlyEditors,
			field: 'Account Changes by Workflows',
		});
		await expect(
			failureOf(open.disconnect({ by: BY, evenIfNotRevoked: true })),
		).resolves.toMatchObject(onlyEditors);
		await expect(core.call(form, core.process())).resolves.toBe(200);
		await expect((await flowOf(form)).links({ by: { from: 'form' } })).resolves.toHaveProperty(
			'connectUrl',
		);
	});

	it('not a workflow, whatever the credential says, if the operator says so', async () => {
		const form = await saved({ accountChangesByWorkflows: true });
		await connect(form);
		const process = core.process({ linksOnlyByEditors: true });
		const flow = await flowOf(form, process);
		await expect(failureOf(flow.links({ by: BY }))).resolves.toMatchObject({
			...onlyEditors,
			field: 'VAULTED_OAUTH2_LINKS',
		});
		const { disconnect } = process.open(await process.read(form));
		await expect(failureOf(disconnect({ by: BY, evenIfNotRevoked: true }))).resolves.toMatchObject(
			onlyEditors,
		);
		await expect(flow.links({ by: { from: 'form' } })).resolves.toHaveProperty('connectUrl');
	});
});

it('nothing is made, opened, redeemed or revoked for a credential that leads elsewhere than its bundle', async () => {
	const form = await saved({ accountChangesByWorkflows: true });
	await connect(form);
	core.wait(60);
	const { response, cookies } = await visit(form);
	const text = await link(form);
	const requests = core.provider.tokenRequests.length;
	const elsewhere = 'http://127.0.0.1:9';
	const moved = {
		...form,
		issuerUrl: '',
		tokenUrl: `${elsewhere}/token`,
		authorizationUrl: `${elsewhere}/authorize`,
	};
	for (const connections of [core.connections, core.process()]) {
		const flow = await flowOf(moved, connections);
		const { disconnect } = connections.open(await connections.read(moved));
		for (const refused of [
			flow.links({ by: { from: 'form' } }),
			flow.connect(text),
			flow.callback(response, cookies),
			disconnect({ by: { from: 'form' }, evenIfNotRevoked: true }),
		])
			await expect(failureOf(refused)).resolves.toMatchObject({ code: 'SEALED_FOR_OTHER' });
	}
	expect(core.provider.tokenRequests).toHaveLength(requests);
	await expect((await flowOf(form)).callback(response, cookies)).resolves.toBeDefined();
});
