import type { INodeExecutionData } from 'n8n-workflow';

import { openConnection } from '../../connection';
import { callAndRead } from '../../retries';
import type { Item, Operation } from '../operation';
import { description } from './description';
import { readPages } from './pages';
import { readAnswer } from './readAnswer';
import { readPagination } from './readPagination';
import { readRequest } from './readRequest';

async function execute(item: Item): Promise<INodeExecutionData[]> {
	const connection = await openConnection(item);
	const request = await readRequest(item, connection.connection);
	const pagination = readPagination(item);
	if (pagination !== undefined) return await readPages(item, connection, { request, pagination });
	const { items } = await callAndRead(
		item,
		{ connection, call: request.call() },
		async (answer) => await readAnswer(item, answer, request.response),
	);
	return items;
}

/** Sends one request per item, or one for each of its pages, and turns the answers into items. */
export const request: Operation = { description, execute };
