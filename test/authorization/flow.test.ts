import { Person } from '../../demo/harness/person';
import type { AuthorizationFlow, Connected } from '../../src/authorization/authorizationFlow';
import type { Connections } from '../../src/connections';
import { failureOf } from '../support/failureOf';
import { PASTE_URI, REDIRECT_URI, WholeCore, type Form } from '../support/wholeCore';

const MINUTE = 60;

/** A browser on its way through a flow, as far as the trigger's callback. */
interface Visit {
	readonly person: Person;
	/** The query the provider sent the browser back with. */
	readonly response: URLSearchParams;
	/** Cookie header of this browser at the callback. */
	readonly cookies: string;
}

describe.each(['awsSecretsManager', 'localVault'] as const)('connecting an account, %s', (kind) => {
	let core: WholeCore;
	let label = 0;

	beforeAll(async () => {
		core = await WholeCore.start(kind);
	});
	afterAll(async () => {
		await core.close();
	});

	/** A saved credential that nobody has connected yet, of a label of its own. */
	async function saved(changes: Form = {}): Promise<Form> {
		label += 1;
		return await core.save(core.codeForm({ label: `Account ${label}`, ...changes }));
	}

	async function flowOf(form: Form, connections?: Connections): Promise<AuthorizationFlow> {
		const { authorization } = (connections ?? core.connections).open(
			await (connections ?? core.connections).read(form),
		);
		if (authorization === undefined) throw new Error('not an authorization code connection');
		return authorization;
	}

	function newPerson(): Person {
		return new Person(({ href }) => href.startsWith(REDIRECT_URI) || href.startsWith(PASTE_URI));
	}

	async function linkOf(form: Form, lifetimeMs?: number): Promise<string> {
		const { connectUrl = '' } = await (await flowOf(form)).links(lifetimeMs);
		return new URL(connectUrl).searchParams.get('link') ?? '';
	}

	/** Opens a link and consents; the browser ends at the callback, which has not looked at anything yet. */
	async function visit(form: Form, person = newPerson()): Promise<Visit> {
		const { location, cookie } = await (await flowOf(form)).connect(await linkOf(form));
		const { url } = await person.consent(location);
		return { person, response: url.searchParams, cookies: `${cookie.name}=${cookie.value}` };
	}

	async function connect(form: Form): Promise<Connected> {
		const { response, cookies } = await visit(form);
		return await (await flowOf(form)).callback(response, cookies);
	}

	/** The provider's next answer names these scopes. */
	function grantOnly(scope: string): void {
		core.provider.injectFault({
			alter: (answer) => ({ ...answer, body: { ...(answer.body as object), scope } }),
		});
	}

	async function status(form: Form): Promise<string> {
		const { tokens } = core.process().open(await core.process().read(form));
		return await tokens.get().then(
			({ accessToken }) => accessToken,
			(error: unknown) => (error as { code: string }).code,
		);
	}

	it('seals the client secret before anybody has consented, and says that nobody has', async () => {
		const form = await saved();
		expect(form).toMatchObject({ clientSecret: '', authorizationResponse: '' });
		await expect(failureOf(core.call(form))).resolves.toMatchObject({
			failureClass: 'reconnect',
			code: 'NOT_CONNECTED',
			message: expect.stringMatching(/^Not connected yet – /) as string,
		});
	});

	it('connects, calls the API, and refreshes with the rotated refresh token', async () => {
		const form = await saved();
		const connected = await connect(form);
		expect(connected).toMatchObject({
			label: form['label'],
			scopes: expect.arrayContaining(['api:read']) as string[],
			refreshable: true,
			reconnected: false,
			claims: { sub: 'alex', iss: core.provider.issuer, aud: 'app' },
		});
		await expect(core.call(form)).resolves.toBe(200);
		core.wait(2 * 3600);
		await expect(core.call(form)).resolves.toBe(200);
		core.wait(2 * 3600);
		await expect(core.call(form, core.process())).resolves.toBe(200);
	});

	it('goes on in another process: nothing of a flow is kept in one', async () => {
		const form = await saved();
		const link = await linkOf(form);
		const { location, cookie } = await (await flowOf(form, core.process())).connect(link);
		const { url } = await newPerson().consent(location);
		const flow = await flowOf(form, core.process());
		await flow.callback(url.searchParams, `other=1; ${cookie.name}=${cookie.value}`);
		await expect(core.call(form, core.process())).resolves.toBe(200);
	});

	it('limits the cookie to the folder of the callback, and to https where that is', async () => {
		const { cookie } = await (async () => {
			const form = await saved();
			return await (await flowOf(form)).connect(await linkOf(form));
		})();
		expect(cookie).toMatchObject({ path: '/hooks/crm/', secure: false, maxAgeSeconds: 600 });
		const form = await saved({ redirectUri: 'https://n8n.example.com/a/webhook/crm/callback' });
		const { connectUrl } = await (await flowOf(form)).links();
		expect(connectUrl).toMatch(/^https:\/\/n8n\.example\.com\/a\/webhook\/crm\/connect\?link=/);
		const https = await (await flowOf(form)).connect(await linkOf(form));
		expect(https.cookie).toMatchObject({ path: '/a/webhook/crm/', secure: true });
		expect(https.cookie.name).toMatch(/^__Secure-/);
	});

	it('asks with state, nonce and PKCE S256, and with the additional parameters', async () => {
		const form = await saved({
			authorizationParameters: 'prompt=consent&access_type=offline',
			resource: '',
		});
		const { location } = await (await flowOf(form)).connect(await linkOf(form));
		expect(Object.fromEntries(new URL(location).searchParams)).toMatchObject({
			response_type: 'code',
			client_id: 'app',
			redirect_uri: REDIRECT_URI,
			scope: 'openid offline_access api:read',
			code_challenge_method: 'S256',
			code_challenge: expect.stringMatching(/^[\w-]{43}$/) as string,
			state: expect.stringMatching(/^browser\./) as string,
			nonce: expect.stringMatching(/^[\w-]{43}$/) as string,
			prompt: 'consent',
			access_type: 'offline',
		});
	});

	it('leaves PKCE out where it is switched off', async () => {
		const form = await saved({ pkce: false });
		const { location } = await (await flowOf(form)).connect(await linkOf(form));
		expect(new URL(location).searchParams.has('code_challenge')).toBe(false);
	});

	it('connects a client without a secret', async () => {
		const form = await saved({
			clientId: 'public-app',
			clientSecret: '',
			clientAuthentication: 'none',
		});
		await connect(form);
		await expect(core.call(form)).resolves.toBe(200);
	});

	it('replaces the tokens and keeps the secret when the account is connected again', async () => {
		const form = await saved();
		await connect(form);
		const before = await status(form);
		core.wait(MINUTE);
		await expect(connect(form)).resolves.toMatchObject({ reconnected: true });
		const after = await status(form);
		expect(after).not.toBe(before);
		core.wait(2 * 3600);
		await expect(core.call(form, core.process())).resolves.toBe(200);
	});

	it('says that the consent is gone, and connects again', async () => {
		const form = await saved();
		await connect(form);
		core.provider.revokeGrantOf(await status(form));
		core.wait(2 * 3600);
		await expect(failureOf(core.call(form))).resolves.toMatchObject({
			failureClass: 'reconnect',
			code: 'INVALID_GRANT',
			message: expect.stringContaining('Get Authorization URL') as string,
		});
		await connect(form);
		await expect(core.call(form)).resolves.toBe(200);
	});

	it('finds the same bundle when the open form is saved again after connecting', async () => {
		const typed = core.codeForm({ label: 'Open form' });
		const form = await core.save(typed);
		await connect(form);
		const again = await core.save(typed);
		expect(again.secretRef).toBe(form.secretRef);
		await expect(core.call(again)).resolves.toBe(200);
	});

	it('knows a form that is still open, whatever else is changed in it', async () => {
		const typed = core.codeForm({ label: 'Still open' });
		const form = await core.save(typed);
		await connect(form);
		const again = await core.save({ ...typed, validationPath: '/me', scope: 'openid api:read' });
		expect(again.secretRef).toBe(form.secretRef);
		await expect(core.call(again)).resolves.toBe(200);
		await expect(failureOf(core.save({ ...typed, clientSecret: '' }))).resolves.toMatchObject({
			code: 'MISSING_FIELD',
			message: expect.stringContaining('still open') as string,
		});
	});

	it('gives the bundle of a consent to no other connection, and to nobody who types no client secret', async () => {
		const typed = core.codeForm({ label: 'Not for others' });
		const form = await core.save(typed);
		await connect(form);
		const other = await core.save({ ...typed, label: 'Another account of the same client' });
		expect(other.secretRef).not.toBe(form.secretRef);
		const open = core.codeForm({
			label: 'Public form',
			clientId: 'public-app',
			clientSecret: '',
			clientAuthentication: 'none',
		});
		const first = await core.save(open);
		await expect(core.save(open)).resolves.not.toMatchObject({ secretRef: first.secretRef });
	});

	it('takes a new client secret without losing the consent', async () => {
		const form = await saved();
		await connect(form);
		await core.provider.changeClientSecret('app', 'another-app-secret');
		const again = await core.save({ ...form, clientSecret: 'another-app-secret' });
		await core.provider.changeClientSecret('app', 'example-app-secret');
		await core.save({ ...again, clientSecret: 'example-app-secret' });
		core.wait(2 * 3600);
		await expect(core.call(again, core.process())).resolves.toBe(200);
	});

	it('forgets the consent where the secret is typed for another provider', async () => {
		const form = await saved();
		await connect(form);
		const moved = {
			...form,
			issuerUrl: '',
			tokenUrl: core.provider.tokenEndpoint,
			authorizationUrl: core.provider.authorizationEndpoint,
		};
		await expect(failureOf(core.call(moved))).resolves.toMatchObject({ code: 'SEALED_FOR_OTHER' });
		const again = await core.save({ ...moved, clientSecret: 'example-app-secret' });
		await expect(failureOf(core.call(again))).resolves.toMatchObject({ code: 'NOT_CONNECTED' });
	});

	describe('an answer that is pasted', () => {
		/** Consents by the provider's own address; the address bar's text. */
		async function consented(form: Form): Promise<string> {
			const { authorizationUrl } = await (await flowOf(form)).links();
			const { url } = await newPerson().consent(authorizationUrl);
			return url.href;
		}

		it('connects, is blanked, and is without effect when it is pasted again', async () => {
			const form = await saved({ redirectUri: PASTE_URI });
			const { connectUrl } = await (await flowOf(form)).links();
			expect(connectUrl).toBeUndefined();
			const answer = await consented(form);
			const after = await core.save({ ...form, authorizationResponse: answer });
			expect(after.authorizationResponse).toBe('');
			await expect(core.call(after, core.process())).resolves.toBe(200);
			const requests = core.provider.countTokenRequests();
			core.wait(20 * MINUTE);
			await core.save({ ...form, authorizationResponse: answer });
			expect(core.provider.countTokenRequests()).toBe(requests);
		});

		it('connects for good: saving the open form again, also under another label, asks for nothing', async () => {
			const typed = core.codeForm({ label: 'Pasted', redirectUri: PASTE_URI });
			const form = await core.save(typed);
			const answer = await consented(form);
			const pasted = { ...typed, authorizationResponse: answer };
			await core.save(pasted);
			const requests = core.provider.countTokenRequests();
			core.wait(20 * MINUTE);
			const again = await core.save({ ...pasted, label: 'Renamed', validationPath: '/me' });
			expect(again.secretRef).toBe(form.secretRef);
			expect(core.provider.countTokenRequests()).toBe(requests);
			await expect(core.call(again, core.process())).resolves.toBe(200);
		});

		it('may be the query alone', async () => {
			const form = await saved();
			const { search } = new URL(await consented(form));
			await core.save({ ...form, authorizationResponse: search.slice(1) });
			await expect(core.call(form, core.process())).resolves.toBe(200);
		});

		it('is refused, with the tokens as they were, where it is another connection’s, too old, or not an answer', async () => {
			const form = await saved();
			await connect(form);
			const token = await status(form);
			const foreign = await consented(await saved());
			const own = await consented(form);
			const paste = (text: string) =>
				failureOf(core.save({ ...form, authorizationResponse: text }));
			await expect(paste(foreign)).resolves.toMatchObject({ code: 'RESPONSE_INVALID' });
			await expect(paste('hello')).resolves.toMatchObject({ code: 'RESPONSE_INVALID' });
			core.wait(11 * MINUTE);
			await expect(paste(own)).resolves.toMatchObject({ code: 'RESPONSE_EXPIRED' });
			await expect(status(form)).resolves.toBe(token);
		});

		it('has to wait until the credential is saved', async () => {
			const form = core.codeForm({ label: 'Unsaved', authorizationResponse: '?code=c&state=s' });
			await expect(failureOf(core.save(form))).resolves.toMatchObject({
				field: 'Authorization Response',
			});
		});
	});

	describe('refuses, and leaves the tokens as they were,', () => {
		let form: Form;
		let token: string;
		let writes: number;

		beforeEach(async () => {
			form = await saved();
			await connect(form);
			core.wait(MINUTE);
			token = await status(form);
			writes = core.provider.countTokenRequests();
		});
		afterEach(async () => {
			await expect(status(form)).resolves.toBe(token);
		});

		const callback = async (response: URLSearchParams, cookies?: string) =>
			await failureOf((await flowOf(form)).callback(response, cookies));
		const changed = (response: URLSearchParams, changes: Record<string, string>) =>
			new URLSearchParams({ ...Object.fromEntries(response), ...changes });

		it('a state that was made up, changed, or comes from another connection', async () => {
			const { response, cookies } = await visit(form);
			const state = response.get('state') ?? '';
			const other = await visit(await saved());
			for (const forged of [
				'',
				'x',
				`${state}x`,
				state.replace('browser.', 'paste.'),
				`browser.zzzzzz.${state.split('.')[2] ?? ''}.${state.split('.')[3] ?? ''}`,
				other.response.get('state') ?? '',
			]) {
				await expect(
					callback(changed(response, { state: forged }), cookies),
				).resolves.toMatchObject({
					code: 'RESPONSE_INVALID',
				});
			}
			await expect(callback(other.response, other.cookies)).resolves.toMatchObject({
				code: 'RESPONSE_INVALID',
			});
			expect(core.provider.countTokenRequests()).toBe(writes);
		});

		it('an answer that came too late', async () => {
			const { response, cookies } = await visit(form);
			core.wait(10 * MINUTE);
			await expect(callback(response, cookies)).resolves.toMatchObject({
				code: 'RESPONSE_EXPIRED',
			});
			core.wait(-10 * MINUTE);
		});

		it('a browser without the cookie, or with another one’s', async () => {
			const { response } = await visit(form);
			const other = await visit(form);
			const [name] = (await visit(form)).cookies.split('=');
			for (const cookies of [undefined, '', other.cookies, `${name ?? ''}=x`]) {
				await expect(callback(response, cookies)).resolves.toMatchObject({ code: 'OTHER_BROWSER' });
			}
			expect(core.provider.countTokenRequests()).toBe(writes);
		});

		it('the code of another session: PKCE ties it to the one that asked', async () => {
			const mine = await visit(form);
			const injected = await visit(form);
			const response = changed(mine.response, { code: injected.response.get('code') ?? '' });
			await expect(callback(response, mine.cookies)).resolves.toMatchObject({
				failureClass: 'reconnect',
				code: 'INVALID_GRANT',
			});
		});

		it('the answer of another issuer, and one that hides its issuer', async () => {
			const { response, cookies } = await visit(form);
			const mixed = changed(response, { iss: 'https://attacker.example' });
			await expect(callback(mixed, cookies)).resolves.toMatchObject({ code: 'ISSUER_MISMATCH' });
			const hidden = changed(response, {});
			hidden.delete('iss');
			await expect(callback(hidden, cookies)).resolves.toMatchObject({ code: 'ISSUER_MISMATCH' });
			expect(core.provider.countTokenRequests()).toBe(writes);
		});

		it('parameters that come twice', async () => {
			const { response, cookies } = await visit(form);
			response.append('code', 'second');
			await expect(callback(response, cookies)).resolves.toMatchObject({
				code: 'RESPONSE_INVALID',
			});
		});

		it('consent that was denied, in the provider’s words and without its markup doing anything', async () => {
			const { response, cookies } = await visit(form);
			const denied = changed(response, {
				error: 'access_denied',
				error_description: '<img src=x onerror=alert(1)>\nno',
			});
			await expect(callback(denied, cookies)).resolves.toMatchObject({
				failureClass: 'reconnect',
				code: 'ACCESS_DENIED',
				message: expect.stringContaining('‹img src=x onerror=alert(1)› no') as string,
			});
		});

		it.each([
			['server_error', 'provider'],
			['temporarily_unavailable', 'provider'],
			['invalid_scope', 'configuration'],
			['unauthorized_client', 'configuration'],
			['invalid_request', 'configuration'],
			['anything_else', 'reconnect'],
		])('the error %s, as one of the class %s', async (error, failureClass) => {
			const { response, cookies } = await visit(form);
			await expect(callback(changed(response, { error }), cookies)).resolves.toMatchObject({
				failureClass,
			});
		});

		it('a sign-in that was overtaken by another tab', async () => {
			const early = await visit(form);
			core.wait(MINUTE);
			await connect(form);
			token = await status(form);
			await expect(callback(early.response, early.cookies)).resolves.toMatchObject({
				code: 'CONNECTED_MEANWHILE',
			});
		});

		it('a link that was made up, expired, was used, or belongs to another connection', async () => {
			const open = async (link: string) => await failureOf((await flowOf(form)).connect(link));
			const link = await linkOf(form);
			await (await flowOf(form)).connect(link);
			await expect(open(link)).resolves.toMatchObject({ code: 'LINK_USED' });
			const { response } = await visit(form);
			for (const forged of [
				'',
				'x',
				`${link}x`,
				response.get('state') ?? '',
				await linkOf(await saved()),
			]) {
				await expect(open(forged)).resolves.toMatchObject({ code: 'LINK_INVALID' });
			}
			const short = await linkOf(form, 60_000);
			core.wait(MINUTE);
			await expect(open(short)).resolves.toMatchObject({ code: 'LINK_EXPIRED' });
		});

		it('less than was asked for, unless that is accepted', async () => {
			form = await saved({ scope: 'openid offline_access api:read api:write' });
			await connect(form);
			token = await status(form);
			core.wait(MINUTE);
			const { response, cookies } = await visit(form);
			grantOnly('openid api:read');
			await expect(callback(response, cookies)).resolves.toMatchObject({
				code: 'FEWER_SCOPES',
				message: expect.stringContaining('api:write') as string,
			});

			const lenient = await saved({
				scope: 'openid offline_access api:read api:write',
				acceptFewerScopes: true,
			});
			const second = await visit(lenient);
			grantOnly('api:read');
			const connected = await (await flowOf(lenient)).callback(second.response, second.cookies);
			expect(connected.scopes).toEqual(['api:read']);
		});

		it('an ID token that was changed, or is another sign-in’s', async () => {
			const [mine, other] = [await visit(form), await visit(form)];
			const alterIdToken = (alter: (idToken: string) => string) =>
				core.provider.injectFault({
					alter: (answer) => {
						const body = answer.body as Record<string, unknown>;
						return { ...answer, body: { ...body, id_token: alter(String(body['id_token'])) } };
					},
				});
			let foreign = '';
			alterIdToken((idToken) => {
				foreign = idToken;
				return `${idToken.slice(0, -8)}AAAAAAAA`;
			});
			await expect(callback(other.response, other.cookies)).resolves.toMatchObject({
				failureClass: 'configuration',
				code: 'INVALID_ID_TOKEN',
			});
			alterIdToken(() => foreign);
			await expect(callback(mine.response, mine.cookies)).resolves.toMatchObject({
				code: 'INVALID_ID_TOKEN',
			});
		});

		it('more links than people open', async () => {
			const open = async () => await (await flowOf(form)).connect(await linkOf(form));
			for (let index = 0; index < 48; index += 1) await open();
			await expect(failureOf(open())).resolves.toMatchObject({ code: 'TOO_MANY_LINKS' });
			core.wait(16 * MINUTE);
			await expect(open()).resolves.toMatchObject({ location: expect.any(String) as string });
		});
	});

	it('says when an account ends with its access token, because the provider gave no refresh token', async () => {
		const form = await saved({ scope: 'api:read', authorizationParameters: '' });
		await expect(connect(form)).resolves.toMatchObject({ refreshable: false });
		await expect(core.call(form)).resolves.toBe(200);
		core.wait(2 * 3600);
		await expect(failureOf(core.call(form))).resolves.toMatchObject({
			failureClass: 'reconnect',
			code: 'NO_REFRESH_TOKEN',
		});
	});

	it('takes an answer once, however often and in how many processes it arrives', async () => {
		const form = await saved();
		const { response, cookies } = await visit(form);
		const before = core.provider.countTokenRequests({ grant: 'authorization_code' });
		const outcomes = await Promise.all(
			Array.from({ length: 4 }, async () => {
				const flow = await flowOf(form, core.process());
				return await flow.callback(response, cookies).then(
					() => 'connected',
					(error: unknown) => (error as { code: string }).code,
				);
			}),
		);
		expect(outcomes.sort()).toEqual([
			'RESPONSE_USED',
			'RESPONSE_USED',
			'RESPONSE_USED',
			'connected',
		]);
		expect(core.provider.countTokenRequests({ grant: 'authorization_code' })).toBe(before + 1);
		await expect(core.call(form, core.process())).resolves.toBe(200);
	});

	it('opens a link once, in however many processes', async () => {
		const form = await saved();
		const link = await linkOf(form);
		const outcomes = await Promise.allSettled(
			Array.from(
				{ length: 4 },
				async () => await (await flowOf(form, core.process())).connect(link),
			),
		);
		expect(outcomes.filter(({ status: result }) => result === 'fulfilled')).toHaveLength(1);
	});

	it('does bounded work for ten thousand answers that are garbage', async () => {
		const form = await saved();
		const flow = await flowOf(form);
		const link = await linkOf(form);
		const tokenRequests = core.provider.countTokenRequests();
		const storeCalls = core.aws.calls.length;
		for (let index = 0; index < 10_000; index += 1) {
			const response = new URLSearchParams({ code: `c${index}`, state: `${link}${index}` });
			await expect(failureOf(flow.callback(response, `a=${index}`))).resolves.toMatchObject({
				code: 'RESPONSE_INVALID',
			});
		}
		expect(core.provider.countTokenRequests()).toBe(tokenRequests);
		expect(core.aws.calls).toHaveLength(storeCalls);
	});
});
