import type { INodeExecutionData, INodeProperties } from 'n8n-workflow';

import { asAccount } from '../../../../src';
import { openConnection } from '../../connection';
import { parameter, type Item, type Operation } from '../operation';

const description: INodeProperties[] = [
	{
		displayName: 'Session Token',
		name: 'sessionToken',
		type: 'string',
		typeOptions: { password: true },
		required: true,
		default: '',
		description:
			'What the Vaulted OAuth2 Trigger issued with the same credential, as a front end sends it back. A leading “Bearer” is ignored.',
	},
];

async function execute(item: Item): Promise<INodeExecutionData[]> {
	const { sessions } = asAccount(await openConnection(item));
	const token = parameter<string>(item, 'sessionToken', '').replace(/^Bearer\s+/i, '');
	const session = await sessions.verify(token.trim());
	if (session === undefined) return [{ json: { valid: false } }];
	const { subject, claims, issuedAt, expiresAt } = session;
	return [
		{
			json: {
				valid: true,
				subject,
				claims: { ...claims },
				issuedAt: new Date(issuedAt).toISOString(),
				expiresAt: new Date(expiresAt).toISOString(),
			},
		},
	];
}

/** Says who holds a session token (JWE, RFC 7516); a token that is not good is no error but `valid: false`. */
export const verify: Operation = { description, execute };
