// An API over TLS behind a relay that adds a round trip, in a thread of its own, so that it does not compete with who is measured.
import { once } from 'node:events';
import { createSecureServer } from 'node:http2';
import { connect, createServer } from 'node:net';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

/**
 * Starts it on 127.0.0.1. It speaks HTTP/1.1 and HTTP/2.
 *
 * @param options certificate and key as PEM; milliseconds that the relay adds to a round trip, half of it each way
 * @returns its address; what it has counted since the last look; how to stop it
 */
export async function startSlowApi({ cert, key, roundTripMs }) {
	const worker = new Worker(new URL(import.meta.url), { workerData: { cert, key, roundTripMs } });
	const [{ port }] = await once(worker, 'message');
	return {
		url: `https://127.0.0.1:${port}`,
		async counted() {
			worker.postMessage('count');
			const [counted] = await once(worker, 'message');
			return counted;
		},
		close: () => worker.terminate(),
	};
}

/** Passes bytes on, each piece later by so much, in order. */
function delayed(from, to, milliseconds) {
	from.on('data', (bytes) => setTimeout(() => to.writable && to.write(bytes), milliseconds));
	from.on('end', () => setTimeout(() => to.end(), milliseconds));
	from.on('error', () => to.destroy());
	from.on('close', () => setTimeout(() => to.destroy(), milliseconds));
}

async function listening(server) {
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	return server.address().port;
}

async function serve() {
	const { cert, key, roundTripMs } = workerData;
	let counted = { connections: 0, fullHandshakes: 0, requests: 0 };
	const api = createSecureServer({ cert, key, allowHTTP1: true }, (_request, response) => {
		counted.requests += 1;
		response.setHeader('content-type', 'application/json');
		response.end('{"id":1,"name":"Example"}');
	});
	api.on('secureConnection', (socket) => {
		counted.connections += 1;
		if (!socket.isSessionReused()) counted.fullHandshakes += 1;
	});
	const apiPort = await listening(api);
	const relay = createServer({ noDelay: true }, (client) => {
		const onward = connect({ port: apiPort, host: '127.0.0.1', noDelay: true });
		delayed(client, onward, roundTripMs / 2);
		delayed(onward, client, roundTripMs / 2);
	});
	parentPort.on('message', () => {
		parentPort.postMessage(counted);
		counted = { connections: 0, fullHandshakes: 0, requests: 0 };
	});
	parentPort.postMessage({ port: await listening(relay) });
}

if (!isMainThread) await serve();
