import { Person } from '../../demo/harness/person';
import type { Connections } from '../../src/connections';
import { eventually } from '../support/eventually';
import { failureOf } from '../support/failureOf';
import { CLIENT, PASTE_URI, WholeCore, type Form, type StoreKind } from '../support/wholeCore';

/** Seconds within which a process in use takes notice. */
const NOTICED_AFTER = 300;

/** What happens elsewhere is in effect in every process that uses the connection, within 5 minutes. */
describe.each<StoreKind>(['localVault', 'awsSecretsManager'])('with the store %s', (kind) => {
	let core: WholeCore;
	/** In use; what happens, happens in none of them. */
	let processes: Connections[];

	beforeAll(async () => {
		core = await WholeCore.start(kind);
	});
	beforeEach(() => {
		processes = Array.from({ length: 3 }, () => core.process({ severalProcesses: true }));
		core.connections = core.process({ severalProcesses: true });
	});
	afterAll(async () => {
		await core.close();
	});

	async function tokenOf(form: Form, process: Connections): Promise<string> {
		const { tokens } = process.open(await process.read(form));
		return (await tokens.get()).accessToken;
	}

	/** One call of each every 10 seconds. */
	async function use(form: Form, seconds: number): Promise<void> {
		for (let second = 0; second < seconds; second += 10) {
			core.wait(10);
			await Promise.all(
				processes.map(async (process) => await core.call(form, process).catch(() => undefined)),
			);
		}
	}

	/** All of them serve the token; no more time passes. */
	async function allServe(form: Form, token: string): Promise<void> {
		await eventually(async () => {
			const served = await Promise.all(processes.map((process) => tokenOf(form, process)));
			return served.every((accessToken) => accessToken === token);
		});
	}

	async function connect(form: Form): Promise<void> {
		const { authorization } = core.connections.open(await core.connections.read(form));
		const links = await authorization?.links();
		const person = new Person(({ href }) => href.startsWith(PASTE_URI));
		const { url } = await person.consent(links?.authorizationUrl ?? '');
		core.wait(1);
		await core.save({ ...form, authorizationResponse: url.href });
	}

	it('an account is connected again: no process uses the former one any longer', async () => {
		const form = await core.save(core.codeForm({ redirectUri: PASTE_URI }));
		await connect(form);
		await use(form, 60);
		const former = await tokenOf(form, core.connections);
		await connect(form);
		const next = await tokenOf(form, core.connections);
		expect(next).not.toBe(former);
		await use(form, NOTICED_AFTER);
		await allServe(form, next);
	});

	it('an account is connected for the first time: within 10 seconds', async () => {
		const form = await core.save(core.codeForm({ redirectUri: PASTE_URI }));
		await use(form, 60);
		await connect(form);
		core.wait(10);
		await allServe(form, await tokenOf(form, core.connections));
	});

	it('a token is replaced by Refresh Now', async () => {
		const form = await core.save(await core.refreshForm());
		await use(form, 60);
		const { tokens } = core.connections.open(await core.connections.read(form));
		core.wait(1);
		const { accessToken } = await tokens.refreshNow();
		await use(form, NOTICED_AFTER);
		await allServe(form, accessToken);
		expect(core.provider.countTokenRequests({ result: 'invalid_grant' })).toBe(0);
	});

	it('a client secret is replaced after the provider refused the former one: within 10 seconds', async () => {
		const form = await core.save(core.form());
		await core.provider.changeClientSecret(CLIENT.clientId, 'replaced');
		core.wait(3_601);
		const before = core.provider.countTokenRequests();
		await use(form, 60);
		for (const process of processes)
			await expect(failureOf(core.call(form, process))).resolves.toMatchObject({
				code: 'INVALID_CLIENT',
			});
		expect(core.provider.countTokenRequests() - before).toBeLessThanOrEqual(12);
		await core.save({ ...form, clientSecret: 'replaced' });
		core.wait(10);
		for (const process of processes) await expect(core.call(form, process)).resolves.toBe(200);
		await core.provider.changeClientSecret(CLIENT.clientId, CLIENT.clientSecret);
	});
});

