import { VaultedOAuth2Error } from '../src';

/**
 * Codes that n8n looks for anywhere in an error's message, whatever their case, to put a general sentence in its place; and the same in
 * words, so that class, field and way out stay.
 */
const IN_WORDS: Readonly<Record<string, string>> = {
	ECONNREFUSED: 'connection refused',
	ECONNRESET: 'connection reset',
	ECONNABORTED: 'connection aborted',
	ENOTFOUND: 'no such host',
	ETIMEDOUT: 'timed out',
	EHOSTUNREACH: 'host out of reach',
	EADDRNOTAVAIL: 'address not available',
	ERRADDRINUSE: 'address in use',
	EAI_AGAIN: 'no answer from the name server',
	GETADDRINFO: 'name look-up',
	ENOENT: 'no such file',
	ENOTDIR: 'not a folder',
	EISDIR: 'a folder',
	EEXIST: 'there already',
	EACCES: 'no permission',
	EPERM: 'not permitted',
};

const CODES = new RegExp(Object.keys(IN_WORDS).join('|'), 'gi');

/**
 * An error as n8n shows it in the form and in the HTTP Request node: its own words. n8n would show the `code` of an error instead of its
 * message, so this one has none; the node of this package finds the original as its cause.
 */
class ShownError extends Error {
	constructor(cause: VaultedOAuth2Error) {
		super(
			cause.message.replace(CODES, (code) => IN_WORDS[code.toUpperCase()] ?? code),
			{ cause },
		);
		this.name = cause.name;
	}
}

/** What to throw into n8n for an error of the core; anything else as it is. */
export function shown(error: unknown): unknown {
	return error instanceof VaultedOAuth2Error ? new ShownError(error) : error;
}
