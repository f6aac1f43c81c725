import type { INodeProperties } from 'n8n-workflow';

import { bodyFields } from './bodyFields';
import { FIELDS_BELOW, JSON_TEXT, keyValues } from './keyValues';
import { optimizeFields } from './optimizeFields';
import { options } from './options';

/** What n8n's HTTP Request node can send, too. */
export const METHODS = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT'] as const;

const query: INodeProperties[] = [
	{
		displayName: 'Send Query Parameters',
		name: 'sendQuery',
		type: 'boolean',
		default: false,
		noDataExpression: true,
		description: 'Whether the request has query params or not',
	},
	{
		displayName: 'Specify Query Parameters',
		name: 'specifyQuery',
		type: 'options',
		displayOptions: { show: { sendQuery: [true] } },
		options: [FIELDS_BELOW, JSON_TEXT],
		default: 'keypair',
	},
	keyValues(
		{
			displayName: 'Query Parameters',
			name: 'queryParameters',
			entry: 'Query Parameter',
			placeholder: 'Add Query Parameter',
		},
		{ sendQuery: [true], specifyQuery: ['keypair'] },
	),
	{
		displayName: 'JSON',
		name: 'jsonQuery',
		type: 'json',
		displayOptions: { show: { sendQuery: [true], specifyQuery: ['json'] } },
		default: '',
	},
];

const headers: INodeProperties[] = [
	{
		displayName: 'Send Headers',
		name: 'sendHeaders',
		type: 'boolean',
		default: false,
		noDataExpression: true,
		description:
			'Whether the request has headers or not. Authorization is always set from the credential.',
	},
	{
		displayName: 'Specify Headers',
		name: 'specifyHeaders',
		type: 'options',
		displayOptions: { show: { sendHeaders: [true] } },
		options: [FIELDS_BELOW, JSON_TEXT],
		default: 'keypair',
	},
	keyValues(
		{
			displayName: 'Headers',
			name: 'headerParameters',
			entry: 'Header',
			placeholder: 'Add Header',
		},
		{ sendHeaders: [true], specifyHeaders: ['keypair'] },
	),
	{
		displayName: 'JSON',
		name: 'jsonHeaders',
		type: 'json',
		displayOptions: { show: { sendHeaders: [true], specifyHeaders: ['json'] } },
		default: '',
	},
];

/** The fields of an API request, in the form of n8n's HTTP Request node, with a path in place of the URL. */
export const description: INodeProperties[] = [
	{
		// n8n's own button and paste box, which fill the fields of the HTTP Request node.
		displayName: '',
		name: 'curlImport',
		type: 'curlImport',
		default: '',
	},
	{
		displayName: 'Method',
		name: 'method',
		type: 'options',
		options: METHODS.map((method) => ({ name: method, value: method })),
		default: 'GET',
		description: 'The request method to use',
	},
	{
		displayName: 'Path',
		name: 'path',
		type: 'string',
		displayOptions: { hide: { '/url': [{ _cnd: { exists: true } }] } },
		default: '',
		placeholder: '/contacts',
		description:
			'Path under the API Base URL of the credential, with or without a query. The token is sent to the API only.',
	},
	{
		displayName: 'URL',
		name: 'url',
		type: 'string',
		displayOptions: { show: { '/url': [{ _cnd: { exists: true } }] } },
		default: '',
		description:
			'Address under the API Base URL of the credential, as Import cURL fills it in. Clear it to enter a path.',
	},
	...query,
	...headers,
	...bodyFields,
	options,
	...optimizeFields,
];
