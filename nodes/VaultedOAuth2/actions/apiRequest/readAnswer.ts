import { NodeOperationError, type IDataObject, type INodeExecutionData } from 'n8n-workflow';

import { exchangeError, refusalError } from '../../errors';
import type { ApiAnswer } from '../../transport';
import type { Item } from '../operation';
import { fileNameOf } from './fileName';
import { isObject } from './body';
import { valueAt } from './dataPath';
import { dataIn, readOptimizer } from './optimize';
import type { ResponseOptions } from './options';
import { readAtMost } from './readAtMost';
import { refuse } from './readFields';

/** What n8n's HTTP Request node takes for a file. */
const BINARY = [
	'image/',
	'audio/',
	'video/',
	'application/octet-stream',
	'application/gzip',
	'application/zip',
	'application/vnd.rar',
	'application/epub+zip',
	'application/x-bzip',
	'application/x-bzip2',
	'application/x-cdf',
	'application/vnd.amazon.ebook',
	'application/msword',
	'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
	'application/vnd.ms-fontobject',
	'application/vnd.oasis.opendocument.presentation',
	'application/pdf',
	'application/x-tar',
	'application/vnd.visio',
	'application/vnd.ms-excel',
	'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
	'application/x-7z-compressed',
];

/** `application/json` and every type built on it (RFC 6839 §3.1), such as `application/problem+json`. */
const JSON_TYPE = /[/+]json\b/i;

function contentTypeOf({ headers }: ApiAnswer): string {
	const value = headers['content-type'];
	return typeof value === 'string' ? value : '';
}

function formatOf(
	answer: ApiAnswer,
	{ responseFormat }: ResponseOptions,
): 'file' | 'json' | 'text' {
	if (responseFormat !== 'autodetect') return responseFormat;
	const contentType = contentTypeOf(answer).toLowerCase();
	if (JSON_TYPE.test(contentType)) return 'json';
	return BINARY.some((type) => contentType.includes(type)) ? 'file' : 'text';
}

function decoderFor(charset: string): InstanceType<typeof TextDecoder> {
	try {
		return new TextDecoder(charset);
	} catch {
		// A name nobody knows says nothing.
		return new TextDecoder();
	}
}

/** A text is held in memory several times over. */
const LONGEST_TEXT_MIB = 256;

async function readBytes(item: Item, { body, redactor }: ApiAnswer): Promise<Buffer> {
	const { node, itemIndex } = item;
	const bytes = await readAtMost(body, LONGEST_TEXT_MIB * 2 ** 20).catch((error: unknown) => {
		throw exchangeError(node.getNode(), error, { itemIndex, redactor });
	});
	const wayOut =
		'Set Response Format to File under Options → Response: a file may have any length.';
	return bytes ?? refuse(item, `The response is longer than ${LONGEST_TEXT_MIB} MiB`, wayOut);
}

/** As the API sent it: whatever leaves of it has to go through the redactor. */
async function readText(item: Item, answer: ApiAnswer): Promise<string> {
	const bytes = await readBytes(item, answer);
	const charset = /charset="?([^";,\s]+)/i.exec(contentTypeOf(answer))?.[1] ?? 'utf-8';
	return decoderFor(charset).decode(bytes);
}

/** The API's own words, parsed where they are JSON. */
async function readRefusal(item: Item, answer: ApiAnswer): Promise<unknown> {
	const text = await readText(item, answer);
	try {
		return answer.redactor.json(text);
	} catch {
		return answer.redactor.text(text);
	}
}

/** The headers under their names as the API spells them; of several spellings the first. */
function spelledHeaders({ headers, rawHeaders }: ApiAnswer): Record<string, unknown> {
	const names = rawHeaders.filter((_text, index) => index % 2 === 0);
	return Object.fromEntries(
		Object.entries(headers).map(([name, value]) => [
			names.find((spelled) => spelled.toLowerCase() === name) ?? name,
			value,
		]),
	);
}

/** Status and headers, for those who want the full response. */
export function headOf(
	answer: ApiAnswer,
	{ headerNamesAsSent }: Pick<ResponseOptions, 'headerNamesAsSent'>,
): IDataObject {
	const { headers, status, statusText, redactor } = answer;
	return {
		headers: redactor.value(headerNamesAsSent ? spelledHeaders(answer) : headers) as IDataObject,
		statusCode: status,
		statusMessage: redactor.text(statusText),
	};
}

