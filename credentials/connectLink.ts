import type { ICredentialDataDecryptedObject } from 'n8n-workflow';

import { ReconnectError, type Connections } from '../src';
import { shown } from './shownError';
import { isTest } from './testMark';

function time(milliseconds: number): string {
	return `${new Date(milliseconds).toISOString().slice(11, 16)} UTC`;
}

/**
 * What to throw into n8n for a failure: with a link to connect the account, where that helps. For the form only: in a workflow the link would
 * get into execution data, where others find it.
 */
export async function shownWithLink(
	connections: Connections,
	credentials: ICredentialDataDecryptedObject,
	failure: unknown,
): Promise<unknown> {
	if (!(failure instanceof ReconnectError) || !isTest(credentials)) return shown(failure);
	const { authorization } = connections.open(await connections.read(credentials));
	const links = await authorization?.links({ by: { from: 'form' } }).catch(() => undefined);
	if (links === undefined) return shown(failure);
	const { connectUrl, authorizationUrl, expiresAt, pasteUntil, toPaste } = links;
	const { title, detail } = failure;
	const why =
		failure.code === 'NOT_CONNECTED'
			? 'everything is saved, and the secrets are in the secret store. To connect an account,'
			: `${detail} To do it now,`;
	const how =
		connectUrl === undefined
			? `open this address, sign in, paste ${toPaste} into Authorization Response and save, until ${time(pasteUntil)}: ${authorizationUrl}`
			: `open this link in the browser of whoever has the account, once, until ${time(expiresAt)}: ${connectUrl}`;
	return shown(new ReconnectError(`${why} ${how}`, { code: failure.code, title }));
}
