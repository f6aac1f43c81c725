// `npm run test:mutation` changes one thing at a time in src, credentials and nodes, and runs the tests that reach it: what they do not
// notice is listed. Works on copies, so that a run that is stopped leaves nothing changed. All mutants take many hours; see --most.
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'; // prettier-ignore
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import ts from 'typescript';

import { Compiler } from './mutation/compiler.mjs';
import { passes } from './mutation/jest.mjs';
import { mutantsOf } from './mutation/mutants.mjs';
import { instrument, reachOf, testsFor } from './mutation/reach.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDERS = ['src', 'credentials', 'nodes'];
const COPIED = [...FOLDERS, 'test', 'demo', 'scripts', 'docs', 'package.json', 'tsconfig.json', 'tsconfig.build.json', 'jest.config.js', 'eslint.config.mjs', 'gulpfile.js', 'README.md', 'CHANGELOG.md', '.ci', '.npmrc']; // prettier-ignore

const { values: options, positionals } = parseArgs({
	allowPositionals: true,
	options: {
		/** Mutants in the report at most: a sample of all. */
		most: { type: 'string', default: '1000000' },
		/** Mutants tried at the same time. */
		jobs: { type: 'string', default: '2' },
		/** Seconds of tests for one mutant, nearest first; one that these do not notice counts as survived. */
		seconds: { type: 'string', default: '180' },
		/** No new mutant is begun after so many minutes. */
		minutes: { type: 'string', default: '1440' },
		/** Where results are kept: what is in it is not tried again. */
		report: { type: 'string', default: '.cache/mutation/report.json' },
		/** Tries the survivors of the report once more. */
		survivors: { type: 'boolean', default: false },
	},
});
const endsAt = Date.now() + Number(options.minutes) * 60_000;
const reportFile = join(process.cwd(), options.report);
const report = existsSync(reportFile) ? JSON.parse(readFileSync(reportFile, 'utf8')) : {};

function listFiles(folders, extension) {
	const globs = folders.map((folder) => `${folder}/**/*${extension}`);
	const files = ts.sys.readDirectory(ROOT, ['.ts'], ['node_modules'], globs);
	return files.map((path) => relative(ROOT, path));
}

function copyProject() {
	const folder = mkdtempSync(join(tmpdir(), 'mutants-'));
	const filter = (path) => !path.includes('node_modules');
	for (const name of COPIED)
		cpSync(join(ROOT, name), join(folder, name), { recursive: true, filter });
	symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
	return folder;
}

const copies = () => Array.from({ length: Number(options.jobs) }, copyProject);

function remove(folders) {
	for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}

/** Runs `task` for every item, one at a time in each folder. */
async function inFolders(folders, items, task) {
	const left = items[Symbol.iterator]();
	await Promise.all(
		folders.map(async (folder) => {
			// Each asks for the next item by itself: one iterator is used by all.
			for (let item = left.next(); !item.done; item = left.next()) {
				if (Date.now() > endsAt) return;
				await task(folder, item.value);
			}
		}),
	);
}

const digestOf = (text) => createHash('sha256').update(text).digest('hex');

/** Which test reaches what; measured again only for tests that were changed, since it takes minutes. */
async function measureReach() {
	const cache = join(ROOT, '.cache/mutation/reach.json');
	const slow = /^test\/(e2e|interop|faults|model|queue)\//;
	const tests = listFiles(['test'], '.test.ts')
		.filter((path) => !slow.test(path))
		.map((test) => ({ test, digest: digestOf(readFileSync(join(ROOT, test), 'utf8')) }));
	const measured = existsSync(cache) ? JSON.parse(readFileSync(cache, 'utf8')) : [];
	const found = ({ test, digest }) =>
		measured.find((known) => known.test === test && known.digest === digest);
	const reach = tests.map(found).filter((known) => known !== undefined);
	const folders = copies();
	try {
		for (const folder of folders) instrument(folder, listFiles(FOLDERS, '.ts'));
		const changed = tests.filter((test) => found(test) === undefined);
		await inFolders(folders, changed, async (folder, { test, digest }) => {
			const reached = await reachOf(folder, test);
			if (reached === undefined) console.log(`left out, since it fails in a copy: ${test}`);
			else reach.push({ ...reached, digest });
		});
	} finally {
		remove(folders);
	}
	mkdirSync(dirname(cache), { recursive: true });
	writeFileSync(cache, JSON.stringify(reach));
	return reach;
}

/** Every mutant, in an order that is always the same and has nothing to do with their places: the first ones are a sample of all. */
function allMutants(paths) {
	const mutants = paths.flatMap((path) => {
		const content = readFileSync(join(ROOT, path), 'utf8');
		return mutantsOf(path, content).map(({ start, end, line, column, instead }) => {
			const [was] = content.slice(start, end).split('\n');
			const name = `${path}:${line}:${column + 1} ${was} -> ${instead === '' ? '(left out)' : instead}`;
			const mutant = content.slice(0, start) + instead + content.slice(end);
			return { name, path, place: { line, column }, content, mutant };
		});
	});
	return mutants.sort((one, other) => digestOf(one.name).localeCompare(digestOf(other.name)));
}

/** Those that compile and are not in the report yet, or are to be tried once more. */
function* candidates() {
	const paths = listFiles(FOLDERS, '.ts');
	const compiler = new Compiler(ROOT, paths);
	const mutants = allMutants(positionals.length === 0 ? paths : positionals);
	let left = Number(options.most) - Object.keys(report).length;
	for (const candidate of mutants) {
		const { name, path, mutant } = candidate;
		if (options.survivors ? report[name] !== 'survived' : report[name] !== undefined) continue;
		if (!compiler.compiles(path, mutant)) continue;
		if (!options.survivors && left-- <= 0) return;
		yield candidate;
	}
}

/** The tests that are tried with a mutant: the nearest by itself, since it mostly notices, then the others. */
function triesOf({ path, place }) {
	let leftMs = Number(options.seconds) * 1000;
	const chosen = testsFor(reach, path, place).filter(({ ms }) => (leftMs -= ms) > -ms);
	return [chosen.slice(0, 1), chosen.slice(1)].filter((tests) => tests.length > 0);
}

/** True if a test fails, or does not end. */
async function isNoticed(folder, candidate) {
	const { path, content, mutant } = candidate;
	writeFileSync(join(folder, path), mutant);
	try {
		for (const tests of triesOf(candidate)) {
			const limitMs = tests.reduce((sum, { ms }) => sum + 5 * ms, 30_000);
			const names = tests.map(({ test }) => test);
			if (!(await passes(folder, limitMs, ['--bail', '--runTestsByPath', ...names]))) return true;
		}
		return false;
	} finally {
		writeFileSync(join(folder, path), content);
	}
}

const reach = await measureReach();
const folders = copies();
try {
	await inFolders(folders, candidates(), async (folder, candidate) => {
		const noticed = await isNoticed(folder, candidate);
		report[candidate.name] = noticed ? 'killed' : 'survived';
		if (!noticed) console.log(`survived  ${candidate.name}`);
		mkdirSync(dirname(reportFile), { recursive: true });
		writeFileSync(reportFile, JSON.stringify(report, null, '\t'));
	});
} finally {
	remove(folders);
}

const outcomes = Object.values(report);
const killed = outcomes.filter((outcome) => outcome === 'killed').length;
console.log(
	`${killed} of ${outcomes.length} mutants killed (${Math.round((100 * killed) / outcomes.length)} %)`,
);
