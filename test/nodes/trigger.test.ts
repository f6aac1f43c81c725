import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IDataObject } from 'n8n-workflow';

import { formOf, Person, type Page } from '../../demo/harness/person';
import { sharedConnections, type Connections } from '../../src';
import type { Ticket, TicketKind } from '../../src/authorization/ticket';
import { startAuthorizationServer, type AuthorizationServer } from '../support/authorizationServer';
import { startSampleApi, type SampleApi } from '../support/sampleApi';
import { TriggerHost } from './triggerHost';

const CLIENT = { clientId: 'app', clientSecret: 'example-app-secret' };
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined };

let host: TriggerHost;
let provider: AuthorizationServer;
let api: SampleApi;
let connections: Connections;
let folder: string;
let count = 0;

beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'vaulted-trigger-'));
	process.env['N8N_USER_FOLDER'] = folder;
	process.env['N8N_ENCRYPTION_KEY'] = 'key of a test instance';
	connections = sharedConnections(quiet);
	host = await TriggerHost.start();
	provider = await startAuthorizationServer({
		clients: [{ ...CLIENT, redirectUris: [host.callbackUrl] }],
		loginPages: true,
	});
	api = await startSampleApi({ isActive: (token) => provider.isActive(token) });
});
afterAll(async () => {
	await Promise.all([host.close(), provider.close(), api.close()]);
	await rm(folder, { recursive: true, force: true });
});

/** Saves a credential and chooses it in the trigger. */
async function choose(changes: IDataObject = {}): Promise<IDataObject> {
	count += 1;
	const form = {
		label: `Account ${count}`,
		grantType: 'authorizationCode',
		issuerUrl: provider.issuer,
		redirectUri: host.callbackUrl,
		...CLIENT,
		scope: 'openid offline_access api:read',
		authorizationParameters: '{"prompt":"consent"}',
		apiBaseUrl: api.url,
		secretStore: 'localVault',
		...changes,
	};
	const fields = { ...form, ...(await connections.seal(await connections.read(form))) };
	host.fields = fields;
	host.parameters = {};
	host.started.length = 0;
	host.logged.length = 0;
	return fields;
}

/** Fields that lead to a store at an internal address. */
function awsStore(host: string): IDataObject {
	return {
		secretStore: 'awsSecretsManager',
		awsRegion: 'eu-central-1',
		awsCredentials: 'accessKey',
		awsAccessKeyId: 'EXAMPLE',
		awsSecretAccessKey: 'example',
		awsEndpoint: `https://${host}`,
		secretRef: JSON.stringify({
			v: 1,
			store: 'awsSecretsManager',
			secretId: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:n8n/vaulted-1',
			key: 'k'.repeat(43),
		}),
	};
}

/** A form as a browser posts it. */
function form(body: string): RequestInit {
	return { body, headers: { 'content-type': 'application/x-www-form-urlencoded' } };
}

async function link(fields: IDataObject): Promise<string> {
	const { authorization } = connections.open(await connections.read(fields));
	const { connectUrl } = (await authorization?.links({ by: { from: 'form' } })) ?? {};
	if (connectUrl === undefined) throw new Error('no link');
	return connectUrl;
}

/** A browser that comes back from the provider, and stops before the callback looks at its answer. */
async function visit(fields: IDataObject): Promise<{ person: Person; answer: URL }> {
	let stop = true;
	const person = new Person((url) => stop && url.pathname.endsWith('/callback'));
	const { url } = await person.consent(await link(fields));
	stop = false;
	return { person, answer: url };
}

async function statusOf(fields: IDataObject): Promise<string> {
	const { tokens } = connections.open(await connections.read(fields));
	return await tokens.get().then(
		() => 'connected',
		(error: unknown) => (error as { code: string }).code,
	);
}

function textOf({ text }: Page): string {
	return text
		.replace(/<style.*<\/style>/s, '')
		.replace(/<[^>]+>/g, ' ')
		.replace(/\s+/g, ' ');
}

/** Nothing of a flow is in what is shown, and in no address but those that brought it. */
function expectClean(page: Page, answer: URL): void {
	for (const key of ['code', 'state']) {
		const value = answer.searchParams.get(key) ?? '';
		if (value === '') continue;
		expect(page.text).not.toContain(value);
		expect(page.url.href).not.toContain(value);
	}
	for (const secret of provider.confidential()) expect(page.text).not.toContain(secret);
}

