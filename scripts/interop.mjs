// `npm run test:interop`: puts moto and Keycloak under .cache/interop, where they are not yet, and runs test/interop against them.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
	createWriteStream,
	existsSync,
	mkdirSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CACHE = join(ROOT, '.cache', 'interop');
const KEYCLOAK = {
	version: '26.5.6',
	sha256: 'fa3dd5df90b9ac006712c2f0991be4e8a6cb30ac538e0439ce2f45fc40f4c692',
};
const MAVEN = process.env.MAVEN_REPOSITORY ?? 'https://repo.maven.apache.org/maven2';

const report = (line) => process.stderr.write(`${line}\n`);

/** Installs one of Debian's packages, where that is possible. */
function install(debianPackage) {
	report(`Installing ${debianPackage} …`);
	const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
	for (const args of [['update'], ['install', '-y', '--no-install-recommends', debianPackage]])
		spawnSync('apt-get', ['-qq', ...args], { stdio: ['ignore', 'ignore', 'inherit'], env });
}

/** The path of a program; its package is installed where it is missing. */
function needProgram(program, debianPackage) {
	const find = () =>
		spawnSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).stdout.trim();
	if (find() !== '') return find();
	install(debianPackage);
	if (find() === '')
		throw new Error(`${program} is missing. Install it (Debian: ${debianPackage}).`);
	return find();
}

/** A virtual environment of its own, with just what requirements.txt names. */
function installMoto() {
	const folder = join(CACHE, 'venv');
	const requirements = readFileSync(join(ROOT, 'test', 'interop', 'requirements.txt'), 'utf8');
	const done = join(folder, 'installed.txt');
	const python = join(folder, 'bin', 'python');
	if (existsSync(done) && readFileSync(done, 'utf8') === requirements) return python;
	report('Installing moto …');
	rmSync(folder, { recursive: true, force: true });
	const python3 = needProgram('python3', 'python3');
	const makeVenv = () => spawnSync(python3, ['-m', 'venv', folder], { stdio: 'ignore' }).status;
	if (makeVenv() !== 0) {
		// Debian's Python leaves out what a virtual environment needs.
		install('python3-venv');
		if (makeVenv() !== 0)
			throw new Error('Python makes no virtual environment. Install python3-venv.');
	}
	const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
	execFileSync(python, [...pip, '-r', join(ROOT, 'test', 'interop', 'requirements.txt')], {
		stdio: ['ignore', 'ignore', 'inherit'],
	});
	writeFileSync(done, requirements);
	return python;
}

async function installKeycloak() {
	const { version, sha256 } = KEYCLOAK;
	const home = join(CACHE, `keycloak-${version}`);
	if (existsSync(join(home, 'bin', 'kc.sh'))) return home;
	report(`Downloading Keycloak ${version} …`);
	const name = `keycloak-quarkus-dist-${version}.tar.gz`;
	const response = await fetch(`${MAVEN}/org/keycloak/keycloak-quarkus-dist/${version}/${name}`);
	if (!response.ok) throw new Error(`Keycloak could not be downloaded: ${response.status}`);
	const archive = join(CACHE, name);
	await pipeline(Readable.fromWeb(response.body), createWriteStream(archive));
	const found = createHash('sha256').update(readFileSync(archive)).digest('hex');
	if (found !== sha256) throw new Error(`${name} is not what was expected (SHA-256 ${found})`);
	execFileSync('tar', ['-xzf', archive, '-C', CACHE]);
	rmSync(archive);
	return home;
}

try {
	mkdirSync(CACHE, { recursive: true });
	process.env.MOTO_PYTHON = installMoto();
	process.env.KEYCLOAK_HOME = await installKeycloak();
	process.env.JAVA = needProgram('java', 'openjdk-17-jre-headless');
} catch (error) {
	report(error instanceof Error ? error.message : String(error));
	process.exit(1);
}
const jest = join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js');
const { status } = spawnSync(
	process.execPath,
	[
		'--experimental-vm-modules',
		'--no-warnings',
		jest,
		'--config',
		'jest.interop.config.js',
		...process.argv.slice(2),
	],
	{ cwd: ROOT, stdio: 'inherit' },
);
process.exit(status ?? 1);
