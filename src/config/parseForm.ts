import { ConfigurationError } from '../errors';
import type { AwsCredentials } from '../secrets/awsSecretsManager';
import { parseApiHeaders } from './apiHeaders';
import { resolveApiUrl } from './apiUrl';
import { canonicalUrl } from './canonicalUrl';
import {
	assertCertificate,
	readClientKey,
	SIGNING_ALGORITHMS,
	signingAlgorithm,
} from './clientKey';
import {
	credentialKindOf,
	type AssertionSettings,
	type AuthorizationCodeSettings,
	type ClientAuthenticationMethod,
	type ClientSecretSource,
	type Connection,
	type Form,
	type GrantType,
	type StoreSettings,
	type TypedSecrets,
} from './connection';
import { parseExpiry } from './expiry';
import { failFor } from './fieldProblems';
import { FIELD_NAMES, type CredentialFields, type FieldKey } from './fields';
import { parseParameters } from './parseParameters';
import { parseTags } from './parseTags';
import { connectionSchema } from './schema';
import { isSecureUrl } from './secureUrl';
import { assertFitsDpop, parsePlacement, type TokenPlacement } from './tokenPlacement';
import { validator } from './validators';

type Values = Partial<Record<FieldKey, string | number | boolean>>;

const AUTHENTICATION: Record<string, ClientAuthenticationMethod | 'automatic'> = {
	automatic: 'automatic',
	basic: 'client_secret_basic',
	basicUnencoded: 'client_secret_basic_unencoded',
	post: 'client_secret_post',
	privateKeyJwt: 'private_key_jwt',
	tlsClientCertificate: 'tls_client_auth',
	none: 'none',
};

const GRANT: Record<string, GrantType> = {
	authorizationCode: 'authorization_code',
	clientCredentials: 'client_credentials',
	refreshToken: 'refresh_token',
};

const PUSHED: Record<string, AuthorizationCodeSettings['pushed']> = {
	always: 'always',
	ifOffered: 'ifOffered',
	never: 'never',
};

const DPOP: Record<string, Connection['dpop']> = { always: 'always', ifOffered: 'ifOffered' };

const KEYS = Object.keys(FIELD_NAMES) as FieldKey[];
const SECRET_KEYS: ReadonlySet<FieldKey> = new Set([
	'clientSecret',
	'privateKey',
	'refreshToken',
	'authorizationResponse',
	'apiHeaders',
	'awsSecretAccessKey',
	'awsSessionToken',
]);

function clean(fields: CredentialFields): Values {
	const values: Values = {};
	for (const key of KEYS) {
		const value = fields[key];
		if (typeof value === 'number' || typeof value === 'boolean') values[key] = value;
		if (typeof value !== 'string') continue;
		// Pasted secrets often end with a line break; other white space may belong to them.
		const text = SECRET_KEYS.has(key)
			? value.replace(/^[\r\n]+|(?<![\r\n])[\r\n]+$/g, '')
			: value.trim();
		if (text !== '') values[key] = text;
	}
	if (typeof values.scope === 'string') values.scope = values.scope.split(/\s+/).join(' ');
	return values;
}

/** Replaces `{tenantId}` in an address; says so where there is no tenant to put in. */
function fillTenant(values: Values, key: FieldKey): void {
	const value = values[key];
	if (typeof value !== 'string' || !value.includes('{tenantId}')) return;
	if (values.tenantId === undefined) {
		throw new ConfigurationError(
			FIELD_NAMES.tenantId,
			`${FIELD_NAMES[key]} contains {tenantId}, but no tenant is given. Fill it in.`,
			{ code: 'MISSING_FIELD' },
		);
	}
	values[key] = value.replaceAll('{tenantId}', encodeURIComponent(String(values.tenantId)));
}

function text(values: Values, key: FieldKey): string | undefined {
	const value = values[key];
	return value === undefined ? undefined : String(value);
}

function address(values: Values, key: FieldKey): string | undefined {
	const value = text(values, key);
	return value === undefined ? undefined : canonicalUrl(value);
}

function seconds(values: Values, key: FieldKey, fallback: number): number {
	return values[key] === undefined ? fallback : Number(values[key]);
}

/** `{ key: value }`, or nothing where the value is undefined: keeps absent properties absent. */
function present<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
	return value === undefined ? {} : ({ [key]: value } as Record<K, V>);
}

function parseAwsCredentials(values: Values): AwsCredentials {
	const accessKeyId = text(values, 'awsAccessKeyId');
	const secretAccessKey = text(values, 'awsSecretAccessKey');
	const accessKey =
		accessKeyId !== undefined && secretAccessKey !== undefined
			? {
					accessKeyId,
					secretAccessKey,
					...present('sessionToken', text(values, 'awsSessionToken')),
				}
			: undefined;
	if (values.awsCredentials === 'assumeRole') {
		return {
			kind: 'assumeRole',
			roleArn: String(values.awsRoleArn),
			...present('externalId', text(values, 'awsExternalId')),
			...present('sessionName', text(values, 'awsSessionName')),
			...present('sourceIdentity', text(values, 'awsSourceIdentity')),
			...present('base', accessKey),
		};
	}
	if (values.awsCredentials === 'accessKey' && accessKey !== undefined)
		return { kind: 'accessKey', ...accessKey };
	return { kind: 'default' };
}

