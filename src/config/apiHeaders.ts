import { ConfigurationError } from '../errors';
import { FIELD_NAMES } from './fields';
import { isFreeHeader, type TokenPlacement } from './tokenPlacement';

/** Headers by their lower-case names. */
export type ApiHeaders = Readonly<Record<string, string>>;

const MOST_HEADERS = 20;
const LONGEST_TEXT = 16_384;
/** RFC 9110 §5.5 `field-value`, without what is obsolete. */
const VALUE = /^[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?$/;

function invalid(text: string): ConfigurationError {
	return new ConfigurationError(FIELD_NAMES.apiHeaders, text, { code: 'INVALID_FIELD' });
}

/** `Name: value`, one a line. */
function readLines(text: string): [string, unknown][] {
	return text
		.split(/[\r\n]+/)
		.filter((line) => line.trim() !== '')
		.map((line) => {
			const at = line.indexOf(':');
			return at < 0 ? ['', undefined] : [line.slice(0, at), line.slice(at + 1)];
		});
}

function readJson(text: string): [string, unknown][] {
	try {
		return Object.entries(JSON.parse(text) as object);
	} catch {
		throw invalid('it begins like JSON and is none. Enter an object such as {"X-API-Key": "…"}.');
	}
}

function isUsable(name: string): boolean {
	return isFreeHeader(name) && name !== 'authorization';
}

/**
 * The headers among `entries` as one text, which is what is sealed: names in lower case and in order. Undefined if one of them cannot be used.
 */
function canonical(entries: readonly (readonly [string, unknown])[]): string | undefined {
	const headers = new Map<string, string>();
	for (const [typedName, typedValue] of entries) {
		const name = typedName.trim().toLowerCase();
		const value = typeof typedValue === 'string' ? typedValue.trim() : '';
		if (!isUsable(name) || headers.has(name) || !VALUE.test(value)) return undefined;
		headers.set(name, value);
	}
	if (headers.size === 0 || headers.size > MOST_HEADERS) return undefined;
	return JSON.stringify(Object.fromEntries([...headers].sort(([a], [b]) => (a < b ? -1 : 1))));
}

/**
 * Reads the headers typed into the form: a JSON object, or `Name: value` lines. Nothing of the text is repeated.
 *
 * @param placement of the token, whose header is not free
 * @returns the one text of them, for {@link readApiHeaders}
 * @throws ConfigurationError `INVALID_FIELD`
 */
export function parseApiHeaders(text: string, placement: TokenPlacement): string {
	if (text.length > LONGEST_TEXT) throw invalid(`it is longer than ${LONGEST_TEXT} characters.`);
	const headers = canonical(text.trimStart().startsWith('{') ? readJson(text) : readLines(text));
	if (headers === undefined) {
		throw invalid(
			`it must be lines such as "X-API-Key: …", or a JSON object of texts: at most ${MOST_HEADERS} headers, each once, with values of printable ASCII characters. Authorization, Host and headers that describe the connection or the body are set elsewhere.`,
		);
	}
	const taken = placement.in === 'cookie' ? 'cookie' : placement.in === 'header' && placement.name;
	if (taken !== false && taken in readApiHeaders(headers))
		throw invalid(
			'it names the header that carries the token. Remove it, or change Send Token In.',
		);
	return headers;
}

/** Headers as a secret of the store has them, as one text; undefined if they cannot be used. */
export function asApiHeaders(value: unknown): string | undefined {
	if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
	return canonical(Object.entries(value));
}

/** The headers of such a text. */
export function readApiHeaders(text: string): ApiHeaders {
	return JSON.parse(text) as ApiHeaders;
}
