import type { INodeProperties } from 'n8n-workflow';

import { parameter, type Item } from '../operation';
import { batching, requestsAtOnce } from './limitOptions';
import { paginationFields } from './paginationFields';
import { retries } from './retryOptions';

/** How the answer is put out. */
export interface ResponseOptions {
	readonly fullResponse: boolean;
	/** Names of headers are spelled as the API did. */
	readonly headerNamesAsSent: boolean;
	readonly neverError: boolean;
	readonly responseFormat: 'autodetect' | 'file' | 'json' | 'text';
	/** Where text and files go, and values that are no object. */
	readonly outputPropertyName: string;
	/** Path of what is put out of a JSON answer; empty for all of it. */
	readonly dataField: string;
	/** True if an answer without it is an empty one. */
	readonly isDataOptional?: boolean;
	/** A list becomes one item per element. */
	readonly splitIntoItems: boolean;
}

/** As n8n keeps it: every part may be missing. */
export interface Options {
	queryParameterArrays?: 'brackets' | 'indices' | 'repeat';
	redirect?: { redirect?: { followRedirects?: boolean; maxRedirects?: number } };
	response?: { response?: Partial<ResponseOptions> };
	timeout?: number;
}

/** How long n8n's HTTP Request node waits where nothing is set. */
const DEFAULT_TIMEOUT_MS = 300_000;
const DEFAULT_MAX_REDIRECTS = 21;

/** Expressions of pagination are evaluated for each page, with its answer. */
function readStored(item: Item): Options {
	const { node, itemIndex } = item;
	const raw = node.getNodeParameter('options', itemIndex, {}, { rawExpressions: true }) as object;
	if (!Object.hasOwn(raw, 'pagination')) return parameter<Options>(item, 'options', {});
	const names = Object.keys(raw).filter((name) => name !== 'pagination');
	return Object.fromEntries(
		names.map((name) => [name, parameter<unknown>(item, `options.${name}`, undefined)]),
	);
}

/** The item's options, with the defaults of n8n's HTTP Request node. */
export function readOptions(item: Item): {
	queryArrays: 'brackets' | 'indices' | 'repeat';
	maxRedirects: number;
	timeoutMs: number;
	response: ResponseOptions;
} {
	const options = readStored(item);
	const { followRedirects = true, maxRedirects = DEFAULT_MAX_REDIRECTS } =
		options.redirect?.redirect ?? {};
	const response = options.response?.response ?? {};
	return {
		queryArrays: options.queryParameterArrays ?? 'indices',
		maxRedirects: followRedirects ? maxRedirects : 0,
		timeoutMs: options.timeout ?? DEFAULT_TIMEOUT_MS,
		response: {
			fullResponse: response.fullResponse ?? false,
			headerNamesAsSent: response.headerNamesAsSent ?? false,
			neverError: response.neverError ?? false,
			responseFormat: response.responseFormat ?? 'autodetect',
			outputPropertyName: response.outputPropertyName || 'data',
			dataField: (response.dataField ?? '').trim(),
			splitIntoItems: response.splitIntoItems ?? true,
		},
	};
}

const redirect: INodeProperties = {
	displayName: 'Redirects',
	name: 'redirect',
	placeholder: 'Add Redirect',
	type: 'fixedCollection',
	typeOptions: { multipleValues: false },
	default: { redirect: {} },
	options: [
		{
			displayName: 'Redirect',
			name: 'redirect',
			values: [
				{
					displayName: 'Follow Redirects',
					name: 'followRedirects',
					type: 'boolean',
					default: true,
					noDataExpression: true,
					description:
						'Whether to follow all redirects. Only addresses that belong to the API get the token; others get neither the token nor headers that may be confidential.',
				},
				{
					displayName: 'Max Redirects',
					name: 'maxRedirects',
					type: 'number',
					displayOptions: { show: { followRedirects: [true] } },
					default: DEFAULT_MAX_REDIRECTS,
					description: 'Max number of redirects to follow',
				},
			],
		},
	],
};

const response: INodeProperties = {
	displayName: 'Response',
	name: 'response',
	placeholder: 'Add response',
	type: 'fixedCollection',
	typeOptions: { multipleValues: false },
	default: { response: {} },
	options: [
		{
			displayName: 'Response',
			name: 'response',
			values: [
				{
					displayName: 'Field Containing Data',
					name: 'dataField',
					type: 'string',
					default: '',
					placeholder: 'e.g. data.items',
					description:
						'Name of the field in a JSON response to return. Supports dot notation. Leave blank to return the whole response.',
				},
				{
					displayName: 'Header Names as Sent',
					name: 'headerNamesAsSent',
					type: 'boolean',
					default: false,
					displayOptions: { show: { fullResponse: [true] } },
					description:
						'Whether to spell the names of response headers as the API does, instead of in lower case',
				},
				{
					displayName: 'Include Response Headers and Status',
					name: 'fullResponse',
					type: 'boolean',
					default: false,
					description:
						'Whether to return the full response (headers and response status code) data instead of only the body',
				},
				{
					displayName: 'Never Error',
					name: 'neverError',
					type: 'boolean',
					default: false,
					description: 'Whether to succeed also when the status code is not 2xx',
				},
				{
					displayName: 'Put Output in Field',
					name: 'outputPropertyName',
					type: 'string',
					default: 'data',
					required: true,
					description:
						'Name of the field the text goes to, or of the binary property the file goes to',
				},
				{
					displayName: 'Response Format',
					name: 'responseFormat',
					type: 'options',
					noDataExpression: true,
					options: [
						{
							name: 'Autodetect',
							value: 'autodetect',
						},
						{
							name: 'File',
							value: 'file',
						},
						{
							name: 'JSON',
							value: 'json',
						},
						{
							name: 'Text',
							value: 'text',
						},
					],
					default: 'autodetect',
					description: 'The format in which the data gets returned from the API',
				},
				{
					displayName: 'Split Into Items',
					name: 'splitIntoItems',
					type: 'boolean',
					default: true,
					description: 'Whether a list becomes one item per element, instead of one item for all',
				},
			],
		},
	],
};

/** The options of an API request, in the form of n8n's HTTP Request node. */
export const options: INodeProperties = {
	displayName: 'Options',
	name: 'options',
	type: 'collection',
	placeholder: 'Add option',
	default: {},
	options: [
		{
			displayName: 'Array Format in Query Parameters',
			name: 'queryParameterArrays',
			type: 'options',
			displayOptions: { show: { '/sendQuery': [true] } },
			options: [
				{
					name: 'Brackets Only',
					value: 'brackets',
					description: 'For example foo[]=bar&foo[]=qux',
				},
				{
					name: 'Brackets with Indices',
					value: 'indices',
					description: 'For example foo[0]=bar&foo[1]=qux',
				},
				{ name: 'No Brackets', value: 'repeat', description: 'For example foo=bar&foo=qux' },
			],
			default: 'brackets',
			description: 'How a parameter with several values is written',
		},
		batching,
		paginationFields,
		redirect,
		requestsAtOnce,
		response,
		retries,
		{
			displayName: 'Timeout',
			name: 'timeout',
			type: 'number',
			typeOptions: { minValue: 1 },
			default: 10000,
			description:
				'Time in ms to wait for the server to send response headers (and start the response body) before aborting the request',
		},
	],
};
