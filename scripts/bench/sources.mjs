// The TypeScript of this repository as it is, for scripts that measure parts of it.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** Loads a TypeScript file as CommonJS, without checking its types. */
export function loadSource(path) {
	require.extensions['.ts'] ??= (module, file) => {
		const swc = require('@swc/core');
		const { code } = swc.transformFileSync(file, {
			jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
			module: { type: 'commonjs', ignoreDynamic: true },
		});
		module._compile(code, file);
	};
	return require(`../../${path}`);
}
