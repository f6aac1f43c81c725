import {
	asObject,
	isNestedWithin,
	unknownIn,
	withUnknown,
	type Shape,
} from '../../src/secrets/unknownKeys';

const SHAPE: Shape = { a: true, inner: { b: true }, free: { '*': { c: true } } };

it('finds what is not known, in the same places', () => {
	const json = {
		a: { x: 1 },
		y: 2,
		inner: { b: 1, z: 3 },
		free: { k: { c: 1, w: 4 }, l: { c: 1 } },
	};
	expect(unknownIn(json, SHAPE)).toEqual({ y: 2, inner: { z: 3 }, free: { k: { w: 4 } } });
});

it('finds nothing where an object is expected and there is none', () => {
	expect(unknownIn({ inner: 'text', free: { k: 5 } }, SHAPE)).toEqual({});
});

it('puts back what is not known, and nothing of what is', () => {
	const unknown = { y: 2, a: 'old', inner: { b: 'old', z: 3 }, free: { k: { w: 4 } } };
	const json = { a: 1, inner: { b: 2 }, free: { k: { c: 3 } } };
	expect(withUnknown(json, unknown, SHAPE)).toEqual({
		a: 1,
		y: 2,
		inner: { b: 2, z: 3 },
		free: { k: { c: 3, w: 4 } },
	});
});

it('puts back nothing into an object that is gone', () => {
	expect(withUnknown({ a: 1 }, { inner: { z: 3 }, free: { k: { w: 4 } } }, SHAPE)).toEqual({
		a: 1,
	});
	expect(withUnknown({ free: {} }, { free: { k: { w: 4 } } }, SHAPE)).toEqual({ free: {} });
});

it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
	'takes %s for a key like any other',
	(key) => {
		const json = JSON.parse(`{"a":1,"${key}":{"polluted":true}}`) as Record<string, unknown>;
		const unknown = unknownIn(json, SHAPE);
		const written = withUnknown({ a: 1 }, unknown, SHAPE);
		expect(JSON.parse(JSON.stringify(written))).toEqual(json);
		expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
	},
);

it('takes only objects for objects', () => {
	expect([null, [], 'x', 5, undefined].map(asObject)).toEqual(Array(5).fill(undefined));
	expect(asObject({ a: 1 })).toEqual({ a: 1 });
});

it.each([
	[0, 'text', true],
	[0, {}, false],
	[1, {}, true],
	[1, { a: 1, b: [] }, false],
	[2, { a: 1, b: [] }, true],
	[2, { a: 1, b: [{}] }, false],
])('knows whether there are more than %d levels in %j', (levels, value, expected) => {
	expect(isNestedWithin(levels, value)).toBe(expected);
});
