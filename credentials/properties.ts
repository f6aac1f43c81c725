import type { INodeProperties } from 'n8n-workflow';

import { FIELD_NAMES } from '../src';

const aws = { secretStore: ['awsSecretsManager'] };

/** The provider: what to ask for, where, and as whom. */
const provider: INodeProperties[] = [
	{
		displayName: FIELD_NAMES.label,
		name: 'label',
		type: 'string',
		required: true,
		default: '',
		placeholder: 'Salesforce Production Integration',
		description:
			'A friendly name of the connection. It names the secret in the store and appears in messages.',
	},
	{
		displayName: FIELD_NAMES.grantType,
		name: 'grantType',
		type: 'options',
		options: [
			{
				name: 'Client Credentials',
				value: 'clientCredentials',
				description: 'The application itself is authorized, no person',
			},
			{
				name: 'Refresh Token',
				value: 'refreshToken',
				description:
					'A person authorized the application elsewhere, and you have the refresh token',
			},
		],
		default: 'clientCredentials',
		description: 'How the provider gives out access tokens',
	},
	{
		displayName: FIELD_NAMES.issuerUrl,
		name: 'issuerUrl',
		type: 'string',
		default: '',
		placeholder: 'https://login.example.com',
		description:
			'Optional. The address of the provider, if it supports OpenID Connect discovery or RFC 8414: then every endpoint left empty is found by itself.',
	},
	{
		displayName: FIELD_NAMES.tokenUrl,
		name: 'tokenUrl',
		type: 'string',
		default: '',
		placeholder: 'https://login.example.com/oauth2/token',
		description:
			'The address that gives out access tokens, from the provider’s documentation. Can be left empty if Issuer URL is given. {tenantId} is replaced by Tenant ID.',
	},
	{
		displayName: FIELD_NAMES.clientId,
		name: 'clientId',
		type: 'string',
		required: true,
		default: '',
		description: 'What the provider calls client ID, application ID or consumer key',
	},
	{
		displayName: FIELD_NAMES.clientAuthentication,
		name: 'clientAuthentication',
		type: 'options',
		options: [
			{
				name: 'Automatic',
				value: 'automatic',
				description:
					'What the provider says it supports; otherwise tried when saving, and remembered',
			},
			{
				name: 'HTTP Basic Header',
				value: 'basic',
				description: 'Client_secret_basic, as RFC 6749 encodes it',
			},
			{
				name: 'HTTP Basic Header, Not Encoded',
				value: 'basicUnencoded',
				description: 'For providers that refuse an encoded - or _ in the client secret',
			},
			{ name: 'In the Body', value: 'post', description: 'Client_secret_post' },
			{ name: 'None', value: 'none', description: 'A public client: it has no secret' },
		],
		default: 'automatic',
		description: 'How the client proves who it is when it asks for a token',
	},
];

/** Where the secrets are kept. */
const store: INodeProperties[] = [
	{
		displayName: FIELD_NAMES.secretStore,
		name: 'secretStore',
		type: 'options',
		options: [
			{
				name: 'AWS Secrets Manager',
				value: 'awsSecretsManager',
				description: 'One secret per connection in your AWS account',
			},
			{
				name: 'Local Vault',
				value: 'localVault',
				description: 'Encrypted files beside n8n’s own data: for a single host without AWS',
			},
		],
		default: 'awsSecretsManager',
		description:
			'Where client secret and tokens are kept. N8n’s database only keeps a pointer to them.',
	},
	{
		displayName: FIELD_NAMES.awsRegion,
		name: 'awsRegion',
		type: 'string',
		required: true,
		default: 'us-east-1',
		placeholder: 'eu-central-1',
		displayOptions: { show: aws },
		description: 'The region the secret is kept in',
	},
	{
		displayName: FIELD_NAMES.awsCredentials,
		name: 'awsCredentials',
		type: 'options',
		options: [
			{
				name: 'Access Key',
				value: 'accessKey',
				description: 'An access key of an IAM user, entered here',
			},
			{
				name: 'Assume Role',
				value: 'assumeRole',
				description: 'An IAM role, assumed with the access key or as the host',
			},
			{
				name: 'Host Identity',
				value: 'default',
				description:
					'The identity of the machine n8n runs on. Only if the instance allows it: N8N_AWS_SYSTEM_CREDENTIALS_ACCESS_ENABLED=true.',
			},
		],
		default: 'accessKey',
		displayOptions: { show: aws },
		description: 'How AWS knows who reads and writes the secret',
	},
	{
		displayName: FIELD_NAMES.awsRoleArn,
		name: 'awsRoleArn',
		type: 'string',
		required: true,
		default: '',
		placeholder: 'arn:aws:iam::123456789012:role/n8n-secrets',
		displayOptions: { show: { ...aws, awsCredentials: ['assumeRole'] } },
		description: 'The role that may read and write the secret',
	},
	{
		displayName: FIELD_NAMES.awsExternalId,
		name: 'awsExternalId',
		type: 'string',
		default: '',
		displayOptions: { show: { ...aws, awsCredentials: ['assumeRole'] } },
		description: 'Optional. The external ID the role’s trust policy asks for.',
	},
	{
		displayName: FIELD_NAMES.awsAccessKeyId,
		name: 'awsAccessKeyId',
		type: 'string',
		default: '',
		displayOptions: { show: { ...aws, awsCredentials: ['accessKey', 'assumeRole'] } },
		description:
			'With Assume Role it can be left empty: then the host’s own identity assumes the role',
	},
	{
		displayName: FIELD_NAMES.awsSecretAccessKey,
		name: 'awsSecretAccessKey',
		type: 'string',
		typeOptions: { password: true },
		default: '',
		displayOptions: { show: { ...aws, awsCredentials: ['accessKey', 'assumeRole'] } },
		description:
			'The key to the store itself. It is kept in n8n’s database, encrypted, since it opens the store.',
	},
	{
		displayName: FIELD_NAMES.awsSessionToken,
		name: 'awsSessionToken',
		type: 'string',
		typeOptions: { password: true },
		default: '',
		displayOptions: { show: { ...aws, awsCredentials: ['accessKey', 'assumeRole'] } },
		description: 'Optional. Only for temporary access keys.',
	},
	{
		displayName: FIELD_NAMES.awsEndpoint,
		name: 'awsEndpoint',
		type: 'string',
		default: '',
		placeholder: 'https://vpce-0123-abcd.secretsmanager.eu-central-1.vpce.amazonaws.com',
		displayOptions: { show: aws },
		description: 'Optional. For VPC endpoints and emulators.',
	},
	{
		displayName: FIELD_NAMES.secretName,
		name: 'secretName',
		type: 'string',
		default: '',
		placeholder: 'n8n/vaulted-oauth2/salesforce-production',
		displayOptions: { show: aws },
		description:
			'Optional. The name of the secret that is created; made from tenant and label if empty. A secret that exists already is never overwritten.',
	},
];

