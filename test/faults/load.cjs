/**
 * Runs a TypeScript file of this folder with the sources as they are, without a build: `node load.cjs FILE [ARGUMENTS]`.
 */
const { transformFileSync } = require('@swc/core');
const Module = require('node:module');
const { resolve } = require('node:path');

const OPTIONS = {
	swcrc: false,
	sourceMaps: 'inline',
	jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
	// Dynamic imports stay real imports, as in the published code.
	module: { type: 'commonjs', ignoreDynamic: true },
};

Module._extensions['.ts'] = (module, file) => {
	module._compile(transformFileSync(file, OPTIONS).code, file);
};

require(resolve(__dirname, process.argv[2]));
