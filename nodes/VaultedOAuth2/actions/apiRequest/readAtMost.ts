import type { Body } from '../../transport';

/** Reads a body to its end; undefined if it has more than `most` bytes. Its connection is given up then. */
export async function readAtMost(body: Body, most: number): Promise<Buffer | undefined> {
	if (Buffer.isBuffer(body)) return body.length > most ? undefined : body;
	const chunks: Buffer[] = [];
	let length = 0;
	for await (const chunk of body as AsyncIterable<Buffer>) {
		length += chunk.length;
		if (length > most) return undefined;
		chunks.push(chunk);
	}
	return Buffer.concat(chunks);
}
