import { isLoopback } from '../loopback';

/**
 * What makes a text mean another address than it seems to: URL parsers drop control characters and spaces around an address, and read
 * "\" as "/".
 */
// eslint-disable-next-line no-control-regex -- control characters are what is looked for
export const AMBIGUOUS = /[\u0000-\u0020\u007f\\]/;

/** Characters of an address at most. Servers take less; working out a long international host name costs time. */
export const LONGEST_URL = 16_384;

/** With two slashes: on fewer or more of them parsers disagree. */
const WITH_HOST = /^https?:\/\/[^/?#]/i;

/** Letters, digits, "-" and "_", as `URL` writes them; it lets "*" and much else pass. */
const NAME_OR_IPV4 = /^([a-z0-9_-]+\.)*[a-z0-9_-]+\.?$/;

/** A web address: `http:` or `https:`, unmistakably one host, and not too long. Undefined for everything else. */
export function parseWebUrl(text: string): URL | undefined {
	if (text.length > LONGEST_URL || AMBIGUOUS.test(text) || !WITH_HOST.test(text)) return undefined;
	try {
		// `URL.canParse` accepts very long hosts that the constructor refuses.
		const url = new URL(text);
		// Some characters are written as three.
		return url.href.length > LONGEST_URL ? undefined : url;
	} catch {
		return undefined;
	}
}

/**
 * An https address, or http to this machine itself. It names one host (no `*`), and no user name, password or fragment.
 *
 * Nothing else may be sent a secret or a token.
 */
export function isSecureUrl(value: string): boolean {
	const url = /\s/.test(value) ? undefined : parseWebUrl(value);
	return (
		url !== undefined &&
		(url.protocol === 'https:' || isLoopback(url.hostname)) &&
		(url.hostname.startsWith('[') || NAME_OR_IPV4.test(url.hostname)) &&
		url.username === '' &&
		url.password === '' &&
		url.hash === ''
	);
}
