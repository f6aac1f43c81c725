import {
	LoggerProxy,
	type ICredentialDataDecryptedObject,
	type IExecuteFunctions,
} from 'n8n-workflow';

import { sharedConnections, type OpenConnection } from '../../src';
import type { Item } from './actions/operation';
import { allowedDomainsOf, readFields } from './credential';
import { sealedFields } from './sealing';

/** A connection as one item of this node uses it. */
export interface ItemConnection extends OpenConnection {
	/** Where the credential's own restriction lets requests go: a list with commas, or absent for everywhere. */
	readonly allowedDomains?: string;
}

async function open(
	node: IExecuteFunctions,
	fields: ICredentialDataDecryptedObject,
): Promise<ItemConnection> {
	const connections = sharedConnections(LoggerProxy);
	return {
		...connections.open(await connections.read(fields)),
		...allowedDomainsOf(node.getNode(), fields),
	};
}

/**
 * The connection of an item. A credential that was never saved successfully is sealed first, if it can be.
 *
 * @throws VaultedOAuth2Error of any class, or an error of n8n
 */
export async function openConnection(item: Item): Promise<ItemConnection> {
	return await open(item.node, await sealedFields(item));
}

/** The connection of an item as it is, without sealing: nothing is asked of the provider. @throws ConfigurationError */
export async function openConnectionAsItIs(item: Item): Promise<ItemConnection> {
	return await open(item.node, await readFields(item));
}
