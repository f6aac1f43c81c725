import type { INodeExecutionData } from 'n8n-workflow';

import type { OpenConnection } from '../../../../src';
import { openConnectionAsItIs } from '../../connection';
import { failureOf, ownFailure } from '../../errors';
import type { Item, Operation } from '../operation';
import { describeStatus } from './status';

async function execute(item: Item): Promise<INodeExecutionData[]> {
	const found: { open?: OpenConnection } = {};
	const failure = await ownFailure(async () => {
		found.open = await openConnectionAsItIs(item);
		await found.open.tokens.load();
	});
	return [
		{
			json: {
				...(found.open === undefined ? {} : describeStatus(found.open)),
				...(failure === undefined
					? {}
					: { healthy: false, state: 'failing', lastError: failureOf(failure) }),
			},
		},
	];
}

/** Tells how the connection is doing. Reads the store, asks for no token; a connection that cannot be read is not healthy. */
export const getStatus: Operation = { description: [], execute };
