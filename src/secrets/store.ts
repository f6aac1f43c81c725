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

/** What a new secret gets besides its content. */
export interface CreateOptions {
	readonly description?: string;
	/** Tags for stores that have them; names and values are not confidential. */
	readonly tags?: Readonly<Record<string, string>>;
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
	 * Creates a secret and never touches an existing one.
	 *
	 * @throws SecretStoreError `ALREADY_EXISTS` where the name is taken, also by a secret that waits for its deletion (`DELETED`).
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
	 * Compare-and-swap: makes `content` the current version where `expectedVersionId` still is the current one. Of all writers that
	 * start from one version exactly one succeeds. Repeating the same write is without effect and reports the same version.
	 *
	 * @throws VersionConflictError where another writer was first
	 * @throws SecretStoreError otherwise
	 */
	write(secretId: string, content: string, expectedVersionId: string): Promise<WriteResult>;
}
