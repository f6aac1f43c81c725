import {
	formBody,
	grouped,
	jsonFields,
	type RefuseField,
} from '../../nodes/VaultedOAuth2/actions/apiRequest/body';

/** Throws what the node says. */
const refuse: RefuseField = (name, why) => {
	throw new Error(`${name}: ${why}`);
};
const json = (rows: { name: string; value: unknown }[]): unknown => jsonFields(rows, refuse);
const fields = (rows: Record<string, unknown>): { name: string; value: unknown }[] =>
	Object.entries(rows).map(([name, value]) => ({ name, value }));

test.each([
	[
		{ a: 1, b: 'x', c: null, d: [1], e: { f: true } },
		{ a: 1, b: 'x', c: null, d: [1], e: { f: true } },
	],
	[{ 'a.b.c': 1, 'a.d': 2 }, { a: { b: { c: 1 }, d: 2 } }],
	[{ 'list[0]': 'a', 'list[1]': 'b' }, { list: ['a', 'b'] }],
	[{ 'list[0].name': 'a', 'list.1.name': 'b' }, { list: [{ name: 'a' }, { name: 'b' }] }],
	[{ a: 1, 'a.b': 2 }, { a: { b: 2 } }],
])('the fields %j are the JSON body %j', (rows, expected) => {
	expect(json(fields(rows))).toEqual(expected);
});

test('names that objects inherit are fields like any other, and reach nothing that others share', () => {
	const rows = { constructor: 1, 'a.constructor.prototype.polluted': true, 'b.toString': 'x' };
	expect(JSON.stringify(json(fields(rows)))).toBe(
		'{"constructor":1,"a":{"constructor":{"prototype":{"polluted":true}}},"b":{"toString":"x"}}',
	);
	expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
});

test.each([
	['__proto__', 'A name cannot be "__proto__"'],
	['__proto__.polluted', 'A name cannot be "__proto__"'],
	['a.__proto__[0]', 'A name cannot be "__proto__"'],
	['a[1000]', 'at most 999'],
	['a[30000000]', 'at most 999'],
	['a.30000000', 'at most 999'],
	['a[0][4294967294].b', 'at most 999'],
	[`a[${'9'.repeat(400)}]`, 'at most 999'],
	['list.length', 'leads to "length" of a list'],
	['list.length.x', 'leads to "length" of a list'],
	['list[00]', 'leads to "00" of a list'],
	['a'.concat('.a'.repeat(100)), 'more than 100 levels'],
])('the field %s is refused', (name, why) => {
	const rows = [
		{ name: 'list[0]', value: 1 },
		{ name, value: 30_000_000 },
	];
	expect(() => json(rows)).toThrow(`${name}: `);
	expect(() => json(rows)).toThrow(why);
	expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
});

test('a list may have a thousand entries by their indices, and one that is longer already may grow', () => {
	expect(json([{ name: 'a[999]', value: 1 }])).toMatchObject({ a: { length: 1000 } });
	const longer = Array.from({ length: 5000 }, () => 0);
	const rows = [
		{ name: 'a', value: longer },
		{ name: 'a[5000]', value: 1 },
	];
	expect(json(rows)).toMatchObject({ a: { length: 5001 } });
});

test('an index in a name of a query, a header or a form stays part of the name', () => {
	const rows = [{ name: 'a[30000000]', value: 'x' }];
	expect(grouped(rows)).toEqual({ 'a[30000000]': 'x' });
	expect(decodeURIComponent(formBody(grouped(rows)))).toBe('a[30000000]=x');
});

test('fields of one name become a list, whatever they are called', () => {
	const rows = [
		{ name: 'constructor', value: 1 },
		{ name: 'tag', value: 1 },
		{ name: 'tag', value: 2 },
		{ name: 'tag', value: 3 },
	];
	expect({ ...grouped(rows) }).toEqual({ constructor: 1, tag: [1, 2, 3] });
});

test.each([
	[{ a: 'x y', b: 1, c: true }, 'a=x+y&b=1&c=true'],
	[{ a: ['x', 'y'] }, 'a[0]=x&a[1]=y'],
	[{ a: { b: { c: 1 } } }, 'a[b][c]=1'],
	[{ a: null, b: undefined }, 'a='],
	[{ 'ä&': '=' }, 'ä&=='],
])('%j is the form %s', (values, expected) => {
	expect(decodeURIComponent(formBody(values as never))).toBe(expected);
});
