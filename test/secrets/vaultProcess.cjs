/**
 * A process of its own with a local vault, told by its parent what to do:
 * `node vaultProcess.cjs FOLDER KEY NAME`, then messages `{ write, base, dieAt }` or `{ count: true }`.
 */
const { transformFileSync } = require('@swc/core');
const fs = require('node:fs/promises');
const Module = require('node:module');

/** Calls into the file system that are left until this process dies in the middle of one. */
let callsLeft = Infinity;
for (const name of ['link', 'open', 'readdir', 'readFile', 'stat', 'unlink']) dieIn(fs, name);

function dieIn(owner, name) {
	const original = owner[name].bind(owner);
	owner[name] = async (...args) => {
		if (--callsLeft === 0) {
			// A write gets half way, everything else does not begin.
			if (name === 'writeFile') await original(args[0].slice(0, args[0].length / 2));
			process.kill(process.pid, 'SIGKILL');
		}
		const result = await original(...args);
		if (name === 'open') ['writeFile', 'sync', 'close'].forEach((each) => dieIn(result, each));
		return result;
	};
}

// The sources as they are: what is tested here must not depend on a build.
Module._extensions['.ts'] = (module, file) => {
	const options = { jsc: { target: 'es2022', parser: { syntax: 'typescript' } } };
	module._compile(
		transformFileSync(file, { ...options, module: { type: 'commonjs' }, swcrc: false }).code,
		file,
	);
};

const { localVault } = require('../../src/secrets/localVault.ts');

const [folder, encryptionKey, name] = process.argv.slice(2);
const vault = localVault({ folder, encryptionKey });

process.on('message', async (task) => {
	if (task.count) {
		await countForEver();
		return;
	}
	callsLeft = task.dieAt ?? Infinity;
	try {
		const { versionId } = await vault.write(name, task.write, task.base);
		callsLeft = Infinity;
		process.send({ won: versionId });
	} catch (error) {
		process.send({ lost: error.name });
	}
});
process.send('ready');

/** Adds one to `n` again and again, and says so each time it is written. */
async function countForEver() {
	for (;;) {
		const { content, versionId } = await vault.read(name);
		const current = JSON.parse(content);
		const next = { ...current, n: current.n + 1 };
		await vault.write(name, JSON.stringify(next), versionId);
		process.send({ written: next.n });
	}
}
