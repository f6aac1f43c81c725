import type { IExecuteFunctions } from 'n8n-workflow';
import { route } from '../../nodes/VaultedOAuth2/actions/router';
import { hintOf, RunSummary, summaryOf } from '../../nodes/VaultedOAuth2/summary';

const said = (counts: Partial<RunSummary>): string | undefined =>
	hintOf(Object.assign(new RunSummary(), counts))?.message;

test.each<[Partial<RunSummary>, string | undefined]>([
	[{}, undefined],
	[{ requests: 1000 }, undefined],
	[{ requests: 1, pages: 1 }, undefined],
	[{ requests: 3, pages: 3 }, '3 requests, 3 pages.'],
	[{ requests: 2, retries: 1 }, '2 requests, 1 retry.'],
	[{ requests: 5, retries: 2, waitedMs: 1499 }, '5 requests, 2 retries, 1 second of waiting.'],
	[{ requests: 1, waitedMs: 61_000 }, '1 request, 61 seconds of waiting.'],
	[{ requests: 1, refreshes: 1 }, '1 request, 1 token replaced.'],
	[{ requests: 9, refreshes: 2 }, '9 requests, 2 tokens replaced.'],
])('%j is worth the hint %j', (counts, message) => {
	expect(said(counts)).toBe(message);
});

test('an n8n without hints runs the node all the same', async () => {
	const node = {
		getNode: () => ({ parameters: {} }),
		getNodeParameter: (name: string, _index: number, fallback: unknown) =>
			({ resource: 'apiRequest', operation: 'request' })[name] ?? fallback,
		getInputData: () => [],
		getExecutionCancelSignal: () => undefined,
	} as unknown as IExecuteFunctions;
	summaryOf(node).retries = 1;
	expect(await route(node)).toEqual([[]]);
});
