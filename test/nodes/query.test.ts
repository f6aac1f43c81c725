import { createRequire } from 'node:module';

import fc from 'fast-check';
import type { IDataObject } from 'n8n-workflow';

import { withQuery, type QueryArrays } from '../../nodes/VaultedOAuth2/query';

/* The query is written as n8n's HTTP Request node writes it: the library that n8n uses for that is asked. */

interface Qs {
	stringify(query: unknown, options: { arrayFormat: QueryArrays }): string;
}
const loadOfN8n = createRequire(require.resolve('n8n-core/package.json'));
const qs = createRequire(loadOfN8n.resolve('@n8n/backend-network'))('qs') as Qs;

const STYLES: QueryArrays[] = ['repeat', 'brackets', 'indices'];

const written = (query: unknown, style: QueryArrays): string =>
	withQuery(new URL('https://api.example.com/x'), query as IDataObject, style).search.slice(1);

test.each(STYLES)('is written as by n8n: %s', (style) => {
	const query = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue());
	fc.assert(
		fc.property(query, (value) => {
			expect(written(value, style)).toBe(qs.stringify(value, { arrayFormat: style }));
		}),
		{ numRuns: 300 },
	);
});

test.each(STYLES)('writes what JSON cannot hold as n8n does: %s', (style) => {
	const value = { at: new Date(0), none: undefined, list: [undefined, null, 1n], on: true };
	expect(written(value, style)).toBe(qs.stringify(value, { arrayFormat: style }));
});

test('is added to the one that is there, in front of nothing', () => {
	const url = new URL('https://api.example.com/x?a=1#part');
	expect(withQuery(url, { b: 'ü' }, 'repeat').href).toBe(
		'https://api.example.com/x?a=1&b=%C3%BC#part',
	);
	expect(withQuery(url, {}, 'repeat')).toBe(url);
	expect(withQuery(url, { b: [] }, 'repeat')).toBe(url);
});
