import type { INodeExecutionData } from 'n8n-workflow';

import { openConnection } from '../../connection';
import type { Item, Operation } from '../operation';
import { describeStatus, simplify, statusFor } from './status';

async function execute(item: Item): Promise<INodeExecutionData[]> {
	const open = await openConnection(item);
	await open.tokens.refreshNow();
	return [{ json: statusFor(item, describeStatus(open)) }];
}

/** Replaces the token by a new one, and tells how the connection is doing then. @throws VaultedOAuth2Error */
export const refreshNow: Operation = { description: [simplify], execute };
