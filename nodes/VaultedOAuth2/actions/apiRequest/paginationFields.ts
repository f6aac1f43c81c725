import type { INodeProperties } from 'n8n-workflow';

const PARAMETERS_MODE = 'updateAParameterInEachRequest';
const hasPages = { hide: { paginationMode: ['off'] } };

const parameters: INodeProperties = {
	displayName: 'Parameters',
	name: 'parameters',
	type: 'fixedCollection',
	displayOptions: { show: { paginationMode: [PARAMETERS_MODE] } },
	typeOptions: {
		multipleValues: true,
		fixedCollection: { itemTitle: '={{ $collection.item.value.name }}' },
	},
	placeholder: 'Add Parameter',
	default: { parameters: [{ type: 'qs', name: '', value: '' }] },
	options: [
		{
			name: 'parameters',
			displayName: 'Parameter',
			values: [
				{
					displayName: 'Type',
					name: 'type',
					type: 'options',
					options: [
						{ name: 'Body', value: 'body' },
						{ name: 'Header', value: 'headers' },
						{ name: 'Query', value: 'qs' },
					],
					default: 'qs',
					description: 'Where the parameter should be set',
				},
				{
					displayName: 'Name',
					name: 'name',
					type: 'string',
					default: '',
					placeholder: 'e.g. page',
				},
				{
					displayName: 'Value',
					name: 'value',
					type: 'string',
					default: '',
					placeholder: 'e.g. {{ $pageCount + 1 }}',
					description:
						'Expression that uses $pageCount or $response. If all values are empty after the first page, there are no more pages.',
				},
			],
		},
	],
};

const complete: INodeProperties[] = [
	{
		displayName: 'Pagination Complete When',
		name: 'paginationCompleteWhen',
		type: 'options',
		displayOptions: hasPages,
		options: [
			{
				name: 'Other',
				value: 'other',
				description: 'When an expression is true',
			},
			{
				name: 'Receive Specific Status Code(s)',
				value: 'receiveSpecificStatusCodes',
				description: 'When the API answers with one of these status codes',
			},
			{
				name: 'Response Is Empty',
				value: 'responseIsEmpty',
				description:
					'When there is nothing in the response, or in its field that Response > Field Containing Data names',
			},
		],
		default: 'responseIsEmpty',
		description: 'When should no further requests be made?',
	},
	{
		displayName: 'Status Code(s) When Complete',
		name: 'statusCodesWhenComplete',
		type: 'string',
		displayOptions: { show: { paginationCompleteWhen: ['receiveSpecificStatusCodes'] } },
		default: '',
		placeholder: 'e.g. 404',
		description: 'Accepts comma-separated values',
	},
	{
		displayName: 'Complete Expression',
		name: 'completeExpression',
		type: 'string',
		displayOptions: { show: { paginationCompleteWhen: ['other'] } },
		default: '',
		placeholder: 'e.g. {{ !$response.body.has_more }}',
		description: 'Should evaluate to true when pagination is complete',
	},
];

const limits: INodeProperties[] = [
	{
		displayName: 'Limit Pages Fetched',
		name: 'limitPagesFetched',
		type: 'boolean',
		displayOptions: hasPages,
		default: false,
		noDataExpression: true,
		description: 'Whether the number of requests should be limited',
	},
	{
		displayName: 'Max Pages',
		name: 'maxRequests',
		type: 'number',
		typeOptions: { minValue: 1 },
		displayOptions: { show: { limitPagesFetched: [true] } },
		default: 100,
		description: 'Maximum amount of requests to make',
	},
	{
		displayName: 'Interval Between Requests (Ms)',
		name: 'requestInterval',
		type: 'number',
		typeOptions: { minValue: 0 },
		displayOptions: hasPages,
		default: 0,
		description: 'Time in milliseconds to wait between requests',
		hint: 'At 0 no delay will be added',
	},
];

/** The fields of pagination, named as in n8n's HTTP Request node. */
export const paginationFields: INodeProperties = {
	displayName: 'Pagination',
	name: 'pagination',
	placeholder: 'Add pagination',
	type: 'fixedCollection',
	typeOptions: { multipleValues: false },
	default: { pagination: {} },
	options: [
		{
			displayName: 'Pagination',
			name: 'pagination',
			values: [
				{
					displayName: 'Pagination Mode',
					name: 'paginationMode',
					type: 'options',
					options: [
						{ name: 'Off', value: 'off' },
						{
							name: 'Response Contains Link Header',
							value: 'responseContainsLinkHeader',
							description: 'The API names the next page in a Link header, as rel="next"',
						},
						{
							name: 'Response Contains Next URL',
							value: 'responseContainsNextURL',
							description: 'The API names the address of the next page',
						},
						{
							name: 'Update a Parameter in Each Request',
							value: PARAMETERS_MODE,
							description: 'For page numbers, offsets and cursors',
						},
					],
					default: PARAMETERS_MODE,
					description: 'If pagination should be used',
				},
				{
					displayName:
						'Use $response, $request and $pageCount in expressions. The editor cannot show their values here; they are there while the node runs.',
					name: 'variablesNotice',
					type: 'notice',
					displayOptions: hasPages,
					default: '',
				},
				{
					displayName: 'Next URL',
					name: 'nextURL',
					type: 'string',
					displayOptions: { show: { paginationMode: ['responseContainsNextURL'] } },
					default: '',
					placeholder: 'e.g. {{ $response.body.next }}',
					description:
						'Should evaluate to the URL of the next page, and to nothing on the last one. It has to belong to the API.',
				},
				parameters,
				...complete,
				...limits,
			],
		},
	],
};
