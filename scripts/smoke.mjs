// Runs with the machine's own Node, the oldest that is supported: the published classes load there, without the libraries
// that are for first use only, and those load there too.
import { LAZY_LIBRARIES, loadClasses, loadedFrom, manifest } from './published.mjs';

const instances = loadClasses();
const early = loadedFrom(LAZY_LIBRARIES);
if (early.length > 0) {
	console.error(`Loaded before first use:\n${early.join('\n')}`);
	process.exit(1);
}

for (const library of LAZY_LIBRARIES) await import(library);

console.log(`${manifest.name} ${manifest.version} on Node ${process.version}`);
for (const { constructor, name, description } of instances) {
	console.log(`  ${constructor.name} (${name ?? description.name}) loads`);
}
console.log(`  on first use only, and they load: ${LAZY_LIBRARIES.join(', ')}`);
