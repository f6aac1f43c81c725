import type { INodeExecutionData } from 'n8n-workflow';

import { openConnection } from '../../connection';
import type { Item, Operation } from '../operation';

async function execute(item: Item): Promise<INodeExecutionData[]> {
	const { connection, userInfo } = await openConnection(item);
	const { claims, isVerified } = await userInfo();
	return [
		{
			json: {
				label: connection.label,
				subject: claims.sub,
				subjectVerified: isVerified,
				claims: { ...claims },
			},
		},
	];
}

/** Tells whom the connected account belongs to (OpenID Connect Core 1.0 §5.3). @throws VaultedOAuth2Error */
export const getUserInfo: Operation = { description: [], execute };
