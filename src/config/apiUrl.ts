import { ConfigurationError, type MistakeIn } from '../errors';
import { AMBIGUOUS, LONGEST_URL, parseWebUrl } from './secureUrl';

const ABSOLUTE = /^([a-z][a-z0-9+.-]*:|\/\/)/i;

/** How often a chain of servers may decode one path. */
const DECODINGS = 3;

/** What {@link resolveApiUrl} needs to know of a connection. */
export interface ApiTarget {
	/** Without a trailing slash. */
	readonly apiBaseUrl: string;
	readonly apiOrigins: readonly string[];
}

function refuse(field: MistakeIn, text: string): never {
	throw new ConfigurationError(field, text, { code: 'ADDRESS_NOT_ALLOWED' });
}

/**
 * True where the access token may be sent to `url`: a web address whose origin (RFC 6454) is that of the API Base URL or one of the
 * additional origins, and which names no user.
 */
export function mayReceiveToken(target: ApiTarget, url: URL): boolean {
	return (
		// "blob:https://api.example.com/x" has that origin as well.
		/^https?:$/.test(url.protocol) &&
		target.apiOrigins.includes(url.origin) &&
		url.username === '' &&
		url.password === ''
	);
}

/** Also as it is sent: some characters are written as three. */
function assertNotTooLong(text: string, field: MistakeIn): void {
	if (text.length <= LONGEST_URL) return;
	refuse(
		field,
		`it is longer than ${LONGEST_URL} characters. Put what is long into the query or the body.`,
	);
}

/** The base path with its slash at the end. */
function directoryOf(base: URL): string {
	return `${base.pathname.replace(/\/$/, '')}/`;
}

/**
 * What a step upwards is made of, and what an escape of that is made of, each with its own escape. Replaced one after the other, which is
 * many times faster than a pattern with a function.
 */
const STEPS: readonly (readonly [string, string])[] = Array.from(
	'0123456789abcdef%./\\;',
	(character) => [`%${character.charCodeAt(0).toString(16)}`, character],
);

/** True for a ".." that `URL` does not see, but servers that decode the path first, read "\\" as "/" or drop path parameters do. */
function hasHiddenStep(pathname: string): boolean {
	let decoded = pathname.toLowerCase();
	for (let n = 0; n < DECODINGS && decoded.includes('%'); n += 1)
		for (const [escape, character] of STEPS) decoded = decoded.replaceAll(escape, character);
	return decoded.split(/[/\\]/).some((segment) => segment.split(';', 1)[0] === '..');
}

function isUnder(base: URL, { pathname }: URL): boolean {
	return (
		(pathname.startsWith(directoryOf(base)) || pathname === base.pathname) &&
		!hasHiddenStep(pathname)
	);
}

function join(base: URL, path: string): URL {
	if (path === '') return new URL(base);
	return new URL(`${base.origin}${directoryOf(base)}${path.replace(/^\//, '')}`);
}

/**
 * Resolves a path, or an absolute address such as an API's link to its next page.
 *
 * On the origin of the API Base URL nothing leaves the base path: not by `..`, `//host`, `\`, nor by an absolute address. An absolute
 * address of an additional origin is taken as it is; any other one is refused.
 *
 * @param field what the form calls the input, for the error
 * @throws ConfigurationError `ADDRESS_NOT_ALLOWED`
 */
export function resolveApiUrl(target: ApiTarget, path: string, field: MistakeIn): URL {
	const text = path.trim();
	assertNotTooLong(text, field);
	if (AMBIGUOUS.test(text)) {
		refuse(field, 'it has a space, a control character or a backslash. Percent-encode them.');
	}
	const base = new URL(target.apiBaseUrl);
	const isAbsolute = ABSOLUTE.test(text);
	const url = isAbsolute ? parseWebUrl(text) : join(base, text);
	if (url === undefined || !mayReceiveToken(target, url)) {
		refuse(
			field,
			`it leads away from ${target.apiOrigins.join(', ')}, and the access token is sent nowhere else. Enter a path under API Base URL; a further origin can be allowed in the credential's Additional API Origins.`,
		);
	}
	assertNotTooLong(url.href, field);
	if (url.origin === base.origin && !isUnder(base, url)) {
		refuse(
			field,
			`it leaves the API Base URL ${target.apiBaseUrl}. ${isAbsolute ? `Enter an address under it, or shorten API Base URL in the credential to reach more of ${base.origin}.` : 'Remove the ".." segments.'}`,
		);
	}
	return url;
}