/** What an administrator changes in the console. */
describe('an administrator', () => {
	let core: WholeCore;
	let processes: Connections[];

	beforeAll(async () => {
		core = await WholeCore.start('awsSecretsManager');
	});
	afterAll(async () => {
		await core.close();
	});

	type Json = Record<string, unknown>;

	async function edit(form: Form, change: (json: Json) => Json): Promise<void> {
		const { secretRef } = core.connections.open(await core.connections.read(form));
		const { content = '{}' } = core.aws.secret(secretRef.secretId) ?? {};
		core.aws.perform('PutSecretValue', {
			SecretId: secretRef.secretId,
			SecretString: JSON.stringify(change(JSON.parse(content) as Json)),
		});
	}

	async function use(form: Form, seconds: number): Promise<void> {
		for (let second = 0; second < seconds; second += 10) {
			core.wait(10);
			for (const process of processes) await core.call(form, process).catch(() => undefined);
		}
	}

	it('is noticed at the price of one read in 280 seconds of use', async () => {
		processes = [core.process()];
		const form = await core.save(core.form());
		const reads = () => core.aws.calls.filter(({ action }) => action === 'GetSecretValue').length;
		await use(form, 10);
		const before = reads();
		await use(form, 1_400);
		expect(reads() - before).toBe(1_400 / 280);
	});

	describe.each([
		['one process', 1],
		['three processes', 3],
	])('%s', (_name, count) => {
		beforeEach(() => {
			processes = Array.from({ length: count }, () =>
				core.process({ severalProcesses: count > 1 }),
			);
		});

		it.each<[string, (c: WholeCore) => Promise<Form>]>([
			['client credentials', async (c) => await Promise.resolve(c.form())],
			['a refresh token', async (c) => await c.refreshForm()],
		])('removes the token set: no process uses it any longer, %s', async (_grant, formOf) => {
			const form = await core.save(await formOf(core));
			await use(form, 60);
			const [first = core.connections] = processes;
			const before = (await first.open(await first.read(form)).tokens.get()).accessToken;
			const requests = core.provider.countTokenRequests();
			await edit(form, ({ token: _removed, ...rest }) => rest);
			await use(form, NOTICED_AFTER);
			await eventually(async () => {
				const served = await Promise.all(
					processes.map(
						async (process) =>
							(await process.open(await process.read(form)).tokens.get()).accessToken,
					),
				);
				return !served.includes(before);
			});
			expect(core.provider.countTokenRequests() - requests).toBeLessThanOrEqual(
				form['grantType'] === 'refreshToken' ? 1 : count,
			);
			expect(core.provider.countTokenRequests({ result: 'invalid_grant' })).toBe(0);
		});

		it('replaces the client secret: every process sends the new one, within 10 seconds of a refusal', async () => {
			const form = await core.save(await core.refreshForm());
			await use(form, 60);
			await core.provider.changeClientSecret(CLIENT.clientId, 'replaced');
			core.wait(3_601);
			await use(form, 60);
			await edit(form, (json) => ({ ...json, client_secret: 'replaced' }));
			core.wait(10);
			for (const process of processes) await expect(core.call(form, process)).resolves.toBe(200);
			await core.provider.changeClientSecret(CLIENT.clientId, CLIENT.clientSecret);
			expect(core.provider.countTokenRequests({ result: 'invalid_grant' })).toBe(0);
		});

		it('replaces the refresh token: it is redeemed next', async () => {
			const form = await core.save(await core.refreshForm());
			await use(form, 60);
			const theirs = await core.provider.mintRefreshToken(CLIENT.clientId);
			await edit(form, (json) => ({ ...json, refresh_token: theirs }));
			core.wait(3_601);
			for (const process of processes) await expect(core.call(form, process)).resolves.toBe(200);
			expect(core.provider.tokenRequests.at(-1)).toMatchObject({ refreshToken: theirs });
		});
	});
});
