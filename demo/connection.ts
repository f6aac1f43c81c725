import type { AuthorizationServer, OAuthClient } from '../test/support/authorizationServer.ts';
import type { SampleApi } from '../test/support/sampleApi.ts';
import type { CredentialInput, WorkflowNode } from './harness/n8nRest.ts';

export const CREDENTIAL_TYPE = 'vaultedOAuth2Api';
const NODE_TYPE = 'n8n-nodes-vaulted-oauth2.vaultedOAuth2';

interface Parties {
	client: OAuthClient;
	server: AuthorizationServer;
	api: SampleApi;
}

/** The credential as a builder fills it in: Client Credentials grant, local vault. */
export function clientCredentialsConnection({ client, server, api }: Parties): CredentialInput {
	return {
		name: 'Sample API',
		type: CREDENTIAL_TYPE,
		data: {
			label: 'Sample API',
			grantType: 'clientCredentials',
			tokenUrl: server.tokenEndpoint,
			clientId: client.clientId,
			clientAuthentication: 'automatic',
			clientSecretSource: 'enter',
			clientSecret: client.clientSecret,
			scope: 'api:read',
			apiBaseUrl: api.url,
			validationPath: '/me',
			secretStore: 'localVault',
			refreshBufferSeconds: 300,
			secretRef: '',
		},
	};
}

/** The path under which the demo's trigger is reached. */
export const CONNECT_PATH = 'demo-connect';

/** The credential for an account that a person connects. */
export function accountConnection(parties: Parties & { redirectUri: string }): CredentialInput {
	const { data } = clientCredentialsConnection(parties);
	return {
		name: 'Sample account',
		type: CREDENTIAL_TYPE,
		data: {
			...data,
			label: 'Sample account',
			grantType: 'authorizationCode',
			accountChangesByWorkflows: true,
			issuerUrl: parties.server.issuer,
			tokenUrl: '',
			redirectUri: parties.redirectUri,
			scope: 'openid offline_access api:read',
			// Without it the provider leaves offline_access out (OpenID Connect Core 1.0 §11).
			authorizationParameters: '{"prompt":"consent"}',
			pkce: true,
		},
	};
}

/** The node that connects an account. */
export function connectTrigger(credential: { id: string; name: string }): WorkflowNode {
	return {
		name: 'Account connected',
		type: 'n8n-nodes-vaulted-oauth2.vaultedOAuth2Trigger',
		typeVersion: 1,
		webhookId: CONNECT_PATH,
		parameters: {},
		credentials: { [CREDENTIAL_TYPE]: { id: credential.id, name: credential.name } },
	};
}

/** The companion node, for an operation on the connection itself. */
export function connectionNode(
	credential: { id: string; name: string },
	operation: string,
	parameters: Record<string, unknown> = {},
): WorkflowNode {
	return {
		...apiRequestNode(credential, ''),
		name: operation,
		parameters: { resource: 'connection', operation, ...parameters },
	};
}

export const MANUAL_TRIGGER: WorkflowNode = {
	name: 'Start',
	type: 'n8n-nodes-base.manualTrigger',
	typeVersion: 1,
	parameters: {},
};

/** The companion node, asking for a path under the API Base URL. */
export function apiRequestNode(
	credential: { id: string; name: string },
	path: string,
): WorkflowNode {
	return {
		name: 'Vaulted OAuth2',
		type: NODE_TYPE,
		typeVersion: 1,
		parameters: { resource: 'apiRequest', operation: 'request', method: 'GET', path },
		credentials: { [CREDENTIAL_TYPE]: { id: credential.id, name: credential.name } },
	};
}

/** n8n's own HTTP Request node with the credential as predefined type. */
export function httpRequestNode(
	credential: { id: string; name: string },
	url: string,
): WorkflowNode {
	return {
		name: 'HTTP Request',
		type: 'n8n-nodes-base.httpRequest',
		typeVersion: 4.2,
		parameters: {
			url,
			authentication: 'predefinedCredentialType',
			nodeCredentialType: CREDENTIAL_TYPE,
		},
		credentials: { [CREDENTIAL_TYPE]: { id: credential.id, name: credential.name } },
	};
}
