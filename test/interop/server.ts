import { spawn, type ChildProcess } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { childEnded, hasExited } from '../support/ended';
import { listenOnLoopback } from '../support/loopback';
import { killFamily } from '../support/processes.cjs';

/** How often a server that starts is looked for. */
const LOOK_MS = 100;

/** A port that nobody listens at. */
export async function freePort(): Promise<number> {
	const server = await listenOnLoopback();
	await server.close();
	return server.port;
}

/** A server that runs as a process of its own. */
export class OwnServer {
	private output = '';

	private constructor(
		private readonly command: string,
		private readonly child: ChildProcess,
	) {
		for (const stream of [child.stdout, child.stderr])
			stream?.on(
				'data',
				(data: Buffer) => (this.output = (this.output + String(data)).slice(-4000)),
			);
	}

	/**
	 * Starts a program and waits until it answers at `address`.
	 *
	 * @throws Error with the end of its output, where it ends before, or does not answer in time
	 */
	static async start(
		[command, ...args]: readonly [string, ...string[]],
		{ address, env, seconds }: { address: string; env?: Record<string, string>; seconds: number },
	): Promise<OwnServer> {
		const child = spawn(command, args, {
			env: { ...process.env, ...env },
			stdio: ['ignore', 'pipe', 'pipe'],
			// A group of its own: a shell script goes together with what it started.
			detached: true,
		});
		const server = new OwnServer(command, child);
		const deadline = Date.now() + seconds * 1000;
		while (
			!(await fetch(address)
				.then(({ ok }) => ok)
				.catch(() => false))
		) {
			if (hasExited(child) || Date.now() > deadline) {
				await server.stop();
				throw new Error(`${command} does not answer. Its output ends with:\n${server.output}`);
			}
			await pause(LOOK_MS);
		}
		return server;
	}

	/** Kills it at once: nothing of it is kept. */
	async stop(): Promise<void> {
		const { pid } = this.child;
		if (pid === undefined) return;
		await childEnded(this.command, this.child, { ask: () => killFamily(pid) });
	}
}
