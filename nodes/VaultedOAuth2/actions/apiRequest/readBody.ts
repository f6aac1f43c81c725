import { BINARY_ENCODING, type IBinaryData, type IDataObject } from 'n8n-workflow';

import { multipartBody, type FormPart } from '../../../../src';
import type { RequestBody } from '../../redirects';
import { parameter, type Item } from '../operation';
import { asText, formBody, grouped, isObject } from './body';
import {
	nameOf,
	readFields,
	readJson,
	readJsonFields,
	refuse,
	type Row as NamedRow,
} from './readFields';

/** A body, ready to be sent. */
export interface WrittenBody {
	readonly body: RequestBody;
	readonly contentType: string;
	/** True if a Content-Type among the headers does not count. */
	readonly isTypeFixed?: boolean;
}

/** Writes the item's body, with further fields besides its own. @throws NodeOperationError if it can take no further fields */
export type BodyWriter = (more: IDataObject) => WrittenBody;

interface Row extends NamedRow {
	readonly parameterType?: unknown;
	readonly inputDataFieldName?: string | IBinaryData;
}

/** What n8n keeps of an input item's file; the content is read as it is sent. */
interface InputFile {
	readonly content: RequestBody;
	readonly name: string;
	readonly contentType: string;
}

function assertFile(item: Item, field: string | IBinaryData): IBinaryData {
	const { node, itemIndex } = item;
	try {
		return node.helpers.assertBinaryData(itemIndex, field);
	} catch {
		const names = Object.keys(node.getInputData()[itemIndex]?.binary ?? {});
		return refuse(
			item,
			`Input Data Field Name: the input item has no file in ${JSON.stringify(field)}`,
			names.length === 0
				? 'This item has no binary data at all. Put it through a node that reads a file.'
				: `Its binary data is in: ${names.join(', ')}`,
		);
	}
}

async function readFile(item: Item, field: string | IBinaryData): Promise<InputFile> {
	const { helpers } = item.node;
	const { id, data, fileName, mimeType } = assertFile(item, field);
	const about = { name: fileName ?? 'file', contentType: mimeType };
	if (id === undefined) return { content: Buffer.from(data, BINARY_ENCODING), ...about };
	const { fileSize } = await helpers.getBinaryMetadata(id);
	const open = async () => await helpers.getBinaryStream(id);
	return { content: { open, length: fileSize }, ...about };
}

async function readPart(item: Item, row: Row): Promise<FormPart | undefined> {
	const name = nameOf(row);
	const field = row.inputDataFieldName ?? '';
	if (name === '') return undefined;
	if (row.parameterType !== 'formBinaryData')
		return { name, content: row.value == null ? '' : asText(row.value) };
	const { content, ...file } = await readFile(item, field);
	return { name, content, file };
}

async function readForm(item: Item): Promise<BodyWriter> {
	const rows = parameter<Row[]>(item, 'bodyParameters.parameters', []);
	const parts: FormPart[] = [];
	for (const row of rows) {
		const part = await readPart(item, row);
		if (part !== undefined) parts.push(part);
	}
	return (more) => {
		const kept = parts.filter(({ name }) => !Object.hasOwn(more, name));
		const added = Object.entries(more).map(([name, value]) => ({ name, content: asText(value) }));
		return { ...multipartBody([...kept, ...added]), isTypeFixed: true };
	};
}

/** The only body of its kind: nothing can be put into it. */
function whole(item: Item, written: WrittenBody): BodyWriter {
	return (more) => {
		if (Object.keys(more).length === 0) return written;
		const wayOut = 'Use a header or the query, or choose JSON or a form as Body Content Type.';
		return refuse(item, 'Pagination cannot set a parameter in a body of this type', wayOut);
	};
}

async function readBinary(item: Item): Promise<BodyWriter> {
	const field = parameter<string | IBinaryData>(item, 'inputDataFieldName', '');
	const { content, contentType } = await readFile(item, field);
	return whole(item, { body: content, contentType });
}

function readRaw(item: Item): BodyWriter {
	const body = asText(parameter<unknown>(item, 'body', ''));
	const typed = parameter<string>(item, 'rawContentType', '').trim();
	return whole(item, { body, contentType: typed || 'text/plain', isTypeFixed: typed !== '' });
}

function readUrlEncoded(item: Item): BodyWriter {
	const isText = parameter<string>(item, 'specifyBody', 'keypair') === 'string';
	const text = isText ? parameter<string>(item, 'body', '') : '';
	const fields = isText ? {} : grouped(readFields(item, 'bodyParameters'));
	return (more) => {
		const query = new URLSearchParams(text);
		for (const name of Object.keys(more)) query.delete(name);
		const parts = [query.toString(), formBody({ ...fields, ...more })];
		return {
			body: parts.filter((part) => part !== '').join('&'),
			contentType: 'application/x-www-form-urlencoded',
			isTypeFixed: true,
		};
	};
}

function readJsonBody(item: Item): BodyWriter {
	const value =
		parameter<string>(item, 'specifyBody', 'keypair') === 'json'
			? readJson(item, 'jsonBody', 'JSON Body')
			: readJsonFields(item);
	const contentType = 'application/json';
	if (!isObject(value)) return whole(item, { body: JSON.stringify(value), contentType });
	return (more) => ({ body: JSON.stringify({ ...value, ...more }), contentType });
}

/**
 * Reads an item's body from the node's fields; undefined if it has none.
 *
 * @throws NodeOperationError if a field cannot be used or a file is missing
 */
export async function readBody(item: Item): Promise<BodyWriter | undefined> {
	if (!parameter<boolean>(item, 'sendBody', false)) return undefined;
	switch (parameter<string>(item, 'contentType', 'json')) {
		case 'binaryData':
			return await readBinary(item);
		case 'form-urlencoded':
			return readUrlEncoded(item);
		case 'multipart-form-data':
			return await readForm(item);
		case 'raw':
			return readRaw(item);
		default:
			return readJsonBody(item);
	}
}
