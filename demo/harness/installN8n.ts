import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { installLocked, runLogged, type RunOptions } from '../lockedInstall.cjs';
import { cacheFolder, logFile, n8nFolder, patience, type Run } from './run.ts';

/** The version in n8n's own package.json, once installed. */
function n8nVersion(run: Run): string {
	const file = join(n8nFolder(run), 'node_modules', 'n8n', 'package.json');
	return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** Of the first two, n8n asks for versions that are not in every registry; what n8n 1.123 to 2.20 install today needs a newer third. */
const OVERRIDES = { linkedom: '0.18.12', xlsx: '0.18.5', '@langchain/core': '1.1.48' };

/** What single versions need besides: two copies of this one do not work together. */
const OVERRIDES_OF: Readonly<Record<string, object>> = {
	'2.20.12': { '@opentelemetry/core': '2.12.1' },
};

// Legacy: n8n's tree has peer conflicts. No scripts: one of its optional addons does not build everywhere.
const ARGS = ['--legacy-peer-deps', '--ignore-scripts'];

/**
 * Puts n8n into its folder (see {@link n8nFolder}), exactly as its lock file says; without effect if it is there already. A version
 * without a lock file gets one.
 *
 * @returns n8n's version
 */
export async function installN8n(run: Run): Promise<string> {
	const options = {
		label: 'Downloading n8n',
		logFile: logFile(run, 'install-n8n'),
		...patience(run),
	};
	await installVersion(run, options);
	const installed = await installLocked(n8nFolder(run), { args: ARGS, ...options });
	const built = await buildSqlite(run);

	const version = n8nVersion(run);
	run.report(
		installed || built ? `Installed n8n ${version}` : `n8n ${version} is installed already`,
	);
	return version;
}

/** Installs {@link Run.n8nVersion} with what it depends on today, as far as that was not done before. */
async function installVersion(run: Run, options: Omit<RunOptions, 'cwd'>): Promise<void> {
	const { n8nVersion } = run;
	const folder = n8nFolder(run);
	if (n8nVersion === undefined || existsSync(join(folder, 'package-lock.json'))) return;
	await mkdir(folder, { recursive: true });
	const overrides = { ...OVERRIDES, ...OVERRIDES_OF[n8nVersion] };
	const wanted = { private: true, dependencies: { n8n: n8nVersion }, overrides };
	await writeFile(join(folder, 'package.json'), JSON.stringify(wanted));
	// Not the lock file alone and then `npm ci`: that one misses optional packages of other platforms in it.
	await runLogged('npm', ['install', '--no-audit', '--no-fund', ...ARGS], {
		cwd: folder,
		...options,
	});
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
