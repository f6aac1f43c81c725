import type {
	IDataObject,
	IExecuteFunctions,
	INodeExecutionData,
	INodeType,
	PaginationOptions,
} from 'n8n-workflow';

/** What the older helpers take. */
type Options = Parameters<IExecuteFunctions['helpers']['requestWithAuthenticationPaginated']>[0];

interface Answer {
	body: Parameters<IExecuteFunctions['helpers']['binaryToBuffer']>[0];
	statusCode: number;
}

/** Several requests, each decided by the answer to the one before. */
async function pages(
	node: IExecuteFunctions,
	options: Options,
	pagination: PaginationOptions,
): Promise<IDataObject> {
	const answers = (await node.helpers.requestWithAuthenticationPaginated.call(
		node,
		options,
		0,
		pagination,
		'vaultedOAuth2Api',
	)) as object[];
	node.getContext('node')['response'] = answers[0] as IDataObject;
	return { pages: answers.length };
}

/** One request, whose answer is kept where n8n's node keeps it for the editor, with a stream still to be read. */
async function full(node: IExecuteFunctions, options: Options): Promise<IDataObject> {
	// eslint-disable-next-line @typescript-eslint/no-deprecated -- n8n's HTTP Request node uses it
	const answer = (await node.helpers.requestWithAuthentication.call(
		node,
		'vaultedOAuth2Api',
		{ ...options, resolveWithFullResponse: true },
		undefined,
		0,
	)) as Answer;
	node.getContext('node')['response'] = answer;
	const { body, statusCode } = answer;
	if (options.useStream !== true) return { body: body as unknown as IDataObject, statusCode };
	const file = await node.helpers.prepareBinaryData(body);
	return { fileName: file.fileName ?? '', data: file.data, mimeType: file.mimeType, statusCode };
}

/**
 * A node that sends one request per item with a predefined credential, by the same helpers as n8n's HTTP Request node
 * (`requestWithAuthentication`, with `pagination` `requestWithAuthenticationPaginated`), or with `modern` by `httpRequestWithAuthentication`.
 */
export const requestNode: INodeType = {
	description: {
		displayName: 'Request',
		name: 'request',
		group: ['input'],
		version: 1,
		description: 'Sends a request',
		defaults: { name: 'Request' },
		inputs: ['main'],
		outputs: ['main'],
		credentials: [{ name: 'vaultedOAuth2Api', required: true }],
		properties: [
			{ displayName: 'Method', name: 'method', type: 'string', default: 'GET' },
			{ displayName: 'URL', name: 'url', type: 'string', default: '' },
			{ displayName: 'Modern', name: 'modern', type: 'boolean', default: false },
			// What the request helper gets besides, such as `proxy`.
			{ displayName: 'Options', name: 'options', type: 'json', default: '{}' },
			{ displayName: 'Pagination', name: 'pagination', type: 'json', default: '' },
		],
	},
	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		const results: INodeExecutionData[] = [];
		for (let item = 0; item < this.getInputData().length; item += 1) {
			const method = this.getNodeParameter('method', item) as 'GET' | 'POST';
			const url = this.getNodeParameter('url', item) as string;
			const parameter = (name: string): unknown => {
				const value = this.getNodeParameter(name, item);
				return typeof value === 'string' ? JSON.parse(value) : value;
			};
			const options = parameter('options') as IDataObject;
			const body = method === 'POST' ? { body: { created: true } } : {};
			const legacy: Options = {
				...{ method, uri: url, json: true, gzip: true, headers: { 'x-mine': '1' } },
				...body,
				...options,
			};
			try {
				const json: unknown = (this.getNodeParameter('modern', item) as boolean)
					? await this.helpers.httpRequestWithAuthentication.call(this, 'vaultedOAuth2Api', {
							...{ method, url },
							...body,
							...options,
						})
					: this.getNodeParameter('pagination', item) !== ''
						? await pages(this, legacy, parameter('pagination') as PaginationOptions)
						: options['useStream'] === true || options['simple'] === false
							? await full(this, legacy)
							: // eslint-disable-next-line @typescript-eslint/no-deprecated -- n8n's HTTP Request node uses it
								await this.helpers.requestWithAuthentication.call(
									this,
									'vaultedOAuth2Api',
									legacy,
									undefined,
									item,
								);
				results.push({ json: json as IDataObject, pairedItem: { item } });
			} catch (error) {
				if (!this.continueOnFail()) throw error;
				results.push({ json: { error: error as IDataObject }, pairedItem: { item } });
			}
		}
		return [results];
	},
};
