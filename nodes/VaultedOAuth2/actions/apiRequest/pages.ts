import type { IDataObject, INodeExecutionData } from 'n8n-workflow';

import { resolveApiUrl, rest } from '../../../../src';
import type { ItemConnection } from '../../connection';
import { callAndRead } from '../../retries';
import { summaryOf } from '../../summary';
import type { ApiAnswer, ApiCall } from '../../transport';
import type { Item } from '../operation';
import { linkTarget } from './linkHeader';
import { evaluate, type PageVariables } from './pageExpression';
import { headOf, readAnswer, type ReadAnswer } from './readAnswer';
import { refuse } from './readFields';
import type { Pagination, PageParameter } from './readPagination';
import type { PageChanges, RequestDraft } from './readRequest';

/** Pages with the same content in a row. Two may be empty by chance. */
const MOST_ALIKE = 3;

const NO_ANSWER: PageVariables = {
	$pageCount: 0,
	$request: {},
	$response: { body: {}, headers: {}, statusCode: 0 },
};

function isEmpty(value: unknown): boolean {
	if (value == null || value === '') return true;
	return typeof value === 'object' && Object.keys(value).length === 0;
}

/** Sees to it that pages come to an end: no request twice, and no content again and again. */
class PageGuard {
	private readonly requests = new Set<string>();
	private former: string | undefined;
	private alike = 0;

	constructor(private readonly item: Item) {}

	beforeCall({ method, url, query, headers }: ApiCall, { body = {} }: PageChanges): void {
		const request = JSON.stringify([method, url.href, query, headers, body]);
		if (this.requests.has(request)) {
			refuse(
				this.item,
				'Pagination asks for the same page again',
				'Its values are the same as for an earlier page. Correct "Next URL" or the parameters, or "Pagination Complete When".',
			);
		}
		this.requests.add(request);
	}

	afterAnswer({ content }: ReadAnswer): void {
		if (content === undefined) return;
		const text = JSON.stringify(content);
		this.alike = text === this.former ? this.alike + 1 : 1;
		this.former = text;
		if (this.alike < MOST_ALIKE) return;
		refuse(
			this.item,
			`Pagination got the same response ${MOST_ALIKE} times in a row`,
			'The API does not seem to know what the parameters of Pagination ask for. Correct them, or "Pagination Complete When".',
		);
	}
}

/** The pages of one item, one after the other. */
class Pages {
	private readonly guard: PageGuard;
	private readonly items: INodeExecutionData[] = [];

	constructor(
		private readonly item: Item,
		private readonly connection: ItemConnection,
		private readonly plan: { readonly request: RequestDraft; readonly pagination: Pagination },
	) {
		this.guard = new PageGuard(item);
	}

	async all(): Promise<INodeExecutionData[]> {
		const { pagination } = this.plan;
		let changes = this.parameters(NO_ANSWER);
		for (let page = 1; changes !== undefined; page += 1) {
			if (page > pagination.mostPages) return this.limit();
			if (page > 1 && pagination.intervalMs > 0)
				await rest(pagination.intervalMs, this.item.node.getExecutionCancelSignal());
			changes = await this.page(page, changes);
		}
		return this.items;
	}

	/** More pages than anybody has are no list that ends. */
	private limit(): INodeExecutionData[] {
		const { isLimited, mostPages } = this.plan.pagination;
		if (isLimited) return this.items;
		return refuse(
			this.item,
			`Pagination has not come to an end after ${mostPages} pages`,
			'Correct "Pagination Complete When", or set "Limit Pages Fetched".',
		);
	}

	/** Gets a page. What the next one changes; undefined if there is none. */
	private async page(page: number, changes: PageChanges): Promise<PageChanges | undefined> {
		const { request, pagination } = this.plan;
		const call = request.call(changes);
		this.guard.beforeCall(call, changes);
		const { answer, read } = await this.get(page, call);
		summaryOf(this.item.node).pages += 1;
		const isError = answer.status < 200 || answer.status > 299;
		const isLast = this.isLastStatus(answer) || (isError && request.response.neverError);
		// An error that means the end is not a page.
		if (isLast && isError && !request.response.neverError) return undefined;
		const isNothing =
			pagination.complete.when === 'empty' && isEmpty(read.data) && read.content !== undefined;
		if (!isNothing || page === 1) this.items.push(...read.items);
		if (isLast || isNothing) return undefined;
		this.guard.afterAnswer(read);
		this.report(page, answer);
		return this.next(answer, { $pageCount: page, ...this.variables(call, { answer, read }) });
	}

