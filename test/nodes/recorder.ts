import type { IncomingHttpHeaders } from 'node:http';
import { listenOnLoopback } from '../support/loopback';

/** One request, with everything it brought. */
export interface Recorded {
	readonly method: string;
	readonly path: string;
	readonly headers: IncomingHttpHeaders;
	readonly body: string;
}

export interface Answer {
	readonly status?: number;
	readonly statusText?: string;
	readonly headers?: Record<string, string>;
	readonly body?: string | Buffer;
}

/** A server that keeps what it is sent and answers what it is told. */
export interface Recorder {
	readonly url: string;
	readonly port: number;
	readonly requests: Recorded[];
	/** By path, without the query. Everything else is answered with `{}`. */
	answers: Record<string, Answer | ((request: Recorded) => Answer | Promise<Answer>)>;
	/** Forgets requests and answers. */
	reset(): void;
	close(): Promise<void>;
}

export async function startRecorder(): Promise<Recorder> {
	const requests: Recorded[] = [];
	const recorder: Pick<Recorder, 'answers'> = { answers: {} };
	const server = await listenOnLoopback();
	server.serve((request, response) => {
		const chunks: Buffer[] = [];
		request.on('data', (chunk: Buffer) => chunks.push(chunk));
		request.on('end', () => {
			const { method = '', url: path = '', headers } = request;
			const recorded = { method, path, headers, body: Buffer.concat(chunks).toString() };
			requests.push(recorded);
			const planned = recorder.answers[path.split('?')[0]!] ?? {};
			void Promise.resolve(typeof planned === 'function' ? planned(recorded) : planned).then(
				({
					status = 200,
					statusText,
					headers: own = { 'content-type': 'application/json' },
					body = '{}',
				}) => {
					response.writeHead(status, statusText, own);
					response.end(body);
				},
			);
		});
	});
	return {
		url: server.origin,
		port: server.port,
		requests,
		get answers() {
			return recorder.answers;
		},
		set answers(answers) {
			recorder.answers = answers;
		},
		reset: () => {
			requests.length = 0;
			recorder.answers = {};
		},
		close: () => server.close(),
	};
}
