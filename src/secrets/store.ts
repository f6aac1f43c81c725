/** One version of a secret, as read. */
export interface SecretVersion {
	/** Full ARN where the store has one, else the name. */
	readonly secretId: string;
	/** Opaque; the base of a later compare-and-swap write. */
	readonly versionId: string;
	/** The secret string: a JSON text. */
	readonly content: string;
}

/** What a write did. */
export interface WriteResult {
	/** The version that is current now. */
	readonly versionId: string;
	/**
	 * Set where the write replaced another version than the expected one, which happens when an administrator edits the secret by
	 * other means between read and write. The caller merges this version's content and writes again, so that no edit is lost.
	 */
	readonly replaced?: SecretVersion;
}

const AWS_ACTIONS = { create: 'CreateSecret', read: 'GetSecretValue', write: 'PutSecretValue' };

/** What the store itself calls an action, for errors: AWS has ARNs and names of its own. */
export function actionOn(secretId: string, action: keyof typeof AWS_ACTIONS): string {
	return secretId.startsWith('arn:') ? AWS_ACTIONS[action] : action;
}

/** What a new secret gets besides its content. */
export interface CreateOptions {
	readonly description?: string;
	/** Tags for stores that have them; names and values are not confidential. */
	readonly tags?: Readonly<Record<string, string>>;
	/**
	 * Names this attempt to create the secret: 64 lower-case hex digits that the caller chose at random. If the answer was lost, the
	 * caller repeats the call with the same name, content and attempt. Default: an attempt that nobody repeats.
	 */
	readonly attempt?: string;
}

/** What a store tells about a secret besides its content. Not confidential. */
export interface SecretDescription {
	/** Full ARN where the store has one, else the name. */
	readonly secretId: string;
	/** Empty for a store that has no tags. */
	readonly tags: Readonly<Record<string, string>>;
}

/** Secrets by their names. */
export interface SecretList {
	/** Full ARNs where the store has them, else names; in the order of the store. */
	readonly secretIds: readonly string[];
	/** True if there are more than were asked for. */
	readonly isCut: boolean;
}

/**
 * The port of a secret store. Every adapter passes the same contract suite (`test/contracts/secretStore.ts`).
 *
 * All methods reject with {@link SecretStoreError}, or with ConfigurationError where a setting of the credential is at fault, and never with an
 * error of the underlying library; no message ever holds content.
 */
export interface SecretStore {
	readonly kind: 'awsSecretsManager' | 'localVault';
	/** New versions per day the store can take for one secret, or `undefined` where it does not matter. */
	readonly versionsPerDay: number | undefined;

	/**
	 * Creates a secret and never touches an existing one. Repeating the same attempt with the same content is without effect and
	 * reports the secret as created; if the secret was written since, the repeat may also be answered with `ALREADY_EXISTS`.
	 *
	 * @throws SecretStoreError `ALREADY_EXISTS` if the name is taken, `DELETED` if that is by a secret that waits for its deletion
	 */
	create(name: string, content: string, options?: CreateOptions): Promise<SecretVersion>;

	/**
	 * Reads the current version.
	 *
	 * @param secretId name or ARN
	 * @throws SecretStoreError `NOT_FOUND`, `DELETED`, `ACCESS_DENIED`, …
	 */
	read(secretId: string): Promise<SecretVersion>;

	/**
	 * Reads the tags of a secret.
	 *
	 * @param secretId name or ARN
	 * @throws SecretStoreError `NOT_FOUND`, `ACCESS_DENIED`, …
	 */
	describe(secretId: string): Promise<SecretDescription>;

	/**
	 * Lists secrets whose names begin with `prefix`, whoever made them; none that waits for its deletion.
	 *
	 * @param most how many at most
	 * @throws SecretStoreError `ACCESS_DENIED`, …
	 */
	list(prefix: string, most: number): Promise<SecretList>;

	/**
	 * How many versions the store takes of this secret until one that it holds is a day old; `undefined` where it does not matter or may not be asked.
	 *
	 * @throws SecretStoreError if the store cannot answer now
	 */
	versionsLeft(secretId: string): Promise<number | undefined>;

	/**
	 * Reads the version before the current one: what a version that is not our own replaced.
	 *
	 * @param timeoutMs time limit in milliseconds; the store's own if absent
	 * @returns `undefined` if there is none, or if it may not or cannot be read
	 * @throws SecretStoreError if the store cannot answer now
	 */
	previous(secretId: string, timeoutMs?: number): Promise<SecretVersion | undefined>;

	/**
	 * Whether this package wrote the version, rather than an administrator or a rotation function. It says nothing about who made
	 * the version current: an administrator can put one of our older versions back.
	 */
	isOwn(versionId: string): boolean;

	/**
	 * Compare-and-swap: makes `content` the current version where `expectedVersionId` still is the current one. Of all writers that
	 * start from one version exactly one succeeds. Repeating the same write is without effect and reports the same version.
	 *
	 * @throws VersionConflictError where another writer was first
	 * @throws SecretStoreError otherwise
	 */
	write(secretId: string, content: string, expectedVersionId: string): Promise<WriteResult>;

	/**
	 * Proves that a write from this version would be permitted, without making a new version. A quota of versions that is used up
	 * need not show.
	 *
	 * @param version the current version, exactly as it was read
	 * @throws VersionConflictError if the version is no longer the current one
	 * @throws SecretStoreError as `write` does
	 */
	assertWritable(version: SecretVersion): Promise<void>;
}