function parseStore(values: Values): StoreSettings {
	if (values.secretStore === 'localVault') return { kind: 'localVault' };
	const tags = text(values, 'awsTags');
	return {
		kind: 'awsSecretsManager',
		region: String(values.awsRegion),
		credentials: parseAwsCredentials(values),
		...present('endpoint', address(values, 'awsEndpoint')),
		...present('secretName', text(values, 'secretName')),
		...present('kmsKeyId', text(values, 'awsKmsKeyId')),
		...present('tags', tags === undefined ? undefined : parseTags(tags)),
	};
}

function parseSecretSource(values: Values): ClientSecretSource {
	if (values.clientSecretSource !== 'reference') return { kind: 'entered' };
	return {
		kind: 'reference',
		secretId: String(values.clientSecretReference),
		...present('jsonKey', text(values, 'clientSecretJsonKey')),
	};
}

function parseApiTarget(values: Values): Pick<Connection, 'apiBaseUrl' | 'apiOrigins'> {
	const base = new URL(String(values.apiBaseUrl));
	if (base.search !== '') {
		throw new ConfigurationError(
			FIELD_NAMES.apiBaseUrl,
			'remove the part from "?" on; a query belongs to the request.',
			{
				code: 'INVALID_FIELD',
			},
		);
	}
	const further = (text(values, 'additionalApiOrigins') ?? '')
		.split(/[\s,]+/)
		.filter((origin) => origin !== '');
	const bad = further.find(
		(origin) =>
			!isSecureUrl(origin) || new URL(origin).pathname !== '/' || new URL(origin).search !== '',
	);
	if (bad !== undefined) {
		throw new ConfigurationError(
			FIELD_NAMES.additionalApiOrigins,
			`"${bad}" is not an origin. Enter addresses such as https://uploads.example.com, separated by commas.`,
			{ code: 'INVALID_FIELD' },
		);
	}
	return {
		apiBaseUrl: base.href.replace(/\/$/, ''),
		apiOrigins: [...new Set([base.origin, ...further.map((origin) => new URL(origin).origin)])],
	};
}

function parseResources(values: Values): string[] {
	const resources = (text(values, 'resource') ?? '').split(/\s+/).filter((uri) => uri !== '');
	const bad = resources.find((uri) => !URL.canParse(uri) || uri.includes('#'));
	if (bad === undefined) return resources;
	throw new ConfigurationError(
		FIELD_NAMES.resource,
		'it must be absolute addresses without "#" (RFC 8707), separated by spaces.',
		{ code: 'INVALID_FIELD' },
	);
}

/** The redirect URI is compared by the provider character by character, and answers are added to it as a query. */
function assertPlainRedirectUri(redirectUri: string): void {
	if (!redirectUri.includes('?')) return;
	throw new ConfigurationError(
		FIELD_NAMES.redirectUri,
		'remove the part from "?" on. Enter the callback address that the Vaulted OAuth2 Trigger shows.',
		{ code: 'INVALID_FIELD' },
	);
}

/** Without a client secret nothing else ties the code to this client (RFC 9700 §2.1.1). */
function assertPkce({ clientAuthentication, pkce }: Values): void {
	if (clientAuthentication !== 'none' || pkce !== false) return;
	throw new ConfigurationError(
		FIELD_NAMES.pkce,
		'a client without a secret needs it. Turn it on, or choose another Client Authentication.',
		{ code: 'INVALID_FIELD' },
	);
}

async function parseAuthorizationCode(
	values: Values,
	fields: CredentialFields,
): Promise<AuthorizationCodeSettings> {
	const redirectUri = canonicalUrl(String(values.redirectUri));
	assertPlainRedirectUri(redirectUri);
	assertPkce(values);
	return {
		...present('authorizationEndpoint', address(values, 'authorizationUrl')),
		redirectUri,
		scope: String(values.scope),
		parameters: await parseParameters('authorizationParameters', fields['authorizationParameters']),
		formPost: values.responseMode === 'formPost',
		pushed: PUSHED[String(values.pushedAuthorizationRequest)] ?? 'ifRequired',
		pkce: values.pkce !== false,
		acceptFewerScopes: values.acceptFewerScopes === true,
	};
}

function parseAssertion(values: Values): AssertionSettings {
	const algorithm = SIGNING_ALGORITHMS.find((name) => name === values.signingAlgorithm);
	return { ...present('keyId', text(values, 'keyId')), ...present('algorithm', algorithm) };
}

/** The typed key, readable: what is wrong with it is said before it is stored. */
function parsePrivateKey(values: Values, kind: 'key' | 'certificate'): string | undefined {
	const typed = text(values, 'privateKey');
	if (typed === undefined) return undefined;
	const key = readClientKey(typed);
	if (kind === 'key') signingAlgorithm(key, { chosen: parseAssertion(values).algorithm });
	else assertCertificate(key);
	return key.text;
}

