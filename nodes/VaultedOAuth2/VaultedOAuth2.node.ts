import {
	NodeConnectionTypes,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeType,
	type INodeTypeDescription,
} from 'n8n-workflow';

import { properties, route } from './actions/router';
import { CREDENTIAL_TYPE } from './credential';

/** Calls an API with a token of a Vaulted OAuth2 credential, and tells how that connection is doing. */
export class VaultedOAuth2 implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Vaulted OAuth2',
		name: 'vaultedOAuth2',
		icon: { light: 'file:vaultedOAuth2.svg', dark: 'file:vaultedOAuth2.dark.svg' },
		group: ['output'],
		// 1.1: Simplify of Get Status and Refresh Now, which are as they were for nodes of version 1.
		version: [1, 1.1],
		defaultVersion: 1.1,
		subtitle:
			'={{ $parameter["resource"] === "apiRequest" ? $parameter["method"] + ": " + $parameter["path"] : $parameter["operation"] + ": " + $parameter["resource"] }}',
		description:
			'Call an API that is protected by OAuth 2.0, with a token that is refreshed before it expires',
		defaults: { name: 'Vaulted OAuth2' },
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main],
		usableAsTool: true,
		credentials: [{ name: CREDENTIAL_TYPE, required: true }],
		properties,
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		return await route(this);
	}
}
