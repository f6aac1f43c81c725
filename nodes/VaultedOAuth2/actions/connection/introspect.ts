import type { INodeExecutionData, INodeProperties } from 'n8n-workflow';

import { openConnection } from '../../connection';
import { parameter, type Item, type Operation } from '../operation';
import { iso } from './status';

const description: INodeProperties[] = [
	{
		displayName: 'Token',
		name: 'token',
		type: 'options',
		options: [
			{ name: 'Access Token', value: 'access_token' },
			{ name: 'Refresh Token', value: 'refresh_token' },
		],
		default: 'access_token',
		description: 'Which token of the connection the provider is asked about',
	},
];

/** A time of RFC 7662 §2.2: seconds since the epoch. */
function time(seconds: unknown): string | null {
	return typeof seconds === 'number' ? iso(seconds * 1000) : null;
}

async function execute(item: Item): Promise<INodeExecutionData[]> {
	const wanted = parameter<string>(item, 'token', 'access_token');
	const token = wanted === 'refresh_token' ? wanted : 'access_token';
	const { connection, introspect: ask } = await openConnection(item);
	const said = await ask(token);
	return [
		{
			json: {
				label: connection.label,
				token,
				...said,
				...(said.active ? { issuedAt: time(said['iat']), expiresAt: time(said['exp']) } : {}),
			},
		},
	];
}

/** Tells what the provider says of a token (RFC 7662 §2.2); never the token. @throws VaultedOAuth2Error */
export const introspect: Operation = { description, execute };
