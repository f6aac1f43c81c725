import {
	NodeConnectionTypes,
	type INodeProperties,
	type INodeType,
	type INodeTypeDescription,
	type IWebhookFunctions,
	type IWebhookResponseData,
} from 'n8n-workflow';

import { answer, CONNECT, CREDENTIAL_TYPE } from './connect';
import { LONGEST_SESSION_MINUTES } from './summary';

const properties: INodeProperties[] = [
	{
		displayName:
			'Register the production <b>callback</b> address at the provider as redirect URI, and enter the same text as Redirect URI of the credential (Grant Type: Authorization Code). Activate the workflow; then open the link that saving the credential shows, or that “Get Authorization URL” of the Vaulted OAuth2 node gives.',
		name: 'howTo',
		type: 'notice',
		default: '',
	},
	{
		displayName: 'Claims to Output',
		name: 'claims',
		type: 'string',
		default: 'name, email, preferred_username',
		description:
			'What the item says of the person besides the subject, separated by commas. Only with an OpenID Connect provider: <code>openid</code> in Scope, and Issuer URL.',
	},
	{
		displayName: 'Issue a Session Token',
		name: 'issueSessionToken',
		type: 'boolean',
		default: false,
		description:
			'Whether the item carries an encrypted token that says who signed in, for a front end. “Verify” of the Vaulted OAuth2 node reads it. Whoever holds it is taken for that person.',
	},
	{
		displayName: 'Session Lifetime (Minutes)',
		name: 'sessionMinutes',
		type: 'number',
		default: 60,
		typeOptions: { minValue: 1, maxValue: LONGEST_SESSION_MINUTES },
		displayOptions: { show: { issueSessionToken: [true] } },
		description: 'How long the session token is good for. It cannot be withdrawn before.',
	},
];

/** Connects a person's account to a Vaulted OAuth2 credential: the authorization code grant, RFC 6749 §4.1. Two addresses of one workflow. */
export class VaultedOAuth2Trigger implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Vaulted OAuth2 Trigger',
		name: 'vaultedOAuth2Trigger',
		icon: { light: 'file:vaultedOAuth2.svg', dark: 'file:vaultedOAuth2.dark.svg' },
		group: ['trigger'],
		version: 1,
		subtitle: 'When an account is connected',
		description: 'Connects a person’s account by a link, and starts the workflow when that is done',
		defaults: { name: 'Vaulted OAuth2 Trigger' },
		inputs: [],
		outputs: [NodeConnectionTypes.Main],
		credentials: [{ name: CREDENTIAL_TYPE, required: true }],
		webhooks: [
			{ name: CONNECT, httpMethod: 'GET', responseMode: 'onReceived', path: 'connect' },
			{ name: 'default', httpMethod: 'GET', responseMode: 'onReceived', path: 'callback' },
			// The same address once more, for form posts. n8n's editor shows it once.
			{
				name: 'default',
				httpMethod: 'POST',
				responseMode: 'onReceived',
				path: 'callback',
				ndvHideUrl: true,
			},
		],
		properties,
	};

	async webhook(this: IWebhookFunctions): Promise<IWebhookResponseData> {
		return await answer(this);
	}
}
