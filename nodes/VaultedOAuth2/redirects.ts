import { OperationalError, type IDataObject } from 'n8n-workflow';

import type { RequestBody } from '../../src';

export type { RequestBody };

/** One request of a chain of redirects. */
export interface Hop {
	readonly method: string;
	readonly url: URL;
	/** Without Authorization. */
	readonly headers: Readonly<Record<string, string | string[]>>;
	/** Only of the first address: a redirect brings its own, within its address. */
	readonly query?: IDataObject | undefined;
	/** What can be sent again. */
	readonly body?: RequestBody | undefined;
	/** False from the first address on that may not have the token: whoever is there must not choose where it goes next. */
	readonly withToken: boolean;
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * What goes along to an address that may not have the token. Every other header may be a key as well: `X-API-Key`, `Cookie`, names of
 * an API's own. These say only what is sent and what is wanted.
 */
const HARMLESS = new Set([
	'accept',
	'accept-language',
	'content-encoding',
	'content-language',
	'content-type',
	'range',
	'user-agent',
]);

function becomesGet(method: string, status: number): boolean {
	return status === 303
		? method !== 'GET' && method !== 'HEAD'
		: (status === 301 || status === 302) && method === 'POST';
}

function without(headers: Hop['headers'], drop: (name: string) => boolean): Hop['headers'] {
	return Object.fromEntries(Object.entries(headers).filter(([name]) => !drop(name.toLowerCase())));
}

function targetOf(location: string, from: URL): URL {
	const url = URL.canParse(location, from.href) ? new URL(location, from.href) : undefined;
	if (url?.protocol !== 'https:' && url?.protocol !== 'http:') {
		throw new OperationalError('The API redirects to something that is not a web address');
	}
	if (from.protocol === 'https:' && url.protocol === 'http:') {
		throw new OperationalError(
			`The API redirects from https to ${url.origin}, which is not encrypted. It is not followed.`,
		);
	}
	return url;
}

/**
 * The request a redirect leads to (RFC 9110 §15.4), or undefined where the answer is no redirect.
 *
 * POST becomes GET after 301 and 302, everything but GET and HEAD after 303; 307 and 308 keep method and body, wherever they lead: the API
 * that says so has the body already.
 *
 * @throws OperationalError where it leads from https to http, or to no web address
 */
export function nextHop(
	hop: Hop,
	answer: { readonly status: number; readonly location: unknown },
	mayReceiveToken: (url: URL) => boolean,
): Hop | undefined {
	const { status, location } = answer;
	if (!REDIRECTS.has(status) || typeof location !== 'string' || location === '') return undefined;
	const url = targetOf(location, hop.url);
	const withToken = hop.withToken && mayReceiveToken(url);
	const headers = withToken ? hop.headers : without(hop.headers, (name) => !HARMLESS.has(name));
	if (!becomesGet(hop.method, status)) return { ...hop, url, query: undefined, headers, withToken };
	return {
		method: 'GET',
		url,
		headers: without(headers, (name) => name.startsWith('content-')),
		withToken,
	};
}
