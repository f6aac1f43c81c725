import { ConfigurationError, SecretStoreError, VersionConflictError } from '../errors';
import type { SecretStore } from './store';
import {
	claimedName,
	openWithAny,
	seal,
	versionIdOfAttempt,
	versionOf,
	type OpenedVersion,
} from './vault/cipher';
import { vaultFailure, type VaultAction } from './vault/failures';
import { processGate, type VaultGate } from './vault/gate';
import {
	folderNameOf,
	newestText,
	secretFolders,
	versionFolder,
	VERSIONS_KEPT,
	type VersionFolder,
} from './vault/versionFolder';

/** Where the vault is, and what it is locked with. */
export interface LocalVaultOptions {
	/** Absolute path; made on first use. */
	readonly folder: string;
	/** What every version is written under; n8n's own encryption key, or one of the vault's own. */
	readonly encryptionKey: string;
	/** What versions may have been written under before; they are only read with it. */
	readonly previousKey?: string | undefined;
	/** Limits how many operations run at once, and for how long. Default: the gate that all vaults of this process share. */
	readonly gate?: VaultGate;
}

/** As AWS Secrets Manager, so that a secret can move between the stores. */
const MAX_CONTENT_BYTES = 64 * 1024;
const MAX_NAME_LENGTH = 512;
/** Each failed look means that several versions were written while one file was opened. */
const LOOKS = 10;

/**
 * A secret store of encrypted files, for hosts without AWS: AES-256-GCM under a key derived from n8n's own.
 *
 * A version number that goes back while the process runs is reported: somebody put an old copy of the folder back.
 *
 * Each secret is a folder of numbered files. Taking the next number is the compare-and-swap, see {@link VersionFolder.add}.
 *
 * Every call is over within 20 seconds, see {@link VaultGate}: after that it rejects with `UNAVAILABLE`, although a write may still
 * come about once the file system answers, as after any other lost answer.
 *
 * @throws ConfigurationError where n8n's encryption key is not known
 */
