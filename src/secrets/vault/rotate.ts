import { SecretStoreError, VaultedOAuth2Error, VersionConflictError } from '../../errors';
import { localVault, type LocalVaultOptions } from '../localVault';
import { claimedName, openWithAny } from './cipher';
import {
	folderNameOf,
	newestText,
	secretFolders,
	versionFolder,
	VERSIONS_KEPT,
} from './versionFolder';

/** What became of one secret. */
export interface Rotated {
	/** The folder's name: the secret's, recognisable. */
	readonly folder: string;
	readonly outcome: 'rewritten' | 'unchanged' | 'failed';
	/** Why it failed, and the way out. */
	readonly reason?: string;
}

/** Conflicts with n8n, which goes on writing meanwhile, before a secret is given up. */
const MAX_CONFLICTS = 20;

/**
 * Writes every secret of the vault under its current key, until no version under another key is left: as many times as versions are kept.
 *
 * Each write is the vault's own, so a crash at any point leaves every secret whole, and n8n may run meanwhile if it knows both keys. Running it again
 * goes on where it ended.
 *
 * @param onRotated called for each secret when it is done
 * @throws SecretStoreError if the vault's folder cannot be read
 */
export async function rotateVault(
	options: LocalVaultOptions,
	onRotated: (rotated: Rotated) => void,
): Promise<void> {
	for (const folder of await secretFolders(options.folder)) {
		onRotated(await rotateFolder(options, folder));
	}
}

async function rotateFolder(options: LocalVaultOptions, folder: string): Promise<Rotated> {
	try {
		const text = await newestText(options.folder, folder);
		// What a crash left while the secret was created.
		if (text === undefined) return { folder, outcome: 'unchanged' };
		const name = claimedName(text);
		if (name === undefined || folderNameOf(name) !== folder) {
			const reason =
				'the file does not name its secret: an earlier version of this package wrote it, or it was changed. Leave the previous key set until n8n has written the secret again, at the latest when it is saved.';
			return { folder, outcome: 'failed', reason };
		}
		return { folder, outcome: await rotateSecret(options, name) };
	} catch (error) {
		if (!(error instanceof VaultedOAuth2Error)) throw error;
		return { folder, outcome: 'failed', reason: error.detail };
	}
}

async function rotateSecret(
	options: LocalVaultOptions,
	name: string,
): Promise<'rewritten' | 'unchanged'> {
	const store = localVault(options);
	let writes = 0;
	for (let conflicts = 0; conflicts < MAX_CONFLICTS;) {
		if (!(await isUnderAnotherKey(options, name))) return writes > 0 ? 'rewritten' : 'unchanged';
		if (writes > VERSIONS_KEPT) break;
		const { content, versionId } = await store.read(name);
		try {
			await store.write(name, content, versionId);
			writes += 1;
		} catch (error) {
			if (!(error instanceof VersionConflictError)) throw error;
			conflicts += 1;
		}
	}
	throw new SecretStoreError(
		`"${name}" still has versions under another key: n8n writes it all the time, or old files cannot be removed. Run the rotation again.`,
		{ code: 'UNAVAILABLE', action: 'write', secretId: name },
	);
}

/** Whether one of the versions that are kept does not open with the current key alone. */
async function isUnderAnotherKey(
	{ folder: vault, encryptionKey }: LocalVaultOptions,
	name: string,
): Promise<boolean> {
	const folder = versionFolder(vault, name);
	for (const version of await folder.list()) {
		const text = await folder.read(version);
		const isPruned = text === undefined;
		if (!isPruned && openWithAny(text, [encryptionKey], { name, version }) === undefined)
			return true;
	}
	return false;
}
