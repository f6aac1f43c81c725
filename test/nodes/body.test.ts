import { formBody, grouped, jsonFields } from '../../nodes/VaultedOAuth2/actions/apiRequest/body';

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
	expect(jsonFields(fields(rows))).toEqual(expected);
});

test.each(['__proto__.polluted', 'constructor.prototype.polluted', 'a.__proto__.polluted'])(
	'the field %s reaches nothing that others share',
	(name) => {
		jsonFields([{ name, value: true }]);
		expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
	},
);

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
