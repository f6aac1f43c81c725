import { Person } from '../../demo/harness/person';
import type { AuthorizationFlow } from '../../src/authorization/authorizationFlow';
import { createEgress } from '../../src/http/createEgress';
import type { Egress } from '../../src/http/egress';
import { startAuthorizationServer, type AuthorizationServer } from '../support/authorizationServer';
import { failureOf } from '../support/failureOf';
import { PASTE_URI, REDIRECT_URI, SIGNER, WholeCore, type Form } from '../support/wholeCore';

const pushing = { clientId: 'pushing', pushedAuthorizationRequest: 'always' };

let core: WholeCore;
/** A provider that says in its metadata that requests have to be pushed. */
let strict: AuthorizationServer;

beforeAll(async () => {
	core = await WholeCore.start('localVault');
	strict = await startAuthorizationServer({
		clients: [
			{ clientId: 'app', clientSecret: 'example-app-secret', redirectUris: [REDIRECT_URI] },
		],
		mustPush: true,
		loginPages: true,
	});
});
afterAll(async () => {
	await Promise.all([core.close(), strict.close()]);
});

let labels = 0;
async function saved(changes: Form = {}): Promise<Form> {
	labels += 1;
	return await core.save(core.codeForm({ label: `Pushing ${labels}`, ...changes }));
}

async function flowOf(form: Form): Promise<AuthorizationFlow> {
	const { authorization } = core.connections.open(await core.connections.read(form));
	if (authorization === undefined) throw new Error('not an authorization code connection');
	return authorization;
}

/** Where a link leads a browser. */
async function opened(form: Form): ReturnType<AuthorizationFlow['connect']> {
	const flow = await flowOf(form);
	const { connectUrl = '' } = await flow.links({ by: { from: 'form' } });
	return await flow.connect(new URL(connectUrl).searchParams.get('link') ?? '');
}

/** Opens a link, consents, and comes back. */
async function connect(form: Form): Promise<number> {
	const { location, cookie } = await opened(form);
	const person = new Person(({ href }) => href.startsWith(REDIRECT_URI));
	const { url } = await person.consent(location);
	await (await flowOf(form)).callback(url.searchParams, `${cookie.name}=${cookie.value}`);
	return await core.call(form);
}

const parametersOf = (address: string): string[] =>
	[...new URL(address).searchParams.keys()].sort();

