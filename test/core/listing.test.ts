import type { ListedConnection, Listing } from '../../src/listing';
import { newPerson } from '../authorization/accounts';
import { failureOf } from '../support/failureOf';
import { TEST_IDENTITY } from '../support/secretsManagerServer';
import { WholeCore, type Form, type StoreKind } from '../support/wholeCore';

const by = { from: 'workflow', workflowId: 'w' } as const;
const HOUR = 3600;

let core: WholeCore;

afterEach(async () => {
	await core.close();
});

/** A process whose operator lets workflows list connections. */
const lister = () => core.process({ listByWorkflows: true });

async function listed(form: Form, connections = lister(), most = 100): Promise<Listing> {
	return await connections.list(await connections.read(form), { by, most });
}

/** By label; of a process that has used none of them. */
async function states(form: Form): Promise<Record<string, ListedConnection['state']>> {
	const { connections } = await listed(form);
	return Object.fromEntries(connections.map(({ label, state }) => [label, state]));
}

describe.each<StoreKind>(['awsSecretsManager', 'localVault'])('the connections in %s', (kind) => {
	beforeEach(async () => {
		core = await WholeCore.start(kind);
	});

	it('are listed by their labels, with what may be told of them and nothing else', async () => {
		const asking = await core.save(core.form({ label: 'Asking' }));
		await core.save(await core.refreshForm({ label: 'Other' }));
		const { connections, isCut } = await listed(asking);
		expect(isCut).toBe(false);
		expect(connections.map(({ label }) => label).sort()).toEqual(['Asking', 'Other']);
		expect(connections.find(({ label }) => label === 'Other')).toEqual({
			label: 'Other',
			secretId: expect.stringContaining('n8n/vaulted-oauth2/other-') as string,
			state: 'healthy',
			grantType: 'refresh_token',
			rotatedAt: expect.any(Number) as number,
			expiresAt: expect.any(Number) as number,
			refreshAt: expect.any(Number) as number,
			...(kind === 'awsSecretsManager' ? { versionsLeft: expect.any(Number) as number } : {}),
		});
		const text = JSON.stringify(connections);
		for (const secret of core.provider.confidential()) expect(text).not.toContain(secret);
		const { key } = JSON.parse(asking.secretRef) as { key: string };
		expect(text).not.toContain(key);
		expect(core.events.at(-1)).toMatchObject({
			name: 'connections.listed',
			label: 'Asking',
			count: 2,
			workflowId: 'w',
		});
	});

	it('stand as their bundles say: healthy, due, idle, without an account, refused', async () => {
		const asking = await core.save(core.form({ label: 'Clients' }));
		const form = await core.save(await core.refreshForm({ label: 'Refresh' }));
		await core.save(core.codeForm({ label: 'Account' }));
		const all = { Clients: 'healthy', Refresh: 'healthy', Account: 'notConnected' };
		expect(await states(asking)).toEqual(all);
		core.wait(HOUR - 200);
		expect(await states(asking)).toEqual({
			...all,
			Clients: 'expiresSoon',
			Refresh: 'expiresSoon',
		});
		core.wait(300);
		expect(await states(asking)).toEqual({ ...all, Clients: 'idle', Refresh: 'idle' });

		core.provider.revokeGrantOf(core.provider.issued.at(-1)?.value ?? '');
		for (const { kind: type, value } of core.provider.issued)
			if (type === 'RefreshToken') core.provider.revokeGrantOf(value);
		await expect(core.call(form)).rejects.toMatchObject({ code: 'INVALID_GRANT' });
		const { connections } = await listed(asking);
		expect(connections.find(({ label }) => label === 'Refresh')).toMatchObject({
			state: 'reconnectNeeded',
			lastError: { code: 'INVALID_GRANT' },
		});
	});

	it('that are in use in this process tell what is known there alone', async () => {
		const connections = lister();
		const asking = await core.save(core.form({ label: 'Asking' }), connections);
		await core.save(core.form({ label: 'Not in use' }));
		await core.call(asking, connections);
		const found = (await listed(asking, connections)).connections;
		expect(found.find(({ label }) => label === 'Asking')).toMatchObject({ unsaved: false });
		expect(found.find(({ label }) => label === 'Not in use')).not.toHaveProperty('unsaved');
	});

	it('are not listed unless the operator says so, and then only as many as are asked for', async () => {
		const asking = await core.save(core.form({ label: 'A' }));
		await core.save(core.form({ label: 'B' }));
		await expect(failureOf(listed(asking, core.process()))).resolves.toMatchObject({
			code: 'NOT_ALLOWED_BY_OPERATOR',
			field: 'VAULTED_OAUTH2_LIST',
		});
		const some = await listed(asking, lister(), 1);
		expect(some.connections).toHaveLength(1);
		expect(some.isCut).toBe(true);
	});
});

