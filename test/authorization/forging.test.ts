import { EncryptJWT } from 'jose';

import { type SessionTokens } from '../../src/authorization/sessionTokens';
import { FlowKeys, type Ticket } from '../../src/authorization/ticket';
import type { Connections, OpenConnection } from '../../src/connections';
import { SecretStoreError } from '../../src/errors';
import { failureOf } from '../support/failureOf';
import { WholeCore, type Form } from '../support/wholeCore';
import { accountsOf } from './accounts';

const HOUR = 3_600_000;
const YEAR = 365 * 24 * HOUR;
const SOMEBODY = { subject: 'alex', claims: {} };

describe.each(['awsSecretsManager', 'localVault'] as const)('forging, %s', (kind) => {
	let core: WholeCore;
	const { saved, flowOf, linkOf, visit, connect, begun } = accountsOf(() => core);

	beforeAll(async () => {
		core = await WholeCore.start(kind);
	});
	afterAll(async () => {
		await core.close();
	});

	async function opened(form: Form, connections?: Connections): Promise<OpenConnection> {
		const own = connections ?? core.connections;
		return own.open(await own.read(form));
	}

	async function sessionsOf(form: Form, connections?: Connections): Promise<SessionTokens> {
		const { sessions } = await opened(form, connections);
		if (sessions === undefined) throw new Error('not an authorization code connection');
		return sessions;
	}

	/** Changes the bundle's JSON as an administrator would. */
	async function edit(form: Form, change: (json: Record<string, unknown>) => void): Promise<void> {
		const { store, secretRef } = await opened(form, core.process());
		const { content, versionId } = await store.read(secretRef.secretId);
		const json = JSON.parse(content) as Record<string, unknown>;
		change(json);
		await store.write(secretRef.secretId, JSON.stringify(json), versionId);
	}

	async function flowKeyOf(form: Form): Promise<unknown> {
		const { store, secretRef } = await opened(form, core.process());
		const { content } = await store.read(secretRef.secretId);
		const json = JSON.parse(content) as { authorization?: Record<string, unknown> };
		return json.authorization?.['flow_key'];
	}

	describe('with the pointer, as an expression with $self reads it,', () => {
		let form: Form;
		let keys: FlowKeys;
		const ticket = (kind: Ticket['kind'], expiresAt: number): Ticket => ({
			kind,
			id: 'an-id',
			issuedAt: core.now,
			expiresAt,
			flow: kind === 'link' ? '' : 'a-flow',
		});

		beforeAll(async () => {
			form = await saved();
			await connect(form);
			const { key } = JSON.parse(form['secretRef'] as string) as { key: string };
			keys = new FlowKeys(key);
		});

		it('no session token can be made, for ten years or for an hour', async () => {
			const { secretRef } = await opened(form);
			for (const lifetime of [10 * YEAR, HOUR]) {
				const forged = await new EncryptJWT({ claims: {} })
					.setProtectedHeader({ alg: 'dir', enc: 'A256GCM', typ: 'JWT' })
					.setIssuer('n8n-nodes-vaulted-oauth2')
					.setAudience(secretRef.secretId)
					.setSubject('admin')
					.setIssuedAt(core.now / 1000)
					.setExpirationTime((core.now + lifetime) / 1000)
					.encrypt(keys.derive('session token'));
				await expect((await sessionsOf(form)).verify(forged)).resolves.toBeUndefined();
			}
		});

		it('no link and no state can be made, and no cookie', async () => {
			const flow = await flowOf(form);
			const link = keys.issue(ticket('link', core.now + HOUR));
			await expect(failureOf(flow.connect(link))).resolves.toMatchObject({ code: 'LINK_INVALID' });
			const state = keys.issue(ticket('browser', core.now + 60_000));
			const response = new URLSearchParams({ code: 'c', state, iss: core.provider.issuer });
			await expect(failureOf(flow.callback(response, undefined))).resolves.toMatchObject({
				code: 'RESPONSE_INVALID',
			});
			const mine = await visit(form);
			const flowId = (mine.response.get('state') ?? '').split('.')[4] ?? '';
			const cookie = `vaulted-oauth2-${flowId}=${keys.secretOf(flowId, 'cookie')}`;
			await expect(failureOf(flow.callback(mine.response, cookie))).resolves.toMatchObject({
				code: 'OTHER_BROWSER',
			});
		});
	});

	it('a link that was signed for longer than a day and a quarter of an hour is none', async () => {
		const form = await saved();
		const keys = await (await flowOf(form)).keys.toSign();
		const link = (lifetime: number) =>
			keys.issue({
				kind: 'link',
				id: `id-${lifetime}`,
				issuedAt: core.now,
				expiresAt: core.now + lifetime,
				flow: '',
			});
		const flow = await flowOf(form);
		await expect(failureOf(flow.connect(link(25 * HOUR)))).resolves.toMatchObject({
			code: 'LINK_INVALID',
		});
		await expect(flow.connect(link(24 * HOUR))).resolves.toHaveProperty('location');
		const { expiresAt } = await flow.links({ by: { from: 'form' }, lifetimeMs: 10 * YEAR });
		expect(expiresAt).toBe(core.now + 24 * HOUR);
	});

	it('the key is in the bundle when the credential is saved, and n8n keeps nothing of it', async () => {
		const form = await saved();
		const key = await flowKeyOf(form);
		expect(key).toMatch(/^[\w-]{43}$/);
		expect(JSON.stringify(form)).not.toContain(key);
	});

	it('a bundle of 0.1.0 gets a key when it is first needed; of two processes one makes it', async () => {
		const form = await saved();
		await edit(form, (json) => delete json['authorization']);
		const [one, other] = [core.process(), core.process()];
		const links = await Promise.all(
			[one, other].map(async (connections) => {
				const flow = await flowOf(form, connections);
				const { connectUrl = '' } = await flow.links({ by: { from: 'form' } });
				return new URL(connectUrl).searchParams.get('link') ?? '';
			}),
		);
		expect(await flowKeyOf(form)).toMatch(/^[\w-]{43}$/);
		for (const link of links)
			await expect((await flowOf(form, core.process())).connect(link)).resolves.toHaveProperty(
				'location',
			);
		const { token } = await (await sessionsOf(form, one)).issue(SOMEBODY, HOUR);
		await expect((await sessionsOf(form, other)).verify(token)).resolves.toMatchObject(SOMEBODY);
	});

	it('a session is verified in any process, also in one that knows an older key', async () => {
		const form = await saved({ accountChangesByWorkflows: true });
		await connect(form);
		const [cold, warm] = [core.process(), core.process()];
		const before = await (await sessionsOf(form)).issue(SOMEBODY, HOUR);
		for (const process of [cold, warm])
			await expect((await sessionsOf(form, process)).verify(before.token)).resolves.toMatchObject(
				SOMEBODY,
			);
		const { disconnect } = await opened(form);
		await disconnect({ by: { from: 'form' }, evenIfNotRevoked: false });
		core.wait(11);
		const after = await (await sessionsOf(form)).issue(SOMEBODY, HOUR);
		await expect((await sessionsOf(form, warm)).verify(after.token)).resolves.toMatchObject(
			SOMEBODY,
		);
		// It has looked at the store meanwhile, where the former key is no more.
		await expect((await sessionsOf(form, warm)).verify(before.token)).resolves.toBeUndefined();
		core.wait(300);
		await expect((await sessionsOf(form, cold)).verify(before.token)).resolves.toBeUndefined();
	});

	it('garbage makes a process look at the store every ten seconds at most', async () => {
		const form = await saved();
		const flow = await flowOf(form);
		await linkOf(form);
		const reads = core.aws.calls.length;
		for (let second = 0; second < 30; second += 1) {
			await failureOf(flow.connect(`link.a.b.c..${second}`));
			core.wait(1);
		}
		expect(core.aws.calls.length - reads).toBeLessThanOrEqual(3 * 2);
	});

	it('sealing for another provider ends links and sessions', async () => {
		const form = await saved();
		await connect(form);
		const [link, { token }] = [
			await linkOf(form),
			await (await sessionsOf(form)).issue(SOMEBODY, HOUR),
		];
		const moved = await core.save({
			...form,
			issuerUrl: '',
			tokenUrl: core.provider.tokenEndpoint,
			authorizationUrl: core.provider.authorizationEndpoint,
			clientSecret: 'example-app-secret',
		});
		expect(moved.secretRef).toBe(form['secretRef']);
		await expect(failureOf((await flowOf(moved)).connect(link))).resolves.toMatchObject({
			code: 'LINK_INVALID',
		});
		await expect((await sessionsOf(moved)).verify(token)).resolves.toBeUndefined();
		await expect((await flowOf(moved)).connect(await linkOf(moved))).resolves.toHaveProperty(
			'location',
		);
	});

	it('a visitor learns nothing of a store that cannot be read, and the log is told once a minute', async () => {
		const form = await saved();
		const link = await linkOf(form);
		const { state, cookies } = await begun(form, link);
		const { store } = await opened(form);
		const broken = new Proxy(store, {
			get: (target, name) =>
				name === 'read'
					? async (secretId: string) =>
							await Promise.reject(
								new SecretStoreError('cannot reach http://10.1.2.3/internal.', {
									code: 'UNREACHABLE',
									action: 'read',
									secretId,
								}),
							)
					: (Reflect.get(target, name) as unknown),
		});
		const flow = await flowOf(form, core.process({ openStore: () => broken }));
		core.events.length = 0;
		const response = new URLSearchParams({ code: 'c', state, iss: core.provider.issuer });
		for (const refused of [
			flow.connect(link),
			flow.connect('x'),
			flow.callback(response, cookies),
			flow.callback(new URLSearchParams({ code: 'c' }), undefined),
		])
			await expect(failureOf(refused)).resolves.toMatchObject({
				code: 'UNAVAILABLE',
				failureClass: 'reconnect',
				message: expect.not.stringMatching(/10\.1\.2\.3|vaulted|Account/) as string,
			});
		expect(core.events).toMatchObject([{ name: 'visit.failed', code: 'UNREACHABLE' }]);
	});
});
