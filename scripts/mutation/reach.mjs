// Which test file runs which statement, and how long it takes.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { createInstrumenter } from 'istanbul-lib-instrument';

import { passes } from './jest.mjs';

const TIME_LIMIT_MS = 300_000;

/** Counts statements in the sources of a copy. V8's own coverage has gaps after `await`. */
export function instrument(folder, paths) {
	const instrumenter = createInstrumenter({ esModules: true, parserPlugins: ['typescript'] });
	for (const path of paths) {
		const file = join(folder, path);
		writeFileSync(file, instrumenter.instrumentSync(readFileSync(file, 'utf8'), file));
	}
}

const span = ({ start, end }) => [start.line, start.column, end.line, end.column];

/**
 * Runs one test file by itself in an instrumented copy: `{ test, ms, files: { [path]: { statements: spans, run: indices } } }`; undefined if it
 * fails without any mutant.
 */
export async function reachOf(folder, test) {
	const coverage = mkdtempSync(join(tmpdir(), 'coverage-'));
	const report = join(coverage, 'coverage-final.json');
	const startedAt = performance.now();
	try {
		const parameters = ['--coverage', '--coverageProvider=babel', '--coverageReporters=json', `--coverageDirectory=${coverage}`]; // prettier-ignore
		if (!(await passes(folder, TIME_LIMIT_MS, [...parameters, '--runTestsByPath', test])))
			return undefined;
		const ms = Math.round(performance.now() - startedAt);
		const covered = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : {};
		const files = Object.entries(covered).map(([path, { statementMap, s }]) => {
			const ids = Object.keys(statementMap);
			const run = ids.flatMap((id, index) => (s[id] > 0 ? [index] : []));
			return [relative(folder, path), { statements: ids.map((id) => span(statementMap[id])), run }];
		});
		return { test, ms, files: Object.fromEntries(files) };
	} finally {
		rmSync(coverage, { recursive: true, force: true });
	}
}

const isBefore = (line, column, otherLine, otherColumn) =>
	line < otherLine || (line === otherLine && column <= otherColumn);

/** The index of the smallest statement around a place; -1 if there is none. */
function statementAt(statements, { line, column }) {
	const length = ([startLine, startColumn, endLine, endColumn]) =>
		(endLine - startLine) * 1000 + endColumn - startColumn;
	const around = statements
		.map((each, index) => ({ each, index }))
		.filter(
			({ each: [startLine, startColumn, endLine, endColumn] }) =>
				isBefore(startLine, startColumn, line, column) &&
				isBefore(line, column, endLine, endColumn),
		)
		.sort((one, other) => length(one.each) - length(other.each));
	return around[0]?.index ?? -1;
}

const reached = ({ files }) => Object.values(files).reduce((sum, { run }) => sum + run.length, 0);

/** Test files that run a place, those first that are most about it: named like the file, then those that run least besides. */
export function testsFor(reach, path, place) {
	const name = basename(path, '.ts');
	const isNamed = ({ test }) => basename(test, '.test.ts') === name;
	return reach
		.filter(({ files }) => {
			const file = files[path];
			if (file === undefined) return false;
			const statement = statementAt(file.statements, place);
			return statement === -1 || file.run.includes(statement);
		})
		.sort((one, other) => isNamed(other) - isNamed(one) || reached(one) - reached(other));
}
