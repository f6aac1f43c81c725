import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { NodeApiError, type INode } from 'n8n-workflow';

import { shown } from '../../credentials/shownError';
import { ProviderError } from '../../src/errors';

const NODE = {
	name: 'Node',
	type: 'n',
	typeVersion: 1,
	position: [0, 0],
	parameters: {},
} as unknown as INode;

/** The codes for which n8n puts a sentence of its own in place of a message, from its source. */
function codesOfN8n(): string[] {
	const main = createRequire(__filename).resolve('n8n-workflow');
	const source = readFileSync(join(dirname(main), 'errors', 'abstract', 'node.error.js'), 'utf8');
	const [, table = ''] = /COMMON_ERRORS = \{([^}]*)\}/.exec(source) ?? [];
	return [...table.matchAll(/^\s*([A-Z_]+):/gm)].map(([, code = '']) => code);
}

const codes = codesOfN8n();

it('n8n has such codes', () => {
	expect(codes).toEqual(expect.arrayContaining(['ECONNREFUSED', 'ENOTDIR', 'GETADDRINFO']));
});

it.each(codes)('%s in a message does not cost the message', (code) => {
	for (const written of [code, code.toLowerCase()]) {
		const error = shown(
			new ProviderError(`no answer (${written}). Nothing is lost; try again.`, {
				code: 'UNREACHABLE',
			}),
		) as Error;
		expect(error.message).toMatch(/no answer \([a-z -]+\)\. Nothing is lost; try again\.$/);
		const { message } = new NodeApiError(NODE, { message: error.message });
		expect(message).toBe(error.message);
	}
});

it('an error of others is shown as it is', () => {
	const error = new Error('connect ECONNREFUSED');
	expect(shown(error)).toBe(error);
});
