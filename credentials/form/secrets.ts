import type { INodeProperties } from 'n8n-workflow';

import { FIELD_NAMES } from '../../src';
import { aws, byCode } from './shown';

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
	{
		displayName: FIELD_NAMES.authorizationResponse,
		name: 'authorizationResponse',
		type: 'string',
		typeOptions: { password: true },
		default: '',
		displayOptions: { show: byCode },
		description:
			'Only if the browser cannot reach the trigger: after the consent, paste the whole address the browser ended at, and save. It is used once, and is blank here afterwards.',
	},
];
