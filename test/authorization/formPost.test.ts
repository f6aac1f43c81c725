import { formOf } from '../../demo/harness/person';
import { failureOf } from '../support/failureOf';
import { PASTE_URI, REDIRECT_URI, WholeCore, type Form } from '../support/wholeCore';
import { accountsOf, newPerson } from './accounts';

const FORM_POST = { responseMode: 'formPost' };

let core: WholeCore;
const { saved, flowOf, linkOf, visit, connect } = accountsOf(() => core);

beforeAll(async () => {
	core = await WholeCore.start('localVault');
});
afterAll(async () => {
	await core.close();
});

/** A browser with the provider's page that posts its answer to the callback. */
async function posted(
	form: Form,
): Promise<{ action: URL; response: URLSearchParams; cookies: string }> {
	const { location, cookie } = await (await flowOf(form)).connect(await linkOf(form));
	const { action, fields } = formOf(await newPerson().consent(location));
	return { action, response: fields, cookies: `${cookie.name}=${cookie.value}` };
}

function redemptions(): number {
	return core.provider.tokenRequests.filter(({ grant }) => grant === 'authorization_code').length;
}

async function expectUnchanged(form: Form, before: number): Promise<void> {
	expect(redemptions()).toBe(before);
	await expect(failureOf(core.call(form, core.process()))).resolves.toMatchObject({
		code: 'NOT_CONNECTED',
	});
}

it.each([
	['sent by the browser', FORM_POST],
	['pushed', { ...FORM_POST, clientId: 'pushing', pushedAuthorizationRequest: 'always' }],
])('an answer that is posted connects, if the request was %s', async (_how, changes) => {
	const form = await saved(changes);
	const { action, response, cookies } = await posted(form);
	expect(action.href).toBe(REDIRECT_URI);
	const flow = await flowOf(form);
	const connected = await flow.callback(response, cookies, { isPosted: true });
	expect(connected).toMatchObject({ refreshable: true, claims: { sub: 'alex' } });
	await expect(core.call(form)).resolves.toBe(200);
});

it('nothing is said of the response mode unless it is chosen', async () => {
	for (const changes of [{}, { responseMode: 'default' }]) {
		const form = await saved(changes);
		const { location } = await (await flowOf(form)).connect(await linkOf(form));
		expect(new URL(location).searchParams.has('response_mode')).toBe(false);
		await expect(connect(form)).resolves.toBeDefined();
	}
});

it('an answer that comes in the other way is not redeemed; it is still good in the right one', async () => {
	for (const isPosted of [true, false]) {
		const form = await saved(isPosted ? {} : FORM_POST);
		const { response, cookies } = await (isPosted ? visit(form) : posted(form));
		const flow = await flowOf(form);
		const before = redemptions();
		const failure = await failureOf(flow.callback(response, cookies, { isPosted }));
		expect(failure).toMatchObject({ code: 'WRONG_RESPONSE_MODE', field: 'Response Mode' });
		expect(failure.message).toContain(isPosted ? 'choose Form Post' : 'choose Default');
		await expectUnchanged(form, before);
		await expect(flow.callback(response, cookies, { isPosted: !isPosted })).resolves.toMatchObject({
			reconnected: false,
		});
	}
});

it('the wrong way is told only to who brings a good state', async () => {
	const form = await saved();
	const response = new URLSearchParams({ code: 'c', state: 'browser.x.y.z' });
	await expect(
		failureOf((await flowOf(form)).callback(response, undefined, { isPosted: true })),
	).resolves.toMatchObject({ code: 'RESPONSE_INVALID' });
});

it('an error that comes as a redirect is shown: the provider may not know form posts', async () => {
	const form = await saved(FORM_POST);
	const { response, cookies } = await posted(form);
	const refusal = new URLSearchParams({
		state: response.get('state') ?? '',
		iss: response.get('iss') ?? '',
		error: 'invalid_request',
		error_description: 'unsupported response_mode requested',
	});
	const failure = await failureOf((await flowOf(form)).callback(refusal, cookies));
	expect(failure.message).toContain('unsupported response_mode requested');
});

