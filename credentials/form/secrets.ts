import type { INodeProperties } from 'n8n-workflow';

import { FIELD_NAMES } from '../../src';
import { aws, byCode, byKey } from './shown';

/** The secrets themselves, all write-only. */
export const secrets: INodeProperties[] = [
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
				description:
					'Read from a secret in AWS for every token; its tag says which hosts it may be sent to',
			},
		],
		default: 'enter',
		displayOptions: { hide: { clientAuthentication: ['none'] } },
		description:
			'Where the client secret, or the private key in its place, comes from. A reference needs AWS Secrets Manager as Secret Store.',
	},
	{
		displayName: FIELD_NAMES.clientSecret,
		name: 'clientSecret',
		type: 'string',
		typeOptions: { password: true },
		default: '',
		displayOptions: {
			show: { clientSecretSource: ['enter'] },
			hide: { clientAuthentication: [...byKey, 'none'] },
		},
		description:
			'What the provider calls client secret. It is moved to the secret store when you save, and is blank here afterwards: leave it blank to keep what is stored, type to replace it.',
	},
	{
		displayName: FIELD_NAMES.privateKey,
		name: 'privateKey',
		type: 'string',
		typeOptions: { password: true, rows: 4 },
		default: '',
		displayOptions: {
			show: { clientSecretSource: ['enter'], clientAuthentication: byKey },
		},
		description:
			'PEM without a passphrase, or a JWK. A certificate is pasted below the key, as PEM too. It is moved to the secret store when you save, and is blank here afterwards: leave it blank to keep what is stored, paste to replace it.',
	},
	{
		displayName: FIELD_NAMES.keyId,
		name: 'keyId',
		type: 'string',
		default: '',
		displayOptions: { show: { clientAuthentication: ['privateKeyJwt'] } },
		description:
			'Optional. What the provider calls key ID or kid. Left empty, that of a JWK is sent.',
	},
	{
		displayName: FIELD_NAMES.signingAlgorithm,
		name: 'signingAlgorithm',
		type: 'options',
		options: ['automatic', 'EdDSA', 'ES256', 'ES384', 'ES512', 'PS256', 'RS256'].map((value) => ({
			name: value === 'automatic' ? 'Automatic' : value,
			value,
		})),
		default: 'automatic',
		displayOptions: { show: { clientAuthentication: ['privateKeyJwt'] } },
		description: 'Automatic takes the one that fits the key and that the provider offers',
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
		description: 'The secret that holds the client secret or the private key',
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
		description:
			'If the secret is a JSON object: the key under which the client secret or private key is',
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
	{
		displayName: FIELD_NAMES.authorizationResponse,
		name: 'authorizationResponse',
		type: 'string',
		typeOptions: { password: true },
		default: '',
		displayOptions: { show: byCode },
		description:
			'Only if the browser cannot reach the trigger: after the consent, paste the whole address the browser ended at (with Response Mode Form Post: the form data of its last request), and save. It is used once, and is blank here afterwards.',
	},
];
