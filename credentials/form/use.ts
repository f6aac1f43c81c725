import type { INodeProperties } from 'n8n-workflow';

import { FIELD_NAMES } from '../../src';
import { byCode, byPerson } from './shown';

/** What the token is for, and when it is replaced. */
export const use: INodeProperties[] = [
	{
		displayName: FIELD_NAMES.scope,
		name: 'scope',
		type: 'string',
		default: '',
		placeholder: 'contacts.read contacts.write',
		description:
			'What the token may be used for: scope names separated by spaces. Required for Authorization Code; there openid signs the person in, and many providers give a refresh token only for offline_access.',
	},
	{
		displayName: FIELD_NAMES.acceptFewerScopes,
		name: 'acceptFewerScopes',
		type: 'boolean',
		default: false,
		displayOptions: { show: byCode },
		description:
			'Whether an account is connected also if the person, or the provider, grants less than Scope asks for',
	},
	{
		displayName: FIELD_NAMES.accountChangesByWorkflows,
		name: 'accountChangesByWorkflows',
		type: 'boolean',
		default: false,
		displayOptions: { show: byPerson },
		description:
			'Whether workflows that use this credential may make connect links (Get Authorization URL, Keep Alive) and disconnect the account. Off: only people who can edit the credential put an account behind it.',
	},
	{
		displayName: FIELD_NAMES.pkce,
		name: 'pkce',
		type: 'boolean',
		default: true,
		displayOptions: { show: byCode },
		description:
			'Whether the code is tied to this flow (Proof Key for Code Exchange, S256). Switch it off only for a provider that refuses it.',
	},
	{
		displayName: FIELD_NAMES.pushedAuthorizationRequest,
		name: 'pushedAuthorizationRequest',
		type: 'options',
		options: [
			{
				name: 'Always',
				value: 'always',
				description: 'For a provider that wants it of this client',
			},
			{
				name: 'If Offered',
				value: 'ifOffered',
				description:
					'If the provider’s metadata has an endpoint for it. Links to paste an answer of are good for a minute or so then.',
			},
			{
				name: 'If Required',
				value: 'ifRequired',
				description: 'If the provider’s metadata says that it takes no other requests',
			},
			{ name: 'Never', value: 'never' },
		],
		default: 'ifRequired',
		displayOptions: { show: byCode },
		description:
			'Whether the authorization request is sent to the provider first, so that the browser only carries a reference to it (PAR, RFC 9126)',
	},
	{
		displayName: FIELD_NAMES.responseMode,
		name: 'responseMode',
		type: 'options',
		options: [
			{ name: 'Default', value: 'default', description: 'The answer is in the redirect’s address' },
			{
				name: 'Form Post',
				value: 'formPost',
				description: 'The browser posts the answer, so that no address has the code in it',
			},
		],
		default: 'default',
		displayOptions: { show: byCode },
		description:
			'How the provider sends the person back. Form Post (response_mode=form_post) only works with a provider that supports it.',
	},
	{
		displayName: FIELD_NAMES.authorizationParameters,
		name: 'authorizationParameters',
		type: 'json',
		default: '{}',
		placeholder: '{"access_type": "offline", "prompt": "consent"}',
		displayOptions: { show: byCode },
		description:
			'Optional. Further parameters of the address a person is sent to, such as access_type, prompt or audience: a JSON object, or pairs such as access_type=offline&prompt=consent.',
	},
	{
		displayName: FIELD_NAMES.resource,
		name: 'resource',
		type: 'string',
		default: '',
		placeholder: 'https://api.example.com',
		description:
			'Optional. What the token is meant for, if the provider asks for it (RFC 8707): absolute addresses separated by spaces.',
	},
	{
		displayName: FIELD_NAMES.tokenParameters,
		name: 'tokenParameters',
		type: 'json',
		default: '{}',
		placeholder: '{"audience": "https://api.example.com"}',
		description:
			'Optional. Further parameters of the token request that the provider asks for, such as audience.',
	},
	{
		displayName: FIELD_NAMES.apiBaseUrl,
		name: 'apiBaseUrl',
		type: 'string',
		required: true,
		default: '',
		placeholder: 'https://api.example.com/v1',
		description:
			'Every call goes to a path under this address, and the token is sent nowhere else. {tenantId} is replaced by Tenant ID.',
	},
	{
		displayName: FIELD_NAMES.additionalApiOrigins,
		name: 'additionalApiOrigins',
		type: 'string',
		default: '',
		placeholder: 'https://uploads.example.com',
		description: 'Optional. Further origins that may receive the token, separated by commas.',
	},
	{
		displayName: FIELD_NAMES.tenantId,
		name: 'tenantId',
		type: 'string',
		default: '',
		description:
			'Optional. One customer’s identifier: becomes part of the secret’s name and replaces {tenantId} in addresses.',
	},
	{
		displayName: FIELD_NAMES.validationPath,
		name: 'validationPath',
		type: 'string',
		default: '',
		placeholder: '/me',
		description:
			'Optional. A path under API Base URL that can be called with GET and tells by 401 that a token is not accepted. It is called when you save, and when a call failed, so that a token revoked before its time is replaced.',
	},
	{
		displayName: FIELD_NAMES.refreshBufferSeconds,
		name: 'refreshBufferSeconds',
		type: 'number',
		typeOptions: { minValue: 0 },
		default: 300,
		description:
			'How long before its end a token is replaced. At most a third of its lifetime is used, so that short-lived tokens are not replaced before every call.',
	},
	{
		displayName: FIELD_NAMES.defaultLifetimeSeconds,
		name: 'defaultLifetimeSeconds',
		type: 'number',
		typeOptions: { minValue: 0 },
		default: 0,
		description:
			'Only for providers that do not say how long a token lives. 0: it is used until it is refused.',
	},
	{
		displayName: FIELD_NAMES.dpop,
		name: 'dpop',
		type: 'options',
		options: [
			{
				name: 'Always',
				value: 'always',
				description: 'For a provider that wants it of this client; other tokens are not used',
			},
			{
				name: 'If Offered',
				value: 'ifOffered',
				description: 'If the provider’s metadata (Issuer URL) says that it supports it',
			},
			{ name: 'Never', value: 'never' },
		],
		default: 'never',
		description:
			'Whether tokens are bound to a key that never leaves the secret store (RFC 9449), so that a stolen token is good for nothing. The API has to support it too.',
	},
];
