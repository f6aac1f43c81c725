import { ConfigurationError } from '../errors';
import { isAwsOwn } from './awsHosts';
import { regionalAwsEndpoint, type Connection, type StoreSettings } from './connection';
import { FIELD_NAMES, type FieldKey } from './fields';
import { isAllowedHost } from './hosts';
import type { OperatorSettings, SettingName } from './operatorSettings';

type AwsStore = Extract<StoreSettings, { kind: 'awsSecretsManager' }>;

function refused(field: FieldKey, what: string, setting: SettingName): ConfigurationError {
	return new ConfigurationError(
		FIELD_NAMES[field],
		`the operator of this n8n does not allow ${what} (${setting}). Use another one, or have it added to that setting.`,
		{ code: 'NOT_ALLOWED_BY_OPERATOR' },
	);
}

interface HostRule {
	readonly hosts: readonly string[] | undefined;
	readonly setting: SettingName;
}

function assertHost(field: FieldKey, address: string | undefined, rule: HostRule): void {
	const { hosts, setting } = rule;
	if (hosts === undefined || address === undefined || isAllowedHost(address, hosts)) return;
	const host = URL.canParse(address) ? new URL(address).host : 'this address';
	throw refused(field, `requests to ${host}`, setting);
}

/**
 * What is behind AWS Endpoint can pass requests on that this n8n's AWS identity has signed, and read what is in any secret that it may read. An
 * editor need not know the access key for that, so that only the operator can allow it.
 */
function assertAwsOwn({ endpoint }: AwsStore): void {
	if (endpoint === undefined || isAwsOwn(endpoint)) return;
	const { host } = new URL(endpoint);
	throw new ConfigurationError(
		FIELD_NAMES.awsEndpoint,
		`${host} is not AWS Secrets Manager itself, and could read every secret it is asked for. Empty the field, or have the operator of this n8n allow it: VAULTED_OAUTH2_ALLOWED_AWS_HOSTS=${host}`,
		{ code: 'NOT_ALLOWED_BY_OPERATOR' },
	);
}

function assertStore(store: AwsStore, settings: OperatorSettings): void {
	const { allowedAwsHosts, allowedAwsAccounts, secretPrefix } = settings;
	if (allowedAwsHosts === undefined) assertAwsOwn(store);
	assertHost(
		store.endpoint === undefined ? 'awsRegion' : 'awsEndpoint',
		store.endpoint ?? regionalAwsEndpoint(store.region),
		{
			hosts: allowedAwsHosts,
			setting: 'VAULTED_OAUTH2_ALLOWED_AWS_HOSTS',
		},
	);
	if (store.credentials.kind === 'assumeRole' && allowedAwsAccounts !== undefined) {
		const account = store.credentials.roleArn.split(':')[4] ?? '';
		if (!allowedAwsAccounts.includes(account)) {
			const what = `roles of the AWS account ${account}`;
			throw refused('awsRoleArn', what, 'VAULTED_OAUTH2_ALLOWED_AWS_ACCOUNTS');
		}
	}
	if (secretPrefix !== undefined && store.secretName?.startsWith(secretPrefix) === false) {
		throw new ConfigurationError(
			FIELD_NAMES.secretName,
			`the operator of this n8n wants names that begin with ${secretPrefix} (VAULTED_OAUTH2_SECRET_PREFIX). Put that in front of it, or empty the field.`,
			{ code: 'NOT_ALLOWED_BY_OPERATOR' },
		);
	}
}

/**
 * Asserts that the connection stays within what the operator of the instance allows: hosts, AWS accounts and names of secrets, as far as the
 * form tells them. What an issuer describes is checked by `limitHosts` when it is used, the account of a secret when AWS has answered.
 *
 * @throws ConfigurationError `NOT_ALLOWED_BY_OPERATOR` naming field and setting
 */
export function assertAllowedByOperator(connection: Connection, settings: OperatorSettings): void {
	const { tokenEndpoint, revocationEndpoint, issuer, authorizationCode } = connection;
	const { apiBaseUrl, apiOrigins, store } = connection;
	const token: HostRule = {
		hosts: settings.allowedTokenHosts,
		setting: 'VAULTED_OAUTH2_ALLOWED_TOKEN_HOSTS',
	};
	assertHost('tokenUrl', tokenEndpoint, token);
	assertHost('issuerUrl', issuer, token);
	assertHost('revocationUrl', revocationEndpoint, token);
	assertHost('authorizationUrl', authorizationCode?.authorizationEndpoint, token);
	const api: HostRule = {
		hosts: settings.allowedApiHosts,
		setting: 'VAULTED_OAUTH2_ALLOWED_API_HOSTS',
	};
	assertHost('apiBaseUrl', apiBaseUrl, api);
	for (const origin of apiOrigins) assertHost('additionalApiOrigins', origin, api);
	if (store.kind === 'awsSecretsManager') assertStore(store, settings);
}
