import {
	NodeOperationError,
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeProperties,
} from 'n8n-workflow';

import { errorDetails, toNodeError } from '../errors';
import { request } from './apiRequest/request';
import { getAuthorizationUrl } from './connection/getAuthorizationUrl';
import { getStatus } from './connection/getStatus';
import { keepAlive } from './connection/keepAlive';
import { refreshNow } from './connection/refreshNow';
import { revoke } from './connection/revoke';
import { validate } from './connection/validate';
import type { Operation } from './operation';
import { verify } from './session/verify';

const OPERATIONS: Record<string, Record<string, Operation>> = {
	apiRequest: { request },
	connection: { getAuthorizationUrl, getStatus, keepAlive, refreshNow, revoke, validate },
	session: { verify },
};

/**
 * Items worked on at once. n8n's HTTP Request node sends the requests of all items at once; this many keep an API as busy without
 * opening a thousand connections to it.
 */
const ITEMS_AT_ONCE = 50;

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
				name: 'Get Status',
				value: 'getStatus',
				description:
					'Tell whether the connection is healthy, when its token expires and when it is refreshed, without asking for a token',
				action: 'Get the status of a connection',
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

/** Runs `task` for 0 to `count` - 1, some at once, and keeps the order. After a failure nothing new is begun, and the first item's is thrown. */
async function inOrder<T>(count: number, task: (index: number) => Promise<T>): Promise<T[]> {
	const results: Promise<T>[] = [];
	let failed = false;
	const work = async () => {
		while (results.length < count && !failed) {
			const result = task(results.length);
			results.push(result);
			await result.catch(() => (failed = true));
		}
	};
	await Promise.all(Array.from({ length: Math.min(count, ITEMS_AT_ONCE) }, work));
	return await Promise.all(results);
}

/** n8n tells a canceled execution from a failed one by this word in its error. @throws NodeOperationError */
function assertNotCanceled(node: IExecuteFunctions): void {
	if (node.getExecutionCancelSignal()?.aborted === true)
		throw new NodeOperationError(node.getNode(), 'The execution was canceled');
}

/** Runs the chosen operation for every input item. With "continue on fail" an item that fails becomes `{ error, details }`. */
export async function route(node: IExecuteFunctions): Promise<INodeExecutionData[][]> {
	const resource = node.getNodeParameter('resource', 0);
	const name = node.getNodeParameter('operation', 0);
	const operation = OPERATIONS[resource]?.[name];
	if (operation === undefined)
		throw toNodeError(node.getNode(), new Error(`Unknown operation ${resource}: ${name}`), 0);

	const results = await inOrder(node.getInputData().length, async (itemIndex) => {
		const pairedItem = { item: itemIndex };
		try {
			const items = await operation.execute({ node, itemIndex });
			return items.map((item) => ({ ...item, pairedItem }));
		} catch (error) {
			assertNotCanceled(node);
			const failure = toNodeError(node.getNode(), error, itemIndex);
			if (!node.continueOnFail()) throw failure;
			return [{ json: { error: failure.message, details: errorDetails(failure) }, pairedItem }];
		}
	});
	return [results.flat()];
}
