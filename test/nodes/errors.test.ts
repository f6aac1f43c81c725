import { ExpressionError, NodeApiError, NodeOperationError, type INode } from 'n8n-workflow';

import { failureOf, ownFailure, toNodeError } from '../../nodes/VaultedOAuth2/errors';
import { ConfigurationError, ProviderError } from '../../src';

const NODE: INode = {
	id: 'n',
	name: 'CRM',
	type: 'vaultedOAuth2',
	typeVersion: 1,
	position: [0, 0],
	parameters: {},
};
const own = new ConfigurationError('Scope', 'the provider refuses it. Correct it.', {
	code: 'INVALID_SCOPE',
});

function wrapped(error: Error, times: number): Error {
	return times === 0 ? error : new Error('wrapped', { cause: wrapped(error, times - 1) });
}

it.each([0, 1, 4])('an error of this package keeps its words, %i errors deep', (times) => {
	const shown = toNodeError(NODE, wrapped(own, times), 3);
	expect(shown).toBeInstanceOf(NodeOperationError);
	expect(shown.message).toBe('Fix the configuration – Scope: the provider refuses it.');
	expect(shown.description).toBe('Correct it. (configuration, INVALID_SCOPE)');
	expect(shown.context).toMatchObject({
		itemIndex: 3,
		class: 'configuration',
		code: 'INVALID_SCOPE',
		field: 'Scope',
	});
});

it.each([
	['one sentence', 'it is a number from 1 to 60.', 'it is a number from 1 to 60.', 'Correct this'],
	['three sentences', 'It is a. Do b. Or c.', 'It is a.', 'Do b. Or c. '],
	[
		'names with dots in them',
		'login.example.com answered 404 (RFC 7009 v1.2). Check the address.',
		'login.example.com answered 404 (RFC 7009 v1.2).',
		'Check the address.',
	],
	[
		'words of somebody else',
		'it answered "invalid_scope: No. Never.". Ask for less.',
		'it answered "invalid_scope: No. Never.".',
		'Ask for less.',
	],
	[
		'a quotation that does not end',
		'it said "No. Never. Try',
		'it said "No. Never. Try',
		'Correct',
	],
])('the cause is the title, the way out the description: %s', (_name, text, cause, wayOut) => {
	const failure = new ConfigurationError('Scope', text, { code: 'INVALID_SCOPE' });
	const { message, description } = toNodeError(NODE, failure, 0);
	expect(message).toBe(`Fix the configuration – Scope: ${cause}`);
	expect(description).toMatch(wayOut);
	expect(description).toMatch(/ \(configuration, INVALID_SCOPE\)$/);
});

it('a provider that is down can be tried again by n8n', () => {
	const failure = new ProviderError('it answered 503. Nothing is lost.', { code: 'SERVER_ERROR' });
	expect(toNodeError(NODE, failure, 0).description).toBe(
		'Nothing is lost. “Retry On Fail” in the settings of this node does that. (provider, SERVER_ERROR)',
	);
});

it('an error whose cause is itself ends the search', () => {
	const circular = new Error('circular');
	circular.cause = circular;
	expect(toNodeError(NODE, circular, 0).message).toBe('circular');
});

it.each([
	[new Error('connect ECONNREFUSED 127.0.0.1:1'), 'connect ECONNREFUSED 127.0.0.1:1'],
	[new Error('two\nlines <b>'), 'two lines'],
	['a text', 'a text'],
])('another error has its own words, as plain text: %p', (error, words) => {
	const shown = toNodeError(NODE, error, 1);
	expect(shown.message).toContain(words);
	expect(shown.message).not.toMatch(/[<>\n]/);
	expect(shown.description ?? undefined).toBeUndefined();
	expect(shown.context['itemIndex']).toBe(1);
});

it('an error of n8n stays what it is, and knows its item', () => {
	const known = new NodeOperationError(NODE, 'known', { itemIndex: 7 });
	expect(toNodeError(NODE, known, 1)).toBe(known);
	expect(known.context['itemIndex']).toBe(7);
	const unknown = new NodeApiError(NODE, { message: 'unknown' });
	expect(toNodeError(NODE, unknown, 1)).toBe(unknown);
	expect(unknown.context['itemIndex']).toBe(1);
});

it('an error of an expression carries what the editor shows beside the field', () => {
	const shown = toNodeError(NODE, new ExpressionError('no such field', { parameter: 'path' }), 2);
	expect(shown).toBeInstanceOf(NodeOperationError);
	expect(shown.message).toContain('no such field');
	expect(shown.context).toMatchObject({ itemIndex: 2 });
});

it('a task’s own failure is an answer, every other one is thrown', async () => {
	await expect(ownFailure(async () => await Promise.resolve())).resolves.toBeUndefined();
	await expect(ownFailure(async () => await Promise.reject(wrapped(own, 2)))).resolves.toBe(own);
	const other = new Error('other');
	await expect(ownFailure(async () => await Promise.reject(other))).rejects.toBe(other);
});

it('programs tell failures by class and code, and by the field if there is one', () => {
	expect(failureOf(own)).toEqual({
		class: 'configuration',
		code: 'INVALID_SCOPE',
		field: 'Scope',
		message: own.message,
	});
	const busy = new ProviderError('it is down. Wait.', { code: 'SERVER_ERROR' });
	expect(failureOf(busy)).not.toHaveProperty('field');
});
