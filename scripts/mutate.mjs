// `npm run test:mutation -- FILE …` changes one thing at a time and runs the tests that load the file: what they do not notice is listed.
// Works on a copy, so that a run that is stopped leaves nothing changed. Default: all of src, credentials and nodes, which takes hours.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDERS = ['src', 'credentials', 'nodes'];
/** For the tests of one file; what takes longer has been noticed. */
const TIME_LIMIT_MS = 180_000;

const { values: options, positionals } = parseArgs({
	allowPositionals: true,
	options: {
		/** Every n-th mutant only. */
		every: { type: 'string', default: '1' },
		/** Test files, instead of those that load the file. */
		tests: { type: 'string', multiple: true },
		/** At most so many minutes. */
		minutes: { type: 'string', default: '1440' },
		report: { type: 'string' },
	},
});

const COMPARISONS = new Map([
	[ts.SyntaxKind.EqualsEqualsEqualsToken, ['!==']],
	[ts.SyntaxKind.ExclamationEqualsEqualsToken, ['===']],
	[ts.SyntaxKind.LessThanToken, ['<=', '>=']],
	[ts.SyntaxKind.LessThanEqualsToken, ['<', '>']],
	[ts.SyntaxKind.GreaterThanToken, ['>=', '<=']],
	[ts.SyntaxKind.GreaterThanEqualsToken, ['>', '<']],
	[ts.SyntaxKind.AmpersandAmpersandToken, ['||']],
	[ts.SyntaxKind.BarBarToken, ['&&']],
	[ts.SyntaxKind.QuestionQuestionToken, ['&&']],
	[ts.SyntaxKind.PlusToken, ['-']],
	[ts.SyntaxKind.MinusToken, ['+']],
	[ts.SyntaxKind.AsteriskToken, ['/']],
]);

/** Calls whose removal changes nothing that a test should see. */
const UNSEEN = /^(super|console\.)/;

/** What can be put in the place of a node. */
function replacements(node, source) {
	const text = node.getText(source);
	if (node.kind === ts.SyntaxKind.TrueKeyword) return ['false'];
	if (node.kind === ts.SyntaxKind.FalseKeyword) return ['true'];
	if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken)
		return [node.operand.getText(source)];
	if (ts.isIfStatement(node.parent ?? node) && node.parent.expression === node)
		return ['true', 'false'];
	if (ts.isConditionalExpression(node.parent ?? node) && node.parent.condition === node)
		return ['true', 'false'];
	// An item of a list.
	if (ts.isStringLiteral(node) && ts.isArrayLiteralExpression(node.parent)) return ["'mutated'"];
	if (ts.isExpressionStatement(node) && !UNSEEN.test(text) && !text.startsWith("'")) return [';'];
	return [];
}

/** Types, imports and messages are left alone. */
function isLeftAlone(node) {
	return (
		ts.isTypeNode(node) ||
		ts.isInterfaceDeclaration(node) ||
		ts.isTypeAliasDeclaration(node) ||
		ts.isImportDeclaration(node)
	);
}

/** All mutants of a source text: where, and what instead. */
function mutantsOf(path, content) {
	const source = ts.createSourceFile(path, content, ts.ScriptTarget.ES2022, true);
	const mutants = [];
	const add = (node, instead) => {
		const start = node.getStart(source);
		const { line } = source.getLineAndCharacterOfPosition(start);
		mutants.push({ start, end: node.getEnd(), instead, line: line + 1 });
	};
	const visit = (node) => {
		if (isLeftAlone(node)) return;
		if (ts.isBinaryExpression(node))
			for (const sign of COMPARISONS.get(node.operatorToken.kind) ?? [])
				add(node.operatorToken, sign);
		for (const instead of replacements(node, source)) add(node, instead);
		ts.forEachChild(node, visit);
	};
	visit(source);
	return mutants;
}