it.each([
	['https://n8n.example.com/webhook/crm/callback', '__Secure-'],
	['http://localhost:5678/webhook/crm/callback', ''],
])('the cookie goes along with a post from another site: %s', async (redirectUri, prefix) => {
	const form = await saved({ ...FORM_POST, redirectUri });
	const { cookie } = await (await flowOf(form)).connect(await linkOf(form));
	expect(cookie).toMatchObject({ sameSite: 'None', secure: true, path: '/webhook/crm/' });
	expect(cookie.name.startsWith(`${prefix}vaulted-oauth2-`)).toBe(true);
});

it.each(['http://n8n.example.com/webhook/crm/callback', 'http://192.168.1.5:5678/callback'])(
	'it needs https, or this machine: a post to %s is refused when the credential is saved',
	async (redirectUri) => {
		const failure = await failureOf(core.save(core.codeForm({ ...FORM_POST, redirectUri })));
		expect(failure).toMatchObject({ code: 'INVALID_FIELD', field: 'Redirect URI' });
		expect(failure.message).toContain('https://');
	},
);

it('a browser without the cookie is refused as ever', async () => {
	const form = await saved(FORM_POST);
	const { response } = await posted(form);
	const other = await posted(form);
	for (const cookies of [undefined, other.cookies])
		await expect(
			failureOf((await flowOf(form)).callback(response, cookies, { isPosted: true })),
		).resolves.toMatchObject({ code: 'OTHER_BROWSER' });
});

it('what the browser would have posted can be pasted', async () => {
	const form = await saved({ ...FORM_POST, redirectUri: PASTE_URI });
	const links = await (await flowOf(form)).links({ by: { from: 'form' } });
	expect(links.toPaste).toContain('form data');
	const { action, fields } = formOf(await newPerson().consent(links.authorizationUrl));
	expect(action.href).toBe(PASTE_URI);
	await core.save({ ...form, authorizationResponse: fields.toString() });
	await expect(core.call(form)).resolves.toBe(200);
});

it('Response Mode has two values', async () => {
	for (const responseMode of ['query', 'fragment', 'form_post', 'x'])
		await expect(failureOf(core.save(core.codeForm({ responseMode })))).resolves.toMatchObject({
			code: 'INVALID_FIELD',
			field: 'Response Mode',
		});
});

describe('what has to be known before an answer is redeemed', () => {
	it('is asked for a good answer only', async () => {
		const form = await saved();
		const { response, cookies } = await visit(form);
		const flow = await flowOf(form);
		const beforeRedeeming = jest.fn();
		const changed = (name: string, value: string): URLSearchParams => {
			const answer = new URLSearchParams(response);
			answer.set(name, value);
			return answer;
		};
		for (const [answer, header, isPosted] of [
			[changed('state', 'browser.x.y.z'), cookies, false],
			[changed('iss', 'https://attacker.example'), cookies, false],
			[changed('error', 'access_denied'), cookies, false],
			[changed('code', ''), cookies, false],
			[response, undefined, false],
			[response, cookies, true],
		] as const)
			await failureOf(flow.callback(answer, header, { isPosted, beforeRedeeming }));
		expect(beforeRedeeming).not.toHaveBeenCalled();
		await flow.callback(response, cookies, { beforeRedeeming });
		expect(beforeRedeeming).toHaveBeenCalledTimes(1);
	});

	it('costs no consent if it cannot be had', async () => {
		const form = await saved();
		const { response, cookies } = await visit(form);
		const flow = await flowOf(form);
		const before = redemptions();
		const beforeRedeeming = (): void => {
			throw new TypeError('an expression');
		};
		await expect(flow.callback(response, cookies, { beforeRedeeming })).rejects.toThrow(TypeError);
		await expectUnchanged(form, before);
		await expect(flow.callback(response, cookies)).resolves.toBeDefined();
	});
});