function ticketOf(kind: TicketKind, expiresAt: number): Ticket {
	const flow = kind === 'link' ? '' : 'some-flow';
	return { kind, id: 'some-id', issuedAt: expiresAt - 60_000, expiresAt, flow };
}

describe('connecting an account', () => {
	it('leads to the provider and back, says what was connected, and starts the workflow', async () => {
		const fields = await choose();
		const person = new Person();
		const page = await person.consent(await link(fields));

		expect(page.status).toBe(200);
		expect(page.url.pathname).toBe('/prefix/webhook/crm/callback');
		expect([...page.url.searchParams.keys()]).toEqual(['outcome']);
		expect(textOf(page)).toMatch(/Connected .*Account \d+ .*api:read .*You can close this tab/);
		const answer = person.visited.find((address) => address.includes('code=')) ?? '';
		expectClean(page, new URL(answer));

		expect(host.started).toEqual([
			{
				event: 'connected',
				label: fields['label'],
				scopes: expect.arrayContaining(['openid', 'offline_access', 'api:read']) as string[],
				expiresAt: expect.stringMatching(/^\d{4}-/) as string,
				refreshable: true,
				reconnected: false,
				secretStore: 'localVault',
				secretId: expect.stringMatching(/^n8n\/vaulted-oauth2\//) as string,
				stored: true,
				subject: 'alex',
				claims: {},
			},
		]);
		for (const secret of provider.confidential())
			expect(JSON.stringify(host.started)).not.toContain(secret);
		await expect(statusOf(fields)).resolves.toBe('connected');
	});

	it.each([1, 1440])('issues a session token for %i minutes', async (sessionMinutes) => {
		const fields = await choose();
		host.parameters = { issueSessionToken: true, sessionMinutes };
		await new Person().consent(await link(fields));
		const [item] = host.started as { sessionExpiresAt: string }[];
		const leftMs = Date.parse(item?.sessionExpiresAt ?? '') - Date.now();
		expect(Math.ceil(leftMs / 60_000)).toBe(sessionMinutes);
	});

	it('outputs the claims that were chosen, and a session token where one was asked for', async () => {
		const fields = await choose();
		host.parameters = { claims: 'auth_time, sub', issueSessionToken: true, sessionMinutes: 5 };
		await new Person().consent(await link(fields));
		const [item] = host.started as {
			[key: string]: unknown;
			sessionToken: string;
			sessionExpiresAt: string;
		}[];
		expect(item?.['claims']).toMatchObject({ sub: 'alex' });
		const { sessions } = connections.open(await connections.read(fields));
		await expect(sessions?.verify(item?.sessionToken ?? '')).resolves.toMatchObject({
			subject: 'alex',
			claims: { sub: 'alex' },
			expiresAt: Date.parse(item?.sessionExpiresAt ?? ''),
		});
	});

	it('says on the page and in the item where the provider gave no refresh token', async () => {
		const fields = await choose({ scope: 'api:read', authorizationParameters: '' });
		const page = await new Person().consent(await link(fields));
		expect(textOf(page)).toContain('no refresh token');
		expect(host.started).toMatchObject([{ refreshable: false }]);
		expect(host.started[0]).not.toHaveProperty('subject');
	});

	it('sets a cookie for this browser and this folder', async () => {
		const fields = await choose();
		const response = await fetch(await link(fields), { redirect: 'manual' });
		expect(response.status).toBe(303);
		expect(response.headers.get('location')).toMatch(`${provider.issuer}/auth?`);
		expect(response.headers.get('cache-control')).toBe('no-store');
		expect(response.headers.get('referrer-policy')).toBe('no-referrer');
		const [cookie = ''] = response.headers.getSetCookie();
		expect(cookie.split('; ').slice(1)).toEqual([
			'Path=/prefix/webhook/crm/',
			'Max-Age=600',
			'HttpOnly',
			'SameSite=Lax',
		]);
	});

	it('marks the cookie Secure where the callback is https', async () => {
		const fields = await choose({ redirectUri: 'https://n8n.example.com/webhook/crm/callback' });
		const { search } = new URL(await link(fields));
		const response = await fetch(`${host.origin}/webhook/crm/connect${search}`, {
			redirect: 'manual',
		});
		expect(response.headers.getSetCookie()[0]).toMatch(/^__Secure-.*; SameSite=Lax; Secure$/);
	});
});

describe('the page', () => {
	it('runs nothing, loads nothing, and tells other sites nothing', async () => {
		const fields = await choose();
		const { url } = await new Person().consent(await link(fields));
		const response = await fetch(url);
		const nonce = /<style nonce="([^"]+)">/.exec(await response.text())?.[1];
		expect(response.headers.get('content-security-policy')).toBe(
			`default-src 'none'; style-src 'nonce-${nonce}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox`,
		);
		expect(Object.fromEntries(response.headers)).toMatchObject({
			'cache-control': 'no-store',
			'referrer-policy': 'no-referrer',
			'x-content-type-options': 'nosniff',
			'content-type': 'text/html; charset=utf-8',
		});
	});

	it('can be read by everybody: language, title, one heading, light and dark', async () => {
		const fields = await choose();
		const { text } = await new Person().consent(await link(fields));
		expect(text).toMatch(/<html lang="en">/);
		expect(text).toMatch(/<title>Connected<\/title>/);
		expect(text.match(/<h1>/g)).toHaveLength(1);
		expect(text).toMatch(/<main>/);
		expect(text).toMatch(/prefers-color-scheme: dark/);
		expect(text).toMatch(/name="viewport"/);
		expect(text).not.toMatch(/<script|<img|<link|https?:\/\//);
	});

	it('shows only what this connection wrote, for ten minutes', async () => {
		const fields = await choose();
		const { url } = await new Person().consent(await link(fields));
		const outcome = url.searchParams.get('outcome') ?? '';
		await choose();
		for (const query of [
			'',
			`?outcome=${outcome}`,
			'?outcome=x',
			`?outcome=${encodeURIComponent('<b>')}`,
		]) {
			const response = await fetch(`${host.callbackUrl}${query}`);
			expect(response.status).toBe(404);
			expect(await response.text()).toContain('Nothing to see here');
		}
		host.fields = fields;
		const clock = jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 601_000);
		try {
			expect((await fetch(url)).status).toBe(404);
		} finally {
			clock.mockRestore();
		}
	});

	it.each<[string, () => Promise<IDataObject | Error>]>([
		['was never saved', async () => ({ ...(await choose()), secretRef: '' })],
		['is of another grant', async () => ({ ...(await choose()), grantType: 'clientCredentials' })],
		['is not complete', async () => ({ ...(await choose()), scope: '' })],
		['cannot be read', () => Promise.resolve(new Error('secret text'))],
		[
			'names a store that is not there',
			async () => ({ ...(await choose()), ...awsStore('10.20.30.40:1') }),
		],
		[
			'points at a bundle that is gone',
			async () => {
				const fields = await choose();
				const pointer = JSON.parse(fields['secretRef'] as string) as IDataObject;
				const secretRef = JSON.stringify({ ...pointer, secretId: 'n8n/vaulted-oauth2/gone-1' });
				return { ...fields, secretRef };
			},
		],
	])('tells a visitor nothing of a connection whose credential %s', async (_name, make) => {
		const fields = await choose();
		const good = await link(fields);
		host.fields = await make();
		for (const path of [
			'connect',
			'connect?link=x',
			new URL(good).search,
			'callback?code=c&state=s',
		]) {
			const page = await new Person().open(
				`${host.origin}/prefix/webhook/crm/${path.startsWith('?') ? `connect${path}` : path}`,
			);
			expect([400, 503]).toContain(page.status);
			expect(textOf(page)).toMatch(/cannot be connected here at present|made for this connection/);
			expect(`${page.text} ${page.url.href}`).not.toMatch(
				/secret text|Account \d|127\.0\.0\.1:\d+\/(?!prefix)|10\.20|Scope|Grant Type|sealed|n8n\/vaulted/,
			);
			expect(page.url.href).not.toMatch(/code=|state=/);
		}
		expect(host.logged.join()).not.toContain('secret text');
		expect(host.started).toEqual([]);
	});
});

