import { rest } from '../../../src';

/** How fast items are begun. */
export interface RunLimits {
	/** Items worked on at once. */
	readonly atOnce: number;
	/** Undefined for no batches. */
	readonly batches?: Batching | undefined;
}

/** So many items, then a pause. */
export interface Batching {
	readonly size: number;
	/** Milliseconds between the begin of a batch and that of the next one, at least. */
	readonly intervalMs: number;
}

/** Opens one batch after the other. Indices have to come in order. */
function gate({ size, intervalMs }: Batching, signal: AbortSignal) {
	let batch = 0;
	let opening = Promise.resolve();
	return async (index: number): Promise<void> => {
		if (index >= (batch + 1) * size) {
			batch += 1;
			// Whoever waits looks at the signal then.
			opening = opening.then(async () => await rest(intervalMs, signal)).catch(() => undefined);
		}
		await opening;
	};
}

/**
 * Runs `task` for 0 to `count` - 1, as fast as the limits let it, and keeps the order. After a failure nothing new is begun, and the first
 * item's is thrown. Once the signal aborts nothing new is begun either, and results are missing.
 */
export async function inOrder<T>(
	count: number,
	task: (index: number) => Promise<T>,
	{ atOnce, batches, signal }: RunLimits & { readonly signal: AbortSignal | undefined },
): Promise<T[]> {
	const results: Promise<T>[] = [];
	const failure = new AbortController();
	const end = AbortSignal.any(signal === undefined ? [failure.signal] : [failure.signal, signal]);
	const isOver = (): boolean => end.aborted;
	const opens = batches && gate(batches, end);
	let next = 0;
	const work = async (): Promise<void> => {
		while (next < count && !isOver()) {
			const index = next;
			next += 1;
			await opens?.(index);
			if (isOver()) return;
			const result = task(index);
			results[index] = result;
			await result.catch(() => failure.abort());
		}
	};
	await Promise.all(Array.from({ length: Math.min(count, atOnce) }, work));
	return await Promise.all(results);
}
