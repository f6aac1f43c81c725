import {
	updateDisplayOptions,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeProperties,
} from 'n8n-workflow';

import { errorDetails, toNodeError } from '../errors';
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
			const failure = toNodeError(node.getNode(), error, itemIndex);
			if (!node.continueOnFail()) throw failure;
			return [{ json: { error: failure.message, details: errorDetails(failure) }, pairedItem }];
		}
	});
	return [results.flat()];
}