describe('an attack', () => {
	let fields: IDataObject;

	beforeEach(async () => {
		fields = await choose();
	});
	afterEach(() => {
		expect(host.started).toEqual([]);
	});

	async function refused(page: Promise<Page> | Page, text: string, status = 400): Promise<void> {
		const shown = await page;
		expect(textOf(shown)).toContain(text);
		expect(shown.status).toBe(status);
		expect(shown.url.href).not.toMatch(/[?&](code|state|link)=/);
		await expect(statusOf(fields)).resolves.toBe('NOT_CONNECTED');
	}

	it('connect without a link, with a forged one, with another connection’s', async () => {
		const connect = `${host.origin}/prefix/webhook/crm/connect`;
		const foreign = new URL(await link(await choose())).search;
		host.fields = fields;
		for (const query of ['', '?link=', '?link=x', foreign]) {
			const page = await new Person().open(`${connect}${query}`);
			expect(page.status).toBe(400);
			expect(textOf(page)).toContain('with a link that was made for this connection');
		}
	});

	it('connect with a link that has expired, or with a state in place of a link', async () => {
		const { keys } = connections.open(await connections.read(fields)).authorization!;
		const cases = [
			['link', Date.now() - 1000, 'This link has expired'],
			['browser', Date.now() + 60_000, 'with a link that was made for this connection'],
		] as const;
		for (const [kind, expiresAt, text] of cases) {
			const ticket = (await keys.toSign()).issue(ticketOf(kind, expiresAt));
			const page = await new Person().open(
				`${host.origin}/prefix/webhook/crm/connect?link=${ticket}`,
			);
			expect(page.status).toBe(400);
			expect(textOf(page)).toContain(text);
		}
	});

	it('a forged state', async () => {
		const { person, answer } = await visit(fields);
		answer.searchParams.set('state', `${answer.searchParams.get('state') ?? ''}x`);
		await refused(person.open(answer), 'was not asked for by this connection');
	});

	it('a state that has expired, is for pasting, or is a link', async () => {
		const { keys } = connections.open(await connections.read(fields)).authorization!;
		const cases = [
			['browser', Date.now() - 1000, 'within ten minutes'],
			['paste', Date.now() + 60_000, 'an answer that is pasted'],
			['link', Date.now() + 60_000, 'was not asked for by this connection'],
		] as const;
		for (const [kind, expiresAt, text] of cases) {
			const state = (await keys.toSign()).issue(ticketOf(kind, expiresAt));
			await refused(new Person().open(`${host.callbackUrl}?code=c&state=${state}`), text);
		}
	});

	it('a state of another connection', async () => {
		const { person, answer } = await visit(await choose());
		host.fields = fields;
		await refused(person.open(answer), 'was not asked for by this connection');
	});

	it('a browser without the cookie, and one with another flow’s', async () => {
		const { answer } = await visit(fields);
		await refused(new Person().open(answer), 'begun in another browser');
		const { person } = await visit(fields);
		await refused(person.open(answer), 'begun in another browser');
	});

	it('an answer of another issuer', async () => {
		const { person, answer } = await visit(fields);
		answer.searchParams.set('iss', 'https://attacker.example');
		await refused(person.open(answer), 'another provider');
	});

	it('parameters that come twice', async () => {
		const { person, answer } = await visit(fields);
		await refused(person.open(`${answer.href}&state=x`), 'was not asked for');
	});

	it('markup in error_description is text', async () => {
		const { person, answer } = await visit(fields);
		answer.searchParams.delete('code');
		answer.searchParams.set('error', 'access_denied');
		answer.searchParams.set('error_description', '</p><script>alert(1)</script><img src=x>');
		const page = await person.open(answer);
		expect(page.text).not.toMatch(/<script|<img/);
		expect(page.text).toContain('‹script›alert(1)‹/script›');
		await refused(page, 'access_denied');
	});

	it('no parameter and no header chooses where a browser is sent', async () => {
		const evil = 'https://attacker.example/';
		const parameters = ['redirect_uri', 'redirect', 'url', 'next', 'return_to', 'outcome', 'iss']
			.map((name) => `${name}=${encodeURIComponent(evil)}`)
			.join('&');
		const requests = [
			`${await link(fields)}&${parameters}`,
			`${host.callbackUrl}?code=c&state=s&${parameters}`,
		];
		for (const address of requests) {
			const response = await fetch(address, {
				redirect: 'manual',
				headers: { 'x-forwarded-host': 'attacker.example', 'x-forwarded-proto': 'https' },
			});
			const location = new URL(response.headers.get('location') ?? '', host.callbackUrl);
			expect([provider.issuer, host.origin]).toContain(location.origin);
			expect(decodeURIComponent(location.href)).not.toContain('attacker.example');
		}
	});

	it('ten thousand answers that are garbage: nobody is asked, nothing is written, no workflow is started', async () => {
		const before = { tokenRequests: provider.countTokenRequests(), calls: api.requests.length };
		const files = async () => (await readdir(folder, { recursive: true })).sort();
		const stored = await files();
		const state = new URL(await link(fields)).searchParams.get('link') ?? '';
		for (let batch = 0; batch < 100; batch += 1) {
			const answers = Array.from({ length: 100 }, async (_, index) => {
				const query = `code=${batch}-${index}&state=${state}${index}`;
				const response = await fetch(`${host.callbackUrl}?${query}`, { redirect: 'manual' });
				await response.body?.cancel();
				return response.status;
			});
			expect(new Set(await Promise.all(answers))).toEqual(new Set([303]));
		}
		expect({ tokenRequests: provider.countTokenRequests(), calls: api.requests.length }).toEqual(
			before,
		);
		expect(await files()).toEqual(stored);
	});
});