	private isLastStatus({ status }: ApiAnswer): boolean {
		const { complete } = this.plan.pagination;
		return complete.when === 'status' && complete.codes.has(status);
	}

	private async get(page: number, call: ApiCall): Promise<{ answer: ApiAnswer; read: ReadAnswer }> {
		const { item, connection } = this;
		const { response } = this.plan.request;
		return await callAndRead(item, { connection, call }, async (answer) => {
			const neverError = response.neverError || this.isLastStatus(answer);
			const options = { ...response, isDataOptional: page > 1, neverError };
			return { answer, read: await readAnswer(item, answer, options) };
		});
	}

	/** Shown in the browser's console, as n8n's HTTP Request node does. */
	private report(page: number, { status, url }: ApiAnswer): void {
		const { node, itemIndex } = this.item;
		node.sendMessageToUI(
			`Item ${itemIndex}: page ${page}, ${status}, ${url.origin}${url.pathname}`,
		);
	}

	private variables(
		{ method, url, query, headers }: ApiCall,
		{ answer, read }: { answer: ApiAnswer; read: ReadAnswer },
	): Omit<PageVariables, '$pageCount'> {
		return {
			$request: { method, url: url.href, qs: query ?? {}, headers },
			$response: { ...headOf(answer, { headerNamesAsSent: false }), body: read.content ?? {} },
		};
	}

	private next(answer: ApiAnswer, variables: PageVariables): PageChanges | undefined {
		const { complete, mode, nextUrl } = this.plan.pagination;
		const isComplete =
			complete.when === 'expression' &&
			Boolean(this.value('Complete Expression', complete.expression, variables));
		if (isComplete) return undefined;
		if (mode === 'parameters') return this.parameters(variables);
		if (mode === 'linkHeader')
			return this.follow(linkTarget(answer.headers['link'], 'next'), 'Link header', answer);
		return this.follow(this.value('Next URL', nextUrl, variables), 'Next URL', answer);
	}

	private value(label: string, value: unknown, variables: PageVariables): unknown {
		return evaluate(this.item, { label, value }, variables);
	}

	/** @throws ConfigurationError for an address that does not belong to the API */
	private follow(
		target: unknown,
		label: 'Link header' | 'Next URL',
		{ url }: ApiAnswer,
	): PageChanges | undefined {
		if (target == null || target === '' || target === false) return undefined;
		if (typeof target !== 'string' || !URL.canParse(target, url.href))
			return refuse(this.item, `${label}: this is no address of a next page`);
		const { href } = new URL(target, url.href);
		return { url: resolveApiUrl(this.connection.connection, href, label) };
	}

	/** The values of a page's parameters; undefined if, after the first page, there are none. */
	private parameters(variables: PageVariables): PageChanges | undefined {
		const { mode, parameters } = this.plan.pagination;
		if (mode !== 'parameters') return {};
		const values: Record<PageParameter['type'], IDataObject> = { body: {}, headers: {}, qs: {} };
		let isAnySet = false;
		for (const { type, name, value } of parameters) {
			const result = this.value(`Pagination, parameter "${name}"`, value, variables);
			if (result == null || result === '') continue;
			if (typeof result === 'number' && !Number.isFinite(result))
				refuse(this.item, `Pagination, parameter "${name}": the expression gives ${result}`);
			Object.defineProperty(values[type], name, { value: result, enumerable: true });
			isAnySet = true;
		}
		if (!isAnySet && variables.$pageCount > 0) return undefined;
		return { query: values.qs, headers: values.headers, body: values.body };
	}
}

/**
 * Gets the pages of an item, and puts out the items of all.
 *
 * @throws NodeOperationError for pages that do not end, and for expressions that cannot be used
 * @throws ConfigurationError for a next page that does not belong to the API
 */
export async function readPages(
	item: Item,
	connection: ItemConnection,
	plan: { readonly request: RequestDraft; readonly pagination: Pagination },
): Promise<INodeExecutionData[]> {
	return await new Pages(item, connection, plan).all();
}