/** An empty prefix is one too; only a form from before there was such a field has none. */
function parseTokenPlacement(values: Values, { tokenPrefix }: CredentialFields): TokenPlacement {
	const placement = parsePlacement({
		placement: text(values, 'tokenPlacement'),
		header: text(values, 'tokenHeader'),
		prefix: typeof tokenPrefix === 'string' ? tokenPrefix.trim() : 'Bearer',
		queryParameter: text(values, 'tokenQueryParameter'),
		cookie: text(values, 'tokenCookie'),
	});
	if ((DPOP[String(values.dpop)] ?? 'never') !== 'never') assertFitsDpop(placement);
	return placement;
}

function parseTyped(connection: Connection, values: Values): TypedSecrets {
	const { clientSecretSource, clientAuthentication, grantType, tokenPlacement } = connection;
	const headers = connection.sendsApiHeaders ? text(values, 'apiHeaders') : undefined;
	const kind =
		clientSecretSource.kind === 'entered' ? credentialKindOf(clientAuthentication) : 'none';
	return {
		...(kind === 'secret' ? present('clientSecret', text(values, 'clientSecret')) : {}),
		...(kind === 'key' || kind === 'certificate'
			? present('privateKey', parsePrivateKey(values, kind))
			: {}),
		...(grantType === 'refresh_token' ? present('refreshToken', text(values, 'refreshToken')) : {}),
		...(grantType === 'authorization_code'
			? present('authorizationResponse', text(values, 'authorizationResponse'))
			: {}),
		...(headers === undefined ? {} : { apiHeaders: parseApiHeaders(headers, tokenPlacement) }),
	};
}

/**
 * Reads the credential's fields. Does not look at any store or provider.
 *
 * @throws ConfigurationError `MISSING_FIELD`, `INVALID_FIELD` or `ADDRESS_NOT_ALLOWED`, naming the field as the form shows it
 */
export async function parseForm(fields: CredentialFields): Promise<Form> {
	const values = clean(fields);
	for (const key of [
		'issuerUrl',
		'tokenUrl',
		'authorizationUrl',
		'revocationUrl',
		'apiBaseUrl',
		'awsSessionName',
	] as const)
		fillTenant(values, key);
	const { grantType, secretStore } = values;
	const isByCode = grantType === 'authorizationCode';
	// One schema for each pair: whatever else is typed must not be kept.
	const isAws = secretStore === 'awsSecretsManager';
	const validate = await validator(`${String(isAws)} ${String(isByCode)}`, () =>
		connectionSchema({ secretStore, grantType }),
	);
	if (!validate(values)) failFor(validate.errors ?? []);

	const target = parseApiTarget(values);
	const validationPath = text(values, 'validationPath');
	const connection: Connection = {
		label: String(values.label),
		grantType: GRANT[String(grantType)] ?? 'client_credentials',
		...present('issuer', address(values, 'issuerUrl')),
		...present('tokenEndpoint', address(values, 'tokenUrl')),
		// With Client Credentials no person's grant is there to be ended.
		...(grantType === 'clientCredentials'
			? {}
			: present('revocationEndpoint', address(values, 'revocationUrl'))),
		...present(
			'authorizationCode',
			isByCode ? await parseAuthorizationCode(values, fields) : undefined,
		),
		accountChangesByWorkflows: values.accountChangesByWorkflows === true,
		clientId: String(values.clientId),
		clientAuthentication: AUTHENTICATION[String(values.clientAuthentication)] ?? 'automatic',
		...present(
			'assertion',
			values.clientAuthentication === 'privateKeyJwt' ? parseAssertion(values) : undefined,
		),
		clientSecretSource: parseSecretSource(values),
		...present('scope', text(values, 'scope')),
		resources: parseResources(values),
		tokenParameters: await parseParameters('tokenParameters', fields['tokenParameters']),
		...target,
		...present('tenantId', text(values, 'tenantId')),
		...present(
			'validationUrl',
			validationPath === undefined
				? undefined
				: resolveApiUrl(target, validationPath, FIELD_NAMES.validationPath).href,
		),
		refreshBufferSeconds: seconds(values, 'refreshBufferSeconds', 300),
		defaultLifetimeSeconds: seconds(values, 'defaultLifetimeSeconds', 0),
		dpop: DPOP[String(values.dpop)] ?? 'never',
		tokenPlacement: parseTokenPlacement(values, fields),
		expiry: parseExpiry({
			statusCodes: text(values, 'tokenExpiredStatusCodes'),
			rule: text(values, 'tokenExpiredRule'),
			path: text(values, 'tokenExpiredPath'),
			comparison: text(values, 'tokenExpiredComparison'),
			value: text(values, 'tokenExpiredValue'),
		}),
		sendsApiHeaders: values.sendApiHeaders === true,
		store: parseStore(values),
	};
	return {
		connection,
		typed: parseTyped(connection, values),
		...present('secretRef', text(values, 'secretRef')),
	};
}
