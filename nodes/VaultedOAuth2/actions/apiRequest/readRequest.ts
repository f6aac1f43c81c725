import type { IDataObject } from 'n8n-workflow';

import { ownHeaders, ownParameter, resolveApiUrl, type Connection } from '../../../../src';
import type { ApiCall } from '../../transport';
import { parameter, type Item } from '../operation';
import { asText, grouped } from './body';
import { METHODS } from './description';
import { readOptions, type ResponseOptions } from './options';
import { readBody, type BodyWriter } from './readBody';
import { readFields, readObject, refuse } from './readFields';

type Headers = Record<string, string | string[]>;

const TEXTS = 'application/json,text/html,application/xhtml+xml,application/xml,text/*;q=0.9';

/** What n8n's HTTP Request node says it accepts. */
const ACCEPT: Record<ResponseOptions['responseFormat'], string> = {
	json: 'application/json,text/*;q=0.99',
	text: `${TEXTS}, */*;q=0.1`,
	autodetect: `${TEXTS}, image/*;q=0.8, */*;q=0.7`,
	file: `${TEXTS}, image/*;q=0.8, */*;q=0.7`,
};

/** What a page of a list changes in the request. */
export interface PageChanges {
	/** In place of the path, with its own query. */
	readonly url?: URL;
	readonly query?: IDataObject;
	readonly headers?: IDataObject;
	readonly body?: IDataObject;
}

/** An item's request, read once; every page of it is a call. */
export interface RequestDraft {
	readonly method: string;
	readonly response: ResponseOptions;
	/** The call, with what the page changes. @throws NodeOperationError if something cannot be changed */
	call(changes?: PageChanges): ApiCall;
}

function readMethod(item: Item): string {
	const typed = parameter<string>(item, 'method', 'GET').toUpperCase();
	return METHODS.find((method) => method === typed) ?? refuse(item, `Method cannot be ${typed}`);
}

function refuseReserved(item: Item, what: 'header' | 'query parameter', name: string): never {
	return refuse(
		item,
		`The ${what} "${name}" cannot be set here`,
		`It is set from the credential. Remove it from the ${what}s of this node.`,
	);
}

/** Checked: the token's own parameter is not among them. */
function queryOf(item: Item, connection: Connection, query: IDataObject): IDataObject {
	const own = ownParameter(connection);
	if (own !== undefined && Object.hasOwn(query, own)) refuseReserved(item, 'query parameter', own);
	return query;
}

function readQuery(item: Item, connection: Connection): IDataObject | undefined {
	if (!parameter<boolean>(item, 'sendQuery', false)) return undefined;
	return queryOf(
		item,
		connection,
		parameter<string>(item, 'specifyQuery', 'keypair') === 'json'
			? readObject(item, 'jsonQuery', 'JSON Query Parameters')
			: grouped(readFields(item, 'queryParameters')),
	);
}

/** Lower-case names, checked. */
function headersOf(item: Item, connection: Connection, typed: IDataObject): Headers {
	// Another host name could lead the token astray within one server.
	const reserved = [...ownHeaders(connection), 'host'];
	const headers = new Map<string, string | string[]>();
	for (const [typedName, value] of Object.entries(typed)) {
		const name = typedName.trim().toLowerCase();
		if (reserved.includes(name)) refuseReserved(item, 'header', typedName.trim());
		if (value == null) continue;
		headers.set(name, Array.isArray(value) ? value.map(asText) : asText(value));
	}
	return Object.fromEntries(headers);
}

function readHeaders(item: Item, connection: Connection): Headers {
	if (!parameter<boolean>(item, 'sendHeaders', false)) return {};
	return headersOf(
		item,
		connection,
		parameter<string>(item, 'specifyHeaders', 'keypair') === 'json'
			? readObject(item, 'jsonHeaders', 'JSON Headers')
			: grouped(readFields(item, 'headerParameters')),
	);
}

function readUrl(item: Item, connection: Connection): URL {
	const url = parameter<unknown>(item, 'url', '');
	const label = url === '' ? 'Path' : 'URL';
	const address = url === '' ? parameter<unknown>(item, 'path', '') : url;
	if (typeof address !== 'string') {
		const type = address === null ? 'null' : typeof address;
		return refuse(item, `${label} has to be a text, but is ${type}`);
	}
	return resolveApiUrl(connection, address, label);
}

async function readWriter(item: Item, method: string): Promise<BodyWriter | undefined> {
	const writer = await readBody(item);
	if (writer !== undefined && method === 'HEAD') {
		const wayOut = 'Switch "Send Body" off, or choose another method.';
		return refuse(item, 'A HEAD request cannot have a body', wayOut);
	}
	return writer;
}

/** What the query keeps if an address brings one of its own. */
function besides(query: IDataObject | undefined, { searchParams }: URL): IDataObject | undefined {
	const named = new Set([...searchParams.keys()].map((name) => name.split('[', 1)[0]));
	return query && Object.fromEntries(Object.entries(query).filter(([name]) => !named.has(name)));
}

/**
 * Reads an item's request from the node's fields.
 *
 * @throws ConfigurationError if the path leads away from the API
 * @throws NodeOperationError if a field cannot be used
 */
export async function readRequest(item: Item, connection: Connection): Promise<RequestDraft> {
	const { response, ...options } = readOptions(item);
	const method = readMethod(item);
	const url = readUrl(item, connection);
	const query = readQuery(item, connection);
	const headers = { accept: ACCEPT[response.responseFormat], ...readHeaders(item, connection) };
	const write = await readWriter(item, method);
	return {
		method,
		response,
		call: (changes = {}) => {
			const written = write?.(changes.body ?? {});
			const kept = changes.url === undefined ? query : besides(query, changes.url);
			const type = written === undefined ? {} : { 'content-type': written.contentType };
			const own = { ...headers, ...headersOf(item, connection, changes.headers ?? {}) };
			return {
				...options,
				method,
				url: changes.url ?? url,
				query:
					changes.query === undefined
						? kept
						: { ...kept, ...queryOf(item, connection, changes.query) },
				headers: written?.isTypeFixed === true ? { ...own, ...type } : { ...type, ...own },
				body: written?.body,
			};
		},
	};
}
