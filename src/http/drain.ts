import type { Readable } from 'node:stream';

const MOST_BYTES = 64 * 1024;
const LONGEST_MS = 1_000;

/** Reads a body that nobody wants to its end, so that its connection serves the next request; what is long or slow is given up with its connection. */
export function drain(body: Readable): void {
	const giveUp = (): void => void body.destroy();
	const timer = setTimeout(giveUp, LONGEST_MS).unref();
	let size = 0;
	body
		.on('data', (chunk: Buffer) => {
			size += chunk.length;
			if (size > MOST_BYTES) giveUp();
		})
		.on('error', () => undefined)
		.on('close', () => clearTimeout(timer));
}
