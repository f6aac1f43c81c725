import type { INodeProperties } from 'n8n-workflow';

import { FIELD_NAMES } from '../../src';

/** What requests to the API carry. */
export const placement: INodeProperties[] = [
	{
		displayName: FIELD_NAMES.tokenPlacement,
		name: 'tokenPlacement',
		type: 'options',
		options: [
			{ name: 'Cookie', value: 'cookie' },
			{ name: 'Header', value: 'header', description: 'As the standard wants it' },
			{
				name: 'Query Parameter',
				value: 'query',
				description:
					'Addresses end up in logs, and the token with them: only if the API takes it in no other way',
			},
		],
		default: 'header',
		description: 'Where requests to the API carry the access token',
	},
	{
		displayName: FIELD_NAMES.tokenHeader,
		name: 'tokenHeader',
		type: 'string',
		default: 'Authorization',
		placeholder: 'e.g. X-Auth-Token',
		displayOptions: { show: { tokenPlacement: ['header'] } },
		description: 'The name of the header that carries the access token',
	},
	{
		displayName: FIELD_NAMES.tokenPrefix,
		name: 'tokenPrefix',
		type: 'string',
		default: 'Bearer',
		displayOptions: { show: { tokenPlacement: ['header'] } },
		description: 'What stands before the access token in the header. Can be left empty.',
	},
	{
		displayName: FIELD_NAMES.tokenQueryParameter,
		name: 'tokenQueryParameter',
		type: 'string',
		default: 'access_token',
		displayOptions: { show: { tokenPlacement: ['query'] } },
		description: 'The name of the query parameter that carries the access token',
	},
	{
		displayName: FIELD_NAMES.tokenCookie,
		name: 'tokenCookie',
		type: 'string',
		default: 'access_token',
		displayOptions: { show: { tokenPlacement: ['cookie'] } },
		description: 'The name of the cookie that carries the access token',
	},
	{
		displayName: FIELD_NAMES.sendApiHeaders,
		name: 'sendApiHeaders',
		type: 'boolean',
		default: false,
		description:
			'Whether every request to the API carries headers of this connection, such as an API key that is wanted beside the token',
	},
	{
		displayName: FIELD_NAMES.apiHeaders,
		name: 'apiHeaders',
		type: 'string',
		typeOptions: { password: true, rows: 4 },
		default: '',
		placeholder: 'e.g. X-API-Key: 0123456789',
		displayOptions: { show: { sendApiHeaders: [true] } },
		description:
			'Lines such as X-API-Key: 0123456789, or a JSON object. They are sent where the access token is sent. They are moved to the secret store when you save, and are blank here afterwards: leave it blank to keep what is stored, type to replace all of them.',
	},
];
