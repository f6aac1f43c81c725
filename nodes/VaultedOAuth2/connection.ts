import {
	LoggerProxy,
	type ICredentialDataDecryptedObject,
	type IExecuteFunctions,
} from 'n8n-workflow';

import { sharedConnections, type Listing, type OpenConnection } from '../../src';
import { askerOf, type Item } from './actions/operation';
import { allowedDomainsOf, readFields, type AllowedDomains } from './credential';
import { sealedFields } from './sealing';

/** A connection as one item of this node uses it. */
export interface ItemConnection extends OpenConnection {
	/** Where the credential's own restriction lets requests go; undefined for everywhere. */
	readonly allowedDomains: AllowedDomains | undefined;
}

async function open(
	node: IExecuteFunctions,
	fields: ICredentialDataDecryptedObject,
): Promise<ItemConnection> {
	const connections = sharedConnections(LoggerProxy);
	return {
		...connections.open(await connections.read(fields)),
		allowedDomains: allowedDomainsOf(node.getNode(), fields),
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

/** The connections in the store of an item's credential, `most` of them. @throws VaultedOAuth2Error */
export async function listConnections(item: Item, most: number): Promise<Listing> {
	const connections = sharedConnections(LoggerProxy);
	const form = await connections.read(await readFields(item));
	return await connections.list(form, { by: askerOf(item), most });
}
