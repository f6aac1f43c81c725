import {
	LoggerProxy,
	type IAuthenticate,
	type ICredentialDataDecryptedObject,
	type ICredentialTestRequest,
	type ICredentialType,
	type IDataObject,
	type IHttpRequestHelper,
	type Icon,
	type INodeProperties,
} from 'n8n-workflow';

import { endConnectionsBy, sharedConnections } from '../src';
import { authenticateRequest } from './authenticateRequest';
import { endWithN8n } from './endWithN8n';
import { TEST_MARK } from './testMark';
import { properties } from './properties';
import { preAuthenticate } from './preAuthenticate';

// n8n loads this file before it decrypts a credential, so before a node of this package can use one.
endConnectionsBy(endWithN8n);

/**
 * Any OAuth 2.0 provider, with the client secret and the tokens in a secret store: n8n's database keeps the pointer `secretRef` only.
 *
 * n8n calls `preAuthentication` where `secretRef` is empty and after a failed request, and `authenticate` for every request.
 */
export class VaultedOAuth2Api implements ICredentialType {
	name = 'vaultedOAuth2Api';

	displayName = 'Vaulted OAuth2 API';

	icon: Icon = { light: 'file:vaultedOAuth2.svg', dark: 'file:vaultedOAuth2.dark.svg' };

	documentationUrl = 'https://github.com/vaulted-oauth2/n8n-nodes-vaulted-oauth2#readme';

	properties: INodeProperties[] = properties;

	// An instance property: n8n loses it as a method.
	authenticate: IAuthenticate = async (credentials, requestOptions) =>
		await authenticateRequest(sharedConnections(LoggerProxy), credentials, requestOptions);

	// What preAuthentication and authenticate throw is the result of the test. The request itself only counts where a Validation Path is
	// given: an API's base address often answers 404.
	test: ICredentialTestRequest = {
		request: {
			baseURL: '={{ $credentials.apiBaseUrl }}',
			url: '={{ $credentials.validationPath || "" }}',
			...TEST_MARK,
			ignoreHttpStatusErrors: '={{ !$credentials.validationPath }}' as unknown as boolean,
		},
		rules: [
			{
				type: 'responseCode',
				properties: {
					value: 401,
					message:
						'The secrets are sealed and the provider issues tokens, but the API refuses them at the Validation Path (401). Check Scope, API Base URL and Validation Path.',
				},
			},
		],
	};

	async preAuthentication(
		this: IHttpRequestHelper,
		credentials: ICredentialDataDecryptedObject,
	): Promise<IDataObject> {
		return await preAuthenticate(sharedConnections(LoggerProxy), this, credentials);
	}
}
