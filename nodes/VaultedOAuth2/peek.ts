import { Readable } from 'node:stream';

import type { Body } from './transport';

/** The beginning of a body, and the body as if nobody had looked at it. */
interface Peeked {
	/** The whole content; undefined if there is more of it than was looked at, or if it breaks off. */
	readonly content: Buffer | undefined;
	readonly body: Body;
}

async function* chain(
	chunks: readonly Buffer[],
	rest: AsyncIterator<Buffer>,
	failure: unknown,
): AsyncGenerator<Buffer> {
	yield* chunks;
	if (failure !== undefined) throw failure;
	for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

/** Looks at a body of so many bytes at most. What is longer is not held in memory. */
export async function peek(body: Body, mostBytes: number): Promise<Peeked> {
	if (Buffer.isBuffer(body)) return { content: body.length <= mostBytes ? body : undefined, body };
	const rest = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
	const chunks: Buffer[] = [];
	let failure: unknown;
	try {
		for (let size = 0; size <= mostBytes;) {
			const next = await rest.next();
			if (next.done === true) {
				const content = Buffer.concat(chunks);
				return { content, body: content };
			}
			chunks.push(next.value);
			size += next.value.length;
		}
	} catch (error) {
		failure = error;
	}
	const whole = Readable.from(chain(chunks, rest, failure), { objectMode: false });
	whole.once('close', () => body.destroy());
	return { content: undefined, body: whole };
}
