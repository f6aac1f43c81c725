import type { IExecuteFunctions } from 'n8n-workflow';

/** What a run of the node has done so far. */
export class RunSummary {
	/** Calls of the API, each further try counted; without redirects. */
	requests = 0;
	/** Pages of paginated requests. */
	pages = 0;
	retries = 0;
	/** Tokens that were asked for while it ran. */
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
