import { randomBytes } from 'node:crypto';

import type { Connection } from '../config/connection';

/** Everything this package creates begins with it unless the operator chose another beginning, so that an IAM policy can be limited to it. */
export const NAME_PREFIX = 'n8n/vaulted-oauth2/';

/**
 * Tags of a secret this package creates. A credential's id cannot be among them: n8n tells it neither to `authenticate` nor to
 * `preAuthentication`.
 */
export function tagsFor({ tenantId }: Pick<Connection, 'tenantId'>): Record<string, string> {
	return {
		'managed-by': 'n8n-nodes-vaulted-oauth2',
		...(tenantId === undefined ? {} : { tenant: tenantId }),
	};
}

/** The name of the secret an id stands for: an ARN has AWS's suffix behind it. */
export function secretNameOf(secretId: string): string {
	return (
		/^arn:[^:]*:secretsmanager:[^:]*:\d*:secret:(.+)-[A-Za-z0-9]{6}$/.exec(secretId)?.[1] ??
		secretId
	);
}

/**
 * `n8n/vaulted-oauth2/[tenant/]label-random`, in the characters AWS allows; or the name the form gives.
 *
 * @param prefix in place of `n8n/vaulted-oauth2/`
 */
export function secretNameFor(
	connection: Pick<Connection, 'label' | 'tenantId' | 'store'>,
	prefix = NAME_PREFIX,
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
	const parts = [connection.tenantId, `${label === '' ? 'connection' : label}-${random}`];
	return prefix + parts.filter((part) => part !== undefined).join('/');
}