function sourceFiles() {
	if (positionals.length > 0)
		return positionals.map((path) => relative(ROOT, join(process.cwd(), path)));
	return ts.sys.readDirectory(ROOT, ['.ts'], ['node_modules'], FOLDERS.map((folder) => `${folder}/**/*.ts`)).map((path) => relative(ROOT, path)); // prettier-ignore
}

/** Finds mutants that do not compile: no test needs to notice those. */
class Compiler {
	#changed = { path: '', content: '', version: 0 };
	#service;

	constructor() {
		const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile);
		const { options: compilerOptions } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
		const files = sourceFiles().map((path) => join(ROOT, path));
		const isChanged = (path) => path === this.#changed.path;
		this.#service = ts.createLanguageService({
			...ts.sys,
			useCaseSensitiveFileNames: () => ts.sys.useCaseSensitiveFileNames,
			getCompilationSettings: () => compilerOptions,
			getScriptFileNames: () => files,
			getScriptVersion: (path) => (isChanged(path) ? String(this.#changed.version) : '0'),
			getScriptSnapshot: (path) => {
				const content = isChanged(path) ? this.#changed.content : ts.sys.readFile(path);
				return content === undefined ? undefined : ts.ScriptSnapshot.fromString(content);
			},
			getCurrentDirectory: () => ROOT,
			getDefaultLibFileName: ts.getDefaultLibFilePath,
		});
	}

	compiles(path, content) {
		const absolute = join(ROOT, path);
		this.#changed = { path: absolute, content, version: this.#changed.version + 1 };
		return (
			this.#service.getSyntacticDiagnostics(absolute).length === 0 &&
			this.#service.getSemanticDiagnostics(absolute).length === 0
		);
	}
}

const compiler = new Compiler();
const copy = mkdtempSync(join(tmpdir(), 'mutants-'));

/** True if a test fails. */
function isNoticed(path) {
	const which = options.tests ?? ['--findRelatedTests', path];
	const { status, signal } = spawnSync(
		process.execPath,
		['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js', '--bail', '--silent', '--maxWorkers=1', '--passWithNoTests', ...which], // prettier-ignore
		{ cwd: copy, stdio: 'ignore', timeout: TIME_LIMIT_MS },
	);
	return status !== 0 || signal !== null;
}

const endsAt = Date.now() + Number(options.minutes) * 60_000;
const results = [];
try {
	for (const name of [
		'src',
		'credentials',
		'nodes',
		'test',
		'demo',
		'scripts',
		'docs',
		'package.json',
		'jest.config.js',
		'README.md',
		'CHANGELOG.md',
	])
		// prettier-ignore
		cpSync(join(ROOT, name), join(copy, name), {
			recursive: true,
			filter: (path) => !path.includes('node_modules'),
		});
	symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
	for (const path of sourceFiles()) {
		const content = readFileSync(join(ROOT, path), 'utf8');
		const mutants = mutantsOf(path, content).filter(
			(_, index) => index % Number(options.every) === 0,
		);
		for (const { start, end, instead, line } of mutants) {
			if (Date.now() > endsAt) break;
			const mutant = content.slice(0, start) + instead + content.slice(end);
			if (!compiler.compiles(path, mutant)) continue;
			writeFileSync(join(copy, path), mutant);
			const noticed = isNoticed(path);
			const what = `${path}:${line} ${content.slice(start, end).split('\n')[0]} -> ${instead}`;
			results.push({ what, noticed });
			if (!noticed) console.log(`survived  ${what}`);
		}
		writeFileSync(join(copy, path), content);
	}
} finally {
	rmSync(copy, { recursive: true, force: true });
}

const killed = results.filter(({ noticed }) => noticed).length;
console.log(
	`${killed} of ${results.length} mutants killed (${Math.round((100 * killed) / results.length)} %)`,
);
if (options.report !== undefined)
	writeFileSync(options.report, JSON.stringify(results, null, '\t'));
