import type { IDataObject } from 'n8n-workflow';

import { parameter, type Item } from '../operation';
import { isObject } from './body';
import { stepsIn, valueAt } from './dataPath';
import { htmlText, parseSelectors, selectHtml } from './html';
import { refuse } from './readFields';

/** How an answer is made smaller for a language model. */
export interface Optimizer {
	/** What is made of JSON; undefined if it is not JSON that is expected. */
	readonly json?: (value: unknown) => unknown;
	/** What is made of any other answer. */
	readonly text?: (text: string) => string;
}

const ARTICLE = ['article', 'main'];
/** Around what a page is about. */
const SURROUNDINGS = 'nav,header,footer,aside,form';

const list = (names: unknown): string[] =>
	(Array.isArray(names) ? names.map(String) : String(names).split(','))
		.map((name) => name.trim())
		.filter((name) => name !== '');

function put(target: IDataObject, path: string, value: unknown): void {
	const steps = stepsIn(path);
	const last = steps.pop();
	if (last === undefined || steps.includes('__proto__') || last === '__proto__') return;
	let current = target;
	for (const step of steps) {
		const next = current[step];
		const inner: IDataObject = isObject(next) ? next : {};
		current[step] = inner;
		current = inner;
	}
	current[last] = value as IDataObject;
}

function selected(value: unknown, fields: readonly string[]): unknown {
	const result: IDataObject = {};
	for (const field of fields) {
		const found = valueAt(value, field);
		if (found !== undefined) put(result, field, found);
	}
	return result;
}

/** A copy without the field that `steps` lead to. */
function without(value: unknown, [step, ...rest]: readonly string[]): unknown {
	if (step === undefined || typeof value !== 'object' || value === null) return value;
	if (Array.isArray(value))
		return value.map((entry: unknown, index) =>
			String(index) === step ? without(entry, rest) : entry,
		);
	if (!Object.hasOwn(value, step)) return value;
	const { [step]: inner, ...others } = value as IDataObject;
	return rest.length === 0 ? others : { ...others, [step]: without(inner, rest) };
}

/** As many entries as fit; an only one that is too long becomes text. */
function fitting(entries: readonly unknown[], most: number): unknown[] {
	if (most === Infinity) return [...entries];
	const kept: unknown[] = [];
	let length = 0;
	for (const entry of entries) {
		const text = JSON.stringify(entry);
		length += text.length;
		if (length > most) return kept.length > 0 ? kept : [text.slice(0, most)];
		kept.push(entry);
	}
	return kept;
}

function jsonOptimizer(item: Item, most: number): Optimizer {
	const dataField = parameter<string>(item, 'dataField', '').trim();
	const choice = parameter<string>(item, 'fieldsToInclude', 'all');
	const fields = choice === 'all' ? [] : list(parameter<unknown>(item, 'fields', ''));
	const pick = (entry: unknown): unknown => {
		if (choice === 'selected') return selected(entry, fields);
		if (choice === 'except')
			return fields.reduce<unknown>((rest, field) => without(rest, stepsIn(field)), entry);
		return entry;
	};
	return {
		json: (value) => {
			const found = dataField === '' ? value : dataIn(item, value, dataField);
			const entries: unknown[] = Array.isArray(found) ? found : [found];
			return fitting(entries.map(pick), most);
		},
	};
}

/**
 * What an answer has in the field that the user names.
 *
 * @throws NodeOperationError if it has no such field
 */
export function dataIn(item: Item, value: unknown, field: string): unknown {
	const found = valueAt(value, field);
	if (found !== undefined) return found;
	const names = isObject(value) ? Object.keys(value).join(', ') : '';
	return refuse(
		item,
		`Field Containing Data: the response has no field "${field}"`,
		names === '' ? 'The response is no object.' : `Its fields are: ${names.slice(0, 500)}`,
	);
}

function readSelectors(item: Item, name: string, label: string) {
	const text = parameter<string>(item, name, '');
	const wayOut = 'Use names of elements, classes and ids, such as "article, .note, #first".';
	return parseSelectors(text) ?? refuse(item, `${label} cannot be "${text}"`, wayOut);
}

function htmlOptimizer(item: Item, most: number): Optimizer {
	const selectors = readSelectors(item, 'cssSelector', 'Selector (CSS)');
	const onlyContent = parameter<boolean>(item, 'onlyContent', false);
	const omitted = onlyContent ? readSelectors(item, 'elementsToOmit', 'Elements To Omit') : [];
	const isWhole = selectors.every(({ tag }) => tag === 'body' || tag === 'html');
	return {
		text: (html) => {
			const found = selectHtml(html, selectors);
			// The tags of html and body may be left out of a page.
			const parts = found.length === 0 && isWhole ? [html] : found;
			const texts = parts.map((part) =>
				onlyContent ? htmlText(part, omitted) : part.replace(/\s+/g, ' ').trim(),
			);
			return JSON.stringify(texts, null, 2).slice(0, most);
		},
	};
}

/** The text of what the page is about. */
function readable(page: string): string {
	if (!/<[a-z!]/i.test(page)) return page;
	const surroundings = parseSelectors(SURROUNDINGS) ?? [];
	for (const name of ARTICLE) {
		const found = selectHtml(page, parseSelectors(name) ?? []);
		const text = found.map((part) => htmlText(part)).join('\n\n');
		if (text !== '') return text;
	}
	return htmlText(page, surroundings) || htmlText(page);
}

/**
 * How the item wants its answer made smaller; nothing unless it is used as a tool.
 *
 * @throws NodeOperationError for a selector that cannot be read
 */
export function readOptimizer(item: Item): Optimizer {
	if (!parameter<boolean>(item, 'optimizeResponse', false)) return {};
	const truncates = parameter<boolean>(item, 'truncateResponse', false);
	const most = truncates ? parameter<number>(item, 'maxLength', 1000) : Infinity;
	if (!(most >= 1)) refuse(item, 'Max Response Characters has to be a number from 1 on');
	switch (parameter<string>(item, 'responseType', 'json')) {
		case 'html':
			return htmlOptimizer(item, most);
		case 'text':
			return { text: (text) => readable(text).slice(0, most) };
		default:
			return jsonOptimizer(item, most);
	}
}
