import type { IExecuteFunctions, INodeProperties } from 'n8n-workflow';

import { checkedNumber } from '../checkedNumber';
import type { Batching, RunLimits } from '../inOrder';
import { parameter, type Item } from '../operation';

/**
 * Requests at once unless the option says otherwise. n8n's HTTP Request node sends the requests of all items at once; this many keep an
 * API as busy without opening a thousand connections to it.
 */
const DEFAULT_AT_ONCE = 50;
const MOST_AT_ONCE = 1000;
const DEFAULT_BATCH_SIZE = 50;
const MOST_ITEMS = 1_000_000;
const DEFAULT_INTERVAL_MS = 1000;
const LONGEST_INTERVAL_MS = 3_600_000;
const NO_BATCHES = -1;

interface Typed {
	batchSize?: unknown;
	batchInterval?: unknown;
}

function readBatching(item: Item): Batching | undefined {
	const typed = parameter<Typed | null>(item, 'options.batching.batch', null);
	if (typed === null) return undefined;
	const { batchSize = DEFAULT_BATCH_SIZE, batchInterval = DEFAULT_INTERVAL_MS } = typed;
	const place = 'Options → Batching';
	const size = checkedNumber(item, batchSize, {
		label: 'Items per Batch',
		place,
		min: 1,
		max: MOST_ITEMS,
		or: NO_BATCHES,
	});
	const intervalMs = checkedNumber(item, batchInterval, {
		label: 'Batch Interval',
		place,
		min: 0,
		max: LONGEST_INTERVAL_MS,
	});
	return size === NO_BATCHES || intervalMs === 0 ? undefined : { size, intervalMs };
}

const known = new WeakMap<IExecuteFunctions, RunLimits>();

/** The limits of a run: the options of its first item. @throws NodeOperationError if a number cannot be used */
export function limitsOf(node: IExecuteFunctions): RunLimits {
	const limits = known.get(node) ?? readLimits({ node, itemIndex: 0 });
	known.set(node, limits);
	return limits;
}

function readLimits(item: Item): RunLimits {
	const typed = parameter<unknown>(item, 'options.requestsAtOnce', DEFAULT_AT_ONCE);
	return {
		atOnce: checkedNumber(item, typed, {
			label: 'Requests at Once',
			place: 'Options',
			min: 1,
			max: MOST_AT_ONCE,
		}),
		batches: readBatching(item),
	};
}

/** The option Batching, in the form of n8n's HTTP Request node. */
export const batching: INodeProperties = {
	displayName: 'Batching',
	name: 'batching',
	placeholder: 'Add Batching',
	type: 'fixedCollection',
	typeOptions: { multipleValues: false },
	default: { batch: {} },
	options: [
		{
			displayName: 'Batching',
			name: 'batch',
			values: [
				{
					displayName: 'Items per Batch',
					name: 'batchSize',
					type: 'number',
					typeOptions: { minValue: -1, numberPrecision: 0 },
					default: DEFAULT_BATCH_SIZE,
					description: 'Input will be split in batches to throttle requests. -1 for disabled.',
				},
				{
					displayName: 'Batch Interval (Ms)',
					name: 'batchInterval',
					type: 'number',
					typeOptions: { minValue: 0, maxValue: LONGEST_INTERVAL_MS, numberPrecision: 0 },
					default: DEFAULT_INTERVAL_MS,
					description: 'Time (in milliseconds) between each batch of requests. 0 for disabled.',
				},
			],
		},
	],
};

/** The option Requests at Once. */
export const requestsAtOnce: INodeProperties = {
	displayName: 'Requests at Once',
	name: 'requestsAtOnce',
	type: 'number',
	typeOptions: { minValue: 1, maxValue: MOST_AT_ONCE, numberPrecision: 0 },
	default: DEFAULT_AT_ONCE,
	description:
		'How many requests of this connection run at the same time at most. Executions of this n8n process that have the same number here share it.',
};