describe('a pushed authorization request', () => {
	it('leaves nothing but the client and a reference in the address, and connects the account', async () => {
		const form = await saved(pushing);
		const { location } = await opened(form);
		expect(parametersOf(location)).toEqual(['client_id', 'request_uri']);
		await expect(connect(form)).resolves.toBe(200);
	});

	it('is what a client needs that may not do otherwise', async () => {
		const form = await saved({ ...pushing, pushedAuthorizationRequest: 'never' });
		const { location } = await opened(form);
		expect(parametersOf(location)).toContain('state');
		const answer = await fetch(location, { redirect: 'manual' });
		expect(answer.headers.get('location')).toContain('error=invalid_request');
	});

	it('is authenticated by a private key', async () => {
		const form = await saved({
			...SIGNER,
			clientSecret: '',
			clientAuthentication: 'privateKeyJwt',
			pushedAuthorizationRequest: 'always',
		});
		await expect(connect(form)).resolves.toBe(200);
	});

	it('is sent if the provider’s metadata asks for it, unless that is switched off', async () => {
		const place = { issuerUrl: strict.issuer };
		const form = await saved(place);
		expect(parametersOf((await opened(form)).location)).toEqual(['client_id', 'request_uri']);
		const never = await saved({ ...place, pushedAuthorizationRequest: 'never' });
		expect(parametersOf((await opened(never)).location)).toContain('state');
		const elsewhere = await saved();
		expect(parametersOf((await opened(elsewhere)).location)).toContain('state');
	});

	it('is sent if the provider’s metadata offers it, if that is chosen', async () => {
		const chosen = { pushedAuthorizationRequest: 'ifOffered' };
		const form = await saved(chosen);
		expect(parametersOf((await opened(form)).location)).toEqual(['client_id', 'request_uri']);
		await expect(connect(form)).resolves.toBe(200);
		const { tokenEndpoint: tokenUrl, authorizationEndpoint: authorizationUrl } = core.provider;
		const unknown = await saved({ ...chosen, issuerUrl: '', tokenUrl, authorizationUrl });
		expect(parametersOf((await opened(unknown)).location)).toContain('state');
	});

	it('works for an answer that is pasted', async () => {
		const form = await saved({ ...pushing, redirectUri: PASTE_URI });
		const { authorizationUrl } = await (await flowOf(form)).links({ by: { from: 'form' } });
		const person = new Person(({ href }) => href.startsWith(PASTE_URI));
		const { url } = await person.consent(authorizationUrl);
		await core.save({ ...form, authorizationResponse: url.href });
		await expect(core.call(form)).resolves.toBe(200);
	});

	it('tells a wrong client secret when the credential is saved', async () => {
		const form = core.codeForm({ ...pushing, label: 'Wrong', clientSecret: 'wrong-app-secret' });
		const stored = await core.stored();
		const failure = await failureOf(core.save(form));
		expect(failure).toMatchObject({ code: 'INVALID_CLIENT', field: 'Client Secret' });
		expect(failure.message).not.toContain('wrong-app-secret');
		expect(await core.stored()).toBe(stored);
	});

	it('needs a provider that has an endpoint for it', async () => {
		const { tokenEndpoint: tokenUrl, authorizationEndpoint: authorizationUrl } = core.provider;
		const form = core.codeForm({ ...pushing, issuerUrl: '', tokenUrl, authorizationUrl });
		await expect(failureOf(core.save(form))).resolves.toMatchObject({
			field: 'Pushed Authorization Request',
			code: 'DISCOVERY_FAILED',
		});
	});

	it.each<[string, { status: number; body: string }, Record<string, unknown>]>([
		[
			'an outage',
			{ status: 503, body: 'busy' },
			{ failureClass: 'provider', code: 'SERVER_ERROR' },
		],
		[
			'a scope that is not offered',
			{ status: 400, body: '{"error":"invalid_scope"}' },
			{ failureClass: 'configuration', field: 'Scope' },
		],
		[
			'an answer without a reference',
			{ status: 201, body: '{"expires_in":60}' },
			{
				failureClass: 'provider',
				code: 'INVALID_RESPONSE',
				message: expect.stringContaining('without a request_uri') as string,
			},
		],
		[
			'a page in place of an answer',
			{ status: 200, body: '<html></html>' },
			{ failureClass: 'provider', code: 'INVALID_RESPONSE' },
		],
	])('says what is wrong: %s', async (_name, answer, expected) => {
		const egress = createEgress(undefined, {});
		const faulty: Egress = {
			...egress,
			request: async (url, request) =>
				url.endsWith('/request') ? { headers: {}, ...answer } : await egress.request(url, request),
		};
		const form = core.codeForm({ ...pushing, label: 'Faulty' });
		const failure = await failureOf(core.save(form, core.process({ egress: faulty })));
		expect(failure).toMatchObject(expected);
	});

	it('is not repeated in an error, whatever the provider echoes', async () => {
		const egress = createEgress(undefined, {});
		let sent = new URLSearchParams();
		const echo: Egress = {
			...egress,
			request: async (url, request) => {
				if (!url.endsWith('/request')) return await egress.request(url, request);
				sent = new URLSearchParams(request.body);
				const error_description = `${sent.get('state') ?? ''} ${sent.get('nonce') ?? ''}`;
				const body = JSON.stringify({ error: 'invalid_request', error_description });
				return { status: 400, headers: {}, body };
			},
		};
		const form = await saved(pushing);
		const other = core.process({ egress: echo });
		const { authorization } = other.open(await other.read(form));
		const failure = await failureOf(authorization!.links({ by: { from: 'form' } }));
		expect(sent.get('nonce')).not.toBeNull();
		expect(failure.message).not.toContain(sent.get('nonce'));
		expect(failure.message).not.toContain(sent.get('state'));
	});
});
