import { createHash, randomUUID } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { errnoOf } from './failures';

/**
 * How many versions are kept. Version n + 1 can therefore be gone only once version n + 1 + {@link VERSIONS_KEPT} exists, which is
 * what lets a writer tell whether the number it took had been free all along.
 */
export const VERSIONS_KEPT = 3;

const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
const VERSION_FILE = /^([1-9]\d{0,14})\.json$/;
const TEMPORARY_PREFIX = '.new-';
/** No write takes that long: a temporary file of this age was left by a crash. */
const ABANDONED_AFTER_MS = 60 * 60 * 1000;
const SLUG_LENGTH = 60;

/** One secret's folder: a numbered file per version. Rejects with the file system's own errors. */
export interface VersionFolder {
	/** Makes the folder, and makes sure that it outlives a crash. */
	make(): Promise<void>;
	/** The versions there are, ascending; none where there is no folder. */
	list(): Promise<number[]>;
	/** The file's text, or `undefined` where it is not (or no longer) there. */
	read(version: number): Promise<string | undefined>;
	/** Adds a version, whole or not at all, or answers `false` where the number is taken. It outlives a crash only after `sync`. */
	add(version: number, text: string): Promise<boolean>;
	/** Does what `add` does up to the point at which the version would be there, and removes it again. */
	tryToAdd(text: string): Promise<void>;
	/** Makes everything added so far outlive a crash. */
	sync(): Promise<void>;
	/** Removes the versions that `newest` made superfluous, and temporary files left by crashes. Never rejects. */
	prune(newest: number): Promise<void>;
	/** A version's file, relative to the vault, for messages. */
	fileName(version: number): string;
}

/** The folder of the secret `name` inside the vault's folder. */
export function versionFolder(vault: string, name: string): VersionFolder {
	const folderName = folderNameOf(name);
	const folder = join(vault, folderName);
	const pathOf = (version: number) => join(folder, `${version}.json`);

	async function withTemporary(text: string, use?: (path: string) => Promise<void>): Promise<void> {
		const temporary = join(folder, TEMPORARY_PREFIX + randomUUID());
		try {
			await writeSynced(temporary, text);
			await use?.(temporary);
		} finally {
			await unlink(temporary).catch(ignore);
		}
	}

	return {
		async make() {
			const firstMade = await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
			if (firstMade !== undefined) await syncFolder(dirname(firstMade));
			// Also where another process made the folder: it may not have come to this point yet.
			await syncFolder(vault);
		},

		async list() {
			return versionsIn(await readdir(folder).catch(ifMissing<string[]>([])));
		},

		async read(version) {
			return await readFile(pathOf(version), 'utf8').catch(ifMissing(undefined));
		},

		async add(version, text) {
			try {
				// Unlike rename(2), link(2) fails where the name exists: of all who try, exactly one succeeds. The file was synced
				// before, so its name never stands for less than all of it.
				await withTemporary(text, (temporary) => link(temporary, pathOf(version)));
				return true;
			} catch (error) {
				if (errnoOf(error) === 'EEXIST') return false;
				throw error;
			}
		},

		tryToAdd: (text) => withTemporary(text),

		sync: () => syncFolder(folder),

		async prune(newest) {
			const files = await readdir(folder).catch(ifMissing<string[]>([])).catch(ignore);
			for (const file of files ?? []) {
				const path = join(folder, file);
				const version = Number(VERSION_FILE.exec(file)?.[1]);
				if (version <= newest - VERSIONS_KEPT || (await isAbandoned(path, file))) {
					// Another writer may have been faster, and a file that cannot be removed now is tried again after the next write.
					await unlink(path).catch(ignore);
				}
			}
		},

		fileName: (version) => `${folderName}/${version}.json`,
	};
}

/** Names of the folders in the vault; none if there is no vault. */
export async function secretFolders(vault: string): Promise<string[]> {
	const entries = await readdir(vault, { withFileTypes: true }).catch(ifMissing([]));
	return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

/** The newest version's text in a folder of the vault; `undefined` if there is none. */
export async function newestText(vault: string, folder: string): Promise<string | undefined> {
	const versions = versionsIn(await readdir(join(vault, folder)).catch(ifMissing<string[]>([])));
	const newest = versions.at(-1);
	return newest === undefined
		? undefined
		: await readFile(join(vault, folder, `${newest}.json`), 'utf8').catch(ifMissing(undefined));
}

function versionsIn(files: readonly string[]): number[] {
	return files
		.flatMap((file) => VERSION_FILE.exec(file)?.[1] ?? [])
		.map(Number)
		.sort((a, b) => a - b);
}

/**
 * A recognisable part, and a hash that alone tells names apart: also on file systems that ignore case, and with no way for a name
 * to lead out of the vault. The end of the name is kept, because the beginning is the same for all.
 */
export function folderNameOf(name: string): string {
	const slug = name
		.toLowerCase()
		.replace(/[^a-z0-9]+/g, '-')
		.slice(-SLUG_LENGTH)
		.replace(/^-|-$/g, '');
	const hash = createHash('sha256').update(JSON.stringify(name)).digest('hex').slice(0, 32);
	return slug === '' ? hash : `${slug}-${hash}`;
}

async function writeSynced(path: string, text: string): Promise<void> {
	const file = await open(path, 'wx', FILE_MODE);
	try {
		await file.writeFile(text);
		await file.sync();
	} finally {
		await file.close();
	}
}

async function syncFolder(path: string): Promise<void> {
	// Windows cannot open a folder for this, and its file system keeps a journal of names by itself.
	if (process.platform === 'win32') return;
	const folder = await open(path, 'r');
	try {
		await folder.sync();
	} finally {
		await folder.close();
	}
}

async function isAbandoned(path: string, file: string): Promise<boolean> {
	if (!file.startsWith(TEMPORARY_PREFIX)) return false;
	const found = await stat(path).catch(ignore);
	return found !== undefined && Date.now() - found.mtimeMs > ABANDONED_AFTER_MS;
}

function ifMissing<T>(instead: T): (error: unknown) => T {
	return (error) => {
		if (errnoOf(error) === 'ENOENT') return instead;
		throw error;
	};
}

function ignore(): undefined {
	return undefined;
}