/** The secrets themselves, all write-only. */
const secrets: INodeProperties[] = [
	{
		displayName: FIELD_NAMES.clientSecretSource,
		name: 'clientSecretSource',
		type: 'options',
		options: [
			{
				name: 'Entered Here',
				value: 'enter',
				description: 'Moved to the secret store when you save',
			},
			{
				name: 'Already in AWS Secrets Manager',
				value: 'reference',
				description: 'Read from a secret that somebody else keeps, anew for every token',
			},
		],
		default: 'enter',
		displayOptions: { hide: { clientAuthentication: ['none'] } },
		description:
			'Where the client secret comes from. A reference needs AWS Secrets Manager as Secret Store.',
	},
	{
		displayName: FIELD_NAMES.clientSecret,
		name: 'clientSecret',
		type: 'string',
		typeOptions: { password: true },
		default: '',
		displayOptions: {
			show: { clientSecretSource: ['enter'] },
			hide: { clientAuthentication: ['none'] },
		},
		description:
			'What the provider calls client secret. It is moved to the secret store when you save, and is blank here afterwards: leave it blank to keep what is stored, type to replace it.',
	},
	{
		displayName: FIELD_NAMES.clientSecretReference,
		name: 'clientSecretReference',
		type: 'string',
		required: true,
		default: '',
		placeholder: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:crm-client-AbCdEf',
		displayOptions: {
			show: { ...aws, clientSecretSource: ['reference'] },
			hide: { clientAuthentication: ['none'] },
		},
		description: 'The secret that holds the client secret',
	},
	{
		displayName: FIELD_NAMES.clientSecretJsonKey,
		name: 'clientSecretJsonKey',
		type: 'string',
		default: '',
		placeholder: 'client_secret',
		displayOptions: {
			show: { ...aws, clientSecretSource: ['reference'] },
			hide: { clientAuthentication: ['none'] },
		},
		description: 'If the secret is a JSON object: the key under which the client secret is',
	},
	{
		displayName: FIELD_NAMES.refreshToken,
		name: 'refreshToken',
		type: 'string',
		typeOptions: { password: true },
		default: '',
		displayOptions: { show: { grantType: ['refreshToken'] } },
		description:
			'It is moved to the secret store when you save, and is blank here afterwards: leave it blank to keep what is stored, type to replace it',
	},
];

/** What the token is for, and when it is replaced. */
const use: INodeProperties[] = [
	{
		displayName: FIELD_NAMES.scope,
		name: 'scope',
		type: 'string',
		default: '',
		placeholder: 'contacts.read contacts.write',
		description: 'Optional. What the token may be used for: scope names separated by spaces.',
	},
	{
		displayName: FIELD_NAMES.tokenParameters,
		name: 'tokenParameters',
		type: 'json',
		default: '{}',
		placeholder: '{"audience": "https://api.example.com"}',
		description:
			'Optional. Further parameters of the token request that the provider asks for, such as audience or resource.',
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
];

/** The pointer to the sealed secrets. n8n's "expirable" property: empty means that preAuthentication is called before the first use. */
const pointer: INodeProperties = {
	displayName: FIELD_NAMES.secretRef,
	name: 'secretRef',
	type: 'hidden',
	// Redacted by n8n like a password: whoever holds the pointer can use the bundle.
	typeOptions: { expirable: true, password: true },
	default: '',
};

/** The form, from the provider to the pointer. */
export const properties: INodeProperties[] = [...provider, ...store, ...secrets, ...use, pointer];
