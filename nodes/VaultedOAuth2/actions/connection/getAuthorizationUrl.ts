import type { IDataObject, INodeExecutionData, INodeProperties } from 'n8n-workflow';

import { asAccount, ConfigurationError, LONGEST_LINK_MS, type ConnectLinks } from '../../../../src';
import { openConnection } from '../../connection';
import { askerOf, parameter, type Item, type Operation } from '../operation';

const LONGEST_MINUTES = LONGEST_LINK_MS / 60_000;

const description: INodeProperties[] = [
	{
		displayName: 'Link Lifetime (Minutes)',
		name: 'linkMinutes',
		type: 'number',
		default: 15,
		typeOptions: { minValue: 1, maxValue: LONGEST_MINUTES },
		description: 'How long the link can be opened, once. The sign-in after it has ten minutes.',
	},
];

/** Links for whoever connects the account, as fields of an item. */
export function linkFields(links: ConnectLinks): IDataObject {
	const { connectUrl, authorizationUrl, expiresAt, pasteUntil } = links;
	return {
		connectUrl: connectUrl ?? null,
		connectUrlExpiresAt: connectUrl === undefined ? null : new Date(expiresAt).toISOString(),
		authorizationUrl,
		pasteUntil: new Date(pasteUntil).toISOString(),
	};
}

async function execute(item: Item): Promise<INodeExecutionData[]> {
	const minutes = parameter<number>(item, 'linkMinutes', 15);
	if (!Number.isFinite(minutes) || minutes < 1 || minutes > LONGEST_MINUTES) {
		throw new ConfigurationError(
			'Link Lifetime (Minutes)',
			`it is a number from 1 to ${LONGEST_MINUTES}.`,
			{ code: 'INVALID_FIELD' },
		);
	}
	const open = await openConnection(item);
	const links = await asAccount(open).authorization.links({
		by: askerOf(item),
		lifetimeMs: minutes * 60_000,
	});
	const paste = `Open authorizationUrl, sign in, copy ${links.toPaste} into the credential’s Authorization Response, and save.`;
	const howTo =
		links.connectUrl === undefined
			? paste
			: `Open connectUrl once, in the browser of whoever has the account. For a browser that cannot reach n8n there is another way. ${paste}`;
	return [{ json: { label: open.connection.label, ...linkFields(links), howTo } }];
}

/** Makes links for whoever connects the account (RFC 6749 §4.1). Each is a permission: it belongs to that person alone. @throws VaultedOAuth2Error */
export const getAuthorizationUrl: Operation = { description, execute };
