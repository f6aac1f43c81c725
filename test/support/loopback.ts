import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface LoopbackServer {
	/** `http://127.0.0.1:PORT`, without a trailing slash. */
	readonly origin: string;
	readonly port: number;
	/** Answers requests from now on. To be called once. */
	serve(listener: RequestListener): void;
	/** Stops listening and cuts every connection, idle or not. */
	close(): Promise<void>;
}

/** Listens for HTTP on 127.0.0.1; port 0 takes any free one. Rejects with `EADDRINUSE` where the port is taken. */
export async function listenOnLoopback(port = 0): Promise<LoopbackServer> {
	const server = createServer();
	await new Promise<void>((resolve, reject) => {
		server.once('error', reject);
		server.listen(port, '127.0.0.1', () => {
			server.off('error', reject);
			resolve();
		});
	});
	const { port: actualPort } = server.address() as AddressInfo;

	return {
		origin: `http://127.0.0.1:${actualPort}`,
		port: actualPort,
		serve: (listener) => {
			server.on('request', listener);
		},
		close: async () => {
			const closed = new Promise<void>((resolve) => server.close(() => resolve()));
			server.closeAllConnections();
			await closed;
		},
	};
}
