import type { INodeProperties } from 'n8n-workflow';

import { FIELDS_BELOW, JSON_TEXT, keyValues } from './keyValues';

const INPUT_FILE = 'The name of the incoming field containing the binary file data to be sent';

/** The fields of a body, named as in n8n’s HTTP Request node. */
export const bodyFields: INodeProperties[] = [
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
			{ name: 'Binary File', value: 'binaryData' },
			{ name: 'Form URL Encoded', value: 'form-urlencoded' },
			{ name: 'Form-Data', value: 'multipart-form-data' },
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
		displayName: 'Body',
		name: 'bodyParameters',
		type: 'fixedCollection',
		displayOptions: { show: { sendBody: [true], contentType: ['multipart-form-data'] } },
		typeOptions: {
			multipleValues: true,
			fixedCollection: { itemTitle: '={{ $collection.item.value.name }}' },
		},
		placeholder: 'Add Body Field',
		default: { parameters: [{ name: '', value: '' }] },
		options: [
			{
				name: 'parameters',
				displayName: 'Body Field',
				values: [
					{
						displayName: 'Type',
						name: 'parameterType',
						type: 'options',
						options: [
							{ name: 'Binary File', value: 'formBinaryData' },
							{ name: 'Form Data', value: 'formData' },
						],
						default: 'formData',
					},
					{ displayName: 'Name', name: 'name', type: 'string', default: '' },
					{
						displayName: 'Value',
						name: 'value',
						type: 'string',
						displayOptions: { show: { parameterType: ['formData'] } },
						default: '',
					},
					{
						displayName: 'Input Data Field Name',
						name: 'inputDataFieldName',
						type: 'string',
						displayOptions: { show: { parameterType: ['formBinaryData'] } },
						default: '',
						placeholder: 'e.g. data',
						description: INPUT_FILE,
					},
				],
			},
		],
	},
	{
		displayName: 'Input Data Field Name',
		name: 'inputDataFieldName',
		type: 'string',
		displayOptions: { show: { sendBody: [true], contentType: ['binaryData'] } },
		default: '',
		placeholder: 'e.g. data',
		description: INPUT_FILE,
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
