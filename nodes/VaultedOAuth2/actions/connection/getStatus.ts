import type { INodeExecutionData } from 'n8n-workflow';

import type { OpenConnection } from '../../../../src';
import { openConnectionAsItIs } from '../../connection';
import { failureOf, ownFailure } from '../../errors';
import type { Item, Operation } from '../operation';
import { describeStatus, simplify, statusFor } from './status';

async function execute(item: Item): Promise<INodeExecutionData[]> {
	const found: { open?: OpenConnection } = {};
	const failure = await ownFailure(async () => {
		found.open = await openConnectionAsItIs(item);
		await found.open.tokens.load();
	});
	const status = {
		...(found.open === undefined ? {} : describeStatus(found.open)),
		...(failure === undefined
			? {}
			: { healthy: false, state: 'failing', lastError: failureOf(failure) }),
	};
	return [{ json: statusFor(item, status) }];
}

/** Tells how the connection is doing. Reads the store, asks for no token; a connection that cannot be read is not healthy. */
export const getStatus: Operation = { description: [simplify], execute };
