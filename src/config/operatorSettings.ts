import { ConfigurationError } from '../errors';
import { listed, nonEmpty, readVariable, unquoted, type Environment } from './environment';
import { isHostPattern } from './hosts';

/** What the operator of the instance decides for all credentials. Absent: no limit, or `false`. */
export interface OperatorSettings {
	/** What the name of every created secret begins with. */
	readonly secretPrefix?: string;
	/** Hosts of Token URL, Issuer URL and Authorization URL, and of what an issuer describes: see `isAllowedHost`. */
	readonly allowedTokenHosts?: readonly string[];
	/** Hosts of API Base URL and Additional API Origins. */
	readonly allowedApiHosts?: readonly string[];
	/** Hosts of AWS Secrets Manager: of AWS Endpoint, or of the region's own. */
	readonly allowedAwsHosts?: readonly string[];
	/** AWS accounts that secrets are read from and created in: 12 digits each. */
	readonly allowedAwsAccounts?: readonly string[];
	/** Names of secrets that any credential may refer to as its client secret; `*` at the end stands for any rest. */
	readonly references?: readonly string[];
	/** Whether everybody who may edit a credential may refer to any secret. */
	readonly trustEditors?: boolean;
	/** Whether only who may edit a credential, and no workflow, gets links that connect an account. */
	readonly linksOnlyByEditors?: boolean;
	/** Whether workflows may list the connections of their credential's store. */
	readonly listByWorkflows?: boolean;
}

/** Every environment variable of this package's own. */
export const SETTING_NAMES = [
	'VAULTED_OAUTH2_LEASE',
	'VAULTED_OAUTH2_LINKS',
	'VAULTED_OAUTH2_LIST',
	'VAULTED_OAUTH2_SECRET_PREFIX',
	'VAULTED_OAUTH2_ALLOWED_TOKEN_HOSTS',
	'VAULTED_OAUTH2_ALLOWED_API_HOSTS',
	'VAULTED_OAUTH2_ALLOWED_AWS_HOSTS',
	'VAULTED_OAUTH2_ALLOWED_AWS_ACCOUNTS',
	'VAULTED_OAUTH2_REFERENCES',
	'VAULTED_OAUTH2_TRUST_EDITORS',
	'VAULTED_OAUTH2_VAULT_KEY',
	'VAULTED_OAUTH2_VAULT_PREVIOUS_KEY',
] as const;

/** One of {@link SETTING_NAMES}. */
export type SettingName = (typeof SETTING_NAMES)[number];

/**
 * A variable without quotes; an empty one counts as not set, since a container's configuration often passes it on empty.
 *
 * @throws ConfigurationError `INVALID_SETTING` if it is in a file that cannot be read: a limit must not be lost that way
 */
export function readSetting(env: Environment, name: SettingName): string | undefined {
	const value = readVariable(env, name);
	if (value === undefined && env[`${name}_FILE`])
		throw invalidSetting(name, `is in a file that cannot be read (${name}_FILE)`);
	return nonEmpty(unquoted(value));
}

/** What is wrong with a setting of the instance, and the way out. */
function invalidSetting(name: SettingName, rule: string): ConfigurationError {
	return new ConfigurationError(
		name,
		`this setting of the instance ${rule}. Correct the environment variable and restart n8n.`,
		{ code: 'INVALID_SETTING' },
	);
}

/** @throws ConfigurationError `INVALID_SETTING` if the setting is none of the choices */
export function readChoice<T extends string>(
	env: Environment,
	name: SettingName,
	choices: readonly [T, ...T[]],
): T {
	const value = readSetting(env, name)?.toLowerCase() ?? choices[0];
	const choice = choices.find((each) => each === value);
	if (choice !== undefined) return choice;
	throw invalidSetting(name, `is one of ${choices.join(', ')}`);
}

/** @throws ConfigurationError `INVALID_SETTING` naming the variable */
export function readOperatorSettings(env: Environment): OperatorSettings {
	const secretPrefix = readSetting(env, 'VAULTED_OAUTH2_SECRET_PREFIX');
	if (secretPrefix !== undefined && !/^[A-Za-z0-9/_+=.@-]{1,128}$/.test(secretPrefix)) {
		throw invalidSetting(
			'VAULTED_OAUTH2_SECRET_PREFIX',
			'is made of letters, digits and /_+=.@-, 128 characters at most',
		);
	}
	const lists = {
		allowedTokenHosts: readHosts(env, 'VAULTED_OAUTH2_ALLOWED_TOKEN_HOSTS'),
		allowedApiHosts: readHosts(env, 'VAULTED_OAUTH2_ALLOWED_API_HOSTS'),
		allowedAwsHosts: readHosts(env, 'VAULTED_OAUTH2_ALLOWED_AWS_HOSTS'),
		allowedAwsAccounts: readList(env, 'VAULTED_OAUTH2_ALLOWED_AWS_ACCOUNTS', {
			isEntry: (entry) => /^\d{12}$/.test(entry),
			rule: 'is a list of AWS account IDs (12 digits each), separated by commas',
		}),
		references: readList(env, 'VAULTED_OAUTH2_REFERENCES', {
			isEntry: (entry) => /^[A-Za-z0-9/_+=.@-]+\*?$/.test(entry),
			rule: 'is a list of names of secrets such as crm/client, or with * at the end such as crm/*, separated by commas',
		}),
	};
	return {
		...(secretPrefix === undefined ? {} : { secretPrefix }),
		...Object.fromEntries(Object.entries(lists).filter(([, list]) => list !== undefined)),
		trustEditors: readChoice(env, 'VAULTED_OAUTH2_TRUST_EDITORS', ['false', 'true']) === 'true',
		linksOnlyByEditors:
			readChoice(env, 'VAULTED_OAUTH2_LINKS', ['workflows', 'editors']) === 'editors',
		listByWorkflows:
			readChoice(env, 'VAULTED_OAUTH2_LIST', ['nobody', 'workflows']) === 'workflows',
	};
}

function readHosts(env: Environment, name: SettingName): string[] | undefined {
	return readList(env, name, {
		isEntry: (entry) => isHostPattern(entry.toLowerCase()),
		rule: 'is a list of host names such as login.example.com, *.example.com or login.example.com:8443, separated by commas',
	})?.map((host) => host.toLowerCase());
}

interface ListRule {
	readonly isEntry: (entry: string) => boolean;
	readonly rule: string;
}

/** `undefined` if it is not set. A list that is set has an entry: one that allows nothing is a mistake. */
function readList(
	env: Environment,
	name: SettingName,
	{ isEntry, rule }: ListRule,
): string[] | undefined {
	const value = readSetting(env, name);
	if (value === undefined) return undefined;
	const entries = listed(value);
	if (entries.length > 0 && entries.every((entry) => isEntry(entry))) return entries;
	throw invalidSetting(name, rule);
}
