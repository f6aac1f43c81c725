// What can be changed in a source file, one thing at a time.
import ts from 'typescript';

const { SyntaxKind } = ts;

const OPERATORS = new Map([
	[SyntaxKind.EqualsEqualsEqualsToken, ['!==']],
	[SyntaxKind.ExclamationEqualsEqualsToken, ['===']],
	[SyntaxKind.LessThanToken, ['<=', '>=']],
	[SyntaxKind.LessThanEqualsToken, ['<', '>']],
	[SyntaxKind.GreaterThanToken, ['>=', '<=']],
	[SyntaxKind.GreaterThanEqualsToken, ['>', '<']],
	[SyntaxKind.AmpersandAmpersandToken, ['||']],
	[SyntaxKind.BarBarToken, ['&&']],
	[SyntaxKind.QuestionQuestionToken, ['&&']],
	[SyntaxKind.PlusToken, ['-']],
	[SyntaxKind.MinusToken, ['+']],
	[SyntaxKind.AsteriskToken, ['/']],
]);

const METHODS = new Map([
	['startsWith', 'endsWith'],
	['endsWith', 'includes'],
	['some', 'every'],
	['every', 'some'],
	['min', 'max'],
	['max', 'min'],
]);

/** Calls whose removal changes nothing that a test should see. */
const UNSEEN = /^(super|console\.)/;

const isCondition = (node) =>
	(ts.isIfStatement(node.parent) && node.parent.expression === node) ||
	(ts.isConditionalExpression(node.parent) && node.parent.condition === node);

/** What can stand in the place of a node. */
function replacements(node, source) {
	const text = node.getText(source);
	if (ts.isBinaryExpression(node.parent) && node.parent.operatorToken === node)
		return OPERATORS.get(node.kind) ?? [];
	if (isCondition(node)) return ['true', 'false'];
	if (node.kind === SyntaxKind.TrueKeyword) return ['false'];
	if (node.kind === SyntaxKind.FalseKeyword) return ['true'];
	if (ts.isPrefixUnaryExpression(node) && node.operator === SyntaxKind.ExclamationToken)
		return [node.operand.getText(source)];
	if (ts.isStringLiteral(node) && ts.isArrayLiteralExpression(node.parent)) return ["'mutated'"];
	if (ts.isIdentifier(node) && ts.isPropertyAccessExpression(node.parent))
		return node.parent.name === node && METHODS.has(text) ? [METHODS.get(text)] : [];
	if (ts.isExpressionStatement(node) && !UNSEEN.test(text) && !text.startsWith("'")) return [';'];
	return [];
}

/** What a form says besides is looked at in the editor. */
const WORDS = new Set(['displayName', 'description', 'placeholder', 'hint', 'action', 'subtitle']);

/** An entry of an object or a list, which can be left out. */
const isEntry = ({ parent, name }) =>
	(ts.isObjectLiteralExpression(parent) && !WORDS.has(name?.getText())) ||
	ts.isArrayLiteralExpression(parent);

/** Types and imports are left alone. */
const isLeftAlone = (node) =>
	ts.isTypeNode(node) ||
	ts.isInterfaceDeclaration(node) ||
	ts.isTypeAliasDeclaration(node) ||
	ts.isImportDeclaration(node);

/** All mutants of a source text: `{ start, end, line, column, instead }`, in the order of the text. */
export function mutantsOf(path, content) {
	const source = ts.createSourceFile(path, content, ts.ScriptTarget.ES2022, true);
	const mutants = [];
	const add = (start, end, instead) => {
		const { line, character: column } = source.getLineAndCharacterOfPosition(start);
		mutants.push({ start, end, line: line + 1, column, instead });
	};
	const visit = (node) => {
		if (isLeftAlone(node)) return;
		const start = node.getStart(source);
		const end = node.getEnd();
		for (const instead of replacements(node, source)) add(start, end, instead);
		if (isEntry(node)) add(start, content[end] === ',' ? end + 1 : end, '');
		ts.forEachChild(node, visit);
	};
	ts.forEachChild(source, visit);
	return mutants.sort((one, other) => one.start - other.start);
}
