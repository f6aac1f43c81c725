/** For processes that are killed in the middle of a call into the file system. Loading it also lets `.ts` files be required. */
const { transformFileSync } = require('@swc/core');
const fs = require('node:fs/promises');
const Module = require('node:module');

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

/** This process dies in the `calls`-th call from now on. */
exports.dieInCall = (calls) => {
	callsLeft = calls;
};
