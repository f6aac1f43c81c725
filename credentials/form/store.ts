import type { INodeProperties } from 'n8n-workflow';

import { FIELD_NAMES } from '../../src';
import { aws } from './shown';

/** Where the secrets are kept. */
export const store: INodeProperties[] = [
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
		displayName: FIELD_NAMES.awsSessionName,
		name: 'awsSessionName',
		type: 'string',
		default: '',
		placeholder: 'n8n-vaulted-oauth2-{tenantId}',
		displayOptions: { show: { ...aws, awsCredentials: ['assumeRole'] } },
		description:
			'Optional. How AWS CloudTrail names the session; n8n-vaulted-oauth2 if empty. {tenantId} is replaced by the Tenant ID.',
	},
	{
		displayName: FIELD_NAMES.awsSourceIdentity,
		name: 'awsSourceIdentity',
		type: 'string',
		default: '',
		displayOptions: { show: { ...aws, awsCredentials: ['assumeRole'] } },
		description:
			'Optional. Shown by AWS CloudTrail for everything the session does. The role’s trust policy has to allow sts:SetSourceIdentity.',
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
	{
		displayName: FIELD_NAMES.awsKmsKeyId,
		name: 'awsKmsKeyId',
		type: 'string',
		default: '',
		placeholder: 'alias/n8n-secrets',
		displayOptions: { show: aws },
		description:
			'Optional. ID, ARN or alias of the KMS key that a secret is created with; AWS’s own key for Secrets Manager if empty. It is not changed afterwards.',
	},
	{
		displayName: FIELD_NAMES.awsTags,
		name: 'awsTags',
		type: 'string',
		default: '',
		placeholder: 'team=crm, cost-center=42',
		displayOptions: { show: aws },
		description:
			'Optional. Tags that a secret is created with: pairs separated by commas, or a JSON object. They are not changed afterwards.',
	},
];
