import type { IncomingHttpHeaders } from 'node:http';

/** Of these Node keeps the first one only: a second one is a mistake, and no list. */
const SINGLE: ReadonlySet<string> = new Set([
	'age',
	'authorization',
	'content-length',
	'content-type',
	'etag',
	'expires',
	'from',
	'host',
	'if-modified-since',
	'if-unmodified-since',
	'last-modified',
	'location',
	'max-forwards',
	'proxy-authorization',
	'referer',
	'retry-after',
	'server',
	'user-agent',
]);

/** Headers as `node:http` gives them, of names and values in turn. */
export function incomingHeaders(rawHeaders: readonly string[]): IncomingHttpHeaders {
	const headers = new Map<string, string | string[]>();
	for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
		const name = rawHeaders[index]?.toLowerCase() ?? '';
		const value = rawHeaders[index + 1] ?? '';
		const before = headers.get(name);
		if (name === 'set-cookie') headers.set(name, [before ?? [], value].flat());
		else if (before === undefined) headers.set(name, value);
		else if (!SINGLE.has(name)) headers.set(name, `${String(before)}, ${value}`);
	}
	return Object.fromEntries(headers);
}

/** They follow from the body and from the connection, which are not the caller's. */
const OF_THE_CONNECTION: ReadonlySet<string> = new Set([
	'connection',
	'content-length',
	'keep-alive',
	'proxy-connection',
	'transfer-encoding',
]);

/** Headers as they are sent: without those that frame a message, and with these besides if there are none of the names. */
export function outgoingHeaders(
	headers: Readonly<Record<string, string | readonly string[]>>,
	defaults: Readonly<Record<string, string>>,
): Record<string, string | string[]> {
	const given = Object.entries(headers).filter(
		([name]) => !OF_THE_CONNECTION.has(name.toLowerCase()),
	);
	const names = new Set(given.map(([name]) => name.toLowerCase()));
	const missing = Object.entries(defaults).filter(([name]) => !names.has(name));
	return Object.fromEntries(
		[...given, ...missing].map(([name, value]) => [
			name,
			typeof value === 'string' ? value : [...value],
		]),
	);
}
