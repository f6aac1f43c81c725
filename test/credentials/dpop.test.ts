import type { ICredentialDataDecryptedObject, IDataObject } from 'n8n-workflow';

import { startAuthorizationServer, type AuthorizationServer } from '../support/authorizationServer';
import { startDpopApi, type DpopApi } from '../support/dpopApi';
import type { EngineRun, N8nEngine } from '../support/n8nEngine';
import { startRequesting } from './requesting';

const TYPE = 'vaultedOAuth2Api';

let engine: N8nEngine;
let provider: AuthorizationServer;
let api: DpopApi;

beforeAll(async () => {
	({ engine, provider } = await startRequesting());
});
afterAll(async () => {
	await provider.close();
	await engine.close();
});
// The nonces of an API are remembered, so each test has its own.
beforeEach(async () => {
	api = await startDpopApi(provider);
});
afterEach(async () => {
	await api.close();
});

let forms = 0;
async function saved(changes: ICredentialDataDecryptedObject = {}): Promise<string> {
	const { id, test } = await engine.saveAndTest(TYPE, {
		label: `Proofs ${String((forms += 1))}`,
		grantType: 'clientCredentials',
		tokenUrl: provider.tokenEndpoint,
		clientId: 'crm',
		clientSecret: 'example-client-secret',
		scope: 'api:read',
		apiBaseUrl: api.url,
		secretStore: 'localVault',
		dpop: 'always',
		...changes,
	});
	expect(test).toMatchObject({ status: 'OK' });
	api.requests.length = 0;
	return id;
}

async function send(
	id: string,
	path: string,
	{ options = {}, ...parameters }: { options?: IDataObject; method?: string; modern?: boolean; pagination?: object } = {}, // prettier-ignore
): Promise<EngineRun> {
	const { pagination, ...others } = parameters;
	return await engine.run([
		{
			type: 'request',
			name: 'Request',
			parameters: {
				url: `${api.url}${path}`,
				options: JSON.stringify(options),
				...(pagination === undefined ? {} : { pagination: JSON.stringify(pagination) }),
				...others,
			},
			credentials: { [TYPE]: { id, name: TYPE } },
		},
	]);
}

const seen = (): string[] =>
	api.requests.map(({ method, path, scheme, status }) =>
		[method, path, scheme ?? 'no token', status].join(' '),
	);

it.each([
	['GET', false],
	['GET', true],
	['POST', false],
	['POST', true],
])('%s of the HTTP Request node (modern helper: %s) has a proof', async (method, modern) => {
	const id = await saved();
	const run = await send(id, '/items?page=1', {
		method,
		modern,
		options: { headers: { DPoP: 'theirs' }, qs: { q: '1' } },
	});
	expect(run.error).toBeUndefined();
	expect(api.requests).toHaveLength(1);
	expect(api.requests[0]).toMatchObject({ method, scheme: 'DPoP', status: 200 });
});

it('every page has a proof of its own', async () => {
	const id = await saved();
	const pagination = {
		continue: '={{ $pageCount < 3 }}',
		request: { qs: { page: '={{ $pageCount }}' } },
		requestInterval: 0,
	};
	const run = await send(id, '/items', { pagination });
	expect(run.error).toBeUndefined();
	expect(api.requests.length).toBeGreaterThan(1);
	expect(api.requests.every(({ status }) => status === 200)).toBe(true);
	const proofs = new Set(api.requests.map(({ proof }) => proof));
	expect(proofs.size).toBe(api.requests.length);
});

it.each([false, true])(
	'an API that wants its nonce: the request is sent again with it (modern helper: %s)',
	async (modern) => {
		const id = await saved();
		api.nonce = 'n-1';
		const before = provider.countTokenRequests();
		const run = await send(id, '/items', { method: 'POST', modern });
		expect(run.error).toBeUndefined();
		expect(seen()).toEqual(['POST /items DPoP 401', 'POST /items DPoP 200']);
		await send(id, '/items', { modern });
		expect(seen().slice(2)).toEqual(['GET /items DPoP 200']);
		expect(provider.countTokenRequests()).toBe(before);
	},
);

it('a nonce that comes with another failure sends nothing twice', async () => {
	const id = await saved();
	api.failures.push(500);
	const run = await send(id, '/items', { method: 'POST' });
	expect(run.status).toBe('error');
	expect(seen()).toEqual(['POST /items DPoP 500']);
});

it('a revoked token is found out at the Validation Path with a proof, and replaced', async () => {
	const id = await saved({ validationPath: '/me' });
	api.nonce = 'n-1';
	await send(id, '/items');
	api.requests.length = 0;
	provider.revoke(provider.issued.at(-1)!.value);
	const run = await send(id, '/items');
	expect(run.error).toBeUndefined();
	expect(seen()).toEqual(['GET /items DPoP 401', 'GET /me DPoP 401', 'GET /me DPoP 200', 'GET /items DPoP 200']); // prettier-ignore
});

it('a redirect goes without the token: its proof is for another address', async () => {
	const id = await saved();
	await send(id, '/redirect?to=/there');
	expect(seen()).toEqual(['GET /redirect?to=/there DPoP 302', 'GET /there no token 401']);
	expect(api.requests[1]!.proof).toBeUndefined();
});

it('a bearer token goes along within the API as before', async () => {
	const id = await saved({ dpop: 'never' });
	await send(id, '/redirect?to=/there');
	expect(seen()).toEqual(['GET /redirect?to=/there Bearer 302', 'GET /there Bearer 200']);
});

it('saving says that the provider issues bearer tokens although proofs were sent', async () => {
	const plain = await startAuthorizationServer({
		clients: [{ clientId: 'crm', clientSecret: 'example-client-secret' }],
		dpop: 'unknown',
	});
	try {
		const { test } = await engine.saveAndTest(TYPE, {
			...{ label: 'Unproven', grantType: 'clientCredentials', tokenUrl: plain.tokenEndpoint },
			...{ clientId: 'crm', clientSecret: 'example-client-secret', apiBaseUrl: api.url },
			...{ secretStore: 'localVault', dpop: 'always' },
		});
		expect(test.status).toBe('Error');
		expect(test.message).toMatch(/^Fix the configuration – DPoP: .*issued a bearer token/);
		expect(api.requests).toEqual([]);
	} finally {
		await plain.close();
	}
});
