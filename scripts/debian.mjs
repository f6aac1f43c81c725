// Programs of Debian's packages that slower suites need.
import { spawnSync } from 'node:child_process';

const report = (line) => process.stderr.write(`${line}\n`);

/** Installs one of Debian's packages, where that is possible. */
export function install(debianPackage) {
	report(`Installing ${debianPackage} …`);
	const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
	for (const args of [['update'], ['install', '-y', '--no-install-recommends', debianPackage]])
		spawnSync('apt-get', ['-qq', ...args], { stdio: ['ignore', 'ignore', 'inherit'], env });
}

/**
 * The path of a program; its package is installed where it is missing.
 *
 * @throws Error where it cannot be had
 */
export function needProgram(program, debianPackage) {
	const find = () =>
		spawnSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).stdout.trim();
	if (find() !== '') return find();
	install(debianPackage);
	if (find() === '')
		throw new Error(`${program} is missing. Install it (Debian: ${debianPackage}).`);
	return find();
}
