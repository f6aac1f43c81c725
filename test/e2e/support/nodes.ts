import { apiRequestNode, httpRequestNode } from '../../../demo/connection';
import type { WorkflowNode } from '../../../demo/harness/n8nRest';
import type { Saved, Scene } from './scene';

/** What the two nodes that can call an API are told alike. */
interface Call {
	readonly path: string;
	readonly method?: string;
}

/** A node that calls the scene's API with a credential. */
export type Caller = (scene: Scene, credential: Saved, call: Call) => WorkflowNode;

function sending(node: WorkflowNode, { method = 'GET' }: Call): WorkflowNode {
	const body = { sendBody: true, contentType: 'json', specifyBody: 'json', jsonBody: '{"n":1}' };
	const parameters = { ...node.parameters, method, ...(method === 'GET' ? {} : body) };
	return { ...node, parameters };
}

/** n8n's HTTP Request node with the credential as predefined type. */
export const httpRequest: Caller = ({ api }, credential, call) =>
	sending(httpRequestNode(credential, `${api.url}${call.path}`), call);

/** The companion node. */
export const vaultedOAuth2: Caller = (_scene, credential, call) =>
	sending(apiRequestNode(credential, call.path), call);

/** Turns one item into many. */
export function manyItems(count: number): WorkflowNode {
	return {
		name: 'Items',
		type: 'n8n-nodes-base.debugHelper',
		typeVersion: 1,
		parameters: { category: 'randomData', randomDataType: 'uuid', randomDataCount: count },
	};
}
