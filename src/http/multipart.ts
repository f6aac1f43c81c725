import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';

import type { RequestBody, StreamedBody } from './egress';

/** One field of a form, or one file. */
export interface FormPart {
	readonly name: string;
	readonly content: RequestBody;
	/** For files only. */
	readonly file?: { readonly name: string; readonly contentType: string };
}

/** RFC 9110 §8.3.1, with parameters; anything else could begin a header of its own. */
const MEDIA_TYPE = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(?:\s*;[\t\x20-\x7e]*)?$/;

/** As HTML has it (multipart/form-data encoding algorithm): what would end the name is percent-encoded, the rest is UTF-8. */
function quoted(name: string): string {
	return `"${name.replaceAll('\n', '%0A').replaceAll('\r', '%0D').replaceAll('"', '%22')}"`;
}

function isStreamed(body: RequestBody): body is StreamedBody {
	return typeof body !== 'string' && !Buffer.isBuffer(body);
}

function headOf({ name, file }: FormPart): string {
	const disposition = `Content-Disposition: form-data; name=${quoted(name)}`;
	if (file === undefined) return `${disposition}\r\n\r\n`;
	const contentType = MEDIA_TYPE.test(file.contentType)
		? file.contentType
		: 'application/octet-stream';
	return `${disposition}; filename=${quoted(file.name)}\r\nContent-Type: ${contentType}\r\n\r\n`;
}

function asBuffer(piece: string | Buffer): Buffer {
	return typeof piece === 'string' ? Buffer.from(piece) : piece;
}

/** Undefined if one of the pieces does not know its own. */
function lengthOf(pieces: readonly RequestBody[]): number | undefined {
	let total = 0;
	for (const piece of pieces) {
		const length = isStreamed(piece) ? piece.length : Buffer.byteLength(piece);
		if (length === undefined) return undefined;
		total += length;
	}
	return total;
}

async function* contentOf(pieces: readonly RequestBody[]): AsyncGenerator<Buffer> {
	for (const piece of pieces) {
		if (isStreamed(piece)) yield* (await piece.open()) as AsyncIterable<Buffer>;
		else yield asBuffer(piece);
	}
}

/**
 * Fields and files as `multipart/form-data` (RFC 7578), in their order. Streamed if one of the files is.
 *
 * @returns the body, and the content type with the boundary in it
 */
export function multipartBody(parts: readonly FormPart[]): {
	body: Buffer | StreamedBody;
	contentType: string;
} {
	const boundary = `form-${randomBytes(18).toString('hex')}`;
	const pieces: RequestBody[] = [
		...parts.flatMap((part) => [`--${boundary}\r\n${headOf(part)}`, part.content, '\r\n']),
		`--${boundary}--\r\n`,
	];
	const contentType = `multipart/form-data; boundary=${boundary}`;
	const inMemory = pieces.filter((piece) => typeof piece === 'string' || Buffer.isBuffer(piece));
	if (inMemory.length === pieces.length)
		return { body: Buffer.concat(inMemory.map(asBuffer)), contentType };
	const open = async () =>
		await Promise.resolve(Readable.from(contentOf(pieces), { objectMode: false }));
	return { body: { open, length: lengthOf(pieces) }, contentType };
}
