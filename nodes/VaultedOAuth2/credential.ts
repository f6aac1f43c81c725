import { NodeOperationError, type ICredentialDataDecryptedObject, type INode } from 'n8n-workflow';

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

/** Hosts in lower case; `*.example.com` stands for every subdomain. */
export type AllowedDomains = readonly string[];

function withoutDot(host: string): string {
	return host.toLowerCase().replace(/\.$/, '');
}

/**
 * What the field "Allowed HTTP Request Domains", which n8n adds to every credential, leaves; undefined for everywhere. "None" is about
 * n8n's own HTTP nodes: there the user chooses the address, here the credential does. A list of domains holds here too.
 *
 * It is read from the fields, since n8n's function for it takes other arguments before n8n 2.28, and n8n 2.0 has none.
 *
 * @throws NodeOperationError if the list is empty
 */
export function allowedDomainsOf(
	node: INode,
	{ allowedHttpRequestDomains: mode, allowedDomains }: ICredentialDataDecryptedObject,
): AllowedDomains | undefined {
	if (mode !== 'domains') return undefined;
	const text = typeof allowedDomains === 'string' ? allowedDomains : '';
	const domains = text
		.split(',')
		.map((domain) => withoutDot(domain.trim()))
		.filter((domain) => domain !== '');
	if (domains.length > 0) return domains;
	throw new NodeOperationError(
		node,
		'No allowed domains specified. Enter Allowed Domains in the credential, or change Allowed HTTP Request Domains.',
	);
}

/** @throws NodeOperationError if the credential's own restriction leaves an address out */
export function assertDomainAllowed(
	node: INode,
	allowed: AllowedDomains | undefined,
	{ host, hostname }: URL,
): void {
	const name = withoutDot(hostname);
	const isAllowed = (domain: string): boolean =>
		domain.startsWith('*.') ? name.endsWith(domain.slice(1)) : name === domain;
	if (allowed === undefined || allowed.some(isAllowed)) return;
	throw new NodeOperationError(
		node,
		`Domain not allowed: This credential is restricted from accessing ${host}. Only the following domains are allowed: ${allowed.join(', ')}`,
	);
}
