import type { IDataObject } from 'n8n-workflow';

import { parameter, type Item } from '../operation';
import { checkedNumber } from '../checkedNumber';
import { nameOf, refuse } from './readFields';
import { isExpression } from './pageExpression';

/** A parameter that each page sets. */
export interface PageParameter {
	readonly type: 'body' | 'headers' | 'qs';
	readonly name: string;
	/** As the editor stores it. */
	readonly value: unknown;
}

/** How an item's pages are found, as it is stored: expressions are not evaluated yet. */
export interface Pagination {
	readonly mode: 'linkHeader' | 'nextUrl' | 'parameters';
	readonly nextUrl: unknown;
	readonly parameters: readonly PageParameter[];
	/** What says that a page is the last one. */
	readonly complete:
		| { readonly when: 'empty' }
		| { readonly when: 'expression'; readonly expression: string }
		| { readonly when: 'status'; readonly codes: ReadonlySet<number> };
	readonly mostPages: number;
	/** False if the user sets no limit. */
	readonly isLimited: boolean;
	readonly intervalMs: number;
}

/** As n8n keeps it: every part may be missing. */
interface Stored {
	paginationMode?: string;
	nextURL?: unknown;
	parameters?: { parameters?: IDataObject[] };
	paginationCompleteWhen?: string;
	statusCodesWhenComplete?: unknown;
	completeExpression?: unknown;
	limitPagesFetched?: boolean;
}

/** Without a limit of the user's: whoever has more than this has pages that never end. */
const MOST_PAGES = 10_000;

const MOST_LIMIT = 1_000_000;
const LONGEST_INTERVAL_MS = 3_600_000;
const PLACE = 'Options → Pagination';

function readParameters(item: Item, { parameters }: Stored): PageParameter[] {
	return (parameters?.parameters ?? []).map((row) => {
		const { type = 'qs', value = '' } = row;
		const name = nameOf(row);
		if (name === '' || value === '')
			refuse(item, 'Every parameter of Pagination needs a name and a value');
		if (type !== 'body' && type !== 'headers' && type !== 'qs')
			return refuse(item, 'Type of a parameter of Pagination has to be body, headers or qs');
		return { type, name, value };
	});
}

function readComplete(item: Item, stored: Stored): Pagination['complete'] {
	const { paginationCompleteWhen, statusCodesWhenComplete, completeExpression } = stored;
	if (paginationCompleteWhen === 'receiveSpecificStatusCodes') {
		const codes = String(statusCodesWhenComplete)
			.split(',')
			.map((code) => Number(code.trim()));
		if (!codes.every((code) => Number.isInteger(code) && code >= 100 && code <= 599))
			refuse(item, 'Status Code(s) When Complete has to be a list of status codes such as 404,410');
		return { when: 'status', codes: new Set(codes) };
	}
	if (paginationCompleteWhen !== 'other') return { when: 'empty' };
	if (!isExpression(completeExpression))
		return refuse(
			item,
			'Complete Expression has to be an expression, such as {{ !$response.body.next }}',
		);
	return { when: 'expression', expression: completeExpression };
}

function modeOf(item: Item, { paginationMode, nextURL, parameters }: Stored): Pagination['mode'] {
	switch (paginationMode ?? 'updateAParameterInEachRequest') {
		case 'responseContainsLinkHeader':
			return 'linkHeader';
		case 'responseContainsNextURL':
			if (isExpression(nextURL)) return 'nextUrl';
			return refuse(item, 'Next URL has to be an expression, such as {{ $response.body.next }}');
		default:
			if ((parameters?.parameters ?? []).length > 0) return 'parameters';
			return refuse(item, 'Pagination has no parameter to update in each request');
	}
}

/**
 * How the item's pages are found; undefined if it has only one.
 *
 * @throws NodeOperationError for a field that cannot be used
 */
export function readPagination(item: Item): Pagination | undefined {
	const stored = item.node.getNodeParameter('options.pagination.pagination', item.itemIndex, null, {
		rawExpressions: true,
	}) as Stored | null;
	if (stored === null || stored.paginationMode === 'off' || Object.keys(stored).length === 0)
		return undefined;
	const number = (name: string, fallback: number): unknown =>
		parameter<unknown>(item, `options.pagination.pagination.${name}`, fallback);
	const isLimited = stored.limitPagesFetched === true;
	return {
		mode: modeOf(item, stored),
		nextUrl: stored.nextURL,
		parameters: readParameters(item, stored),
		complete: readComplete(item, stored),
		isLimited,
		mostPages: isLimited
			? checkedNumber(item, number('maxRequests', 100), {
					label: 'Max Pages',
					place: PLACE,
					min: 1,
					max: MOST_LIMIT,
				})
			: MOST_PAGES,
		intervalMs: checkedNumber(item, number('requestInterval', 0), {
			label: 'Interval Between Requests',
			place: PLACE,
			min: 0,
			max: LONGEST_INTERVAL_MS,
		}),
	};
}
