import type { INodeProperties } from 'n8n-workflow';

import { FIELD_NAMES } from '../../src';
import { byCode, byPerson } from './shown';

/** The provider: what to ask for, where, and as whom. */
export const provider: INodeProperties[] = [
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
				name: 'Authorization Code',
				value: 'authorizationCode',
				description: 'A person connects an account, by a link that saving gives you',
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
		displayName: FIELD_NAMES.authorizationUrl,
		name: 'authorizationUrl',
		type: 'string',
		default: '',
		placeholder: 'https://login.example.com/oauth2/authorize',
		displayOptions: { show: byCode },
		description:
			'The page on which a person signs in and consents, from the provider’s documentation. Can be left empty if Issuer URL is given. {tenantId} is replaced by Tenant ID.',
	},
	{
		displayName: FIELD_NAMES.revocationUrl,
		name: 'revocationUrl',
		type: 'string',
		default: '',
		placeholder: 'https://login.example.com/oauth2/revoke',
		displayOptions: { show: byPerson },
		description:
			'Optional. Where the access is ended when an account is disconnected or replaced (RFC 7009), if Issuer URL does not find it. {tenantId} is replaced by Tenant ID.',
	},
	{
		displayName: FIELD_NAMES.redirectUri,
		name: 'redirectUri',
		type: 'string',
		required: true,
		default: '',
		placeholder: 'https://n8n.example.com/webhook/…/callback',
		displayOptions: { show: byCode },
		description:
			'The production callback address that the node Vaulted OAuth2 Trigger shows. Register the same text at the provider.',
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
			{
				name: 'Private Key JWT',
				value: 'privateKeyJwt',
				description: 'Private_key_jwt: the client signs, and the provider knows its public key',
			},
			{
				name: 'Client Certificate (Mutual TLS)',
				value: 'tlsClientCertificate',
				description: 'Tls_client_auth and self_signed_tls_client_auth',
			},
			{ name: 'None', value: 'none', description: 'A public client: it has no secret' },
		],
		default: 'automatic',
		description: 'How the client proves who it is when it asks for a token',
	},
];
