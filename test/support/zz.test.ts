import { VaultedOAuth2Api } from '../../credentials/VaultedOAuth2Api.credentials';
import { N8nEngine } from './n8nEngine';
import { startAuthorizationServer } from './authorizationServer';
import { startSampleApi } from './sampleApi';
import { NodeConnectionTypes } from 'n8n-workflow';

test('load', async () => {
	const engine = await N8nEngine.start({ credentialTypes: [new VaultedOAuth2Api()], nodeTypes: {
		'n8n-nodes-base.httpRequest': {
			description: { name: 'httpRequest', displayName: 'x', group: [], version: 1, description: '', defaults: {}, inputs: [NodeConnectionTypes.Main], outputs: [NodeConnectionTypes.Main], properties: [] },
			async execute() {
				const r = await this.helpers.requestWithAuthentication.call(this, 'vaultedOAuth2Api', { uri: api.url + '/me', json: true }, undefined, 0);
				return [[{ json: r }]];
			},
		}
	} });
	const server = await startAuthorizationServer({ clients: [{ clientId: 'a', clientSecret: 'example-client-secret' }] });
	const api = await startSampleApi({ isActive: (t) => server.isActive(t) });
	const { id, test } = await engine.saveAndTest('vaultedOAuth2Api', {
			label: 'Sample API',
			grantType: 'clientCredentials',
			tokenUrl: server.tokenEndpoint,
			clientId: 'a',
			clientSecret: 'example-client-secret',
			scope: 'api:read',
			apiBaseUrl: api.url,
			validationPath: '/me',
			secretStore: 'localVault',
	});
	console.log(test, engine.credentials.stored(id), engine.log);
	const run = await engine.run([{ type: 'n8n-nodes-base.httpRequest', name: 'H', credentials: { vaultedOAuth2Api: { id, name: 'x' } } }]);
	console.log(run.status, run.error, run.output('H'), run.text, api.requests);
	await server.close(); await api.close(); await engine.close();
});
