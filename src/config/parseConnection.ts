import type { ErrorObject, ValidateFunction } from 'ajv';

import { ConfigurationError } from '../errors';
import type { AwsCredentials } from '../secrets/awsSecretsManager';
import { resolveApiUrl } from './apiUrl';
import type {
	ClientAuthenticationMethod,
	ClientSecretSource,
	Connection,
	StoreSettings,
	TypedSecrets,
} from './connection';
import { FIELD_NAMES, type CredentialFields, type FieldKey } from './fields';
import { connectionSchema, SECURE_URL, tokenParametersSchema } from './schema';

/** A form, read: what it means, what was typed, and the pointer to what is sealed already. */
export interface ParsedFields {
	readonly connection: Connection;
	readonly typed: TypedSecrets;
	/** The pointer's text; absent before the first seal. */
	readonly secretRef?: string;
}

type Values = Partial<Record<FieldKey, string | number>>;

const AUTHENTICATION: Record<string, ClientAuthenticationMethod | 'automatic'> = {
	automatic: 'automatic',
	basic: 'client_secret_basic',
	basicUnencoded: 'client_secret_basic_unencoded',
	post: 'client_secret_post',
	none: 'none',
};

const KEYS = Object.keys(FIELD_NAMES) as FieldKey[];
const SECRET_KEYS: ReadonlySet<FieldKey> = new Set([
	'clientSecret',
	'refreshToken',
	'awsSecretAccessKey',
	'awsSessionToken',
]);

function isLoopback(hostname: string): boolean {
	return (
		hostname === 'localhost' ||
		hostname.endsWith('.localhost') ||
		hostname === '[::1]' ||
		/^127(\.\d{1,3}){3}$/.test(hostname)
	);
}

/** An https address, or http to this machine itself; no user name, password or fragment in it. */
export function isSecureUrl(value: string): boolean {
	if (!URL.canParse(value) || /[\s\\]/.test(value)) return false;
	const url = new URL(value);
	return (
		(url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))) &&
		url.username === '' &&
		url.password === '' &&
		url.hash === ''
	);
}

const validators = new Map<unknown, Promise<ValidateFunction>>();

async function compile(secretStore: unknown): Promise<ValidateFunction> {
	const { Ajv } = await import('ajv');
	const ajv = new Ajv({
		allErrors: true,
		coerceTypes: true,
		strictRequired: false,
		strictTypes: false,
	});
	ajv.addFormat(SECURE_URL, isSecureUrl);
	return secretStore === tokenParametersSchema
		? ajv.compile(tokenParametersSchema)
		: ajv.compile(connectionSchema(secretStore));
}

function validator(key: unknown): Promise<ValidateFunction> {
	let pending = validators.get(key);
	if (pending === undefined) {
		pending = compile(key);
		validators.set(key, pending);
	}
	return pending;
}

