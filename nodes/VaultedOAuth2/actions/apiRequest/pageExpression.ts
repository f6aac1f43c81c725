import type { Item } from '../operation';
import { refuse } from './readFields';

/** What expressions of pagination can use, named as in n8n's HTTP Request node. */
export interface PageVariables {
	/** The pages so far. */
	readonly $pageCount: number;
	/** What was sent last, without the token. */
	readonly $request: object;
	/** The last answer, without the token. */
	readonly $response: object;
}

const NAMES = '$pageCount, $request, $response';

/** Within n8n's context of a node; it is there only while an expression is evaluated. */
const CONTEXT = 'vaultedOAuth2Page';

/**
 * n8n evaluates expressions of its own HTTP Request node with further variables and offers no way to do so to others. So each
 * `{{ … }}` becomes a function of them, called with what the node has put into its context.
 */
function withVariables(expression: string, nodeName: string): string {
	// Braces would end the expression.
	const name = JSON.stringify(nodeName).replace(/[{}]/g, (brace) =>
		brace === '{' ? '\\u007b' : '\\u007d',
	);
	const [text = '', ...parts] = expression.split('{{');
	return parts.reduce((result, part) => {
		const end = part.indexOf('}}');
		if (end === -1) return `${result}{{${part}`;
		const code = part.slice(0, end).trim().replace(/;$/, '');
		const call = `((${NAMES}) => (${code}\n))(...$node[${name}].context.${CONTEXT})`;
		return `${result}{{ ${call} }}${part.slice(end + 2)}`;
	}, text);
}

/** True for what the editor stores of an expression. */
export function isExpression(value: unknown): value is string {
	return typeof value === 'string' && value.startsWith('=');
}

/**
 * The value of a parameter of pagination; what is no expression is its own value.
 *
 * @param label what the form calls the parameter
 * @throws NodeOperationError if the expression cannot be evaluated
 */
export function evaluate(
	item: Item,
	{ label, value }: { label: string; value: unknown },
	{ $pageCount, $request, $response }: PageVariables,
): unknown {
	if (!isExpression(value)) return value;
	const { node, itemIndex } = item;
	const context = node.getContext('node');
	context[CONTEXT] = [$pageCount, $request, $response];
	try {
		const expression = withVariables(value.slice(1), node.getNode().name);
		return node.evaluateExpression(expression, itemIndex);
	} catch (error) {
		const why = error instanceof Error ? error.message : String(error);
		return refuse(item, `${label}: the expression cannot be evaluated`, why);
	} finally {
		Reflect.deleteProperty(context, CONTEXT);
	}
}
