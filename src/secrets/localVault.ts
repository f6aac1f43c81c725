import { ConfigurationError, SecretStoreError, VersionConflictError } from '../errors';
import type { SecretStore } from './store';
import { open, seal, versionOf, type OpenedVersion } from './vault/cipher';
import { vaultFailure, type VaultAction } from './vault/failures';
import { versionFolder, VERSIONS_KEPT, type VersionFolder } from './vault/versionFolder';

/** Where the vault is, and what it is locked with. */
export interface LocalVaultOptions {
	/** Absolute path; made on first use. */
	readonly folder: string;
	/** n8n's own encryption key. */
	readonly encryptionKey: string;
}

/** As AWS Secrets Manager, so that a secret can move between the stores. */
const MAX_CONTENT_BYTES = 64 * 1024;
const MAX_NAME_LENGTH = 512;
/** Each failed attempt means that several versions were written while one file was opened. */
const ATTEMPTS = 10;

/**
 * A secret store of encrypted files, for hosts without AWS: AES-256-GCM under a key derived from n8n's own.
 *
 * Each secret is a folder of numbered files. Taking the next number is the compare-and-swap, see {@link VersionFolder.add}.
 *
 * @throws ConfigurationError where n8n's encryption key is not known
 */
export function localVault({ folder: vault, encryptionKey }: LocalVaultOptions): SecretStore {
	if (encryptionKey === '') {
		throw new ConfigurationError(
			'Secret Store',
			"the local vault needs n8n's encryption key. Set N8N_ENCRYPTION_KEY, or let n8n read encryptionKey in its settings file (.n8n/config).",
			{ code: 'ENCRYPTION_KEY_MISSING' },
		);
	}

	/** The current version, or `undefined` where there is no such secret. */
	async function readNewest(
		name: string,
		folder: VersionFolder,
	): Promise<OpenedVersion | undefined> {
		let version: number | undefined;
		for (let attempts = 0; attempts < ATTEMPTS; attempts++) {
			// A listing that overlaps writes need not show a consistent state: that nothing is there counts only when seen every time.
			version = (await folder.list()).at(-1) ?? version;
			const text = version === undefined ? undefined : await folder.read(version);
			if (version === undefined || text === undefined) continue;
			try {
				return open(text, encryptionKey, { name, version });
			} catch {
				throw undecipherable(name, folder.fileName(version));
			}
		}
		if (version !== undefined) throw new Error('Every version was pruned before it could be read');
		return undefined;
	}

	/**
	 * Adds `version`, and tells its version id, or `undefined` where another writer took that number.
	 *
	 * Before: a version that exists makes `add` fail. After: a writer that slept between reading and adding may find its number free
	 * again because it was pruned meanwhile. That needs versions so much newer that `version` itself is to be pruned at once, so it
	 * never becomes current, is removed again, and counts as lost. (A writer that was first, and then overtaken that far before it
	 * could look, hears the same. Nothing is lost: the versions that followed were built upon its own.)
	 */
	async function addVersion(
		{ name, content }: { name: string; content: string },
		version: number,
		folder: VersionFolder,
	): Promise<string | undefined> {
		const { text, versionId } = seal(content, encryptionKey, { name, version });
		if (!(await folder.add(version, text))) return undefined;
		await folder.sync();
		const newest = Math.max(version, ...(await folder.list()));
		await folder.prune(newest);
		return version <= newest - VERSIONS_KEPT ? undefined : versionId;
	}

	return {
		kind: 'localVault',
		versionsPerDay: undefined,

		create: (name, content) =>
			attempt({ action: 'create', secretId: name }, async (action) => {
				checkName(action);
				checkSize(content, action);
				const folder = versionFolder(vault, name);
				await folder.make();
				const taken = (await folder.list()).length > 0;
				const versionId = taken ? undefined : await addVersion({ name, content }, 1, folder);
				if (versionId === undefined) {
					throw new SecretStoreError(
						`The local vault already has a secret "${name}". Use another name.`,
						{ code: 'ALREADY_EXISTS', ...action },
					);
				}
				return { secretId: name, versionId, content };
			}),

		read: (secretId) =>
			attempt({ action: 'read', secretId }, async (action) => {
				const newest = await readNewest(secretId, versionFolder(vault, secretId));
				if (newest === undefined) throw notFound(action);
				return { secretId, versionId: newest.versionId, content: newest.content };
			}),

		write: (secretId, content, expectedVersionId) =>
			attempt({ action: 'write', secretId }, async (action) => {
				checkSize(content, action);
				const folder = versionFolder(vault, secretId);
				let newest = await readNewest(secretId, folder);
				if (newest?.versionId === expectedVersionId) {
					const added = await addVersion({ name: secretId, content }, newest.version + 1, folder);
					if (added !== undefined) return { versionId: added };
					newest = await readNewest(secretId, folder);
				}
				if (newest === undefined) throw notFound(action);

				// Another writer was first. Where it wrote the same from the same version, this is the same write, repeated.
				if (newest.content !== content || newest.version - 1 !== versionOf(expectedVersionId)) {
					throw new VersionConflictError(secretId);
				}
				// Whoever wrote it may have crashed before this.
				await folder.sync();
				return { versionId: newest.versionId };
			}),
	};
}

async function attempt<T>(
	action: VaultAction,
	work: (action: VaultAction) => Promise<T>,
): Promise<T> {
	try {
		return await work(action);
	} catch (error) {
		throw vaultFailure(error, action);
	}
}

function checkName(action: VaultAction): void {
	const { length } = action.secretId;
	if (length > 0 && length <= MAX_NAME_LENGTH) return;
	throw new SecretStoreError(
		`The name of a secret has ${length} characters. Give it between 1 and ${MAX_NAME_LENGTH}.`,
		{ code: 'INVALID_REQUEST', ...action },
	);
}

function checkSize(content: string, action: VaultAction): void {
	const size = Buffer.byteLength(content);
	if (size <= MAX_CONTENT_BYTES) return;
	throw new SecretStoreError(
		`"${action.secretId}" would have ${size} bytes, and a secret holds at most ${MAX_CONTENT_BYTES}. Ask the provider for smaller tokens (fewer scopes or claims).`,
		{ code: 'TOO_LARGE', ...action },
	);
}

function notFound(action: VaultAction): SecretStoreError {
	return new SecretStoreError(
		`The local vault has no secret "${action.secretId}". Restore the vault folder from a backup, or enter the secrets again and save.`,
		{ code: 'NOT_FOUND', ...action },
	);
}

function undecipherable(secretId: string, fileName: string): SecretStoreError {
	return new SecretStoreError(
		`The local vault cannot decrypt "${secretId}". Either n8n's encryption key (N8N_ENCRYPTION_KEY) changed: set the former one again. ` +
			`Or the file ${fileName} was changed or cut short: restore it from a backup.`,
		{ code: 'DECRYPTION_FAILED', action: 'read', secretId },
	);
}