function clean(fields: CredentialFields): Values {
	const values: Values = {};
	for (const key of KEYS) {
		const value = fields[key];
		if (typeof value === 'number') values[key] = value;
		if (typeof value !== 'string') continue;
		// Pasted secrets often end with a line break; other white space may belong to them.
		const text = SECRET_KEYS.has(key) ? value.replace(/^[\r\n]+|[\r\n]+$/g, '') : value.trim();
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

const RULES: Partial<Record<FieldKey, string>> = {
	label: 'is at most 128 characters long',
	scope: 'is a list of scope names separated by spaces',
	tenantId:
		'is made of letters, digits, ".", "_" and "-", starts with a letter or digit and has at most 64 characters',
	refreshBufferSeconds: 'is a whole number of seconds from 0 to 86400; 300 is usual',
	defaultLifetimeSeconds:
		'is a whole number of seconds from 0 to 31536000; 0 means "use until refused"',
	awsRegion: 'is the name of an AWS region such as eu-central-1',
	awsRoleArn: 'is the ARN of a role, such as arn:aws:iam::123456789012:role/n8n',
	secretName: 'is made of letters, digits and /_+=.@-',
};

const CHOICES: Partial<Record<FieldKey, string>> = {
	clientSecretSource:
		'a reference needs AWS Secrets Manager as Secret Store; with the local vault the client secret is entered',
};

interface Problem {
	readonly field: FieldKey;
	readonly text: string;
	readonly code: 'MISSING_FIELD' | 'INVALID_FIELD';
}

function describe(error: ErrorObject): Problem | undefined {
	if (error.keyword === 'required') {
		const field = (error.params as { missingProperty: FieldKey }).missingProperty;
		// The two halves of "Token URL or Issuer URL" and the conditions of `if` are reported once, by the anyOf below.
		if (error.schemaPath.includes('/anyOf/')) return undefined;
		return { field, text: 'it is missing. Fill it in.', code: 'MISSING_FIELD' };
	}
	if (error.keyword === 'anyOf') {
		return {
			field: 'tokenUrl',
			text: 'it is missing. Fill it in, or fill in Issuer URL where the provider supports discovery.',
			code: 'MISSING_FIELD',
		};
	}
	const field = error.instancePath.slice(1) as FieldKey;
	if (!(field in FIELD_NAMES)) return undefined;
	if (error.keyword === 'format') {
		return {
			field,
			text: 'it must be an https:// address (http:// only to this machine itself), without user name, password or "#".',
			code: 'INVALID_FIELD',
		};
	}
	if (error.keyword === 'enum' || error.keyword === 'const') {
		return {
			field,
			text: `choose one of the form's values. ${CHOICES[field] ?? ''}`.trim(),
			code: 'INVALID_FIELD',
		};
	}
	return {
		field,
		text: `it ${RULES[field] ?? 'has a value that cannot be used'}.`,
		code: 'INVALID_FIELD',
	};
}

function fail(errors: readonly ErrorObject[]): never {
	const problems = errors.map(describe).filter((problem) => problem !== undefined);
	const [first, ...others] = problems;
	if (first === undefined) {
		throw new ConfigurationError(FIELD_NAMES.label, 'the fields do not fit together.', {
			code: 'INVALID_FIELD',
		});
	}
	const more = others
		.filter((other, index) => others.findIndex(({ field }) => field === other.field) === index)
		.filter(({ field }) => field !== first.field)
		.map(({ field, text }) => ` ${FIELD_NAMES[field]}: ${text}`);
	throw new ConfigurationError(FIELD_NAMES[first.field], `${first.text}${more.join('')}`, {
		code: first.code,
	});
}

async function parseTokenParameters(value: unknown): Promise<Record<string, string>> {
	const field = FIELD_NAMES.tokenParameters;
	if (value === undefined || value === null || value === '') return {};
	let parsed: unknown = value;
	if (typeof value === 'string') {
		try {
			parsed = JSON.parse(value);
		} catch {
			throw new ConfigurationError(
				field,
				'it is not JSON. Enter an object such as {"audience": "https://api.example.com"}.',
				{
					code: 'INVALID_FIELD',
				},
			);
		}
	}
	const validate = await validator(tokenParametersSchema);
	if (!validate(parsed)) {
		throw new ConfigurationError(
			field,
			'it must be a JSON object of texts, without the parameters that have a field of their own (grant_type, client_id, client_secret, refresh_token, scope).',
			{ code: 'INVALID_FIELD' },
		);
	}
	return parsed as Record<string, string>;
}

function text(values: Values, key: FieldKey): string | undefined {
	const value = values[key];
	return value === undefined ? undefined : String(value);
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
			...present('base', accessKey),
		};
	}
	if (values.awsCredentials === 'accessKey' && accessKey !== undefined)
		return { kind: 'accessKey', ...accessKey };
	return { kind: 'default' };
}

function parseStore(values: Values): StoreSettings {
	if (values.secretStore === 'localVault') return { kind: 'localVault' };
	return {
		kind: 'awsSecretsManager',
		region: String(values.awsRegion),
		credentials: parseAwsCredentials(values),
		...present('endpoint', text(values, 'awsEndpoint')),
		...present('secretName', text(values, 'secretName')),
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

/**
 * Reads the credential's fields into a {@link Connection}. Does not look at any store or provider.
 *
 * @throws ConfigurationError `MISSING_FIELD`, `INVALID_FIELD` or `ADDRESS_NOT_ALLOWED`, naming the field as the form shows it
 */
export async function parseConnection(fields: CredentialFields): Promise<ParsedFields> {
	const values = clean(fields);
	for (const key of ['issuerUrl', 'tokenUrl', 'apiBaseUrl'] as const) fillTenant(values, key);
	const validate = await validator(values.secretStore);
	if (!validate(values)) fail(validate.errors ?? []);

	const target = parseApiTarget(values);
	const validationPath = text(values, 'validationPath');
	const connection: Connection = {
		label: String(values.label),
		grantType: values.grantType === 'refreshToken' ? 'refresh_token' : 'client_credentials',
		...present('issuer', text(values, 'issuerUrl')),
		...present('tokenEndpoint', text(values, 'tokenUrl')),
		clientId: String(values.clientId),
		clientAuthentication: AUTHENTICATION[String(values.clientAuthentication)] ?? 'automatic',
		clientSecretSource: parseSecretSource(values),
		...present('scope', text(values, 'scope')),
		tokenParameters: await parseTokenParameters(fields['tokenParameters']),
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
		store: parseStore(values),
	};
	return {
		connection,
		typed: {
			...(connection.clientSecretSource.kind === 'entered' &&
			connection.clientAuthentication !== 'none'
				? present('clientSecret', text(values, 'clientSecret'))
				: {}),
			...(connection.grantType === 'refresh_token'
				? present('refreshToken', text(values, 'refreshToken'))
				: {}),
		},
		...present('secretRef', text(values, 'secretRef')),
	};
}
