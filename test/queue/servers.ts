import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../../demo/harness/ports.ts';
import { childEnded, hasExited } from '../support/ended.ts';

const READY_WITHIN_MS = 30_000;
const LONGEST_COMMAND_MS = 60_000;

/** Something that runs until it is stopped. */
export interface Stoppable {
	readonly port: number;
	stop(): Promise<void>;
}

/** A server that starts. */
interface Starting {
	readonly name: string;
	readonly child: ChildProcess;
	readonly port: number;
	/** Asks it to exit, as {@link childEnded} does. */
	readonly ask?: () => unknown;
}

/** Waits until the server listens. @throws Error if it does not; then it has been stopped */
async function listening({ name, child, port, ask }: Starting): Promise<Stoppable> {
	const deadline = Date.now() + READY_WITHIN_MS;
	const stop = async (): Promise<void> =>
		await childEnded(name, child, ask === undefined ? {} : { ask });
	const answers = () =>
		new Promise<boolean>((resolve) => {
			const socket = connect(port, '127.0.0.1');
			socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
			socket.once('connect', () => socket.destroy());
		});
	while (!(await answers())) {
		if (hasExited(child) || Date.now() > deadline) {
			await stop();
			throw new Error(`${name} does not listen on port ${port}`);
		}
		await pause(100);
	}
	return { port, stop };
}

/** A Redis that keeps nothing. */
export async function startRedis(): Promise<Stoppable> {
	const port = await freePort();
	const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
	const child = spawn(process.env['REDIS'] ?? 'redis-server', args, { stdio: 'ignore' });
	return await listening({ name: 'Redis', child, port });
}

/** A PostgreSQL of its own in a folder, with an empty database of n8n's. It refuses to run as root, so there it runs as `postgres`. */
export async function startPostgres(folder: string): Promise<Stoppable> {
	const bin = process.env['POSTGRES'] ?? '';
	const port = await freePort();
	const cluster = join(folder, 'postgres');
	mkdirSync(cluster);
	const isRoot = process.getuid?.() === 0;
	chmodSync(folder, 0o755);
	if (isRoot) spawnSync('chown', ['postgres', cluster]);
	const as = (program: string, args: readonly string[]): [string, string[]] =>
		isRoot
			? ['runuser', ['-u', 'postgres', '--', join(bin, program), ...args]]
			: [join(bin, program), [...args]];
	const run = (program: string, args: readonly string[]): void => {
		const { status, stderr } = spawnSync(...as(program, args), {
			encoding: 'utf8',
			cwd: cluster,
			timeout: LONGEST_COMMAND_MS,
			killSignal: 'SIGKILL',
		});
		if (status !== 0) throw new Error(`${program} failed: ${stderr}`);
	};
	run('initdb', ['-D', join(cluster, 'data'), '-U', 'n8n', '-A', 'trust', '--no-sync']);
	const options = ['-D', join(cluster, 'data'), '-p', String(port), '-h', '127.0.0.1'];
	const child = spawn(...as('postgres', [...options, '-k', cluster, '-F', '-N', '300']), {
		stdio: 'ignore',
		cwd: cluster,
	});
	// A signal to `runuser` would not reach it.
	const ask = () => run('pg_ctl', ['stop', '-D', join(cluster, 'data'), '-m', 'immediate', '-W']);
	const postgres = await listening({ name: 'PostgreSQL', child, port, ask });
	try {
		run('createdb', ['-h', '127.0.0.1', '-p', String(port), '-U', 'n8n', 'n8n']);
	} catch (error) {
		await postgres.stop();
		throw error;
	}
	return postgres;
}
