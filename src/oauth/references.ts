import type { OperatorSettings } from '../config/operatorSettings';
import { ConfigurationError } from '../errors';
import { secretNameOf } from '../secrets/secretName';
import type { SecretStore } from '../secrets/store';

/** What the operator says about referenced secrets. */
export type ReferencePolicy = Pick<OperatorSettings, 'references' | 'trustEditors'>;

/** The tag that names the hosts a referenced secret may be sent to, separated by spaces. */
export const TOKEN_HOSTS_TAG = 'vaulted-oauth2:token-hosts';
/** The tag that names the only client a referenced secret is for; any client without it. */
export const CLIENT_ID_TAG = 'vaulted-oauth2:client-id';

/** Tags that permitted something are believed so long. */
const BELIEVED_MS = 300_000;

/** Where a referenced secret is about to be sent, and for whom. */
export interface ReferenceUse {
	/** Full ARN. */
	readonly secretId: string;
	/** With their ports, unless those are the scheme's own. */
	readonly hosts: readonly string[];
	readonly clientId: string;
}

/** Decides which referenced secrets may be sent where. */
export interface ReferenceGuard {
	/** @throws ConfigurationError `REFERENCE_NOT_ALLOWED`, SecretStoreError if the tags cannot be read */
	assertAllowed(use: ReferenceUse): Promise<void>;
}

function refused(secretId: string, text: string): ConfigurationError {
	return new ConfigurationError(
		'Client Secret Name or ARN',
		`${secretId} may not be sent ${text} in AWS Secrets Manager. Or let the operator of this n8n list its name in VAULTED_OAUTH2_REFERENCES.`,
		{ code: 'REFERENCE_NOT_ALLOWED' },
	);
}

function isListed(secretId: string, patterns: readonly string[]): boolean {
	const name = secretNameOf(secretId);
	return patterns.some((pattern) =>
		pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
	);
}

function assertTagged(
	{ secretId, hosts, clientId }: ReferenceUse,
	tags: Readonly<Record<string, string>>,
): void {
	const permitted = (tags[TOKEN_HOSTS_TAG] ?? '')
		.toLowerCase()
		.split(' ')
		.filter((host) => host !== '');
	const missing = hosts.filter((host) => !permitted.includes(host));
	if (missing.length > 0) {
		const value = [...permitted, ...missing].join(' ');
		throw refused(
			secretId,
			`to ${missing.join(' and ')}: nothing says that it is meant for that. If it is, give it the tag "${TOKEN_HOSTS_TAG}" with the value "${value}"`,
		);
	}
	const client = tags[CLIENT_ID_TAG];
	if (client !== undefined && client !== clientId) {
		throw refused(
			secretId,
			`for the client ${clientId}: its tag "${CLIENT_ID_TAG}" names another one. If it is for this client, change the tag's value to "${clientId}" or remove the tag`,
		);
	}
}

/**
 * The secret itself has to say where it may be sent, or the operator has to: otherwise whoever may edit a credential could have any secret
 * that its AWS identity can read sent to an address of theirs.
 *
 * Costs a DescribeSecret for each secret in 5 minutes of use at most, and none if the operator has decided. What is refused is looked at again
 * each time.
 *
 * @param now milliseconds since the epoch
 */
export function createReferenceGuard(
	store: SecretStore,
	{ references = [], trustEditors = false }: ReferencePolicy,
	now: () => number,
): ReferenceGuard {
	/** A connection uses one secret for one purpose: the last one is enough. */
	let allowed: { readonly use: string; readonly at: number } | undefined;
	return {
		async assertAllowed(use) {
			if (trustEditors || isListed(use.secretId, references)) return;
			const key = JSON.stringify(use);
			const age = allowed?.use === key ? now() - allowed.at : Infinity;
			// Less than nothing: the clock was set back.
			if (age >= 0 && age < BELIEVED_MS) return;
			const { tags } = await store.describe(use.secretId);
			assertTagged(use, tags);
			allowed = { use: key, at: now() };
		},
	};
}
