import type { INodeProperties } from 'n8n-workflow';

import { FIELD_NAMES } from '../../src';

const byBody = { tokenExpiredRule: ['body'] };

/** How the API says that a token has expired. */
export const expiry: INodeProperties[] = [
	{
		displayName: FIELD_NAMES.tokenExpiredStatusCodes,
		name: 'tokenExpiredStatusCodes',
		type: 'string',
		default: '401',
		placeholder: 'e.g. 401, 403',
		description:
			'Status codes by which the API says that the token has expired, separated by commas: the token is then replaced and the request sent again. A 403 for a missing scope (insufficient_scope) is never taken for it.',
	},
	{
		displayName: FIELD_NAMES.tokenExpiredRule,
		name: 'tokenExpiredRule',
		type: 'options',
		options: [
			{ name: 'None', value: 'none', description: 'The status codes alone' },
			{
				name: 'Invalid_token in WWW-Authenticate',
				value: 'challenge',
				description: 'Any error status with that error in the header',
			},
			{
				name: 'Value in the Response',
				value: 'body',
				description: 'Any status, 200 as well, with that value in the body',
			},
		],
		default: 'none',
		description:
			'What else says that the token has expired. Requests of the HTTP Request node are only sent again after an error status.',
	},
	{
		displayName: FIELD_NAMES.tokenExpiredPath,
		name: 'tokenExpiredPath',
		type: 'string',
		default: '',
		placeholder: 'e.g. error.code',
		displayOptions: { show: byBody },
		description:
			'The way to the value in the JSON of the response, such as error.code or errors[0].code; the whole text if empty. The first 64 KiB of JSON and text are looked at.',
	},
	{
		displayName: FIELD_NAMES.tokenExpiredComparison,
		name: 'tokenExpiredComparison',
		type: 'options',
		options: [
			{ name: 'Contains', value: 'contains' },
			{ name: 'Equals', value: 'equals' },
		],
		default: 'equals',
		displayOptions: { show: byBody },
		description: 'How the value is compared, upper and lower case as they are',
	},
	{
		displayName: FIELD_NAMES.tokenExpiredValue,
		name: 'tokenExpiredValue',
		type: 'string',
		required: true,
		default: '',
		placeholder: 'e.g. INVALID_SESSION_ID',
		displayOptions: { show: byBody },
		description: 'The value that means that the token has expired',
	},
];
