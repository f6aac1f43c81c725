import { VaultedOAuth2Api } from '../../credentials/VaultedOAuth2Api.credentials';
import { startAuthorizationServer, type AuthorizationServer } from '../support/authorizationServer';
import { N8nEngine } from '../support/n8nEngine';
import { requestNode } from '../support/requestNode';

/** n8n's engine with a node that sends any request with the credential, and a provider that knows the client `crm`. */
export async function startRequesting(): Promise<{
	engine: N8nEngine;
	provider: AuthorizationServer;
}> {
	const engine = await N8nEngine.start({
		nodeTypes: { request: requestNode },
		credentialTypes: [new VaultedOAuth2Api()],
	});
	const provider = await startAuthorizationServer({
		clients: [{ clientId: 'crm', clientSecret: 'example-client-secret' }],
	});
	return { engine, provider };
}
