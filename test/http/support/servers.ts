import { once } from 'node:events';
import { createServer as createHttp, request, type RequestListener } from 'node:http';
import { createServer as createHttps, type ServerOptions } from 'node:https';
import {
	connect,
	createServer as createTcp,
	type AddressInfo,
	type Server,
	type Socket,
} from 'node:net';

import type { SelfSigned } from './certificate';

/** A server of this test run on 127.0.0.1. */
export interface TestServer {
	readonly port: number;
	/** How many connections it got. */
	readonly connections: () => number;
	/** Resolves once those open now are closed. */
	readonly hungUp: () => Promise<void>;
	close(): Promise<void>;
}

/** What a proxy was asked for, in order: its request lines and the credentials that came with them. */
export interface TestProxy extends TestServer {
	readonly seen: { readonly line: string; readonly authorization: string | undefined }[];
}

/** Answers HTTP, or HTTPS where it is given a certificate. */
export async function startServer(
	listener: RequestListener,
	certificate?: SelfSigned & Pick<ServerOptions, 'requestCert' | 'rejectUnauthorized'>,
): Promise<TestServer> {
	return await listen(
		certificate ? createHttps({ ...certificate }, listener) : createHttp(listener),
	);
}

/**
 * Answers one request per connection with 204, does not echo `connection: close`, and keeps the connection open. Whoever sends a
 * second request on it finds it closed, as if the server had just lost patience: Django's development server does that.
 */
export async function startAbandoningServer(): Promise<TestServer> {
	const server = createTcp((socket) => {
		let requests = 0;
		socket.on('error', () => undefined);
		socket.on('data', (bytes) => {
			if (!bytes.includes(' HTTP/1.1\r\n')) return;
			requests += 1;
			if (requests === 1) socket.write('HTTP/1.1 204 No Content\r\n\r\n');
			else socket.resetAndDestroy();
		});
	});
	return await listen(server);
}

interface ProxyOptions {
	/** Serves over TLS. */
	readonly certificate?: SelfSigned;
	/** Where it really connects to, whatever host it is asked for. */
	readonly leadsTo: () => number;
	/** Called with the connection of every CONNECT. */
	readonly onConnect?: (socket: Socket) => void;
	/** Answers this to every CONNECT instead of connecting. */
	readonly refusal?: string;
}

/** A proxy that tunnels (CONNECT) and forwards (whole address in the request line). */
export async function startProxy(options: ProxyOptions): Promise<TestProxy> {
	const seen: TestProxy['seen'] = [];
	const forward: RequestListener = (incoming, outgoing) => {
		const { method, headers, url = '' } = incoming;
		seen.push({ line: `${method ?? ''} ${url}`, authorization: headers['proxy-authorization'] });
		const { pathname, search } = new URL(url);
		const onward = request(
			{
				method,
				headers,
				host: '127.0.0.1',
				port: options.leadsTo(),
				path: pathname + search,
				agent: false,
			},
			(answer) => {
				outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
				answer.pipe(outgoing);
			},
		);
		incoming.pipe(onward);
	};
	const { certificate } = options;
	const server = certificate ? createHttps({ ...certificate }, forward) : createHttp(forward);
	server.on('connect', ({ url = '', headers }, client: Socket) => {
		options.onConnect?.(client);
		seen.push({ line: `CONNECT ${url}`, authorization: headers['proxy-authorization'] });
		if (options.refusal !== undefined) {
			client.end(options.refusal);
			return;
		}
		const onward = connect(options.leadsTo(), '127.0.0.1', () => {
			client.write('HTTP/1.1 200 Connection established\r\n\r\n');
			client.pipe(onward).pipe(client);
		});
		for (const [socket, peer] of [
			[onward, client],
			[client, onward],
		] as const) {
			socket.on('error', () => peer.destroy());
			socket.on('close', () => peer.destroy());
		}
	});
	return { ...(await listen(server)), seen };
}

async function listen(server: Server): Promise<TestServer> {
	let connections = 0;
	const sockets = new Set<Socket>();
	server.on('connection', (socket: Socket) => {
		connections++;
		sockets.add(socket);
		socket.on('close', () => sockets.delete(socket));
	});
	// A client that does not trust the certificate, or goes away in the middle.
	server.on('tlsClientError', () => undefined);
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	return {
		port: (server.address() as AddressInfo).port,
		connections: () => connections,
		async hungUp() {
			await Promise.all([...sockets].map((socket) => once(socket, 'close')));
		},
		async close() {
			const closed = once(server, 'close');
			server.close();
			// Tunnels are no longer the HTTP server's own connections: it would wait for them.
			for (const socket of sockets) socket.destroy();
			await closed;
		},
	};
}