it.each([Number.NaN, 0, 'soon', 1441])(
	'a session lifetime of %p is refused before the consent is used: corrected, the same answer connects',
	async (sessionMinutes) => {
		const fields = await choose();
		const { person, answer } = await visit(fields);
		host.parameters = { issueSessionToken: true, sessionMinutes };
		const page = await person.open(answer);
		expect(page.status).toBe(409);
		expect(textOf(page)).toContain('Session Lifetime (Minutes): it has to be a number');
		expect(host.started).toEqual([]);

		host.parameters = {};
		await expect(person.open(answer)).resolves.toMatchObject({ status: 200 });
		await expect(statusOf(fields)).resolves.toBe('connected');
	},
);

it('connecting again says so, and replaces the tokens', async () => {
	const fields = await choose();
	await new Person().consent(await link(fields));
	const { tokens } = connections.open(await connections.read(fields));
	const { accessToken } = await tokens.get();
	const page = await new Person().consent(await link(fields));
	expect(textOf(page)).toContain('Connected again');
	expect(host.started).toMatchObject([{ reconnected: false }, { reconnected: true }]);
	await expect(tokens.get()).resolves.not.toMatchObject({ accessToken });
});

it('connect again with a link that was used', async () => {
	const fields = await choose();
	const address = await link(fields);
	await new Person().consent(address);
	const second = await fetch(address, { redirect: 'manual' });
	expect(second.status).toBe(400);
	expect(second.headers.getSetCookie()).toEqual([]);
	expect(await second.text()).toContain('This link was used before');
	expect(host.started).toHaveLength(1);
});

