import { ALL_WAYS, escapesAt, isEscapeSign } from './escapes';

/**
 * One way to write a secret, as bytes in which alphabets are folded: `-` is `+` and `_` is `/` (Base64, RFC 4648 §5), a space is `+`
 * (forms).
 */
export interface SecretForm {
	readonly bytes: Uint8Array;
	/** True for Base64, which may be broken into lines (RFC 2045 §6.8). */
	readonly base64: boolean;
	/** Where its first byte is that could be taken for an escape; its length if there is none. */
	readonly firstSign: number;
	/** True if the character before it holds bits of the secret too. */
	readonly before: boolean;
	/** True if the character after it does. */
	readonly after: boolean;
}

const code = (character: string): number => character.charCodeAt(0);
const BACKSLASH = code('\\');
const LINE_FEED = code('\n');
const CARRIAGE_RETURN = code('\r');

/** What each byte is compared as. */
export const FOLDED = Uint8Array.from({ length: 256 }, (_, byte) => byte);
for (const [from = '', to = ''] of ['-+', ' +', '_/']) FOLDED[code(from)] = code(to);

/** Characters that encoders of URLs and forms leave alone or not: ECMAScript, RFC 3986, URLSearchParams, RFC 6749 §2.3.1 at its strictest. */
const ENCODERS = [/(?!)/g, /[!'()]/g, /[!'()*]/g, /[!'()~]/g, /[-_.!~*'()]/g];

function percentEncoded(secret: string): string[] {
	const component = encodeURIComponent(secret);
	return ENCODERS.map((more) =>
		component.replace(more, (character) => `%${code(character).toString(16).toUpperCase()}`),
	)
		.flatMap((text) => [text, text.replaceAll('%20', '+')])
		.flatMap((text) => [text, text.replace(/%../g, (escape) => escape.toLowerCase())]);
}

/** As JSON encoders write it that know ASCII only. */
function inAscii(secret: string): string[] {
	const escaped = secret.replace(
		/[^\0-\x7f]/g,
		(unit) => `\\u${code(unit).toString(16).padStart(4, '0')}`,
	);
	const upperCase = escaped.replace(
		/\\u[\da-f]{4}/g,
		(escape) => `\\u${escape.slice(2).toUpperCase()}`,
	);
	return [escaped, upperCase];
}

function form(
	text: string,
	beside: Pick<SecretForm, 'after' | 'base64' | 'before'> = {
		after: false,
		base64: false,
		before: false,
	},
): SecretForm {
	const bytes = Buffer.from(text);
	for (let index = 0; index < bytes.length; index += 1)
		bytes[index] = FOLDED[bytes[index] ?? 0] ?? 0;
	const sign = text.search(/[%\\&]/);
	return { ...beside, bytes, firstSign: sign === -1 ? bytes.length : sign };
}

/** What is seen of a text within a longer one in Base64, at each place where it can begin within a group of three bytes. */
function base64Forms(text: string): SecretForm[] {
	return [0, 1, 2].map((offset) => {
		const group = Buffer.from('\0'.repeat(offset) + text);
		const base64 = group.toString('base64');
		// The first characters hold bits of what is before, the last one bits of what is behind.
		const own = base64.slice(offset === 0 ? 0 : offset + 1, Math.floor((group.length * 4) / 3));
		return form(own, { base64: true, before: offset !== 0, after: group.length % 3 !== 0 });
	});
}

/**
 * All forms of a secret but for escapes: as it is, in Base64, and in Base64 after it was encoded for a URL or a form (HTTP Basic, RFC 6749
 * §2.3.1).
 */
export function formsOf(text: string): SecretForm[] {
	const secret = Buffer.from(text).toString();
	const plain = new Set([secret, ...inAscii(secret)]);
	const encoded = new Set([secret, ...percentEncoded(secret)]);
	return [...[...plain].map((written) => form(written)), ...[...encoded].flatMap(base64Forms)];
}

const isLineBreak = (byte: number): boolean => byte === CARRIAGE_RETURN || byte === LINE_FEED;

/** The end of one character of a secret, as it is or escaped in one of these ways, or -1. */
function afterCharacter(
	text: string,
	at: number,
	{ expected, ways }: { expected: number; ways: number },
): number {
	const byte = text.charCodeAt(at);
	if (isEscapeSign(byte)) {
		for (const { value, end } of escapesAt(text, at, ways))
			if (FOLDED[value] === expected) return end;
	}
	return FOLDED[byte] === expected ? at + 1 : -1;
}

/** The end of a line break; `at` if there is none. */
function afterLineBreak(text: string, at: number): number {
	let end = at;
	for (const expected of [CARRIAGE_RETURN, LINE_FEED]) {
		const next = afterCharacter(text, end, { expected, ways: ALL_WAYS });
		if (next !== -1) end = next;
	}
	return end;
}

/** As {@link endOfMatch}, from the byte `first` of the form on and with these ways to escape. */
function endOfEscaped(
	text: string,
	{ start, first, ways }: { start: number; first: number; ways: number },
	{ base64, bytes }: SecretForm,
): number {
	let at = start + first;
	for (let index = first; index < bytes.length; index += 1) {
		if (base64 && index > 0) at = afterLineBreak(text, at);
		const expected = bytes[index] ?? 0;
		const end = afterCharacter(text, at, { expected, ways });
		if (end !== -1) at = end;
		// Backslashes are read with the character that follows them.
		else if (expected !== BACKSLASH) return -1 - index;
	}
	return at;
}

/**
 * Where a form of a secret ends that begins at `start`, as it is or with escapes. If it is not there, minus one minus the number of
 * characters that fitted.
 *
 * @param text bytes, one character for each
 */
export function endOfMatch(text: string, start: number, form: SecretForm): number {
	const { base64, bytes, firstSign } = form;
	let fitting = 0;
	while (fitting < bytes.length && FOLDED[text.charCodeAt(start + fitting)] === bytes[fitting])
		fitting += 1;
	if (fitting === bytes.length) return start + fitting;

	const differing = text.charCodeAt(start + fitting);
	const mayBeWritten = isEscapeSign(differing) || (base64 && isLineBreak(differing));
	if (fitting <= firstSign && !mayBeWritten) return -1 - fitting;
	const first = fitting < firstSign ? fitting : firstSign;
	// A sign within the secret could be that of an escape: then only the way in which the whole was written reads it.
	const leastWays = firstSign === bytes.length ? ALL_WAYS : 1;
	for (let ways = ALL_WAYS; ways >= leastWays; ways -= 1) {
		const end = endOfEscaped(text, { start, first, ways }, form);
		if (end >= 0) return end;
		fitting -= end + 1;
	}
	return -1 - fitting;
}
