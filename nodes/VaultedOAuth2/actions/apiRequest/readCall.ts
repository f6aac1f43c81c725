import { NodeOperationError, type IDataObject } from 'n8n-workflow';

import { ownHeaders, ownParameter, resolveApiUrl, type Connection } from '../../../../src';
import type { ApiCall } from '../../transport';
import { parameter, type Item } from '../operation';
import { asText, formBody, grouped, jsonFields, type Field } from './body';
import { METHODS } from './description';
import { readOptions, type ResponseOptions } from './options';

type Headers = Record<string, string | string[]>;

/** Characters of a field's name in an error. */
const LONGEST_SHOWN = 60;

const TEXTS = 'application/json,text/html,application/xhtml+xml,application/xml,text/*;q=0.9';

/** What n8n's HTTP Request node says it accepts. */
const ACCEPT: Record<ResponseOptions['responseFormat'], string> = {
	json: 'application/json,text/*;q=0.99',
	text: `${TEXTS}, */*;q=0.1`,
	autodetect: `${TEXTS}, image/*;q=0.8, */*;q=0.7`,
	file: `${TEXTS}, image/*;q=0.8, */*;q=0.7`,
};

function refuse({ node, itemIndex }: Item, message: string, description?: string): never {
	throw new NodeOperationError(node.getNode(), message, {
		itemIndex,
		...(description === undefined ? {} : { description }),
	});
}

/** An expression can give a name of any type. */
interface Row {
	readonly name: unknown;
	readonly value: unknown;
}

/** The fields of a list of names and values; rows left empty are not sent. */
function readFields(item: Item, name: string): Field[] {
	return parameter<Row[]>(item, `${name}.parameters`, [])
		.map((row) => ({ name: row.name == null ? '' : asText(row.name), value: row.value }))
		.filter((field) => field.name !== '');
}

function readJsonFields(item: Item): IDataObject {
	return jsonFields(readFields(item, 'bodyParameters'), (name, why) => {
		const shown = name.length > LONGEST_SHOWN ? `${name.slice(0, LONGEST_SHOWN)}…` : name;
		return refuse(item, `The field "${shown}" in "Body Parameters" cannot be used`, why);
	});
}

function readJson(item: Item, name: string, label: string): unknown {
	const value = parameter<unknown>(item, name, '');
	if (typeof value !== 'string') return value;
	try {
		return JSON.parse(value) as unknown;
	} catch (error) {
		const { message } = error as Error;
		return refuse(item, `The value in the "${label}" field is not valid JSON`, message);
	}
}

function readObject(item: Item, name: string, label: string): IDataObject {
	const value = readJson(item, name, label);
	const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
	if (!isObject) refuse(item, `The value in the "${label}" field is not a JSON object`);
	return value as IDataObject;
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

function readQuery(item: Item, connection: Connection): IDataObject | undefined {
	if (!parameter<boolean>(item, 'sendQuery', false)) return undefined;
	const query =
		parameter<string>(item, 'specifyQuery', 'keypair') === 'json'
			? readObject(item, 'jsonQuery', 'JSON Query Parameters')
			: grouped(readFields(item, 'queryParameters'));
	const own = ownParameter(connection);
	if (own !== undefined && own in query) refuseReserved(item, 'query parameter', own);
	return query;
}

function readHeaders(item: Item, connection: Connection): Headers {
	if (!parameter<boolean>(item, 'sendHeaders', false)) return {};
	const typed =
		parameter<string>(item, 'specifyHeaders', 'keypair') === 'json'
			? readObject(item, 'jsonHeaders', 'JSON Headers')
			: grouped(readFields(item, 'headerParameters'));
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

interface ReadBody {
	readonly body?: string;
	readonly headers: Headers;
}

function readBody(item: Item, headers: Headers): ReadBody {
	if (!parameter<boolean>(item, 'sendBody', false)) return { headers };
	switch (parameter<string>(item, 'contentType', 'json')) {
		case 'form-urlencoded': {
			const isText = parameter<string>(item, 'specifyBody', 'keypair') === 'string';
			const body = isText
				? new URLSearchParams(parameter<string>(item, 'body', '')).toString()
				: formBody(grouped(readFields(item, 'bodyParameters')));
			return { body, headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' } };
		}
		case 'raw': {
			const value = parameter<unknown>(item, 'body', '');
			const body = asText(value);
			const contentType = parameter<string>(item, 'rawContentType', '').trim();
			const typed = contentType === '' ? {} : { 'content-type': contentType };
			return { body, headers: { 'content-type': 'text/plain', ...headers, ...typed } };
		}
		default: {
			const value =
				parameter<string>(item, 'specifyBody', 'keypair') === 'json'
					? readJson(item, 'jsonBody', 'JSON Body')
					: readJsonFields(item);
			const body = JSON.stringify(value);
			return { body, headers: { 'content-type': 'application/json', ...headers } };
		}
	}
}

/**
 * Reads an item's request from the node's fields.
 *
 * @throws ConfigurationError where the path leads away from the API
 * @throws NodeOperationError where a field cannot be used
 */
export function readCall(item: Item, connection: Connection): ApiCall {
	const path = parameter<unknown>(item, 'path', '');
	if (typeof path !== 'string') {
		return refuse(item, `Path has to be a text, but is ${path === null ? 'null' : typeof path}`);
	}
	const method = readMethod(item);
	const { response, ...options } = readOptions(item);
	const query = readQuery(item, connection);
	const { body, headers } = readBody(item, readHeaders(item, connection));
	if (body !== undefined && (method === 'GET' || method === 'HEAD')) {
		const wayOut = 'Switch "Send Body" off, or choose another method.';
		return refuse(item, `A ${method} request cannot have a body`, wayOut);
	}
	return {
		...options,
		method,
		url: resolveApiUrl(connection, path, 'Path'),
		query,
		headers: { accept: ACCEPT[response.responseFormat], ...headers },
		body,
	};
}
