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

interface FailureOptions {
	/** Stable, for programs: upper case with underscores. */
	code: string;
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

	protected constructor(
		readonly failureClass: FailureClass,
		text: string,
		options: FailureOptions,
	) {
		super(
			`${options.title ?? TITLES[failureClass]} – ${text}`,
			options.cause === undefined ? undefined : { cause: options.cause },
		);
		this.name = new.target.name;
		this.code = options.code;
	}
}

/** The consent or the refresh token is gone (RFC 6749 §5.2 `invalid_grant`), and the store holds nothing newer. */
export class ReconnectError extends VaultedOAuth2Error {
	constructor(text: string, options: FailureOptions) {
		super('reconnect', text, options);
	}
}

/** A field has to be corrected. `field` is the name the form shows. */
export class ConfigurationError extends VaultedOAuth2Error {
	readonly field: string;

	constructor(field: string, text: string, options: FailureOptions) {
		super('configuration', `${field}: ${text}`, options);
		this.field = field;
	}
}

/** The provider did not answer, or answered that it cannot answer now. Nothing is lost. */
export class ProviderError extends VaultedOAuth2Error {
	/** Whole seconds the provider asked to wait (RFC 9110 §10.2.3 `Retry-After`), where it did. */
	readonly retryAfterSeconds: number | undefined;

	constructor(text: string, options: FailureOptions & { retryAfterSeconds?: number | undefined }) {
		super('provider', text, options);
		this.retryAfterSeconds = options.retryAfterSeconds;
	}
}

/** What a secret store refused or could not do. */
export type SecretStoreCode =
	| 'ACCESS_DENIED'
	| 'BUNDLE_INVALID'
	| 'DECRYPTION_FAILED'
	| 'NOT_FOUND'
	| 'DELETED'
	| 'ALREADY_EXISTS'
	| 'KEY_MISMATCH'
	| 'LIMIT_EXCEEDED'
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
	override readonly code: SecretStoreCode;
	readonly action: string;
	readonly secretId: string;

	constructor(
		text: string,
		options: { code: SecretStoreCode; action: string; secretId: string; cause?: unknown },
	) {
		super('secretStore', text, options);
		this.code = options.code;
		this.action = options.action;
		this.secretId = options.secretId;
	}

	/** True where the same call can succeed later without anybody changing anything. */
	get temporary(): boolean {
		return TEMPORARY_STORE_CODES.has(this.code);
	}
}

/** A compare-and-swap write lost: the secret's current version is not the one the writer started from. Re-read and merge. */
export class VersionConflictError extends Error {
	constructor(readonly secretId: string) {
		super(`The secret ${secretId} was changed by another writer`);
		this.name = 'VersionConflictError';
	}
}
