import type { INodeExecutionData, INodeProperties } from 'n8n-workflow';

import { openConnectionAsItIs } from '../../connection';
import { failureOf } from '../../errors';
import { askerOf, parameter, type Item, type Operation } from '../operation';

const description: INodeProperties[] = [
	{
		displayName: 'Disconnect Even If Not Revoked',
		name: 'evenIfNotRevoked',
		type: 'boolean',
		default: false,
		description:
			'Whether the tokens are removed also if the provider does not revoke them: it offers no revocation, or does not answer. The access then has to be ended in the account’s settings at the provider.',
	},
];

async function execute(item: Item): Promise<INodeExecutionData[]> {
	const evenIfNotRevoked = parameter<boolean>(item, 'evenIfNotRevoked', false);
	const { connection, disconnect } = await openConnectionAsItIs(item);
	const { wasConnected, notRevoked } = await disconnect({ by: askerOf(item), evenIfNotRevoked });
	return [
		{
			json: {
				label: connection.label,
				disconnected: wasConnected,
				revoked: wasConnected && notRevoked === undefined,
				lastError: notRevoked === undefined ? null : failureOf(notRevoked),
			},
		},
	];
}

/** Ends the account's access at the provider (RFC 7009) and removes its tokens from the secret store. @throws VaultedOAuth2Error */
export const revoke: Operation = { description, execute };
