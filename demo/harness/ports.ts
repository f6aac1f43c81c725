import { createServer, type AddressInfo } from 'node:net';
import type { Run } from './run.ts';

function listenOnce(port: number): Promise<number> {
	return new Promise((resolve, reject) => {
		const server = createServer();
		server.once('error', reject);
		server.listen(port, '127.0.0.1', () => {
			const { port: actualPort } = server.address() as AddressInfo;
			server.close(() => resolve(actualPort));
		});
	});
}

/** A port of the loopback interface that nobody listens on now. */
export async function freePort(): Promise<number> {
	return await listenOnce(0);
}

/** The wanted port, or where it is taken another one; says so. */
export async function portFor(run: Run, purpose: string, wanted: number): Promise<number> {
	try {
		return await listenOnce(wanted);
	} catch {
		const port = await freePort();
		run.report(`Port ${wanted} is in use: ${purpose} takes ${port}`);
		return port;
	}
}