function parseJson(
	item: Item,
	{ text, redactor }: { text: string } & Pick<ApiAnswer, 'redactor'>,
	lenient: boolean,
): unknown {
	if (text.trim() === '') return {};
	try {
		return redactor.json(text);
	} catch {
		if (lenient) return {};
		throw new NodeOperationError(
			item.node.getNode(),
			'Response body is not valid JSON. Change "Response Format" to "Text"',
			{ itemIndex: item.itemIndex },
		);
	}
}

/** One item per element of a list, unless it shall stay together. What is no object goes into a field, since an item is one. */
function toItems(value: unknown, options: ResponseOptions): INodeExecutionData[] {
	const values: unknown[] = Array.isArray(value) && options.splitIntoItems ? value : [value];
	const field = options.outputPropertyName;
	return values.map((entry) => ({
		json: isObject(entry) ? entry : entry === null ? {} : { [field]: entry },
	}));
}

async function toFile(
	item: Item,
	answer: ApiAnswer,
	options: ResponseOptions,
): Promise<INodeExecutionData> {
	const { node, itemIndex } = item;
	const input = node.getInputData()[itemIndex];
	const field = options.outputPropertyName;
	const { body, headers, redactor, url } = answer;
	const mimeType = redactor.text(contentTypeOf(answer).split(';')[0]?.trim() ?? '') || undefined;
	const fileName = fileNameOf(headers['content-disposition'], url, redactor);
	const file = await node.helpers
		.prepareBinaryData(redactor.file(body), fileName, mimeType)
		.catch((error: unknown) => {
			throw exchangeError(node.getNode(), error, { itemIndex, redactor });
		});
	file.fileName ??= file.fileExtension === undefined ? field : `${field}.${file.fileExtension}`;
	return {
		json: options.fullResponse ? headOf(answer, options) : (input?.json ?? {}),
		binary: { ...input?.binary, [field]: file },
	};
}

/** An answer as the node puts it out. */
export interface ReadAnswer {
	readonly items: INodeExecutionData[];
	/** JSON or text, all of it; undefined for a file. */
	readonly content?: unknown;
	/** Of the content, what the items were made of. */
	readonly data?: unknown;
}

function fromText(text: string, answer: ApiAnswer, options: ResponseOptions): ReadAnswer {
	const content = text === '' ? {} : { [options.outputPropertyName]: text };
	const json = options.fullResponse ? { ...headOf(answer, options), ...content } : content;
	return { items: [{ json }], content: text, data: text };
}

/** What is put out of JSON; undefined if that may be missing and is. */
function dataOf(item: Item, content: unknown, options: ResponseOptions): unknown {
	const { dataField, isDataOptional } = options;
	if (dataField === '') return content;
	if (isDataOptional && valueAt(content, dataField) === undefined) return undefined;
	return dataIn(item, content, dataField);
}

/** As {@link readAnswer}, for a status that is no error. */
async function readContent(
	item: Item,
	answer: ApiAnswer,
	options: ResponseOptions,
): Promise<ReadAnswer> {
	const { redactor } = answer;
	const optimize = readOptimizer(item);
	const format = formatOf(answer, options);
	if (format === 'file') return { items: [await toFile(item, answer, options)] };

	const text = await readText(item, answer);
	// Once more at the end: what tags had separated may be a token now.
	if (optimize.text !== undefined)
		return fromText(redactor.text(optimize.text(redactor.text(text))), answer, options);
	if (format === 'text' && optimize.json === undefined)
		return fromText(redactor.text(text), answer, options);

	const content = parseJson(item, { text, redactor }, options.neverError);
	const found = dataOf(item, content, options);
	if (found === undefined) return { items: [], content };
	const data = optimize.json === undefined ? found : optimize.json(found);
	const items = options.fullResponse
		? [{ json: { body: data as IDataObject, ...headOf(answer, options) } }]
		: toItems(data, options);
	return { items, content, data };
}

/**
 * Turns an API's answer into items the way n8n's HTTP Request node does.
 *
 * @throws NodeApiError for a status outside 200 to 299, unless the item wants none
 * @throws NodeOperationError if the answer is not what the item says it is
 */
export async function readAnswer(
	item: Item,
	answer: ApiAnswer,
	options: ResponseOptions,
): Promise<ReadAnswer> {
	const { status, hint } = answer;
	if (status >= 200 && status <= 299) return await readContent(item, answer, options);
	if (options.neverError) return await readContent(item, answer, { ...options, dataField: '' });
	const body = await readRefusal(item, answer);
	throw refusalError(item.node.getNode(), { status, body, hint }, item.itemIndex);
}
