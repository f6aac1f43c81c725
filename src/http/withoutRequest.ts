import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { Readable } from 'node:stream';

/**
 * A body that arrives, as a stream of its own: nothing leads from it to its request, and so to the request's headers. A body that is no
 * stream is returned as it is.
 *
 * An {@link IncomingMessage} stays one, with its headers, its status and its address: readers take file name and charset from there. A
 * connection that breaks is an error for who reads, and not before.
 */
export function withoutRequest(body: unknown): unknown {
	if (body instanceof IncomingMessage) return copyOf(body);
	return body instanceof Readable ? Readable.from(body, { objectMode: false }) : body;
}

function copyOf(body: IncomingMessage): IncomingMessage {
	const { headers, rawHeaders, httpVersion, statusCode, statusMessage } = body;
	const { responseUrl } = body as { responseUrl?: string };
	const copy = new IncomingMessage(new Socket());
	// Nothing is listened for until somebody reads: an error that comes before would be thrown at nobody, and the reader wait forever.
	const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
	const readOn = async (): Promise<void> => {
		const { done = false, value } = await chunks.next();
		if (done) copy.complete = body.complete;
		copy.push(value ?? null);
	};
	return Object.assign(copy, {
		...{ headers, rawHeaders, httpVersion, statusCode, statusMessage, responseUrl },
		_read: (size: number) => {
			// Without it the first chunk would be the last that is asked for.
			IncomingMessage.prototype._read.call(copy, size);
			void readOn().catch((error: unknown) => copy.destroy(error as Error));
		},
		_destroy: (error: Error | null, done: (error?: Error | null) => void) => {
			body.destroy();
			done(error);
		},
	});
}
