import {
	LoggerProxy,
	type ICredentialDataDecryptedObject,
	type IHttpRequestOptions,
} from 'n8n-workflow';

import { sharedConnections } from '../../src';
import type { Item } from './actions/operation';
import { allowedDomainsOf, CREDENTIAL_TYPE, readFields } from './credential';

/** Items wait for each other here: the second one to find the credential unsealed must find what the first one stored. */
let queue: Promise<unknown> = Promise.resolve();

/**
 * One request that goes by n8n's own authentication, since that is what makes n8n call preAuthentication and store what it returns.
 * `getCredentials` alone does not.
 */
async function sealByRequest(item: Item, fields: ICredentialDataDecryptedObject): Promise<void> {
	const { node } = item;
	const { connection } = await sharedConnections(LoggerProxy).read(fields);
	const request: IHttpRequestOptions = {
		method: 'GET',
		url: connection.apiBaseUrl,
		// An API's base address often answers 404.
		ignoreHttpStatusErrors: true,
		disableFollowRedirect: true,
		...allowedDomainsOf(node.getNode(), fields),
	};
	const details = node.getNode().credentials?.[CREDENTIAL_TYPE];
	// By itself n8n would take the fields of the first item.
	const credentialsDecrypted = {
		id: details?.id ?? '',
		name: details?.name ?? '',
		type: CREDENTIAL_TYPE,
		data: fields,
	};
	await node.helpers.httpRequestWithAuthentication.call(node, CREDENTIAL_TYPE, request, {
		credentialsDecrypted,
	});
}

async function needsSealing(fields: ICredentialDataDecryptedObject): Promise<boolean> {
	const connections = sharedConnections(LoggerProxy);
	return connections.needsSealing(await connections.read(fields));
}

async function seal(item: Item): Promise<ICredentialDataDecryptedObject> {
	const fields = await readFields(item);
	if (!(await needsSealing(fields))) return fields;
	const request = sealByRequest(item, fields);
	await Promise.allSettled([request]);
	const after = await readFields(item);
	// An API that is out of reach does not undo what was sealed; the item's own request will tell.
	if (await needsSealing(after)) await request;
	return after;
}

/**
 * The credential's fields for an item, sealed first where secrets are typed and not yet in the store.
 *
 * @throws VaultedOAuth2Error, or an error of n8n with one as its cause
 */
export async function sealedFields(item: Item): Promise<ICredentialDataDecryptedObject> {
	const fields = await readFields(item);
	if (!(await needsSealing(fields))) return fields;
	const turn = queue.then(async () => await seal(item));
	queue = turn.catch(() => undefined);
	return await turn;
}
