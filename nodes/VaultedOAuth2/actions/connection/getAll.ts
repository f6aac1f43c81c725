import type { INodeExecutionData, INodeProperties } from 'n8n-workflow';

import { ConfigurationError, type ListedConnection } from '../../../../src';
import { listConnections } from '../../connection';
import { failureOf } from '../../errors';
import { parameter, type Item, type Operation } from '../operation';
import { needsPerson } from './state';
import { iso } from './status';

/** Each is a secret that is read, and paid for. */
const MOST = 5_000;

const description: INodeProperties[] = [
	{
		displayName: 'Return All',
		name: 'returnAll',
		type: 'boolean',
		default: false,
		description: 'Whether to return all results or only up to a given limit',
	},
	{
		displayName: 'Limit',
		name: 'limit',
		type: 'number',
		displayOptions: { show: { returnAll: [false] } },
		typeOptions: { minValue: 1, maxValue: MOST },
		default: 50,
		description: 'Max number of results to return',
	},
];

function fieldsOf(listed: ListedConnection): INodeExecutionData['json'] {
	const { label, secretId, state, grantType, unsaved, versionsLeft, lastError } = listed;
	return {
		label,
		state,
		needsPerson: needsPerson(state),
		grantType: grantType ?? null,
		rotatedAt: iso(listed.rotatedAt),
		refreshAt: iso(listed.refreshAt),
		expiresAt: iso(listed.expiresAt),
		unsaved: unsaved ?? null,
		versionsLeftToday: versionsLeft ?? null,
		secretId,
		lastError: lastError === undefined ? null : failureOf(lastError),
	};
}

async function execute(item: Item): Promise<INodeExecutionData[]> {
	const returnAll = parameter<boolean>(item, 'returnAll', false);
	const most = returnAll ? MOST : parameter<number>(item, 'limit', 50);
	if (!Number.isInteger(most) || most < 1 || most > MOST) {
		throw new ConfigurationError('Limit', `it is a whole number from 1 to ${MOST}.`, {
			code: 'INVALID_FIELD',
		});
	}
	const { connections, isCut } = await listConnections(item, most);
	if (isCut) {
		const message = `There are more connections than the ${most} that were asked for.`;
		item.node.addExecutionHints({ message, location: 'outputPane' });
	}
	return connections.map((listed) => ({ json: fieldsOf(listed) }));
}

/** Tells how the connections of the credential's secret store stand. @throws VaultedOAuth2Error also if the operator does not allow it */
export const getAll: Operation = { description, execute };
