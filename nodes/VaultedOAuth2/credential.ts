import {
	getCredentialAllowedDomains,
	type ICredentialDataDecryptedObject,
	type INode,
} from 'n8n-workflow';

import type { Item } from './actions/operation';

/** The credential type this node works with. */
export const CREDENTIAL_TYPE = 'vaultedOAuth2Api';

/**
 * The credential's fields for an item. They are read for every item, since they may hold expressions: another item, another tenant.
 */
export async function readFields({
	node,
	itemIndex,
}: Item): Promise<ICredentialDataDecryptedObject> {
	return await node.getCredentials(CREDENTIAL_TYPE, itemIndex);
}

/**
 * What the field "Allowed HTTP Request Domains", which n8n adds to every credential, leaves, in the form n8n's request functions take.
 * "None" is about n8n's own HTTP nodes: there the user chooses the address, here the credential does. A list of domains holds here too.
 */
export function allowedDomainsOf(
	node: INode,
	credentialData: ICredentialDataDecryptedObject,
): { allowedDomains?: string } {
	const allowedDomains = getCredentialAllowedDomains({
		node,
		credentialData,
		credentialOwnedSurface: true,
	});
	return allowedDomains === undefined ? {} : { allowedDomains };
}
