import { pipeline, Transform, type Readable } from 'node:stream';
import { constants, createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';

import type { StreamingResponse } from './egress';

/** What every answer may be encoded with. */
export const ACCEPTED_ENCODINGS = 'gzip, deflate, br';

/** An end that is missing is no error: the connection tells whether all of the body came. */
const LENIENT = { finishFlush: constants.Z_SYNC_FLUSH };

const DECODERS: ReadonlyMap<unknown, () => Transform[]> = new Map([
	['gzip', () => [createGunzip(LENIENT)]],
	['x-gzip', () => [createGunzip(LENIENT)]],
	['deflate', () => [withZlibHeader(), createInflate(LENIENT)]],
	['br', () => [createBrotliDecompress({ finishFlush: constants.BROTLI_OPERATION_FLUSH })]],
]);

const HAS_NO_BODY: ReadonlySet<number> = new Set([204, 304]);

/** The answer with the Content-Encoding of its body undone (RFC 9110 §8.4.1); an encoding that is not known is left as it is. */
export function decoded(response: StreamingResponse, method: string): StreamingResponse {
	const { 'content-encoding': encoding, ...headers } = response.headers;
	const decoders = DECODERS.get(encoding?.toLowerCase())?.();
	if (decoders === undefined || method === 'HEAD' || HAS_NO_BODY.has(response.status)) {
		return response;
	}
	const rawHeaders = response.rawHeaders.filter(
		(_, index, all) => all[index - (index % 2)]?.toLowerCase() !== 'content-encoding',
	);
	// A failure is that of who reads the last one.
	const body = pipeline([response.body, ...decoders], () => undefined) as unknown as Readable;
	body.on('error', () => undefined);
	return { ...response, headers, rawHeaders, body };
}

/** Servers have always called two things "deflate": with the header of zlib (RFC 1950), as is right, and without (RFC 1951). */
function withZlibHeader(): Transform {
	let isFirst = true;
	return new Transform({
		transform(chunk: Buffer, _encoding, done) {
			if (isFirst && chunk[0] !== 0x78) this.push(Buffer.from([0x78, 0x9c]));
			isFirst = false;
			done(null, chunk);
		},
	});
}
