import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { installLocked, runLogged } from '../lockedInstall.cjs';
import { cacheFolder, logFile, n8nFolder, patience, type Run } from './run.ts';

/** The version in n8n's own package.json, once installed. */
function n8nVersion(run: Run): string {
	const file = join(n8nFolder(run), 'node_modules', 'n8n', 'package.json');
	return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/**
 * Puts n8n into `demo/n8n/node_modules`, exactly as its lock file says; without effect where it is there already.
 *
 * @returns n8n's version
 */
export async function installN8n(run: Run): Promise<string> {
	const installed = await installLocked(n8nFolder(run), {
		// Legacy: n8n's tree has peer conflicts. No scripts: one of its optional addons does not build everywhere.
		args: ['--legacy-peer-deps', '--ignore-scripts'],
		label: 'Downloading n8n',
		logFile: logFile(run, 'install-n8n'),
		...patience(run),
	});
	const built = await buildSqlite(run);

	const version = n8nVersion(run);
	run.report(
		installed || built ? `Installed n8n ${version}` : `n8n ${version} is installed already`,
	);
	return version;
}

/** The one script that n8n cannot run without: its database driver's, which fetches or compiles a binary. */
async function buildSqlite(run: Run): Promise<boolean> {
	const binary = join(
		n8nFolder(run),
		'node_modules',
		'sqlite3',
		'build',
		'Release',
		'node_sqlite3.node',
	);
	if (existsSync(binary)) return false;

	await runLogged('npm', ['rebuild', 'sqlite3', '--foreground-scripts'], {
		cwd: n8nFolder(run),
		env: { ...process.env, npm_config_nodedir: await nodeHeaders(run) },
		label: "Building n8n's SQLite driver",
		logFile: logFile(run, 'build-sqlite3'),
		...patience(run),
	});
	await rm(fetchedHeaders(run), { recursive: true, force: true });
	return true;
}

function fetchedHeaders(run: Run): string {
	return join(cacheFolder(run), 'node-headers');
}

/**
 * The folder with the C headers of this Node, which a compiler needs where no prebuilt binary can be had. They come in the package
 * that the npm package `node` fetches for the platform; npm removes that one again at its next installation, so it may have to be
 * fetched once more.
 */
async function nodeHeaders(run: Run): Promise<string> {
	const name = `node-${process.platform}-${process.arch}`;
	const fetched = fetchedHeaders(run);
	const hasHeaders = (folder: string) => existsSync(join(folder, 'include', 'node', 'common.gypi'));
	const candidates = [
		join(run.root, 'node_modules', 'node', 'node_modules', name),
		join(fetched, 'node_modules', name),
	];

	const present = candidates.find(hasHeaders);
	if (present !== undefined) return present;

	const version = process.version.slice(1);
	await runLogged(
		'npm',
		['install', '--no-save', '--ignore-scripts', '--prefix', fetched, `${name}@${version}`],
		{
			label: "Downloading Node's headers",
			logFile: logFile(run, 'build-sqlite3'),
			...patience(run),
		},
	);
	return join(fetched, 'node_modules', name);
}
