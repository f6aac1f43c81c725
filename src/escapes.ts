const URL_ESCAPES = 1;
const JSON_ESCAPES = 2;
const HTML_ESCAPES = 4;

/** All ways to escape, as bits. */
export const ALL_WAYS = URL_ESCAPES | JSON_ESCAPES | HTML_ESCAPES;

/** A character as it may be meant: its code, and where it ends. */
export interface Reading {
	readonly value: number;
	readonly end: number;
}

const code = (character: string): number => character.charCodeAt(0);
const BACKSLASH = code('\\');
const PERCENT = code('%');
const AMPERSAND = code('&');
const LETTER_U = code('u');

/** Letters of JSON's short escapes (RFC 8259 §7), and what they stand for. */
const SHORT_ESCAPES: ReadonlyMap<number, number> = new Map(
	['b\b', 'f\f', 'n\n', 'r\r', 't\t'].map(([letter = '', control = '']) => [
		code(letter),
		code(control),
	]),
);
const ENTITIES: Readonly<Record<string, string>> = {
	amp: '&',
	apos: "'",
	gt: '>',
	lt: '<',
	quot: '"',
};
const ENTITY = /^(?:#(\d+)|#[xX]([\da-fA-F]+)|(amp|apos|gt|lt|quot));/;
const LONGEST_ENTITY = 12;
/** Two of them, in a text that is quoted three times in JSON. */
const MOST_BACKSLASHES = 16;
/** `%2B`, `%252B` and `%25252B`. */
const MOST_PERCENT_LEVELS = 3;

/** No character is written with more than this, the line break before it included. */
export const LONGEST_CHARACTER = 3 * (MOST_BACKSLASHES + 1) + 4;

const NONE: readonly Reading[] = [];

const HEX = new Int8Array(128).fill(-1);
for (let value = 0; value < 16; value += 1) {
	const digit = value.toString(16);
	HEX[code(digit)] = value;
	HEX[code(digit.toUpperCase())] = value;
}

/** A number of `digits` hexadecimal digits, or -1. */
function hexAt(text: string, at: number, digits: number): number {
	let value = 0;
	for (let index = at; index < at + digits; index += 1) {
		const digit = HEX[text.charCodeAt(index)] ?? -1;
		if (digit === -1) return -1;
		value = value * 16 + digit;
	}
	return value;
}

/** What may follow a percent sign that ends before `at`. */
function percentEncoded(text: string, at: number): readonly Reading[] {
	const readings: Reading[] = [];
	for (let level = 0, end = at + 2; level < MOST_PERCENT_LEVELS; level += 1, end += 2) {
		const value = hexAt(text, end - 2, 2);
		if (value === -1) break;
		readings.push({ value, end });
		if (value !== PERCENT) break;
	}
	return readings;
}

/** What may follow an ampersand that ends before `at`. */
function entity(text: string, at: number): readonly Reading[] {
	const [whole, decimal, hex, name] = ENTITY.exec(text.slice(at, at + LONGEST_ENTITY)) ?? [];
	if (whole === undefined) return NONE;
	const end = at + whole.length;
	if (name !== undefined) return [{ value: code(ENTITIES[name] ?? ''), end }];
	return [{ value: decimal === undefined ? parseInt(hex ?? '', 16) : Number(decimal), end }];
}

/** What may be behind one or more backslashes from `at` on. */
function backslashed(text: string, at: number, ways: number): readonly Reading[] {
	let end = at + 1;
	while (end < at + MOST_BACKSLASHES && text.charCodeAt(end) === BACKSLASH) end += 1;
	const letter = text.charCodeAt(end);
	if (letter === BACKSLASH) return NONE;
	const readings = [
		...escapedBy(letter, text, { at: end + 1, ways }),
		{ value: letter, end: end + 1 },
	];
	const control = SHORT_ESCAPES.get(letter);
	if (control !== undefined) return [{ value: control, end: end + 1 }, ...readings];
	const value = letter === LETTER_U ? hexAt(text, end + 1, 4) : -1;
	if (value === -1) return readings;
	end += 5;
	return [...escapedBy(value, text, { at: end, ways }), { value, end }, ...readings];
}

/** What may follow a sign of URLs or HTML that ends before `at`. */
function escapedBy(
	sign: number,
	text: string,
	{ at, ways }: { at: number; ways: number },
): readonly Reading[] {
	if (sign === PERCENT && (ways & URL_ESCAPES) !== 0) return percentEncoded(text, at);
	return sign === AMPERSAND && (ways & HTML_ESCAPES) !== 0 ? entity(text, at) : NONE;
}

/**
 * What an escape at this place may stand for, besides itself: `%2B` and `%252B` of URLs, `\u002B`, `\/` and `\n` of JSON, also of JSON in
 * JSON, `&#43;` and `&amp;` of HTML. Empty if there is none.
 *
 * @param ways bits of the ways to escape that come into question
 */
export function escapesAt(text: string, at: number, ways: number): readonly Reading[] {
	const sign = text.charCodeAt(at);
	if (sign !== BACKSLASH) return escapedBy(sign, text, { at: at + 1, ways });
	return (ways & JSON_ESCAPES) === 0 ? NONE : backslashed(text, at, ways);
}

/** Whether an escape begins with this byte. */
export function isEscapeSign(byte: number): boolean {
	return byte === PERCENT || byte === BACKSLASH || byte === AMPERSAND;
}