it('an answer that is used again is told so, and the tokens stay as they were', async () => {
	const fields = await choose();
	const { person, answer } = await visit(fields);
	await person.open(answer);
	const { tokens } = connections.open(await connections.read(fields));
	const { accessToken } = await tokens.get();
	const page = await person.open(answer);
	expect(page.status).toBe(400);
	expect(textOf(page)).toContain('used before');
	expectClean(page, answer);
	await expect(tokens.get()).resolves.toMatchObject({ accessToken });
	expect(host.started).toHaveLength(1);
});

it('two answers at the same moment: one connects, the other is told, the tokens are whole', async () => {
	const fields = await choose();
	const { person, answer } = await visit(fields);
	const pages = await Promise.all([person.open(answer), person.open(answer)]);
	expect(pages.map(({ status }) => status).sort()).toEqual([200, 400]);
	expect(pages.map(textOf).sort().join()).toMatch(/Connected.*used before/);
	expect(host.started).toHaveLength(1);
	await expect(statusOf(fields)).resolves.toBe('connected');
});

describe('an answer by form post', () => {
	const FORM_POST = { responseMode: 'formPost' };

	/** A browser with the provider's page that posts its answer to the callback. */
	async function aboutToPost(fields: IDataObject): Promise<{ person: Person; page: Page }> {
		const person = new Person();
		const page = await person.consent(await link(fields));
		expect(formOf(page).action.href).toBe(host.callbackUrl);
		return { person, page };
	}

	it('connects, and leaves nothing of it in an address or on the page', async () => {
		const fields = await choose(FORM_POST);
		const { person, page } = await aboutToPost(fields);
		const shown = await person.submit(page);
		expect(textOf(shown)).toMatch(/Connected .*Account \d+/);
		expect([...shown.url.searchParams.keys()]).toEqual(['outcome']);
		const { fields: answer } = formOf(page);
		for (const text of [shown.text, ...person.visited.map((url) => decodeURIComponent(url))])
			expect(text).not.toContain(answer.get('code'));
		expect(host.started).toMatchObject([{ event: 'connected', subject: 'alex' }]);
		await expect(statusOf(fields)).resolves.toBe('connected');
	});

	it('needs a cookie that comes along from another site', async () => {
		const response = await fetch(await link(await choose(FORM_POST)), { redirect: 'manual' });
		expect(response.headers.getSetCookie()[0]).toMatch(/; HttpOnly; SameSite=None; Secure$/);
	});

	it.each<[string, (answer: string) => RequestInit]>([
		[
			'JSON',
			(answer) => ({
				headers: { 'content-type': 'application/json' },
				body: JSON.stringify(Object.fromEntries(new URLSearchParams(answer))),
			}),
		],
		[
			'a form that says it is something else',
			(answer) => ({ headers: { 'content-type': 'text/plain' }, body: answer }),
		],
		[
			'multipart',
			(answer) => {
				const body = new FormData();
				for (const [name, value] of new URLSearchParams(answer)) body.append(name, value);
				return { body };
			},
		],
		['longer than 64 KiB', (answer) => form(`${answer}&more=${'x'.repeat(65_536)}`)],
		['a parameter twice', (answer) => form(`${answer}&state=x`)],
		['no parameters', () => form('')],
	])('is refused as %s; as it should be it is still good', async (_name, make) => {
		const fields = await choose(FORM_POST);
		const { person, page } = await aboutToPost(fields);
		const { fields: answer } = formOf(page);
		const response = await fetch(host.callbackUrl, {
			...make(answer.toString()),
			method: 'POST',
			redirect: 'manual',
		});
		expect(response.status).toBe(303);
		const shown = await new Person().open(
			new URL(response.headers.get('location') ?? '', host.callbackUrl),
		);
		expect(shown.status).toBe(400);
		expect(textOf(shown)).toContain('was not asked for by this connection');
		expect(host.started).toEqual([]);
		await expect(person.submit(page)).resolves.toMatchObject({ status: 200 });
	});

	it('reads the body alone, whatever the address says', async () => {
		const fields = await choose(FORM_POST);
		const { person, page } = await aboutToPost(fields);
		const { fields: answer } = formOf(page);
		const shown = await person.open(
			`${host.callbackUrl}?${answer.toString()}`,
			new URLSearchParams(),
		);
		expect(shown.status).toBe(400);
		expect(shown.url.href).not.toContain('code=');
		await expect(statusOf(fields)).resolves.toBe('NOT_CONNECTED');
	});

	it('is refused by a connection that asks for a redirect, and the other way round: the page says so', async () => {
		const redirected = await choose();
		const { person, answer } = await visit(redirected);
		const wrong = await person.open(host.callbackUrl, answer.searchParams);
		expect(wrong.status).toBe(409);
		expect(textOf(wrong)).toContain('Response Mode: the answer came by a form post');
		await expect(statusOf(redirected)).resolves.toBe('NOT_CONNECTED');

		const posted = await choose(FORM_POST);
		const other = await aboutToPost(posted);
		const query = formOf(other.page).fields.toString();
		const shown = await other.person.open(`${host.callbackUrl}?${query}`);
		expect(shown.status).toBe(409);
		expect(textOf(shown)).toContain('Response Mode: the answer came by a redirect');
		expect(shown.url.href).not.toContain('code=');
		await expect(statusOf(posted)).resolves.toBe('NOT_CONNECTED');
		expect(host.started).toEqual([]);
	});

	it('does not begin a flow: the connect address takes no POST', async () => {
		const address = await link(await choose(FORM_POST));
		await expect(fetch(address, { method: 'POST' })).resolves.toMatchObject({ status: 404 });
	});
});

it('the options are not read for an answer that was not asked for: a visitor learns nothing of them', async () => {
	const fields = await choose();
	const { answer } = await visit(fields);
	host.parameters = { issueSessionToken: true, sessionMinutes: 0 };
	for (const address of [`${host.callbackUrl}?code=c&state=browser.x.y.z`, answer.href]) {
		const page = await new Person().open(address);
		expect(page.status).toBe(400);
		expect(textOf(page)).not.toContain('Session Lifetime');
	}
	expect(host.logged).toEqual([]);
});