export function localVault({
	folder: vault,
	encryptionKey,
	previousKey,
	gate = processGate,
}: LocalVaultOptions): SecretStore {
	if (encryptionKey === '') {
		throw new ConfigurationError(
			'Secret Store',
			"the local vault needs n8n's encryption key. Set N8N_ENCRYPTION_KEY, or let n8n read encryptionKey in its settings file (.n8n/config).",
			{ code: 'ENCRYPTION_KEY_MISSING' },
		);
	}

	const keys = previousKey === undefined ? [encryptionKey] : [encryptionKey, previousKey];
	/** The highest version seen of each secret. */
	const seen = new Map<string, number>();

	/** The current version, or `undefined` where there is no such secret. */
	async function readNewest(
		name: string,
		folder: VersionFolder,
	): Promise<OpenedVersion | undefined> {
		let version: number | undefined;
		for (let looks = 0; looks < LOOKS; looks++) {
			// A listing that overlaps writes need not show a consistent state: that nothing is there counts only when seen every time.
			version = (await folder.list()).at(-1) ?? version;
			const text = version === undefined ? undefined : await folder.read(version);
			if (version === undefined || text === undefined || version < (seen.get(name) ?? 0)) continue;
			const opened = openWithAny(text, keys, { name, version });
			if (opened === undefined) throw undecipherable(name, folder.fileName(version));
			seen.set(name, version);
			return opened;
		}
		const highest = seen.get(name);
		if (version !== undefined && highest !== undefined && version < highest) {
			throw rolledBack(name, { version, highest });
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
		{ name, content, attempt }: { name: string; content: string; attempt?: string | undefined },
		version: number,
		folder: VersionFolder,
	): Promise<string | undefined> {
		const { text, versionId } = seal(content, encryptionKey, { name, version, attempt });
		if (!(await folder.add(version, text))) return undefined;
		await folder.sync();
		const newest = Math.max(version, ...(await folder.list()));
		await folder.prune(newest);
		seen.set(name, newest);
		return version <= newest - VERSIONS_KEPT ? undefined : versionId;
	}

	/** The version id, if this very attempt with this content has created the secret before. */
	async function createdBefore(
		{ name, content, attempt }: { name: string; content: string; attempt?: string | undefined },
		folder: VersionFolder,
	): Promise<string | undefined> {
		if (attempt === undefined) return undefined;
		const newest = await readNewest(name, folder).catch(unlessUndecipherable);
		if (newest?.versionId !== versionIdOfAttempt(attempt) || newest.content !== content) {
			return undefined;
		}
		// Whoever wrote it may have crashed before this.
		await folder.sync();
		return newest.versionId;
	}

	async function run<T>(
		call: Omit<VaultAction, 'vault'>,
		work: (action: VaultAction) => Promise<T>,
	): Promise<T> {
		const action = { ...call, vault };
		try {
			return await gate.run(`${vault}\0${call.secretId}`, () => work(action));
		} catch (error) {
			throw vaultFailure(error, action);
		}
	}

	return {
		kind: 'localVault',
		versionsPerDay: undefined,

		create: (name, content, { attempt } = {}) =>
			run({ action: 'create', secretId: name }, async (action) => {
				checkName(action);
				checkSize(content, action);
				const folder = versionFolder(vault, name);
				await folder.make();
				const taken = (await folder.list()).length > 0;
				const secret = { name, content, attempt };
				const versionId =
					(taken ? undefined : await addVersion(secret, 1, folder)) ??
					(await createdBefore(secret, folder));
				if (versionId === undefined) {
					throw new SecretStoreError(
						`The local vault already has a secret "${name}". Use another name.`,
						{ code: 'ALREADY_EXISTS', ...action },
					);
				}
				return { secretId: name, versionId, content };
			}),

		read: (secretId) =>
			run({ action: 'read', secretId }, async (action) => {
				const newest = await readNewest(secretId, versionFolder(vault, secretId));
				if (newest === undefined) throw notFound(action);
				return { secretId, versionId: newest.versionId, content: newest.content };
			}),

		describe: (secretId) =>
			run({ action: 'read', secretId }, async (action) => {
				const versions = await versionFolder(vault, secretId).list();
				if (versions.length === 0) throw notFound(action);
				return { secretId, tags: {} };
			}),

		list: (prefix, most) =>
			run({ action: 'list', secretId: prefix }, async () => {
				const secretIds: string[] = [];
				for (const folder of await secretFolders(vault)) {
					const name = claimedName((await newestText(vault, folder)) ?? '');
					if (name === undefined || folderNameOf(name) !== folder || !name.startsWith(prefix))
						continue;
					if (secretIds.length >= most) return { secretIds, isCut: true };
					secretIds.push(name);
				}
				return { secretIds, isCut: false };
			}),

		versionsLeft: () => Promise.resolve(undefined),

		// It serves to detect an old copy that somebody wrote back. Here nobody but this package can write a version.
		previous: () => Promise.resolve(undefined),

		isOwn: () => true,

		write: (secretId, content, expectedVersionId) =>
			run({ action: 'write', secretId }, async (action) => {
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

		assertWritable: ({ secretId, versionId, content }) =>
			run({ action: 'write', secretId }, async (action) => {
				const folder = versionFolder(vault, secretId);
				const newest = await readNewest(secretId, folder);
				if (newest === undefined) throw notFound(action);
				if (newest.versionId !== versionId) throw new VersionConflictError(secretId);
				const next = { name: secretId, version: newest.version + 1 };
				await folder.tryToAdd(seal(content, encryptionKey, next).text);
			}),
	};
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
		`The local vault cannot decrypt "${secretId}". Either its key (VAULTED_OAUTH2_VAULT_KEY, else N8N_ENCRYPTION_KEY) changed: set the former one as VAULTED_OAUTH2_VAULT_PREVIOUS_KEY. ` +
			`Or the file ${fileName} was changed or cut short: restore it from a backup. If neither can be done, type all secrets again and save.`,
		{ code: 'DECRYPTION_FAILED', action: 'read', secretId },
	);
}

/** What cannot be read is not what this attempt made. */
function unlessUndecipherable(error: unknown): undefined {
	if (error instanceof SecretStoreError && error.code === 'DECRYPTION_FAILED') return undefined;
	throw error;
}

function rolledBack(
	secretId: string,
	{ version, highest }: { version: number; highest: number },
): SecretStoreError {
	return new SecretStoreError(
		`The local vault's "${secretId}" went back from version ${highest} to ${version}: somebody put an old copy of its folder back, whose refresh token is spent. ` +
			'Restore the newer files; or restart n8n to go on with the old copy.',
		{ code: 'ROLLED_BACK', action: 'read', secretId },
	);
}
