import { randomBytes } from 'node:crypto';

import type { Connection } from '../config/connection';

/** Everything this package creates is below this name, so that an IAM policy can be limited to it. */
const NAME_PREFIX = 'n8n/vaulted-oauth2';

/** Tags of every secret this package creates. */
export const TAGS = { 'managed-by': 'n8n-nodes-vaulted-oauth2' } as const;

/** `n8n/vaulted-oauth2/[tenant/]label-random`, in the characters AWS allows; or the name the form gives. */
export function secretNameFor(
	connection: Pick<Connection, 'label' | 'tenantId' | 'store'>,
): string {
	if (connection.store.kind === 'awsSecretsManager' && connection.store.secretName !== undefined) {
		return connection.store.secretName;
	}
	const label = connection.label
		.normalize('NFKD')
		.replace(/\p{M}/gu, '')
		.toLowerCase()
		.replace(/[^a-z0-9]+/g, '-')
		.replace(/^-|-$/g, '')
		.slice(0, 64);
	// AWS appends a hyphen and six characters to the ARN; a name that ends alike would confuse partial ARNs.
	const random = randomBytes(4).toString('hex');
	const parts = [
		NAME_PREFIX,
		connection.tenantId,
		`${label === '' ? 'connection' : label}-${random}`,
	];
	return parts.filter((part) => part !== undefined).join('/');
}
