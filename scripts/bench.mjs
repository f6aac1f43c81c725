// What the package costs when n8n starts: as it is (libraries on first use) against loading every library at once, and what n8n
// does where it finds dist/types: it reads the lists and loads no class.
// Fresh processes, all ways in turn; medians, and their ratio in the same run, because machines differ.
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { LAZY_LIBRARIES, loadClasses, readLists } from './published.mjs';

const REPEATS = Number(process.env.BENCH_REPEATS ?? 15);
const SELF = fileURLToPath(import.meta.url);
const WAYS = ['lists', 'lazy', 'eager'];

async function measure(way) {
	// n8n has loaded this one long before.
	createRequire(import.meta.url)('n8n-workflow');
	global.gc();
	const memory = process.memoryUsage();
	const start = performance.now();
	if (way === 'lists') readLists();
	else loadClasses();
	if (way === 'eager') for (const library of LAZY_LIBRARIES) await import(library);
	const milliseconds = performance.now() - start;
	global.gc();
	const now = process.memoryUsage();
	return {
		milliseconds,
		heapMiB: (now.heapUsed - memory.heapUsed) / 2 ** 20,
		residentMiB: (now.rss - memory.rss) / 2 ** 20,
	};
}

const inFreshProcess = (way) =>
	JSON.parse(execFileSync(process.execPath, ['--expose-gc', SELF, way], { encoding: 'utf8' }));

function median(values) {
	const sorted = values.toSorted((a, b) => a - b);
	const middle = Math.floor(sorted.length / 2);
	return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function compare() {
	// The first round only warms the file cache.
	const rounds = Array.from({ length: REPEATS + 1 }, () => WAYS.map(inFreshProcess)).slice(1);
	const row = (figure) => {
		const [lists, lazy, eager] = WAYS.map((_, way) =>
			median(rounds.map((round) => round[way][figure])),
		);
		return { lists, lazy, eager, ratio: eager / lazy };
	};
	const rows = {
		'load time, ms': row('milliseconds'),
		'heap, MiB': row('heapMiB'),
		'resident, MiB': row('residentMiB'),
	};

	console.log(
		`Package load, Node ${process.version}, medians of ${REPEATS} fresh processes each\n`,
	);
	console.log('| | lists only | classes | classes and libraries | ratio of the last two |');
	console.log('|---|---:|---:|---:|---:|');
	for (const [name, { lists, lazy, eager, ratio }] of Object.entries(rows)) {
		const figures = [lists, lazy, eager, ratio].map((figure) => figure.toFixed(1));
		console.log(`| ${name} | ${figures.join(' | ')} |`);
	}
	console.log(`\nLibraries: ${LAZY_LIBRARIES.join(', ')}.`);
}

const [way] = process.argv.slice(2);
if (WAYS.includes(way)) console.log(JSON.stringify(await measure(way)));
else compare();
