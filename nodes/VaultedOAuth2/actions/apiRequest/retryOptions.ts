import type { INodeProperties } from 'n8n-workflow';

import { checkedNumber } from '../checkedNumber';
import { parameter, type Item } from '../operation';

/** When a request that failed is sent again. */
export interface RetryOptions {
	/** Tries after the first one. */
	readonly maxRetries: number;
	/** True for methods that are not idempotent, too (RFC 9110 §9.2.2): POST and PATCH. */
	readonly allMethods: boolean;
	/** Milliseconds for all tries and the waits between them: no try begins later. */
	readonly longestMs: number;
}

const DEFAULT_RETRIES = 3;
const MOST_RETRIES = 10;
const DEFAULT_SECONDS = 300;
const MOST_SECONDS = 3600;
const PLACE = 'Options → Retries';

interface Typed {
	maxRetries?: unknown;
	allMethods?: boolean;
	maxTime?: unknown;
}

/** The item's option Retries. @throws NodeOperationError if a number cannot be used */
export function readRetryOptions(item: Item): RetryOptions {
	const typed = parameter<Typed>(item, 'options.retries.retry', {});
	const { maxRetries = DEFAULT_RETRIES, allMethods = false, maxTime = DEFAULT_SECONDS } = typed;
	return {
		maxRetries: checkedNumber(item, maxRetries, {
			label: 'Max Retries',
			place: PLACE,
			min: 0,
			max: MOST_RETRIES,
		}),
		allMethods,
		longestMs:
			1000 *
			checkedNumber(item, maxTime, { label: 'Max Time', place: PLACE, min: 1, max: MOST_SECONDS }),
	};
}

/** The option Retries. */
export const retries: INodeProperties = {
	displayName: 'Retries',
	name: 'retries',
	placeholder: 'Add Retries',
	type: 'fixedCollection',
	typeOptions: { multipleValues: false },
	default: { retry: {} },
	description:
		'When a request is sent again that got no answer, or 429, 502, 503 or 504. Without this option: at most 3 times, and only methods that are safe to repeat.',
	options: [
		{
			displayName: 'Retries',
			name: 'retry',
			values: [
				{
					displayName: 'Max Retries',
					name: 'maxRetries',
					type: 'number',
					typeOptions: { minValue: 0, maxValue: MOST_RETRIES, numberPrecision: 0 },
					default: DEFAULT_RETRIES,
					description: 'How often a request is sent again at most. 0 for never.',
				},
				{
					displayName: 'Max Time (Seconds)',
					name: 'maxTime',
					type: 'number',
					typeOptions: { minValue: 1, maxValue: MOST_SECONDS, numberPrecision: 0 },
					default: DEFAULT_SECONDS,
					description:
						'No retry begins later than this after the first try. If the API asks to wait for longer, the request fails at once and the error says until when.',
				},
				{
					displayName: 'Retry POST and PATCH',
					name: 'allMethods',
					type: 'boolean',
					default: false,
					description:
						'Whether to send POST and PATCH again, too. What such a request does may then happen twice.',
				},
			],
		},
	],
};
