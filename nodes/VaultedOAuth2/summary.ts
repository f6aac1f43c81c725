import type { IExecuteFunctions, NodeExecutionHint } from 'n8n-workflow';

/** What a run of the node has done so far. */
export class RunSummary {
	/** Calls of the API, each further try counted; without redirects. */
	requests = 0;
	/** Pages of paginated requests. */
	pages = 0;
	retries = 0;
	/** Tokens replaced because the API refused them. */
	refreshes = 0;
	/** Milliseconds that requests were held back; those of requests that wait at the same time add up. */
	waitedMs = 0;
}

const summaries = new WeakMap<IExecuteFunctions, RunSummary>();

/** The summary of this run. */
export function summaryOf(node: IExecuteFunctions): RunSummary {
	const summary = summaries.get(node) ?? new RunSummary();
	summaries.set(node, summary);
	return summary;
}

function counted(count: number, one: string, many: string): string[] {
	return count === 0 ? [] : [`${count} ${count === 1 ? one : many}`];
}

/** What is worth a person's attention; undefined for a plain run: each request sent once, at once, with the first token. */
export function hintOf(summary: RunSummary): NodeExecutionHint | undefined {
	const { requests, pages, retries, refreshes, waitedMs } = summary;
	if (retries === 0 && refreshes === 0 && waitedMs === 0 && pages < 2) return undefined;
	const parts = [
		...counted(requests, 'request', 'requests'),
		...counted(pages, 'page', 'pages'),
		...counted(retries, 'retry', 'retries'),
		...counted(refreshes, 'token replaced', 'tokens replaced'),
		...counted(Math.round(waitedMs / 1000), 'second of waiting', 'seconds of waiting'),
	];
	return { message: `${parts.join(', ')}.`, type: 'info', location: 'outputPane' };
}
