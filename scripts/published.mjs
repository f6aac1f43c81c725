// What n8n loads at its start, for the scripts that measure and check it. BUILD_DIR as in build.mjs.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PACKAGE = dirname(resolve(ROOT, process.env.BUILD_DIR ?? 'dist'));
const require = createRequire(import.meta.url);

/** The package's manifest. */
export const manifest = require(join(PACKAGE, 'package.json'));

/** Libraries that may be loaded on first use only. */
export const LAZY_LIBRARIES = Object.keys(manifest.dependencies);

/** Loads and constructs every credential and node class of dist, as n8n's loader does. */
export function loadClasses() {
	return [...manifest.n8n.credentials, ...manifest.n8n.nodes].map((file) => {
		const className = basename(file).split('.')[0];
		const { [className]: Class } = require(join(PACKAGE, file));
		if (typeof Class !== 'function') throw new Error(`${file} exports no class ${className}`);
		return new Class();
	});
}

/** Reads what n8n reads instead of the classes where a package brings it; a class is then loaded when it is used. */
export function readLists() {
	return ['known/nodes', 'known/credentials', 'types/nodes', 'types/credentials'].map((list) =>
		JSON.parse(readFileSync(join(PACKAGE, 'dist', `${list}.json`), 'utf8')),
	);
}

/** Paths of modules that are loaded by now and belong to one of the libraries. `import()` of an ES module is not seen. */
export function loadedFrom(libraries) {
	return Object.keys(require.cache).filter((path) =>
		libraries.some((library) => path.replaceAll('\\', '/').includes(`/node_modules/${library}/`)),
	);
}
