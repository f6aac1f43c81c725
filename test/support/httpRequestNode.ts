import {
	NodeApiError,
	NodeConnectionTypes,
	type IExecuteFunctions,
	type IHttpRequestMethods,
	type INodeExecutionData,
	type INodeType,
	type JsonObject,
} from 'n8n-workflow';

/** n8n lets the node of this name use every credential type. */
export const HTTP_REQUEST = 'n8n-nodes-base.httpRequest';

/**
 * Stands in for n8n's HTTP Request node with a predefined credential type: calls the request helpers the way it does, all items at
 * once, full response, redirects followed. Parameters: `method`, `url`, `body`, `nodeCredentialType`; `modern` takes the newer helper that
 * other nodes use.
 */
export class HttpRequestNode implements INodeType {
	description = {
		name: 'httpRequest',
		displayName: 'HTTP Request',
		group: ['output' as const],
		version: 4.2,
		description: '',
		defaults: {},
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main],
		properties: [],
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		const requests = this.getInputData().map(async (_item, index) => await send(this, index));
		const results = await Promise.allSettled(requests);
		return [
			results.map((result, item) => {
				if (result.status === 'fulfilled') return { json: result.value, pairedItem: { item } };
				if (!this.continueOnFail()) {
					throw new NodeApiError(this.getNode(), result.reason as JsonObject, { itemIndex: item });
				}
				return { json: { error: (result.reason as Error).message }, pairedItem: { item } };
			}),
		];
	}
}

async function send(node: IExecuteFunctions, index: number): Promise<INodeExecutionData['json']> {
	const type = node.getNodeParameter('nodeCredentialType', index) as string;
	const url = node.getNodeParameter('url', index) as string;
	const method = node.getNodeParameter('method', index, 'GET') as IHttpRequestMethods;
	const body = node.getNodeParameter('body', index, undefined) as object | undefined;
	const { helpers } = node;
	if (node.getNodeParameter('modern', index, false) === true) {
		const options = { method, url, ...(body === undefined ? {} : { body }), returnFullResponse: true, json: true };
		return (await helpers.httpRequestWithAuthentication.call(node, type, options)) as INodeExecutionData['json'];
	}
	const options = {
		headers: {},
		method,
		uri: url,
		gzip: true,
		rejectUnauthorized: true,
		followRedirect: true,
		followAllRedirects: true,
		resolveWithFullResponse: true,
		sendCredentialsOnCrossOriginRedirect: true,
		timeout: 300_000,
		json: true,
		...(body === undefined ? {} : { body }),
	};
	// The HTTP Request node goes this older way, and it is the older way that sends again after every failure.
	// eslint-disable-next-line @typescript-eslint/no-deprecated
	const answer = (await helpers.requestWithAuthentication.call(node, type, options, undefined, index)) as INodeExecutionData['json'];
	delete answer['request'];
	return answer;
}
