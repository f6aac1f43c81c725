// Which test file reaches which line, and how long it takes.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';

import { passes } from './jest.mjs';

const TIME_LIMIT_MS = 300_000;

function linesOf({ statementMap, s }) {
	const lines = Object.entries(statementMap).filter(([id]) => s[id] > 0);
	return lines.map(([, { start }]) => start.line);
}

/** Runs one test file by itself: `{ test, ms, lines: { [source path]: line numbers } }`; undefined if it fails without any mutant. */
export async function reachOf(folder, test) {
	const coverage = mkdtempSync(join(tmpdir(), 'coverage-'));
	const startedAt = performance.now();
	try {
		const parameters = ['--coverage', '--coverageProvider=v8', '--coverageReporters=json', `--coverageDirectory=${coverage}`]; // prettier-ignore
		if (!(await passes(folder, TIME_LIMIT_MS, [...parameters, '--runTestsByPath', test])))
			return undefined;
		const ms = Math.round(performance.now() - startedAt);
		const covered = JSON.parse(readFileSync(join(coverage, 'coverage-final.json'), 'utf8'));
		const entries = Object.entries(covered).map(([path, file]) => [
			relative(folder, path),
			linesOf(file),
		]);
		return { test, ms, lines: Object.fromEntries(entries) };
	} finally {
		rmSync(coverage, { recursive: true, force: true });
	}
}

const reached = ({ lines }) => Object.values(lines).flat().length;

/** Test files that reach a line, those first that are most about it: named like the file, then those that reach least besides. */
export function testsFor(reach, path, line) {
	const name = basename(path, '.ts');
	const isNamed = ({ test }) => basename(test, '.test.ts') === name;
	return reach
		.filter(({ lines }) => lines[path]?.includes(line))
		.sort((one, other) => isNamed(other) - isNamed(one) || reached(one) - reached(other));
}
