import type { INodeExecutionData, INodeProperties } from 'n8n-workflow';

import { openConnection } from '../../connection';
import type { Item } from '../operation';
import { describeStatus } from './status';

/** There is nothing to fill in. */
export const description: INodeProperties[] = [];

/** Replaces the token by a new one, and tells how the connection is doing then. @throws VaultedOAuth2Error */
export async function execute(item: Item): Promise<INodeExecutionData[]> {
	const open = await openConnection(item);
	await open.tokens.refreshNow();
	return [{ json: describeStatus(open) }];
}
