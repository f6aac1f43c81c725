import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { childEnded, ended } from './ended';
import { stillRunning } from './stillRunning';

/** Starts a shell script that prints the process ids it wants to be known. */
async function script(code: string): Promise<{ child: ChildProcess; pids: number[] }> {
	const child = spawn('bash', ['-c', code], {
		stdio: ['ignore', 'pipe', 'ignore'],
		detached: true,
	});
	const [line] = (await once(child.stdout, 'data')) as [Buffer];
	return { child, pids: [child.pid!, ...String(line).trim().split(/\s+/).map(Number)] };
}

describe('the end of something', () => {
	let written: string;

	beforeEach(() => {
		written = '';
		jest.spyOn(process.stderr, 'write').mockImplementation((line) => {
			written += String(line);
			return true;
		});
	});

	it('asks a process to exit, and says nothing if it does', async () => {
		const { child, pids } = await script("trap 'kill $!; exit 3' TERM; sleep 300 & echo $!; wait");
		await childEnded('the server', child);
		expect(await stillRunning(pids)).toEqual([]);
		expect(child.exitCode).toBe(3);
		expect(written).toBe('');
	});

	it('kills and names one that ignores SIGTERM, with what it started in a session of its own', async () => {
		const { child, pids } = await script('trap "" TERM; setsid sleep 300 & echo $!; wait');
		await childEnded('the server', child, { withinMs: 300 });
		expect(await stillRunning(pids)).toEqual([]);
		expect(child.signalCode).toBe('SIGKILL');
		expect(written).toBe('the server did not close within 0.3 s: killed\n');
	});

	it('kills what a process leaves behind when it exits', async () => {
		const { child, pids } = await script('sleep 300 & echo $!');
		await childEnded('the server', child);
		expect(await stillRunning(pids)).toEqual([]);
		expect(written).toBe('');
	});

	it('is done at once with a process that a signal has ended already', async () => {
		const { child } = await script('echo $$; kill -KILL $$');
		await once(child, 'close');
		await childEnded('the server', child);
		expect(written).toBe('');
	});

	it('kills and names what fails to close, and does not fail', async () => {
		const kill = jest.fn();
		await ended('the browser', () => Promise.reject(new Error('no connection')), { kill });
		expect(kill).toHaveBeenCalledTimes(1);
		expect(written).toBe('the browser failed to close (no connection): killed\n');
	});

	it('goes on even if killing does not help', async () => {
		await ended('the browser', () => new Promise(() => undefined), {
			withinMs: 10,
			kill: () => {},
		});
		expect(written).toBe('the browser did not close within 0.01 s: killed\n');
	});
});
