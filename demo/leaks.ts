import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Names of the places whose text holds one of the values, which are never printed themselves. */
export function placesWith(
	values: readonly string[],
	places: Readonly<Record<string, string>>,
): string[] {
	return Object.entries(places)
		.filter(([, text]) => values.some((value) => text.includes(value)))
		.map(([name]) => name);
}

/** The local vault's files under a user folder, with their bytes as text. */
export async function vaultFiles(userFolder: string): Promise<Record<string, string>> {
	const folder = join(userFolder, '.n8n', 'vaulted-oauth2');
	const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
	const files = entries
		.filter((entry) => entry.isFile())
		.map((entry) => join(entry.parentPath, entry.name));
	const contents = files.map(async (file): Promise<[string, string]> => [
		file,
		await readFile(file, 'latin1'),
	]);
	return Object.fromEntries(await Promise.all(contents));
}
