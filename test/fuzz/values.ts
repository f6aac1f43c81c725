import fc from 'fast-check';

/** One UTF-16 code unit; halves of a pair may be alone. */
const anyCharacter = fc.nat({ max: 0xffff }).map((code) => String.fromCharCode(code));

/** Texts of any characters: letters, lone surrogates, controls, and what means something in URLs, forms and JSON. */
export const text: fc.Arbitrary<string> = fc.oneof(
	fc.string({ unit: anyCharacter, maxLength: 40 }),
	fc.string({ unit: 'grapheme-ascii', maxLength: 40 }),
	fc.string({
		unit: fc.constantFrom(...Array.from('ab0/\\.:;?#&=%+@[]{}"\'<> \n\r\t\0\u2028é')),
		maxLength: 60,
	}),
	// Long, and the same again and again: what patterns take long for.
	fc
		.tuple(fc.string({ minLength: 1, maxLength: 4 }), fc.nat({ max: 20_000 }))
		.map(([part, times]) => part.repeat(times))
		.filter(({ length }) => length < 40_000),
);

/** Anything that JSON can hold, and numbers at the edges. */
export const json: fc.Arbitrary<unknown> = fc.oneof(
	fc.jsonValue({ maxDepth: 3 }),
	fc.constantFrom(0, -1, -0, 1e308, 2 ** 53, 1.5, true, false, null, '', '0', '3600', [], {}),
);

/** Names that objects inherit. */
export const inherited = fc.constantFrom(
	'__proto__',
	'constructor',
	'prototype',
	'toString',
	'hasOwnProperty',
	'valueOf',
);

/** JSON texts that are nested very deep. */
export const deepJson: fc.Arbitrary<string> = fc
	.tuple(fc.constantFrom(['[', ']'], ['{"a":', '}']), fc.integer({ min: 1, max: 20_000 }))
	.map(([[open = '', close = ''], depth]) => `${open.repeat(depth)}1${close.repeat(depth)}`);

/** Characters taken out of a text, doubled, replaced. */
export function damaged(of: fc.Arbitrary<string>): fc.Arbitrary<string> {
	return fc
		.tuple(of, fc.nat(), fc.nat({ max: 20 }), text)
		.map(([whole, position, length, instead]) => {
			const start = position % (whole.length + 1);
			return `${whole.slice(0, start)}${instead}${whole.slice(start + length)}`;
		});
}
