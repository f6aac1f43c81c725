// A server far away: everything sent to it, and everything it answers, arrives later.
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface Relay {
	readonly port: number;
	close(): Promise<void>;
}

/** Passes on what one end says, each part as late as the other; a closed connection, too. */
function passOn(from: Socket, to: Socket, lateMs: number): void {
	from.on('data', (chunk) => setTimeout(() => to.write(chunk), lateMs));
	from.on('close', () => setTimeout(() => to.destroy(), lateMs));
	from.on('error', () => undefined);
}

/** Listens on loopback in front of `port`, `roundTripMs` away: one round trip for a connection, and one for each exchange on it. */
export async function startRelay(port: number, roundTripMs: number): Promise<Relay> {
	const sockets = new Set<Socket>();
	const server = createServer({ noDelay: true }, (near) => {
		const far = connect({ port, host: '127.0.0.1', noDelay: true });
		for (const socket of [near, far]) {
			sockets.add(socket);
			socket.once('close', () => sockets.delete(socket));
		}
		near.pause();
		// What TCP's own handshake takes; on loopback it takes nothing.
		setTimeout(() => near.resume(), roundTripMs);
		passOn(near, far, roundTripMs / 2);
		passOn(far, near, roundTripMs / 2);
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	return {
		port: (server.address() as AddressInfo).port,
		close: async () => {
			for (const socket of sockets) socket.destroy();
			server.close();
			await once(server, 'close');
		},
	};
}
