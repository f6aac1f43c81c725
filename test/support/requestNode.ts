import type { IDataObject, IExecuteFunctions, INodeExecutionData, INodeType } from 'n8n-workflow';

/**
 * A node that sends one request per item with a predefined credential, by the same helper as n8n's HTTP Request node
 * (`requestWithAuthentication`), or with `modern` by `httpRequestWithAuthentication`.
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
			{ displayName: 'Options', name: 'options', type: 'json', default: {} },
		],
	},
	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		const results: INodeExecutionData[] = [];
		for (let item = 0; item < this.getInputData().length; item += 1) {
			const method = this.getNodeParameter('method', item) as 'GET' | 'POST';
			const url = this.getNodeParameter('url', item) as string;
			const options = this.getNodeParameter('options', item);
			const body = method === 'POST' ? { body: { created: true } } : {};
			const json: unknown = (this.getNodeParameter('modern', item) as boolean)
				? await this.helpers.httpRequestWithAuthentication.call(this, 'vaultedOAuth2Api', {
						method,
						url,
						...body,
						...options,
					})
				: // eslint-disable-next-line @typescript-eslint/no-deprecated -- n8n's HTTP Request node uses it
					await this.helpers.requestWithAuthentication.call(
						this,
						'vaultedOAuth2Api',
						{
							method,
							uri: url,
							json: true,
							gzip: true,
							headers: { 'x-mine': '1' },
							...body,
							...options,
						},
						undefined,
						item,
					);
			results.push({ json: json as IDataObject, pairedItem: { item } });
		}
		return [results];
	},
};
