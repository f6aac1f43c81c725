import type { IExecuteFunctions } from 'n8n-workflow';

/** What one run of the node has done so far, over all its items. */
export class RunSummary {
	/** Sent to the API, every redirect and every further try by itself. */
	requests = 0;
	/** Pages of answers, if pagination is used. */
	pages = 0;
	/** Requests sent again because the API could not answer. */
	retries = 0;
	/** Tokens replaced because the API refused them. */
	refreshes = 0;
}

const summaries = new WeakMap<IExecuteFunctions, RunSummary>();

/** The summary of a run. */
export function summaryOf(node: IExecuteFunctions): RunSummary {
	let summary = summaries.get(node);
	if (summary === undefined) {
		summary = new RunSummary();
		summaries.set(node, summary);
	}
	return summary;
}
