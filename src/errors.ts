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
	/** Short cause; the title of the class unless that would mislead. */
	readonly title: string;
	/** What happened and the way out: the message without its title. */
	readonly detail: string;

	protected constructor(
		readonly failureClass: FailureClass,
		detail: string,
		options: FailureOptions,
	) {
		const title = options.title ?? TITLES[failureClass];
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

	override get temporary(): boolean {
		return TEMPORARY_STORE_CODES.has(this.code);
	}
}

/** A failure in a form that can be stored and restored in another process. Holds nothing confidential, as no message does. */
export interface StoredFailure {
	readonly failureClass: Exclude<FailureClass, 'secretStore'>;
	readonly code: string;
	readonly title: string;
	readonly detail: string;
	/** Set for `configuration`. */
	readonly field?: string;
}

/** The failure as it can be stored; undefined for one of the secret store, which is about the process that met it. */
export function storedFailure(error: VaultedOAuth2Error): StoredFailure | undefined {
	const { failureClass, code, title, detail } = error;
	if (failureClass === 'secretStore') return undefined;
	if (!(error instanceof ConfigurationError)) return { failureClass, code, title, detail };
	const { field } = error;
	return { failureClass, code, title, field, detail: detail.slice(`${field}: `.length) };
}

/** The error that {@link storedFailure} was made from. */
export function restoreFailure(stored: StoredFailure): VaultedOAuth2Error {
	const { failureClass, code, title, detail, field = '' } = stored;
	switch (failureClass) {
		case 'reconnect':
			return new ReconnectError(detail, { code, title });
		case 'provider':
			return new ProviderError(detail, { code, title });
		case 'configuration':
			return new ConfigurationError(field, detail, { code, title });
	}
}

/** A compare-and-swap write lost: the secret's current version is not the one the writer started from. Re-read and merge. */
export class VersionConflictError extends Error {
	constructor(readonly secretId: string) {
		super(`The secret ${secretId} was changed by another writer`);
		this.name = 'VersionConflictError';
	}
}
