import type { IDataObject } from 'n8n-workflow';

/** How lists are written in the query: `a=1&a=2`, `a[]=1&a[]=2` or `a[0]=1&a[1]=2`. */
export type QueryArrays = 'repeat' | 'brackets' | 'indices';

/** Beside letters and digits only `-`, `.`, `_` and `~` are written as they are (RFC 3986 §2.3). */
function encoded(text: string): string {
	return encodeURIComponent(text).replace(
		/[!'()*]/g,
		(sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
	);
}

function nameOf(name: string, key: string, arrays: QueryArrays | undefined): string {
	if (arrays === 'repeat') return name;
	return arrays === 'brackets' ? `${name}[]` : `${name}[${key}]`;
}

function pairs(name: string, value: unknown, arrays: QueryArrays): string[] {
	if (value === undefined) return [];
	const pair = (text: string): string[] => [`${encoded(name)}=${encoded(text)}`];
	if (value === null) return pair('');
	if (value instanceof Date) return pair(value.toISOString());
	if (typeof value !== 'object') return pair(String(value as number | boolean | bigint | string));
	const isList = Array.isArray(value);
	return Object.entries(value).flatMap(([key, entry]) =>
		pairs(nameOf(name, key, isList ? arrays : undefined), entry, arrays),
	);
}

/** The address with further query parameters, written as n8n's HTTP Request node does: `a[b]=1` for what is inside of an object, `a=` for null. */
export function withQuery(url: URL, query: IDataObject, arrays: QueryArrays): URL {
	const text = Object.entries(query).flatMap(([name, value]) => pairs(name, value, arrays));
	if (text.length === 0) return url;
	const result = new URL(url);
	result.search = [result.search.slice(1), ...text].filter(Boolean).join('&');
	return result;
}
