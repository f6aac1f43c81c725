import { createHash } from 'node:crypto';
import {
	cp,
	mkdir,
	mkdtemp,
	readdir,
	readFile,
	rename,
	rm,
	stat,
	writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runLogged } from '../lockedInstall.cjs';
import { cacheFolder, logFile, patience, type Run } from './run.ts';

/** What the built package depends on. */
const SOURCES = [
	'credentials',
	'nodes',
	'src',
	'gulpfile.js',
	'package.json',
	'package-lock.json',
	'tsconfig.json',
	'tsconfig.build.json',
	'README.md',
	'LICENSE',
];

interface Manifest {
	name: string;
	version: string;
	dependencies?: Record<string, string>;
	devDependencies?: unknown;
	peerDependencies?: unknown;
	optionalDependencies?: unknown;
}

interface Stamp {
	/** Hash of the sources. */
	sources: string;
	/** What the installed `node_modules` was made from. */
	dependencies: string;
}

async function hashOf(root: string, paths: readonly string[]): Promise<string> {
	const hash = createHash('sha256');
	async function add(path: string): Promise<void> {
		const found = await stat(path).catch(() => undefined);
		if (found?.isDirectory()) {
			for (const name of (await readdir(path)).sort()) await add(join(path, name));
		} else if (found) hash.update(`${path}\0${found.size}\0`).update(await readFile(path));
	}
	for (const path of paths) await add(join(root, path));
	return hash.digest('hex');
}

async function readJson<T>(file: string): Promise<T | undefined> {
	const text = await readFile(file, 'utf8').catch(() => undefined);
	return text === undefined ? undefined : (JSON.parse(text) as T);
}

/**
 * Builds and packs the package and installs the tarball the way n8n 2 does it: unpacked under `nodes/node_modules`, its development,
 * peer and optional dependencies struck out, then npm without scripts in it. Without effect where the sources have not changed.
 *
 * @returns the folder to be placed at `.n8n/nodes` of a user folder
 */
export async function installPackage(run: Run): Promise<string> {
	const folder = join(cacheFolder(run), 'package');
	const nodes = join(folder, 'nodes');
	const stampFile = join(folder, 'stamp.json');
	const manifest = await readJson<Manifest>(join(run.root, 'package.json'));
	if (!manifest) throw new Error(`No package.json in ${run.root}`);
	const id = `${manifest.name} ${manifest.version}`;

	const stamp = await readJson<Stamp>(stampFile);
	const sources = await hashOf(run.root, SOURCES);
	if (stamp?.sources === sources) {
		run.report(`${id} is built and packed already`);
		return nodes;
	}

	await rm(stampFile, { force: true });
	await mkdir(folder, { recursive: true });
	const tarball = await pack(run, folder, manifest);
	const dependencies = JSON.stringify(manifest.dependencies ?? {});
	await unpack(run, {
		tarball,
		nodes,
		manifest,
		keepDependencies: stamp?.dependencies === dependencies,
	});
	await writeFile(stampFile, JSON.stringify({ sources, dependencies } satisfies Stamp));
	run.report(`Built, packed and installed ${id}`);
	return nodes;
}

async function pack(run: Run, folder: string, manifest: Manifest): Promise<string> {
	const options = { cwd: run.root, logFile: logFile(run, 'build-package'), ...patience(run) };
	await runLogged('npm', ['run', 'build'], { ...options, label: 'Building the package' });
	await runLogged('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], {
		...options,
		label: 'Packing the package',
	});
	return join(folder, tarballName(manifest));
}

function tarballName({ name, version }: Manifest): string {
	return `${name}-${version}.tgz`;
}

interface Unpacking {
	tarball: string;
	nodes: string;
	manifest: Manifest;
	/** Whether what npm installed for the package before can serve again. */
	keepDependencies: boolean;
}

async function unpack(
	run: Run,
	{ tarball, nodes, manifest, keepDependencies }: Unpacking,
): Promise<void> {
	const packageFolder = join(nodes, 'node_modules', manifest.name);
	const dependencies = join(packageFolder, 'node_modules');
	const kept = join(nodes, 'kept');
	if (keepDependencies) await rename(dependencies, kept);
	await rm(packageFolder, { recursive: true, force: true });
	await mkdir(packageFolder, { recursive: true });

	const options = {
		cwd: packageFolder,
		logFile: logFile(run, 'install-package'),
		...patience(run),
	};
	await runLogged('tar', ['-xzf', tarball, '-C', packageFolder, '--strip-components=1'], {
		...options,
		label: 'Unpacking the package',
	});
	await strikeOut(join(packageFolder, 'package.json'));

	if (keepDependencies) await rename(kept, dependencies);
	else {
		const flags = [
			'--audit=false',
			'--fund=false',
			'--bin-links=false',
			'--install-strategy=shallow',
		];
		await runLogged('npm', ['install', ...flags, '--ignore-scripts=true', '--package-lock=false'], {
			...options,
			label: "Installing the package's dependencies",
		});
	}
	const installed = {
		name: 'installed-nodes',
		private: true,
		dependencies: { [manifest.name]: manifest.version },
	};
	await writeFile(join(nodes, 'package.json'), JSON.stringify(installed, null, 2));
}

async function strikeOut(manifestFile: string): Promise<void> {
	const manifest = await readJson<Manifest>(manifestFile);
	if (!manifest) throw new Error('The tarball holds no package.json');
	const {
		devDependencies: _dev,
		peerDependencies: _peer,
		optionalDependencies: _optional,
		...rest
	} = manifest;
	await writeFile(manifestFile, JSON.stringify(rest, null, 2));
}

/** The repository's settings of npm reach every program that npm runs, and are not the user's. */
function withoutNpmSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
	return Object.fromEntries(Object.entries(env).filter(([name]) => !/^npm_/i.test(name)));
}

/**
 * Makes a new user folder for n8n and installs the tarball there as README.md says for an install by hand. {@link installPackage} has to
 * have made it.
 */
export async function installByHand(run: Run): Promise<string> {
	const manifest = await readJson<Manifest>(join(run.root, 'package.json'));
	if (!manifest) throw new Error(`No package.json in ${run.root}`);
	const userFolder = await mkdtemp(join(tmpdir(), 'vaulted-oauth2-n8n-'));
	const nodes = join(userFolder, '.n8n', 'nodes');
	await mkdir(nodes, { recursive: true });
	const tarball = join(cacheFolder(run), 'package', tarballName(manifest));
	await runLogged('npm', ['install', '--ignore-scripts', tarball], {
		cwd: nodes,
		env: withoutNpmSettings(process.env),
		label: 'Installing the package by hand',
		logFile: logFile(run, 'install-by-hand'),
		...patience(run),
	});
	return userFolder;
}

/**
 * Makes a new user folder for n8n with the installed package in it. It is not inside the repository, where Node would find the
 * development packages in the folders above.
 *
 * @param nodes what {@link installPackage} answered
 */
export async function newUserFolder(nodes: string): Promise<string> {
	const userFolder = await mkdtemp(join(tmpdir(), 'vaulted-oauth2-n8n-'));
	await cp(nodes, join(userFolder, '.n8n', 'nodes'), { recursive: true });
	return userFolder;
}
