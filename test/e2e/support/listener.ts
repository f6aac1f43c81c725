import { text } from 'node:stream/consumers';
import { listenOnLoopback } from '../../support/loopback';

/** Somebody's own server: it keeps everything that it is sent, and answers every request with a token. */
export interface Listener {
	/** `http://127.0.0.1:PORT`, without a trailing slash. */
	readonly url: string;
	/** Request line, headers and body of every request. */
	readonly heard: readonly string[];
	close(): Promise<void>;
}

export async function startListener(): Promise<Listener> {
	const heard: string[] = [];
	const server = await listenOnLoopback();
	server.serve((request, response) => {
		const { method, url, headers } = request;
		void text(request).then((body) => {
			heard.push([method, url, JSON.stringify(headers), body].join(' '));
			response.setHeader('content-type', 'application/json');
			response.end('{"access_token":"of-the-listener","token_type":"Bearer","expires_in":3600}');
		});
	});
	return { url: server.origin, heard, close: async () => await server.close() };
}
