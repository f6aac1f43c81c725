import type { ICredentialDataDecryptedObject, INodeParameters } from 'n8n-workflow';

import { VaultedOAuth2Api } from '../../credentials/VaultedOAuth2Api.credentials';
import { Person } from '../../demo/harness/person';
import { sharedConnections } from '../../src';
import { startAuthorizationServer, type AuthorizationServer } from '../support/authorizationServer';
import { N8nEngine, type CredentialTest, type EngineRun } from '../support/n8nEngine';
import { requestNode } from '../support/requestNode';
import { startSampleApi, type SampleApi } from '../support/sampleApi';

const TYPE = 'vaultedOAuth2Api';
const SECRET = 'example-app-secret';
/** A trigger's callback; nobody listens there. */
const CALLBACK = 'http://127.0.0.1:9/webhook/crm/callback';
/** An address of no trigger. */
const ELSEWHERE = 'http://127.0.0.1:9/return';

let engine: N8nEngine;
let provider: AuthorizationServer;
let api: SampleApi;
let forms = 0;

beforeAll(async () => {
	engine = await N8nEngine.start({
		nodeTypes: { request: requestNode },
		credentialTypes: [new VaultedOAuth2Api()],
	});
	provider = await startAuthorizationServer({
		clients: [{ clientId: 'app', clientSecret: SECRET, redirectUris: [CALLBACK, ELSEWHERE] }],
		loginPages: true,
	});
	api = await startSampleApi({ isActive: (token) => provider.isActive(token) });
});
afterAll(async () => {
	await Promise.all([provider.close(), api.close()]);
	await engine.close();
});

function form(changes: ICredentialDataDecryptedObject = {}): ICredentialDataDecryptedObject {
	forms += 1;
	return {
		label: `Account ${forms}`,
		grantType: 'authorizationCode',
		issuerUrl: provider.issuer,
		redirectUri: CALLBACK,
		clientId: 'app',
		clientSecret: SECRET,
		scope: 'openid offline_access api:read',
		authorizationParameters: '{"prompt":"consent"}',
		apiBaseUrl: api.url,
		secretStore: 'localVault',
		...changes,
	};
}

/** The link in what the form shows. */
function linkIn({ message }: CredentialTest): URL {
	return new URL(/https?:\S+$/.exec(message)?.[0] ?? 'about:blank');
}

/** Consents by a link as the trigger does it. */
async function connect(id: string, link: URL): Promise<void> {
	const { authorization } = sharedConnections({ debug() {}, info() {}, warn() {} }).open(
		await sharedConnections({ debug() {}, info() {}, warn() {} }).read(
			engine.credentials.stored(id),
		),
	);
	if (authorization === undefined) throw new Error('not an authorization code connection');
	const { location, cookie } = await authorization.connect(link.searchParams.get('link') ?? '');
	const { url } = await new Person(({ href }) => href.startsWith(CALLBACK)).consent(location);
	await authorization.callback(url.searchParams, `${cookie.name}=${cookie.value}`);
}

/** Consents at the provider's own address; the address bar's text. */
async function consent(address: URL): Promise<string> {
	return (await new Person(({ href }) => href.startsWith(ELSEWHERE)).consent(address.href)).url
		.href;
}

async function request(id: string, more: INodeParameters = {}): Promise<EngineRun> {
	const parameters = { url: `${api.url}/me`, ...more };
	return await engine.run([
		{ type: 'request', name: 'Request', parameters, credentials: { [TYPE]: { id, name: TYPE } } },
	]);
}

it('says on saving that everything is stored, and how to connect, with a link', async () => {
	const { id, test } = await engine.saveAndTest(TYPE, form());
	expect(test.status).toBe('Error');
	expect(test.message).toMatch(
		/^Not connected yet – everything is saved.* open this link .*until \d\d:\d\d UTC: http:\/\/127\.0\.0\.1:9\/webhook\/crm\/connect\?link=[\w.-]+$/,
	);
	expect(engine.credentials.stored(id)).toMatchObject({
		clientSecret: '',
		secretRef: expect.stringContaining('"localVault"') as string,
	});
	expect(engine.credentials.dump()).not.toContain(SECRET);
});

it('shows a new link whenever the credential is opened before it is connected', async () => {
	const { id, test } = await engine.saveAndTest(TYPE, form());
	const again = await engine.testCredential(TYPE, id);
	expect(linkIn(again).href).toMatch(/connect\?link=/);
	expect(linkIn(again).href).not.toBe(linkIn(test).href);
});

it('is tested successfully once the account is connected, also in the form that stayed open', async () => {
	const typed = form();
	const { id, test } = await engine.saveAndTest(TYPE, typed);
	const { secretRef } = engine.credentials.stored(id);
	await connect(id, linkIn(test));
	const success = { status: 'OK', message: 'Connection successful!' };
	await expect(engine.testCredential(TYPE, id)).resolves.toEqual(success);

	const again = await engine.saveAndTest(TYPE, { ...typed, secretRef: '' }, id);
	expect(again.test).toEqual(success);
	expect(engine.credentials.stored(id)).toMatchObject({ secretRef, clientSecret: '' });
});

