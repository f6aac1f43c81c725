import type { FieldName } from './config/fields';
import { plainText } from './plainText';

/**
 * The four classes of failure a user can see. They are never mixed: each one asks something else of the user.
 *
 * - `reconnect`: authorize again.
 * - `configuration`: correct the named field.
 * - `provider`: wait; nothing is lost.
 * - `secretStore`: look at the named action and secret.
 */
export type FailureClass = 'reconnect' | 'configuration' | 'provider' | 'secretStore';

const TITLES: Record<FailureClass, string> = {
	reconnect: 'Reconnect needed',
	configuration: 'Fix the configuration',
	provider: 'Provider temporarily unavailable',
	secretStore: 'Secret store',
};

interface FailureOptions<Code extends string = string> {
	/** Stable, for programs: upper case with underscores. */
	code: Code;
	/** Replaces the title of the class where it would mislead. */
	title?: string;
	/** Only errors of this package and plain `Error`s without request or response objects: those would carry secrets. */
	cause?: unknown;
}

/**
 * Base of every error this package throws on purpose.
 *
 * `message` starts with the title of the class and ends with the way out. It never holds a secret, a token, a code or an assertion.
 */
export abstract class VaultedOAuth2Error extends Error {
	/** Stable code, such as `INVALID_CLIENT` or `ACCESS_DENIED`. */
	readonly code: string;
	/** Short cause; the title of the class unless that would mislead. */
	readonly title: string;
	/** What happened and the way out: the message without its title. */
	readonly detail: string;

	protected constructor(
		readonly failureClass: FailureClass,
		text: string,
		options: FailureOptions,
	) {
		const title = options.title ?? TITLES[failureClass];
		const detail = plainText(text);
		super(
			`${title} – ${detail}`,
			options.cause === undefined ? undefined : { cause: options.cause },
		);
		this.name = new.target.name;
		this.code = options.code;
		this.title = title;
		this.detail = detail;
	}

	/** True if the same request can succeed later without anyone changing anything. */
	get temporary(): boolean {
		return this.failureClass === 'provider';
	}
}

/** Why a person has to connect or authorize again, or why an attempt to do so ended. */
export type ReconnectCode =
	| 'ACCESS_DENIED'
	| 'CONNECTED_MEANWHILE'
	| 'FEWER_SCOPES'
	| 'FOR_PASTING'
	| 'INVALID_GRANT'
	| 'ISSUER_MISMATCH'
	| 'LINK_EXPIRED'
	| 'LINK_INVALID'
	| 'LINK_USED'
	| 'NOT_CONNECTED'
	| 'NO_REFRESH_TOKEN'
	| 'OTHER_BROWSER'
	| 'OTHER_SUBJECT'
	| 'RESPONSE_EXPIRED'
	| 'RESPONSE_INVALID'
	| 'RESPONSE_USED'
	| 'UNAVAILABLE';

/** The consent or the refresh token is gone (RFC 6749 §5.2 `invalid_grant`), and the store holds nothing newer. */
export class ReconnectError extends VaultedOAuth2Error {
	declare readonly code: ReconnectCode;

	constructor(text: string, options: FailureOptions<ReconnectCode>) {
		super('reconnect', text, options);
	}
}

/** What has to be corrected. */
export type ConfigurationCode =
	| 'ACCESS_DENIED'
	| 'ADDRESS_NOT_ALLOWED'
	| 'AWS_CREDENTIALS_REFUSED'
	| 'AWS_ENDPOINT_INVALID'
	| 'AWS_HOST_IDENTITY_NOT_ALLOWED'
	| 'AWS_HOST_IDENTITY_UNAVAILABLE'
	| 'AWS_REGION_INVALID'
	| 'BLOCKED_BY_INSTANCE'
	| 'BOUND_TO_KEY'
	| 'DISCOVERY_FAILED'
	| 'DPOP_REQUIRED'
	| 'EGRESS_BLOCKED'
	| 'ENCRYPTION_KEY_MISSING'
	| 'ENDPOINT_NOT_FOUND'
	| 'INVALID_CLIENT'
	| 'INVALID_DPOP_PROOF'
	| 'INVALID_FIELD'
	| 'INVALID_ID_TOKEN'
	| 'INVALID_LIFETIME'
	| 'INVALID_REQUEST'
	| 'INVALID_SCOPE'
	| 'INVALID_SECRET_REF'
	| 'INVALID_SETTING'
	| 'INVALID_TARGET'
	| 'MISSING_FIELD'
	| 'NOT_ALLOWED_BY_OPERATOR'
	| 'NOT_A_CLIENT_SECRET'
	| 'NOT_BOUND_TO_KEY'
	| 'NOT_SEALED'
	| 'NO_INTROSPECTION_ENDPOINT'
	| 'NO_REVOCATION_ENDPOINT'
	| 'NO_USERINFO_ENDPOINT'
	| 'ONLY_BY_EDITORS'
	| 'OPTION_NOT_ALLOWED'
	| 'POINTER_IN_FIELD'
	| 'REDIRECTED'
	| 'REFERENCE_NOT_ALLOWED'
	| 'SEALED_ELSEWHERE'
	| 'SEALED_FOR_OTHER'
	| 'UNAUTHORIZED_CLIENT'
	| 'WRONG_GRANT_TYPE'
	| 'WRONG_RESPONSE_MODE';

