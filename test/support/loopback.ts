import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface LoopbackServer {
	/** `http://127.0.0.1:PORT` (`https:` with a certificate), without a trailing slash. */
	readonly origin: string;
	readonly port: number;
	/** Answers requests from now on. To be called once. */
	serve(listener: RequestListener): void;
	/** Stops listening and cuts every connection, idle or not. */
	close(): Promise<void>;
}

/**
 * Listens for HTTP on 127.0.0.1, over TLS if it is given a certificate: it then asks its clients for one too, and takes any or none. Port 0 takes any
 * free one. Rejects with `EADDRINUSE` where the port is taken.
 */
export async function listenOnLoopback(
	port = 0,
	tls?: { readonly cert: string; readonly key: string },
): Promise<LoopbackServer> {
	const server =
		tls === undefined
			? createServer()
			: createTlsServer({ ...tls, requestCert: true, rejectUnauthorized: false });
	await new Promise<void>((resolve, reject) => {
		server.once('error', reject);
		server.listen(port, '127.0.0.1', () => {
			server.off('error', reject);
			resolve();
		});
	});
	const { port: actualPort } = server.address() as AddressInfo;

	return {
		origin: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${actualPort}`,
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
