import type { InstanceSettings } from './instanceSettings';
import type { SettingName } from './operatorSettings';

/** What a key should have at least: 80 bits are out of reach for who tries keys on a copy of the vault. */
const MIN_KEY_BITS = 80;

const NO_LIMIT = 'any';

/** This package's settings as they are in effect, for the log. The vault's keys are only said to be set. */
export function describeSettings(
	settings: InstanceSettings,
): Readonly<Record<SettingName, string>> {
	const { secretPrefix, references, trustEditors = false, linksOnlyByEditors = false } = settings;
	const list = (entries: readonly string[] | undefined, unset = NO_LIMIT): string =>
		entries?.join(',') ?? unset;
	return {
		VAULTED_OAUTH2_LEASE: settings.lease,
		VAULTED_OAUTH2_LINKS: linksOnlyByEditors ? 'editors' : 'workflows',
		VAULTED_OAUTH2_LIST: settings.listByWorkflows === true ? 'workflows' : 'nobody',
		VAULTED_OAUTH2_SECRET_PREFIX: secretPrefix ?? NO_LIMIT,
		VAULTED_OAUTH2_ALLOWED_TOKEN_HOSTS: list(settings.allowedTokenHosts),
		VAULTED_OAUTH2_ALLOWED_API_HOSTS: list(settings.allowedApiHosts),
		VAULTED_OAUTH2_ALLOWED_AWS_HOSTS: list(settings.allowedAwsHosts, "AWS's own"),
		VAULTED_OAUTH2_ALLOWED_AWS_ACCOUNTS: list(settings.allowedAwsAccounts),
		VAULTED_OAUTH2_REFERENCES: list(references, 'by tag'),
		VAULTED_OAUTH2_TRUST_EDITORS: String(trustEditors),
		VAULTED_OAUTH2_VAULT_KEY: settings.hasOwnVaultKey === true ? 'set' : 'not set',
		VAULTED_OAUTH2_VAULT_PREVIOUS_KEY:
			settings.previousEncryptionKey === undefined ? 'not set' : 'set',
	};
}

/** What the operator should know about the settings when the package is first used; empty if there is nothing. */
export function settingWarnings({ encryptionKey }: InstanceSettings): string[] {
	const bits = encryptionKey === undefined ? MIN_KEY_BITS : keyBits(encryptionKey);
	if (bits >= MIN_KEY_BITS) return [];
	return [
		`The key of the local vault (VAULTED_OAUTH2_VAULT_KEY, else n8n's encryption key) is weak: about ${bits} bits at most. ` +
			"Who gets a copy of the vault, or of n8n's database, can find it by trying. Use 32 random characters; docs/operations.md says how to change it.",
	];
}

/** Upper bound of what a key is worth, in bits: as if each of its characters were drawn from those it has. */
function keyBits(key: string): number {
	return Math.floor(key.length * Math.log2(new Set(key).size || 1));
}
