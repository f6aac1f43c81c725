import {
	LoggerProxy,
	type ICredentialDataDecryptedObject,
	type IExecuteFunctions,
} from 'n8n-workflow';

import { sharedConnections, type Form, type Listing, type OpenConnection } from '../../src';
import { askerOf, type Item } from './actions/operation';
import { allowedDomainsOf, readFields, type AllowedDomains } from './credential';
import { isSameForAllItems } from './sameForAllItems';
import { sealedFields } from './sealing';

/** A connection as one item of this node uses it. */
export interface ItemConnection extends OpenConnection {
	/** Where the credential's own restriction lets requests go; undefined for everywhere. */
	readonly allowedDomains: AllowedDomains | undefined;
}

/** A credential's fields, parsed. */
interface ReadCredential extends Pick<ItemConnection, 'allowedDomains'> {
	readonly form: Form;
}

async function read(
	node: IExecuteFunctions,
	fields: ICredentialDataDecryptedObject,
): Promise<ReadCredential> {
	return {
		form: await sharedConnections(LoggerProxy).read(fields),
		allowedDomains: allowedDomainsOf(node.getNode(), fields),
	};
}

function open({ form, allowedDomains }: ReadCredential): ItemConnection {
	return { ...sharedConnections(LoggerProxy).open(form), allowedDomains };
}

/** By run; undefined for those that read it for each item. */
const readOnce = new WeakMap<IExecuteFunctions, Promise<ReadCredential | undefined>>();

async function readForAll(first: Item): Promise<ReadCredential | undefined> {
	const credential = await read(first.node, await sealedFields(first));
	return (await isSameForAllItems(first.node)) ? credential : undefined;
}

/** Reading a credential costs n8n a query and a decryption, which is most of what a request costs here. */
async function knownForAll(item: Item): Promise<ReadCredential | undefined> {
	const { node } = item;
	if (node.getInputData().length < 2) return undefined;
	// A failure is each item's own.
	const known = readOnce.get(node) ?? readForAll(item).catch(() => undefined);
	readOnce.set(node, known);
	return await known;
}

/**
 * The connection of an item. A credential that was never saved successfully is sealed first, if it can be. It is read once for a run if
 * nothing in it can depend on the item, else for each item: another item, another tenant.
 *
 * @throws VaultedOAuth2Error of any class, or an error of n8n
 */
export async function openConnection(item: Item): Promise<ItemConnection> {
	const known = await knownForAll(item);
	return open(known ?? (await read(item.node, await sealedFields(item))));
}

/** The connection of an item as it is, without sealing: nothing is asked of the provider. @throws ConfigurationError */
export async function openConnectionAsItIs(item: Item): Promise<ItemConnection> {
	return open(await read(item.node, await readFields(item)));
}

/** The connections in the store of an item's credential, `most` of them. @throws VaultedOAuth2Error */
export async function listConnections(item: Item, most: number): Promise<Listing> {
	const connections = sharedConnections(LoggerProxy);
	const form = await connections.read(await readFields(item));
	return await connections.list(form, { by: askerOf(item), most });
}
