import type { INodeExecutionData } from 'n8n-workflow';

import { openConnection } from '../../connection';
import { callAndRead } from '../../retries';
import type { Item, Operation } from '../operation';
import { description } from './description';
import { readAnswer } from './readAnswer';
import { readRequest } from './readRequest';

async function execute(item: Item): Promise<INodeExecutionData[]> {
	const connection = await openConnection(item);
	const request = await readRequest(item, connection.connection);
	return await callAndRead(
		item,
		{ connection, call: request.call() },
		async (answer) => await readAnswer(item, answer),
	);
}

/** Sends one request per item, and turns its answer into items. */
export const request: Operation = { description, execute };
