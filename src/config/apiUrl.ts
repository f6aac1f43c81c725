import { ConfigurationError, type MistakeIn } from '../errors';

// URL parsers drop tabs and line breaks and read "\" as "/", which turns harmless looking text into another host.
// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const AMBIGUOUS = /[\u0000-\u0020\u007f\\]/;
const ABSOLUTE = /^[a-z][a-z0-9+.-]*:/i;

// What is still a step upwards for servers that decode "%2F" or drop path parameters before they look at a path.
const HIDDEN_STEP = /(^|[/\\]|%2f|%5c)(\.|%2e){2}(;[^/\\]*)?($|[/\\]|%2f|%5c)/i;

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
 * True where the access token may be sent to `url`: its origin (RFC 6454) is that of the API Base URL or one of the additional origins,
 * and it names no user.
 */
export function mayReceiveToken(target: ApiTarget, url: URL): boolean {
	return target.apiOrigins.includes(url.origin) && url.username === '' && url.password === '';
}

/**
 * Resolves a path under the API Base URL. A path never leaves the base: not by `..`, `//host`, `\` or an absolute address of another
 * origin. An absolute address of an allowed origin is taken as it is.
 *
 * @param field what the form calls the input, for the error
 * @throws ConfigurationError `ADDRESS_NOT_ALLOWED`
 */
export function resolveApiUrl(target: ApiTarget, path: string, field: MistakeIn): URL {
	const text = path.trim();
	if (AMBIGUOUS.test(text)) {
		refuse(field, 'it has a space, a control character or a backslash. Percent-encode them.');
	}
	if (ABSOLUTE.test(text) || text.startsWith('//')) {
		const url = URL.canParse(text) ? new URL(text) : undefined;
		if (url === undefined || !mayReceiveToken(target, url)) {
			refuse(
				field,
				`it leads away from ${target.apiOrigins.join(', ')}, and the access token is sent nowhere else. Enter a path under API Base URL; a further origin can be allowed in the credential's Additional API Origins.`,
			);
		}
		return url;
	}
	const base = new URL(target.apiBaseUrl);
	const directory = `${base.pathname.replace(/\/$/, '')}/`;
	const url = new URL(`${base.origin}${directory}${text.replace(/^\//, '')}`);
	if (text === '' || text === '/') url.pathname = text === '/' ? directory : base.pathname;
	const inside =
		(url.pathname.startsWith(directory) || url.pathname === base.pathname) &&
		!HIDDEN_STEP.test(url.pathname);
	if (!inside || !mayReceiveToken(target, url)) {
		refuse(field, `it leaves the API Base URL ${target.apiBaseUrl}. Remove the ".." segments.`);
	}
	return url;
}
