import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Run } from './run.ts';
import { nodeBinary } from './run.ts';
import { n8nProgram, type RunningN8n } from './startN8n.ts';

/** A credential as n8n's database holds it, decrypted. */
export interface StoredCredential {
	id: string;
	name: string;
	type: string;
	data: Record<string, unknown>;
}

/**
 * Runs a command of n8n's command line beside the running n8n, on the same database.
 *
 * @returns what it printed on standard output
 * @throws Error with what it printed where it fails
 */
async function runN8nCommand(run: Run, n8n: RunningN8n, args: readonly string[]): Promise<string> {
	const child = spawn(nodeBinary(run), [n8nProgram(run), ...args], {
		cwd: n8n.userFolder,
		// Both would ask for the same ports otherwise.
		env: { ...n8n.env, N8N_RUNNERS_BROKER_PORT: '0', N8N_PORT: '0' },
		stdio: ['ignore', 'pipe', 'pipe'],
		...(run.signal ? { signal: run.signal } : {}),
	});
	let output = '';
	let errors = '';
	child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
	child.stderr.setEncoding('utf8').on('data', (chunk: string) => (errors += chunk));
	const code = await new Promise<number | null>((resolve, reject) => {
		child.once('error', reject);
		child.once('close', resolve);
	});
	if (code !== 0) throw new Error(`n8n ${args[0]} ended with status ${code}\n${output}${errors}`);
	return output;
}

/** Everything n8n has stored of its credentials (`export:credentials --all --decrypted`). */
export async function exportCredentials(run: Run, n8n: RunningN8n): Promise<StoredCredential[]> {
	const folder = await mkdtemp(join(tmpdir(), 'exported-credentials-'));
	try {
		const file = join(folder, 'credentials.json');
		await runN8nCommand(run, n8n, [
			'export:credentials',
			'--all',
			'--decrypted',
			`--output=${file}`,
		]);
		return JSON.parse(await readFile(file, 'utf8')) as StoredCredential[];
	} finally {
		await rm(folder, { recursive: true });
	}
}

/** Stores credentials as they are, without testing them (`import:credentials`). */
export async function importCredentials(
	run: Run,
	n8n: RunningN8n,
	credentials: readonly StoredCredential[],
): Promise<void> {
	const folder = await mkdtemp(join(tmpdir(), 'imported-credentials-'));
	try {
		const file = join(folder, 'credentials.json');
		await writeFile(file, JSON.stringify(credentials), { mode: 0o600 });
		await runN8nCommand(run, n8n, ['import:credentials', `--input=${file}`]);
	} finally {
		await rm(folder, { recursive: true });
	}
}

/** Runs a stored workflow in a process of its own, which exits when it is done (`execute`). @throws Error if the workflow fails */
export async function executeWorkflow(run: Run, n8n: RunningN8n, id: string): Promise<void> {
	await runN8nCommand(run, n8n, ['execute', `--id=${id}`, '--rawOutput']);
}
