import { NodeOperationError } from 'n8n-workflow';

import type { Item } from './actions/operation';
import type { Hop } from './redirects';

/** RFC 9110 §5.6.2. */
const NAME = /^[!#$%&'*+\-.^_`|~\w]+$/;
/** RFC 9110 §5.5: no line breaks, which would begin another header. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** They ask for another way of talking than one request and its answer. */
const OTHER_WAYS = new Set(['expect', 'upgrade']);

function problemOf(name: string, value: string): string | undefined {
	if (!NAME.test(name))
		return 'Its name has a character that no header can have. Correct the name.';
	if (OTHER_WAYS.has(name.toLowerCase()))
		return 'It asks for another exchange than one request and its answer. Remove it from the headers of this node.';
	if (!VALUE.test(value))
		return 'Its value has a character that no header can have, such as a line break. Correct or encode the value.';
	return undefined;
}

/** @throws NodeOperationError if a header cannot be sent; those that frame a message are left out by who sends it */
export function assertSendable({ node, itemIndex }: Item, headers: Hop['headers']): void {
	for (const [name, values] of Object.entries(headers)) {
		for (const value of [values].flat()) {
			const description = problemOf(name, value);
			if (description === undefined) continue;
			throw new NodeOperationError(
				node.getNode(),
				`The header ${JSON.stringify(name)} cannot be set here`,
				{ itemIndex, description },
			);
		}
	}
}
