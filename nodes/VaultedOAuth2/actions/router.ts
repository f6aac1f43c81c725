import {
	NodeOperationError,
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeProperties,
} from 'n8n-workflow';

import { errorDetails, toNodeError } from '../errors';
import { hintOf, summaryOf } from '../summary';
import { limitsOf } from './apiRequest/limitOptions';
import { request } from './apiRequest/request';
import { getAll } from './connection/getAll';
import { getAuthorizationUrl } from './connection/getAuthorizationUrl';
import { getStatus } from './connection/getStatus';
import { getUserInfo } from './connection/getUserInfo';
import { introspect } from './connection/introspect';
import { keepAlive } from './connection/keepAlive';
import { refreshNow } from './connection/refreshNow';
import { revoke } from './connection/revoke';
import { validate } from './connection/validate';
import { inOrder, type RunLimits } from './inOrder';
import type { Operation } from './operation';
import { verify } from './session/verify';

const OPERATIONS: Record<string, Record<string, Operation>> = {
	apiRequest: { request },
	connection: {
		getAll,
		getAuthorizationUrl,
		getStatus,
		getUserInfo,
		introspect,
		keepAlive,
		refreshNow,
		revoke,
		validate,
	},
	session: { verify },
};

const choices: INodeProperties[] = [
	{
		displayName: 'Resource',
		name: 'resource',
		type: 'options',
		noDataExpression: true,
		options: [
			{ name: 'API Request', value: 'apiRequest' },
			{ name: 'Connection', value: 'connection' },
			{ name: 'Session', value: 'session' },
		],
		default: 'apiRequest',
	},
	{
		displayName: 'Operation',
		name: 'operation',
		type: 'options',
		noDataExpression: true,
		displayOptions: { show: { resource: ['apiRequest'] } },
		options: [
			{
				name: 'Request',
				value: 'request',
				description: 'Send an HTTP request to the API and get its response',
				action: 'Make an API request',
			},
		],
		default: 'request',
	},
	{
		displayName: 'Operation',
		name: 'operation',
		type: 'options',
		noDataExpression: true,
		displayOptions: { show: { resource: ['connection'] } },
		options: [
			{
				name: 'Get Authorization URL',
				value: 'getAuthorizationUrl',
				description: 'Get a link for whoever connects the account. Grant Type: Authorization Code.',
				action: 'Get the authorization URL of a connection',
			},
			{
				name: 'Get Many',
				value: 'getAll',
				description:
					'List the connections in the secret store and how each stands: state, end of its token, versions left. The operator of this n8n has to allow it.',
				action: 'Get many connections',
			},
			{
				name: 'Get Status',
				value: 'getStatus',
				description:
					'Tell whether the connection is healthy, when its token expires and when it is refreshed, without asking for a token',
				action: 'Get the status of a connection',
			},
			{
				name: 'Get User Info',
				value: 'getUserInfo',
				description:
					'Ask the provider whom the connected account belongs to (OpenID Connect). Needs openid in Scope.',
				action: 'Get user info of connection',
			},
			{
				name: 'Introspect',
				value: 'introspect',
				description:
					'Ask the provider whether a token is still active, for whom and for what (RFC 7662), without showing the token',
				action: 'Introspect token of connection',
			},
			{
				name: 'Keep Alive',
				value: 'keepAlive',
				description:
					'Refresh a connection that would lapse when nobody uses it, and tell whether it needs a person',
				action: 'Keep a connection alive',
			},
			{
				name: 'Refresh Now',
				value: 'refreshNow',
				description: 'Replace the token by a new one, even if it is still good',
				action: 'Refresh the token of a connection now',
			},
			{
				name: 'Revoke and Disconnect',
				value: 'revoke',
				description:
					'End the account’s access at the provider and remove its tokens from the secret store. It can be connected again.',
				action: 'Revoke and disconnect a connection',
			},
			{
				name: 'Validate',
				value: 'validate',
				description: 'Check the connection step by step: fields, secret store, token and API',
				action: 'Validate a connection',
			},
		],
		default: 'getStatus',
	},
	{
		displayName: 'Operation',
		name: 'operation',
		type: 'options',
		noDataExpression: true,
		displayOptions: { show: { resource: ['session'] } },
		options: [
			{
				name: 'Verify',
				value: 'verify',
				description: 'Tell who holds a session token that the trigger issued',
				action: 'Verify a session token',
			},
		],
		default: 'verify',
	},
];

/** The node's form: resource and operation, then the fields of each operation. */
export const properties: INodeProperties[] = [
	...choices,
	...Object.entries(OPERATIONS).flatMap(([resource, operations]) =>
		Object.entries(operations).flatMap(([operation, { description }]) =>
			updateDisplayOptions({ show: { resource: [resource], operation: [operation] } }, description),
		),
	),
];

/** n8n tells a canceled execution from a failed one by this word in its error. @throws NodeOperationError */
function assertNotCanceled(node: IExecuteFunctions): void {
	if (node.getExecutionCancelSignal()?.aborted === true)
		throw new NodeOperationError(node.getNode(), 'The execution was canceled');
}

/** Where n8n shows hints; older versions have none. */
function showSummary(node: Partial<Pick<IExecuteFunctions, 'addExecutionHints'>>): void {
	const hint = hintOf(summaryOf(node as IExecuteFunctions));
	if (hint !== undefined) node.addExecutionHints?.(hint);
}

/** What an item becomes that fails, under "continue on fail". */
function failedItem(failure: ReturnType<typeof toNodeError>, item: number): INodeExecutionData {
	return {
		json: { error: failure.message, details: errorDetails(failure) },
		pairedItem: { item },
	};
}

/** The limits of the run, or why every item fails. */
function readLimits(node: IExecuteFunctions): RunLimits | ReturnType<typeof toNodeError> {
	try {
		return limitsOf(node);
	} catch (error) {
		return toNodeError(node.getNode(), error, 0);
	}
}

/** Runs the chosen operation for every input item. With "continue on fail" an item that fails becomes `{ error, details }`. */
export async function route(node: IExecuteFunctions): Promise<INodeExecutionData[][]> {
	const resource = node.getNodeParameter('resource', 0);
	const name = node.getNodeParameter('operation', 0);
	const operation = OPERATIONS[resource]?.[name];
	if (operation === undefined)
		throw toNodeError(node.getNode(), new Error(`Unknown operation ${resource}: ${name}`), 0);

	const work = async (itemIndex: number): Promise<INodeExecutionData[]> => {
		try {
			const items = await operation.execute({ node, itemIndex });
			return items.map((item) => ({ ...item, pairedItem: { item: itemIndex } }));
		} catch (error) {
			assertNotCanceled(node);
			const failure = toNodeError(node.getNode(), error, itemIndex);
			if (!node.continueOnFail()) throw failure;
			return [failedItem(failure, itemIndex)];
		}
	};
	const items = node.getInputData();
	const limits = readLimits(node);
	if (limits instanceof Error) {
		if (!node.continueOnFail()) throw limits;
		return [items.map((_, index) => failedItem(limits, index))];
	}
	const signal = node.getExecutionCancelSignal();
	const results = await inOrder(items.length, work, { ...limits, signal });
	assertNotCanceled(node);
	showSummary(node);
	return [results.flat()];
}