describe('in AWS', () => {
	beforeEach(async () => {
		core = await WholeCore.start('awsSecretsManager');
	});

	it('what is no bundle is left out, and one that cannot be read is told with its reason', async () => {
		const asking = await core.save(core.form({ label: 'Asking' }));
		const put = (name: string, content: object) =>
			core.aws.perform('CreateSecret', {
				Name: `n8n/vaulted-oauth2/${name}`,
				SecretString: JSON.stringify(content),
			});
		put('somebody-elses', { password: 'x' });
		put('newer', { vaulted_oauth2: 99 });
		const { connections } = await listed(asking);
		expect(connections.map(({ label, state }) => [label, state])).toEqual([
			['Asking', 'healthy'],
			['n8n/vaulted-oauth2/newer', 'unreadable'],
		]);
		expect(connections[1]?.lastError).toMatchObject({ code: 'BUNDLE_TOO_NEW' });
	});

	it('only names with the operator’s own prefix are looked at', async () => {
		await core.save(core.form({ label: 'Elsewhere' }));
		const own = core.process({ listByWorkflows: true, secretPrefix: 'prod/n8n/' });
		const asking = await core.save(core.form({ label: 'Here' }), own);
		const { connections } = await listed(asking, own);
		expect(connections.map(({ label }) => label)).toEqual(['Here']);
	});

	it('with the optional policy alone, or without a part of it', async () => {
		const asking = await core.save(core.form());
		core.aws.deny(TEST_IDENTITY.accessKeyId, 'ListSecretVersionIds');
		expect((await listed(asking)).connections[0]).not.toHaveProperty('versionsLeft');
		core.aws.deny(TEST_IDENTITY.accessKeyId, 'ListSecrets');
		await expect(failureOf(listed(asking))).resolves.toMatchObject({
			code: 'ACCESS_DENIED',
			message: expect.stringContaining('secretsmanager:ListSecrets') as string,
		});
	});

	it('a store that cannot answer now is an error, not a shorter list', async () => {
		const asking = await core.save(core.form());
		core.aws.fail({ action: 'GetSecretValue', kind: 'throttling', times: Infinity });
		await expect(failureOf(listed(asking))).resolves.toMatchObject({ code: 'THROTTLED' });
	});
});

it('an account that a person has connected is healthy', async () => {
	core = await WholeCore.start('localVault');
	const asking = await core.save(core.codeForm({ label: 'Account' }));
	const open = core.connections.open(await core.connections.read(asking));
	const links = await open.authorization?.links({ by: { from: 'form' } });
	const link = new URL(links?.connectUrl ?? '').searchParams.get('link') ?? '';
	const { location = '', cookie } = (await open.authorization?.connect(link)) ?? {};
	const { url } = await newPerson().consent(location);
	await open.authorization?.callback(url.searchParams, `${cookie?.name}=${cookie?.value}`);
	expect(await states(asking)).toEqual({ Account: 'healthy' });
});
