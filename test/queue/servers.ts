import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../../demo/harness/ports.ts';

const READY_WITHIN_MS = 30_000;

/** Something that runs until it is stopped. */
export interface Stoppable {
	readonly port: number;
	stop(): Promise<void>;
}

/** Waits until somebody listens. @throws Error where nobody does */
async function untilListening(port: number, name: string): Promise<void> {
	const deadline = Date.now() + READY_WITHIN_MS;
	const answers = () =>
		new Promise<boolean>((resolve) => {
			const socket = connect(port, '127.0.0.1');
			socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
			socket.once('connect', () => socket.destroy());
		});
	while (!(await answers())) {
		if (Date.now() > deadline) throw new Error(`${name} does not listen on port ${port}`);
		await pause(100);
	}
}

/** A Redis that keeps nothing. */
export async function startRedis(): Promise<Stoppable> {
	const port = await freePort();
	const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
	const child = spawn(process.env['REDIS'] ?? 'redis-server', args, { stdio: 'ignore' });
	await untilListening(port, 'Redis');
	const stop = async (): Promise<void> => {
		const ended = once(child, 'exit');
		child.kill('SIGKILL');
		await ended;
	};
	return { port, stop };
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
		const { status, stderr } = spawnSync(...as(program, args), { encoding: 'utf8', cwd: cluster });
		if (status !== 0) throw new Error(`${program} failed: ${stderr}`);
	};
	run('initdb', ['-D', join(cluster, 'data'), '-U', 'n8n', '-A', 'trust', '--no-sync']);
	const options = ['-D', join(cluster, 'data'), '-p', String(port), '-h', '127.0.0.1'];
	const child = spawn(...as('postgres', [...options, '-k', cluster, '-F', '-N', '300']), {
		stdio: 'ignore',
		cwd: cluster,
	});
	await untilListening(port, 'PostgreSQL');
	run('createdb', ['-h', '127.0.0.1', '-p', String(port), '-U', 'n8n', 'n8n']);
	// A signal to `runuser` would not reach it.
	const stop = async (): Promise<void> => {
		const ended = once(child, 'exit');
		run('pg_ctl', ['stop', '-D', join(cluster, 'data'), '-m', 'immediate']);
		await ended;
	};
	return { port, stop };
}
