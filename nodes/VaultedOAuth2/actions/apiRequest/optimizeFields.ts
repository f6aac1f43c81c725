import type { IDisplayOptions, INodeProperties } from 'n8n-workflow';

type Show = Record<string, (string | boolean)[]>;

/** Shown if the node is a tool and its responses are optimized. */
const shown = (show: Show = {}): IDisplayOptions => ({
	show: { '@tool': [true], optimizeResponse: [true], ...show },
});

const json: INodeProperties[] = [
	{
		displayName: 'Field Containing Data',
		name: 'dataField',
		type: 'string',
		default: '',
		placeholder: 'e.g. records',
		description: 'Name of the field in the response that contains the data. Supports dot notation.',
		hint: 'Leave blank to use the whole response',
		displayOptions: shown({ responseType: ['json'] }),
	},
	{
		displayName: 'Include Fields',
		name: 'fieldsToInclude',
		type: 'options',
		options: [
			{ name: 'All', value: 'all', description: 'Include all fields' },
			{ name: 'Selected', value: 'selected', description: 'Include only fields specified below' },
			{ name: 'Except', value: 'except', description: 'Exclude fields specified below' },
		],
		default: 'all',
		description: 'Which fields each object of the response should include',
		displayOptions: shown({ responseType: ['json'] }),
	},
	{
		displayName: 'Fields',
		name: 'fields',
		type: 'string',
		default: '',
		placeholder: 'e.g. field1,field2',
		description: 'Comma-separated list of the field names. Supports dot notation.',
		displayOptions: shown({ responseType: ['json'], fieldsToInclude: ['selected', 'except'] }),
	},
];

const html: INodeProperties[] = [
	{
		displayName: 'Selector (CSS)',
		name: 'cssSelector',
		type: 'string',
		default: 'body',
		placeholder: 'e.g. article, .note, #first',
		description: 'Elements of the response to return: by name, class or ID',
		displayOptions: shown({ responseType: ['html'] }),
	},
	{
		displayName: 'Return Only Content',
		name: 'onlyContent',
		type: 'boolean',
		default: false,
		description: 'Whether to return only the text of the elements, without tags and attributes',
		hint: 'Uses less tokens and may be easier for model to understand',
		displayOptions: shown({ responseType: ['html'] }),
	},
	{
		displayName: 'Elements To Omit',
		name: 'elementsToOmit',
		type: 'string',
		default: '',
		placeholder: 'e.g. img, .className, #ItemId',
		description: 'Comma-separated list of elements to leave out, by name, class or ID',
		displayOptions: shown({ responseType: ['html'], onlyContent: [true] }),
	},
];

/** What makes an answer smaller for a language model, named as in n8n's HTTP Request node; shown for tools only. */
export const optimizeFields: INodeProperties[] = [
	{
		displayName: 'Optimize Response',
		name: 'optimizeResponse',
		type: 'boolean',
		default: false,
		noDataExpression: true,
		description:
			'Whether to reduce the amount of data passed to the model, which could lead to better results and lower cost',
		displayOptions: { show: { '@tool': [true] } },
	},
	{
		displayName: 'Expected Response Type',
		name: 'responseType',
		type: 'options',
		options: [
			{ name: 'HTML', value: 'html' },
			{ name: 'JSON', value: 'json' },
			{ name: 'Text', value: 'text' },
		],
		default: 'json',
		displayOptions: shown(),
	},
	...json,
	...html,
	{
		displayName: 'Truncate Response',
		name: 'truncateResponse',
		type: 'boolean',
		default: false,
		description: 'Whether to cut a longer response',
		hint: 'Helps save tokens',
		displayOptions: shown(),
	},
	{
		displayName: 'Max Response Characters',
		name: 'maxLength',
		type: 'number',
		default: 1000,
		typeOptions: { minValue: 1 },
		description: 'Of a list in JSON, as many whole items are returned as fit',
		displayOptions: shown({ truncateResponse: [true] }),
	},
];
