'use strict';
// CommonJS without types, because three kinds of caller load it: the demo's first step, which runs before anything is installed on
// whatever Node the machine has; the demo itself; and jest. Its types are in lockedInstall.d.cts.

const { spawn } = require('node:child_process');
const { closeSync, fstatSync, mkdirSync, openSync, readFileSync } = require('node:fs');
const { dirname, join } = require('node:path');

const SECONDS_BETWEEN_LINES = 5;

function readPackages(lockFile) {
	try {
		return JSON.parse(readFileSync(lockFile, 'utf8')).packages;
	} catch {
		return undefined;
	}
}

function isInstalled(folder) {
	const wanted = readPackages(join(folder, 'package-lock.json'));
	// npm writes this file last, so an interrupted installation does not count as one.
	const present = readPackages(join(folder, 'node_modules', '.package-lock.json'));
	if (!wanted || !present) return false;

	return Object.entries(wanted).every(([path, entry]) => {
		if (path === '' || entry.optional || entry.devOptional) return true;
		return present[path]?.version === entry.version && present[path]?.integrity === entry.integrity;
	});
}

function lastLines(logFile, from) {
	const text = readFileSync(logFile).subarray(from).toString();
	return text.trimEnd().split('\n').slice(-15).join('\n');
}

function runLogged(command, args, { cwd, env, logFile, label, report, signal }) {
	mkdirSync(dirname(logFile), { recursive: true });
	const output = openSync(logFile, 'a');
	const { size } = fstatSync(output);
	const startedAt = Date.now();
	const elapsed = () => Math.round((Date.now() - startedAt) / 1000);
	const timer = setInterval(
		() => report(`${label} … ${elapsed()} s`),
		SECONDS_BETWEEN_LINES * 1000,
	);

	const child = spawn(command, args, {
		cwd,
		env: env ?? process.env,
		stdio: ['ignore', output, output],
	});
	// By hand, because the option `signal` reports the end before the program has ended.
	const stop = () => child.kill();
	if (signal?.aborted) stop();
	signal?.addEventListener('abort', stop, { once: true });

	return new Promise((resolve, reject) => {
		child.once('error', reject);
		child.once('close', (code, killedBy) => {
			if (code === 0) resolve();
			else {
				const ending = code === null ? `was ended by ${killedBy}` : `ended with status ${code}`;
				reject(
					new Error(
						`${label}: ${command} ${ending}. Full log: ${logFile}\n${lastLines(logFile, size)}`,
					),
				);
			}
		});
	}).finally(() => {
		clearInterval(timer);
		signal?.removeEventListener('abort', stop);
		closeSync(output);
	});
}

async function installLocked(folder, { args = [], ...options }) {
	if (isInstalled(folder)) return false;
	await runLogged('npm', ['ci', '--no-audit', '--no-fund', ...args], { cwd: folder, ...options });
	return true;
}

module.exports = { installLocked, isInstalled, runLogged };
