import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { PassThrough, pipeline, Readable } from 'node:stream';

/**
 * A body that arrives, as a stream of its own: nothing leads from it to its request, and so to the request's headers. A body that is no
 * stream is returned as it is.
 *
 * An {@link IncomingMessage} stays one, with its headers, its status and its address: readers take file name and charset from there.
 */
export function withoutRequest(body: unknown): unknown {
	if (body instanceof IncomingMessage) return copyOf(body);
	if (!(body instanceof Readable)) return body;
	// A failure of one destroys the other; whoever reads the stream meets it there.
	return pipeline(body, new PassThrough(), () => undefined);
}

function copyOf(body: IncomingMessage): IncomingMessage {
	const { headers, rawHeaders, httpVersion, statusCode, statusMessage } = body;
	const { responseUrl } = body as { responseUrl?: string };
	const copy = Object.assign(new IncomingMessage(new Socket()), {
		...{ headers, rawHeaders, httpVersion, statusCode, statusMessage, responseUrl },
		_read: () => void body.resume(),
		_destroy: (error: Error | null, done: (error?: Error | null) => void) => {
			body.destroy();
			done(error);
		},
	});
	body.on('data', (chunk: Buffer) => {
		if (!copy.push(chunk)) body.pause();
	});
	body.once('end', () => {
		copy.complete = body.complete;
		copy.push(null);
	});
	body.once('error', (error) => copy.destroy(error));
	body.once('close', () => {
		if (!body.readableEnded) copy.destroy();
	});
	body.pause();
	return copy;
}
