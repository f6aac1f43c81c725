import { NodeOperationError, type IDataObject, type INodeExecutionData } from 'n8n-workflow';

import { exchangeError, refusalError } from '../../errors';
import { readBody, type ApiAnswer } from '../../transport';
import type { Item } from '../operation';
import { fileNameOf } from './fileName';
import { readOptions, type ResponseOptions } from './options';

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

/** As the API sent it: whatever leaves of it has to go through the redactor. */
async function readText(item: Item, answer: ApiAnswer): Promise<string> {
	const bytes = await readBody(item, answer);
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

/** Status and headers, for those who want the full response. */
function head({ headers, status, statusText, redactor }: ApiAnswer): IDataObject {
	return {
		headers: redactor.value(headers) as IDataObject,
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

function isObject(value: unknown): value is IDataObject {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** One item per element of a list. What is no object goes into a field, since an item is one. */
function toItems(value: unknown, field: string): INodeExecutionData[] {
	const values: unknown[] = Array.isArray(value) ? value : [value];
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
		json: options.fullResponse ? head(answer) : (input?.json ?? {}),
		binary: { ...input?.binary, [field]: file },
	};
}

/**
 * Turns an API's answer into items the way n8n's HTTP Request node does.
 *
 * @throws NodeApiError for a status outside 200 to 299, unless the item wants none
 */
export async function readAnswer(item: Item, answer: ApiAnswer): Promise<INodeExecutionData[]> {
	const options = readOptions(item).response;
	const { status, hint } = answer;
	if (!options.neverError && (status < 200 || status > 299)) {
		const body = await readRefusal(item, answer);
		throw refusalError(item.node.getNode(), { status, body, hint }, item.itemIndex);
	}
	const field = options.outputPropertyName;
	const format = formatOf(answer, options);
	if (format === 'file') return [await toFile(item, answer, options)];

	const text = await readText(item, answer);
	if (format === 'text') {
		const content = text === '' ? {} : { [field]: answer.redactor.text(text) };
		return [{ json: options.fullResponse ? { ...head(answer), ...content } : content }];
	}
	const value = parseJson(item, { text, redactor: answer.redactor }, options.neverError);
	if (!options.fullResponse) return toItems(value, field);
	return [{ json: { body: value as IDataObject, ...head(answer) } }];
}
