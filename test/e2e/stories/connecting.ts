import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Request } from 'playwright-core';
import { connectionNode, httpRequestNode } from '../../../demo/connection';
import type { Execution } from '../../../demo/harness/n8nRest';
import { ACCOUNTING_SCOPE, startAccounting } from '../../support/accounting';
import type { Editor } from '../support/editor';
import { RUN } from '../support/instance';
import { vaultedOAuth2 } from '../support/nodes';
import { newSecret, type Saved, type Scene } from '../support/scene';
import { until } from '../support/until';
import { Visitor } from '../support/visitor';

const LINK = /http\S+\/connect\?link=\S+/;

/**
 * A person connects an account, in Chromium, on the provider's own pages.
 *
 * @param inEditor whether what begins in n8n's editor is told as well
 */
export function connectingStories(scene: () => Scene, editor: () => Editor, inEditor = true): void {
	let visitor: Visitor;

	beforeAll(async () => (visitor = await Visitor.arrive()));
	afterAll(async () => await visitor.leave());

	function linkIn({ test }: Pick<Saved, 'test'>): string {
		const [link] = LINK.exec(test.message) ?? [];
		if (link === undefined) throw new Error(`No link: ${test.message}`);
		return link;
	}

	/** Runs one operation of the companion node on the connection. */
	async function operation(
		saved: Saved,
		name: string,
		parameters: Record<string, unknown> = {},
	): Promise<Execution> {
		return await scene().run(await scene().workflow(connectionNode(saved, name, parameters)));
	}

	async function item(saved: Saved, name: string, parameters?: Record<string, unknown>) {
		const { nodes } = await operation(saved, name, parameters);
		return nodes[name]?.items[0] ?? {};
	}

	async function newLink(saved: Saved): Promise<string> {
		const { connectUrl } = await item(saved, 'getAuthorizationUrl');
		return connectUrl as string;
	}

	async function statusOf(saved: Saved): Promise<unknown> {
		return (await item(saved, 'getStatus'))['state'];
	}

	/** Both nodes call the API. */
	async function callsSucceed(saved: Saved): Promise<boolean> {
		const { accounting } = scene();
		const { status } = await scene().run(
			await scene().workflow(
				vaultedOAuth2(scene(), saved, { path: '/me' }),
				httpRequestNode(saved, `${accounting.api.url}/me`),
			),
		);
		return status === 'success';
	}

	/** The items that a published workflow was started with. */
	async function startedItems(workflowId: string): Promise<Record<string, unknown>[]> {
		const { owner } = scene().instance;
		const executions = await owner.executionsOf(workflowId);
		const ended = await Promise.all(executions.map(({ id }) => owner.finishedExecution(id)));
		return ended.flatMap(({ nodes }) => nodes['Account connected']?.items ?? []);
	}

	/** A credential with its trigger, not connected yet. */
	async function account(parameters: Record<string, unknown> = {}) {
		const form = scene().accountForm();
		const saved = await scene().save(form);
		return { saved, form, workflowId: await scene().connectWorkflow(saved, form, parameters) };
	}

	/** Imports a ready workflow with a credential chosen in it; addresses of examples lead to the scene's API. */
	async function importExample(file: string, { id, name }: Saved): Promise<string> {
		const text = await readFile(join(RUN.root, 'docs', 'examples', file), 'utf8');
		const workflow = JSON.parse(
			text
				.replaceAll('https://api.example.com/v1/contacts', `${scene().api.url}/items`)
				.replaceAll('"/contacts"', '"/items"'),
		) as { nodes: { credentials?: Record<string, unknown> }[]; active?: boolean };
		// As the editor does.
		workflow.active = false;
		for (const node of workflow.nodes) {
			if (node.credentials) node.credentials = { vaultedOAuth2Api: { id, name } };
		}
		const { owner } = scene().instance;
		return (await owner.request<{ id: string }>('POST', '/workflows', workflow)).id;
	}

	const test = inEditor ? it : it.skip;
	test('save, consent, connected, call, refresh, revoke, reconnect', async () => {
		const { accounting, instance } = scene();
		const { redirectUri, ...form } = scene().accountForm({ label: 'Accounting' });
		const { secretStore, grantType: _code, awsCredentials: _default, ...typed } = form;
		await editor().newCredential('Vaulted OAuth2 API');
		await editor().choose('grantType', 'Authorization Code');
		if (secretStore === 'localVault') await editor().choose('secretStore', 'Local Vault');
		const { authorizationParameters, accountChangesByWorkflows, ...texts } = typed;
		await editor().fill({ ...texts, redirectUri });
		await editor().rename('Accounting');
		const { id, test } = await editor().save();
		const saved: Saved = { id, test, name: 'Accounting' };
		if (secretStore === 'localVault') await editor().screenshot('credential-to-connect');
		expect(test.message).toMatch(/^Not connected yet – everything is saved.*connect\?link=/);
		expect(scene().secretsInForm(saved)).toEqual({});
		// The editor cannot type into n8n's JSON field; the provider needs it for a refresh token.
		const edited = await scene().edit(saved, {
			authorizationParameters,
			accountChangesByWorkflows,
		});
		expect(edited.message).toMatch(LINK);
		expect(await statusOf(saved)).toBe('notConnected');

		const workflowId = await scene().connectWorkflow(saved, { redirectUri });
		await visitor.consent(linkIn({ test: edited }));
		expect(await visitor.headline()).toBe('Connected');
		expect(await visitor.text()).toMatch(
			/Accounting.*accounting\.transactions.*You can close this tab/s,
		);
		if (secretStore === 'localVault') await visitor.screenshot('connected');
		const addresses = (await visitor.history()).filter((url) => url.startsWith(instance.n8n.url));
		expect(addresses.map((url) => [...new URL(url).searchParams.keys()])).toEqual([['outcome']]);

		await until(
			'the workflow was started',
			async () => (await startedItems(workflowId)).length > 0,
		);
		const [started] = await startedItems(workflowId);
		expect(started).toMatchObject({ event: 'connected', subject: 'alex', refreshable: true });
		expect(await callsSucceed(saved)).toBe(true);
		expect(await statusOf(saved)).toBe('healthy');
		expect((await editor().openCredential(id)).test.status).toBe('OK');

		const spent = (await scene().bundle(saved)).refresh_token;
		for (let turn = 0; turn < 2; turn += 1) {
			expect(await operation(saved, 'refreshNow')).toMatchObject({ status: 'success' });
			expect(await callsSucceed(saved)).toBe(true);
		}
		const { refresh_token: rotated, token } = await scene().bundle(saved);
		expect(rotated).not.toBe(spent);

		accounting.provider.revokeGrantOf(token.access_token);
		const failed = await operation(saved, 'refreshNow');
		expect(Object.values(failed.nodes).flatMap(({ error }) => error ?? [])).toEqual([
			expect.stringMatching(/^Reconnect needed – .* answered "invalid_grant/),
		]);
		// The way out, as the error's description.
		expect(failed.raw).toContain('Get Authorization URL');
		expect(await statusOf(saved)).toBe('reconnectNeeded');

		await visitor.page.goto(await newLink(saved));
		// The provider remembers who signed in.
		await visitor.page.getByRole('button', { name: 'Continue' }).click();
		await visitor.page.getByRole('heading', { level: 1 }).waitFor();
		expect(await visitor.headline()).toBe('Connected again');
		expect(await callsSucceed(saved)).toBe(true);
		expect(await statusOf(saved)).toBe('healthy');
	}, 120_000);

	it('an access token that expires is replaced before any call is refused', async () => {
		const { accounting } = scene();
		accounting.provider.accessTokenSeconds = 4;
		const { saved } = await account();
		const guest = await Visitor.arrive();
		try {
			await guest.consent(linkIn(saved));
		} finally {
			accounting.provider.accessTokenSeconds = 3600;
			await guest.leave();
		}
		const { access_token: first } = (await scene().bundle(saved)).token;
		await until('the token expires', () => !accounting.provider.isActive(first));
		const refused = accounting.api.countRequests({ status: 401 });
		expect(await callsSucceed(saved)).toBe(true);
		expect(accounting.api.countRequests({ status: 401 })).toBe(refused);
	});

	it('denied, used and forged: each page says what happened, nothing is connected, no workflow starts', async () => {
		const { saved, form, workflowId } = await account();
		const guest = await Visitor.arrive('dark');
		try {
			await guest.signIn(linkIn(saved));
			await guest.page.getByRole('link', { name: 'Cancel' }).click();
			await guest.page.getByRole('heading', { level: 1 }).waitFor();
			expect(await guest.headline()).toBe('Not connected');
			expect(await guest.text()).toContain('access_denied');
			if (scene().store.kind === 'localVault') await guest.screenshot('not-connected');

			// A consent that was denied has not used the link up.
			await guest.page.goto(linkIn(saved));
			expect(new URL(guest.page.url()).origin).toBe(scene().accounting.provider.issuer);
			await guest.page.goto(`${form.redirectUri}?code=c&state=browser.x.y.z`);
			expect(await guest.text()).toContain('was not asked for by this connection');
			expect(guest.page.url()).not.toContain('code=');
			await guest.page.goto(form.redirectUri.replace(/callback$/, 'connect'));
			expect(await guest.text()).toContain('with a link that was made for this connection');
		} finally {
			await guest.leave();
		}
		expect(await statusOf(saved)).toBe('notConnected');
		expect(await startedItems(workflowId)).toEqual([]);
	});

	it('an answer that arrives in another browser connects nothing', async () => {
		const { saved } = await account();
		const [mine, other] = [await Visitor.arrive(), await Visitor.arrive()];
		try {
			const answer = await mine.consentInVain(linkIn(saved));
			await other.page.goto(answer);
			expect(await other.text()).toContain('begun in another browser');
		} finally {
			await Promise.all([mine.leave(), other.leave()]);
		}
		expect(await statusOf(saved)).toBe('notConnected');
	});

	it('an answer that another site posts connects the account; what n8n takes besides does not', async () => {
		const { n8n } = scene().instance;
		const path = `/webhook/form-post-${scene().store.kind}/callback`;
		// For a browser another site than the provider's, which is at 127.0.0.1.
		const redirectUri = `http://localhost:${new URL(n8n.url).port}${path}`;
		const client = { clientId: 'example-poster', clientSecret: newSecret('client-secret') };
		const { provider, api } = await startAccounting([{ ...client, redirectUris: [redirectUri] }]);
		const guest = await Visitor.arrive();
		try {
			const form = {
				...scene().form({
					grantType: 'authorizationCode',
					tokenUrl: '',
					issuerUrl: provider.issuer,
					...client,
					scope: ACCOUNTING_SCOPE,
					authorizationParameters: '{"prompt":"consent"}',
					responseMode: 'formPost',
					apiBaseUrl: api.url,
				}),
				redirectUri,
			};
			const saved = await scene().save(form);
			const workflowId = await scene().connectWorkflow(saved, form);
			const multipart = new FormData();
			for (const name of ['code', 'state']) multipart.append(name, 'x');
			const refusals: RequestInit[] = [
				{ body: multipart },
				{ body: '{"code":"c","state":"s"}', headers: { 'content-type': 'application/json' } },
				{ body: new URLSearchParams({ code: 'c', state: 's' }) },
			];
			for (const refused of refusals) {
				const page = await fetch(`${n8n.url}${path}`, { method: 'POST', ...refused });
				expect(page.status).toBe(400);
				expect(await page.text()).toContain('was not asked for by this connection');
			}

			const posts: Request[] = [];
			guest.page.on('request', (request) => {
				if (request.url() === redirectUri) posts.push(request);
			});
			await guest.consent(linkIn(saved));
			expect(await guest.headline()).toBe('Connected');
			const [post] = posts;
			expect(post?.method()).toBe('POST');
			const headers = (await post?.allHeaders()) ?? {};
			expect(headers).toMatchObject({ 'sec-fetch-site': 'cross-site', origin: provider.issuer });
			const code = new URLSearchParams(post?.postData() ?? '').get('code') ?? '';
			expect(code).not.toBe('');
			expect((await guest.history()).filter((url) => url.includes(code))).toEqual([]);
			await until('the workflow ran', async () => (await startedItems(workflowId)).length > 0);
			expect(await startedItems(workflowId)).toMatchObject([{ subject: 'alex' }]);
			expect(api.countRequests({ status: 200 })).toBe(1);
		} finally {
			await Promise.all([guest.leave(), provider.close(), api.close()]);
		}
	});

	it('without a reachable trigger the answer is pasted, and blanked', async () => {
		const form = scene().accountForm();
		const saved = await scene().save(form);
		const { authorizationUrl } = await item(saved, 'getAuthorizationUrl');
		const guest = await Visitor.arrive();
		const answer = await guest
			.consentInVain(authorizationUrl as string)
			.finally(async () => await guest.leave());
		expect(await scene().edit(saved, { authorizationResponse: answer })).toMatchObject({
			status: 'OK',
		});
		expect(scene().stored(saved)).not.toHaveProperty('authorizationResponse');
		expect(await callsSucceed(saved)).toBe(true);
	});

	it('signs people in: the session token says who, and nobody else’s does', async () => {
		const { saved, workflowId } = await account({ issueSessionToken: true, sessionMinutes: 5 });
		const guest = await Visitor.arrive();
		try {
			await guest.consent(linkIn(saved), 'sam');
		} finally {
			await guest.leave();
		}
		await until(
			'the workflow was started',
			async () => (await startedItems(workflowId)).length > 0,
		);
		const [{ sessionToken, subject } = {}] = await startedItems(workflowId);
		expect(subject).toBe('sam');
		const verify = async (token: unknown) => {
			const node = connectionNode(saved, 'verify', { resource: 'session', sessionToken: token });
			return (await scene().run(await scene().workflow(node))).nodes['verify']?.items[0];
		};
		expect(await verify(sessionToken)).toMatchObject({ valid: true, subject: 'sam' });
		expect(await verify(`${sessionToken as string}x`)).toEqual({ valid: false });
	});

	it.each([
		['call-api.json', 'Every hour', 'Get contacts'],
		['keep-alive.json', 'Every day', 'Keep alive'],
	])('the ready workflow %s runs as it is imported', async (file, trigger, node) => {
		const { owner } = scene().instance;
		const saved = await scene().seal();
		const id = await importExample(file, saved);
		const execution = await owner.runWorkflow(id, trigger);
		expect(execution.nodes[node]).toBeDefined();
		expect(execution.status).toBe('success');
	});

	it.each(['connect.json', 'notify-on-reconnect.json', 'sign-in.json'])(
		'the ready workflow %s is published as it is imported',
		async (file) => {
			const { saved } = await account();
			const id = await importExample(file, saved);
			await scene().instance.owner.publishWorkflow(id);
			await scene().instance.owner.request('POST', `/workflows/${id}/deactivate`);
		},
	);

	it('keeps alive what nobody uses, and tells what needs a person', async () => {
		const { saved } = await account();
		expect(await item(saved, 'keepAlive')).toMatchObject({
			state: 'notConnected',
			needsPerson: true,
		});
		const guest = await Visitor.arrive();
		try {
			await guest.consent(await newLink(saved));
		} finally {
			await guest.leave();
		}
		expect(await item(saved, 'keepAlive', { refreshAfterHours: 0 })).toMatchObject({
			state: 'healthy',
			refreshed: true,
			needsPerson: false,
		});
	});
}
