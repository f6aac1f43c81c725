import nock from 'nock';

import type { AuthorizationServer } from '../support/authorizationServer';
import type { N8nEngine } from '../support/n8nEngine';
import { startRequesting } from './requesting';

/* An API at a public name, with TLS: n8n's own HTTP client sends these requests, which is what nock stands in for. */

const TYPE = 'vaultedOAuth2Api';
const API = 'https://api.example.com';

let engine: N8nEngine;
let provider: AuthorizationServer;

beforeAll(async () => {
	({ engine, provider } = await startRequesting());
});
afterAll(async () => {
	nock.restore();
	await provider.close();
	await engine.close();
});

it('gets the token from n8n’s HTTP Request node, and a host beside it does not', async () => {
	const seen: unknown[] = [];
	nock(API)
		.get('/')
		.reply(404)
		.get('/contacts')
		.reply(function () {
			seen.push(this.req.headers['authorization']);
			return [200, { ok: true }];
		});
	const { id, test } = await engine.saveAndTest(TYPE, {
		label: 'Example CRM',
		grantType: 'clientCredentials',
		tokenUrl: provider.tokenEndpoint,
		clientId: 'crm',
		clientSecret: 'example-client-secret',
		scope: 'api:read',
		apiBaseUrl: API,
		secretStore: 'localVault',
	});
	expect(test.status).toBe('OK');
	const run = async (url: string) =>
		await engine.run([
			{
				type: 'request',
				name: 'Request',
				parameters: { url },
				credentials: { [TYPE]: { id, name: TYPE } },
			},
		]);

	const { error } = await run(`${API}/contacts`);
	const elsewhere = await run('https://api.example.org/contacts');

	expect(error).toBeUndefined();
	expect(seen.flat()).toEqual([expect.stringMatching(/^Bearer ./)]);
	expect(elsewhere.error?.message).toContain('API Base URL');
	expect(nock.pendingMocks()).toEqual([]);
});