it('serves n8n’s own request node', async () => {
	const { id, test } = await engine.saveAndTest(TYPE, form());
	await connect(id, linkIn(test));
	await expect(request(id)).resolves.toMatchObject({ status: 'success' });
	expect(engine.credentials.dump()).not.toContain(provider.issued.at(-1)?.value);
});

it('a workflow is told how to connect, but gets no link', async () => {
	const { id } = await engine.saveAndTest(TYPE, form());
	const run = await request(id);
	expect(run.status).toBe('error');
	expect(run.error?.message).toMatch(/^Not connected yet – .*Get Authorization URL/);
	expect(run.text).not.toContain('link=');
});

describe('a workflow cannot pass for n8n’s test of the credential', () => {
	it.each<[string, INodeParameters]>([
		['by a header', { headers: { 'X-Vaulted-OAuth2-Test': 'true' } }],
		['by the option of the test', { vaultedOAuth2Test: true }],
		['by the name of its value', { vaultedOAuth2Test: 'Symbol(vaultedOAuth2Test)' }],
	])('%s', async (_how, options) => {
		const { id } = await engine.saveAndTest(TYPE, form());
		for (const modern of [false, true]) {
			const run = await request(id, { options, modern });
			expect(run.status).toBe('error');
			expect(run.text).not.toMatch(/link=|response_type=code/);
		}
	});

	it('since what n8n’s editor is told of the credential does not hold the mark', () => {
		const told = JSON.parse(JSON.stringify(new VaultedOAuth2Api().test)) as object;
		expect(told).toEqual({
			request: {
				baseURL: '={{ $credentials.apiBaseUrl }}',
				url: '={{ $credentials.validationPath || "" }}',
				ignoreHttpStatusErrors: '={{ !$credentials.validationPath }}',
			},
			rules: expect.anything() as unknown,
		});
	});
});

it('a consent that was withdrawn: the form names it and shows a new link, which connects again', async () => {
	const { id, test } = await engine.saveAndTest(TYPE, form({ validationPath: '/me' }));
	await connect(id, linkIn(test));
	const { tokens } = sharedConnections({ debug() {}, info() {}, warn() {} }).open(
		await sharedConnections({ debug() {}, info() {}, warn() {} }).read(
			engine.credentials.stored(id),
		),
	);
	provider.revokeGrantOf((await tokens.get()).accessToken);
	const failed = await engine.testCredential(TYPE, id);
	expect(failed.message).toMatch(/^Reconnect needed – .*invalid_grant.*connect\?link=/);
	await connect(id, linkIn(failed));
	await expect(engine.testCredential(TYPE, id)).resolves.toMatchObject({ status: 'OK' });
});

describe('an answer that is pasted', () => {
	it('is redeemed, sealed and blanked', async () => {
		const { id, test } = await engine.saveAndTest(TYPE, form({ redirectUri: ELSEWHERE }));
		expect(test.message).toContain(
			'paste the address the browser ends at into Authorization Response',
		);
		const answer = await consent(linkIn(test));
		const stored = engine.credentials.stored(id);
		const saved = await engine.saveAndTest(TYPE, { ...stored, authorizationResponse: answer }, id);
		expect(saved.test).toEqual({ status: 'OK', message: 'Connection successful!' });
		expect(engine.credentials.stored(id)).toMatchObject({
			authorizationResponse: '',
			secretRef: stored['secretRef'],
		});
		expect(engine.credentials.dump()).not.toContain(new URL(answer).searchParams.get('code'));
		await expect(request(id)).resolves.toMatchObject({ status: 'success' });

		const open = { ...stored, authorizationResponse: answer };
		await expect(engine.saveAndTest(TYPE, open, id)).resolves.toMatchObject({
			test: { status: 'OK' },
		});
	});

	it('is the form data if the provider posts it', async () => {
		const changes = { redirectUri: ELSEWHERE, responseMode: 'formPost' };
		const { test } = await engine.saveAndTest(TYPE, form(changes));
		expect(test.message).toMatch(
			/paste the form data of the browser’s last request .* into Authorization Response/,
		);
	});

	it('says what is wrong with it, and leaves the connection as it was', async () => {
		const { id, test } = await engine.saveAndTest(TYPE, form());
		await connect(id, linkIn(test));
		const stored = engine.credentials.stored(id);
		const wrong = await engine.saveAndTest(
			TYPE,
			{ ...stored, authorizationResponse: `${CALLBACK}?code=c&state=s` },
			id,
		);
		expect(wrong.test).toMatchObject({
			status: 'Error',
			message: expect.stringMatching(
				/^Not connected – .*was not asked for by this connection/,
			) as string,
		});
		await engine.saveAndTest(TYPE, { ...stored, authorizationResponse: '' }, id);
		await expect(request(id)).resolves.toMatchObject({ status: 'success' });
	});
});