/** What can be named as the place of a mistake: a field of the form, a parameter of a node or a setting of the instance. */
export type MistakeIn =
	| FieldName
	| 'Headers'
	| 'Ignore SSL Issues (Insecure)'
	| 'Limit'
	| 'Link header'
	| 'Link Lifetime (Minutes)'
	| 'Method'
	| 'Next URL'
	| 'Path'
	| 'Proxy'
	| 'SSL Certificates'
	| 'Session Lifetime (Minutes)'
	| 'URL'
	| `VAULTED_OAUTH2_${string}`;

/** Something has to be corrected. `field` is the name that the form, the node or the environment has for it. */
export class ConfigurationError extends VaultedOAuth2Error {
	declare readonly code: ConfigurationCode;
	readonly field: MistakeIn;
	/** The detail without the name of the field. */
	readonly reason: string;

	constructor(field: MistakeIn, text: string, options: FailureOptions<ConfigurationCode>) {
		super('configuration', `${field}: ${text}`, options);
		this.field = field;
		this.reason = plainText(text);
	}
}

/** Why the provider could not be used for the moment. */
export type ProviderCode =
	| 'INVALID_RESPONSE'
	| 'LEASE_BUSY'
	| 'RATE_LIMITED'
	| 'REFRESH_PENDING'
	| 'SERVER_ERROR'
	| 'TEMPORARILY_UNAVAILABLE'
	| 'TIMEOUT'
	| 'UNREACHABLE';

/** The provider did not answer, or answered that it cannot answer now. Nothing is lost. */
export class ProviderError extends VaultedOAuth2Error {
	declare readonly code: ProviderCode;
	/** Whole seconds the provider asked to wait (RFC 9110 §10.2.3 `Retry-After`), where it did. */
	readonly retryAfterSeconds: number | undefined;

	constructor(
		text: string,
		options: FailureOptions<ProviderCode> & { retryAfterSeconds?: number | undefined },
	) {
		super('provider', text, options);
		this.retryAfterSeconds = options.retryAfterSeconds;
	}
}

/** What a secret store refused or could not do. */
export type SecretStoreCode =
	| 'ACCESS_DENIED'
	| 'BUNDLE_INVALID'
	| 'BUNDLE_TOO_NEW'
	| 'DECRYPTION_FAILED'
	| 'NOT_FOUND'
	| 'DELETED'
	| 'ALREADY_EXISTS'
	| 'KEY_MISMATCH'
	| 'LIMIT_EXCEEDED'
	| 'ROLLED_BACK'
	| 'TOO_LARGE'
	| 'THROTTLED'
	| 'UNREACHABLE'
	| 'UNAVAILABLE'
	| 'INVALID_REQUEST'
	| 'NOT_SAVED';

/** Codes that may go away by themselves: the same call can succeed later. */
const TEMPORARY_STORE_CODES: ReadonlySet<SecretStoreCode> = new Set([
	'THROTTLED',
	'UNREACHABLE',
	'UNAVAILABLE',
]);

/**
 * The secret store refused or failed. `action` is the AWS action (`GetSecretValue`, …) or the local vault's (`read`, …),
 * `secretId` the name or ARN it was about.
 */
export class SecretStoreError extends VaultedOAuth2Error {
	declare readonly code: SecretStoreCode;
	readonly action: string;
	readonly secretId: string;

	constructor(
		text: string,
		options: { code: SecretStoreCode; action: string; secretId: string; cause?: unknown },
	) {
		super('secretStore', text, options);
		this.action = options.action;
		this.secretId = options.secretId;
	}

	override get temporary(): boolean {
		return TEMPORARY_STORE_CODES.has(this.code);
	}
}

/** A failure in a form that can be stored and restored in another process. Holds nothing confidential, as no message does. */
export type StoredFailure = {
	readonly title: string;
	readonly detail: string;
} & (
	| { readonly failureClass: 'reconnect'; readonly code: ReconnectCode }
	| { readonly failureClass: 'provider'; readonly code: ProviderCode }
	| {
			readonly failureClass: 'configuration';
			readonly code: ConfigurationCode;
			readonly field: MistakeIn;
	  }
);

/** The failure as it can be stored; undefined for one of the secret store, which is about the process that met it. */
export function storedFailure(error: VaultedOAuth2Error): StoredFailure | undefined {
	const { title, detail } = error;
	if (error instanceof ReconnectError)
		return { failureClass: 'reconnect', code: error.code, title, detail };
	if (error instanceof ProviderError)
		return { failureClass: 'provider', code: error.code, title, detail };
	if (!(error instanceof ConfigurationError)) return undefined;
	const { field, code, reason } = error;
	return { failureClass: 'configuration', code, title, field, detail: reason };
}

/** The error that {@link storedFailure} was made from. */
export function restoreFailure(stored: StoredFailure): VaultedOAuth2Error {
	const { title, detail } = stored;
	switch (stored.failureClass) {
		case 'reconnect':
			return new ReconnectError(detail, { code: stored.code, title });
		case 'provider':
			return new ProviderError(detail, { code: stored.code, title });
		case 'configuration':
			return new ConfigurationError(stored.field, detail, { code: stored.code, title });
	}
}

/** A compare-and-swap write lost: the secret's current version is not the one the writer started from. Re-read and merge. */
export class VersionConflictError extends Error {
	constructor(readonly secretId: string) {
		super(`The secret ${secretId} was changed by another writer`);
		this.name = 'VersionConflictError';
	}
}
