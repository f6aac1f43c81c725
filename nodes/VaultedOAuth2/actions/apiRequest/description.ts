import type { INodeProperties } from 'n8n-workflow';

import { options } from './options';

/** What n8n's HTTP Request node can send, too. */
export const METHODS = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT'] as const;

/** Names and values, one under the other. */
function keyValues(
	names: { displayName: string; name: string; entry: string; placeholder: string },
	show: Record<string, (string | boolean)[]>,
): INodeProperties {
	return {
		displayName: names.displayName,
		name: names.name,
		type: 'fixedCollection',
		displayOptions: { show },
		typeOptions: { multipleValues: true },
		placeholder: names.placeholder,
		default: { parameters: [{ name: '', value: '' }] },
		options: [
			{
				name: 'parameters',
				displayName: names.entry,
				values: [
					{ displayName: 'Name', name: 'name', type: 'string', default: '' },
					{ displayName: 'Value', name: 'value', type: 'string', default: '' },
				],
			},
		],
	};
}

const FIELDS_BELOW = { name: 'Using Fields Below', value: 'keypair' };
const JSON_TEXT = { name: 'Using JSON', value: 'json' };

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

const body: INodeProperties[] = [
	{
		displayName: 'Send Body',
		name: 'sendBody',
		type: 'boolean',
		default: false,
		noDataExpression: true,
		description: 'Whether the request has a body or not',
	},
	{
		displayName: 'Body Content Type',
		name: 'contentType',
		type: 'options',
		displayOptions: { show: { sendBody: [true] } },
		options: [
			{ name: 'Form URL Encoded', value: 'form-urlencoded' },
			{ name: 'JSON', value: 'json' },
			{ name: 'Raw', value: 'raw' },
		],
		default: 'json',
		description: 'Content-Type to use to send body parameters',
	},
	{
		displayName: 'Specify Body',
		name: 'specifyBody',
		type: 'options',
		displayOptions: { show: { sendBody: [true], contentType: ['json'] } },
		options: [FIELDS_BELOW, JSON_TEXT],
		default: 'keypair',
		description: 'The body can be specified by single fields or as one JSON text',
	},
	keyValues(
		{
			displayName: 'Body Parameters',
			name: 'bodyParameters',
			entry: 'Body Field',
			placeholder: 'Add Body Field',
		},
		{ sendBody: [true], contentType: ['json'], specifyBody: ['keypair'] },
	),
	{
		displayName: 'JSON',
		name: 'jsonBody',
		type: 'json',
		displayOptions: { show: { sendBody: [true], contentType: ['json'], specifyBody: ['json'] } },
		default: '',
	},
	{
		displayName: 'Specify Body',
		name: 'specifyBody',
		type: 'options',
		displayOptions: { show: { sendBody: [true], contentType: ['form-urlencoded'] } },
		options: [
			{ name: 'Using Fields Below', value: 'keypair' },
			{ name: 'Using Single Field', value: 'string' },
		],
		default: 'keypair',
	},
	keyValues(
		{
			displayName: 'Body Fields',
			name: 'bodyParameters',
			entry: 'Field',
			placeholder: 'Add Field',
		},
		{ sendBody: [true], contentType: ['form-urlencoded'], specifyBody: ['keypair'] },
	),
	{
		displayName: 'Body',
		name: 'body',
		type: 'string',
		displayOptions: {
			show: { sendBody: [true], contentType: ['form-urlencoded'], specifyBody: ['string'] },
		},
		default: '',
		placeholder: 'field1=value1&field2=value2',
	},
	{
		displayName: 'Content Type',
		name: 'rawContentType',
		type: 'string',
		displayOptions: { show: { sendBody: [true], contentType: ['raw'] } },
		default: '',
		placeholder: 'text/html',
	},
	{
		displayName: 'Body',
		name: 'body',
		type: 'string',
		displayOptions: { show: { sendBody: [true], contentType: ['raw'] } },
		default: '',
	},
];

/** The fields of an API request, in the form of n8n's HTTP Request node, with a path in place of the URL. */
export const description: INodeProperties[] = [
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
		default: '',
		placeholder: '/contacts',
		description:
			'Path under the API Base URL of the credential, with or without a query. The token is sent to the API only.',
	},
	...query,
	...headers,
	...body,
	options,
];
