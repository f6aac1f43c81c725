import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { stillRunning } from '../support/stillRunning';

const STEP = join(__dirname, '..', '..', '.ci', 'step.mjs');

/** Runs a command as a step of CI. */
function step(...command: string[]) {
	return spawnSync('node', [STEP, ...command], {
		encoding: 'utf8',
		timeout: 25_000,
		killSignal: 'SIGKILL',
	});
}

describe('a step of CI', () => {
	it('kills and names what a command leaves behind, also in a session of its own, and passes', async () => {
		// Half a second has to pass so that the child is seen before it loses its parent.
		const { status, stdout, stderr } = step(
			'bash',
			'-c',
			'setsid sleep 300 >/dev/null 2>&1 & echo $!; sleep 2',
		);
		const pid = Number(stdout);
		expect(await stillRunning([pid])).toEqual([]);
		expect(stderr).toBe(`=== left behind, killed: ${pid} sleep 300\n`);
		expect(status).toBe(0);
	});

	it('has the status of its command, and says nothing if nobody is left', () => {
		const { status, stderr } = step('bash', '-c', 'exit 7');
		expect({ status, stderr }).toEqual({ status: 7, stderr: '' });
	});

	it('ends within its limit, whatever the command does', async () => {
		const { status, stdout, stderr } = step(
			...['timeout', '--verbose', '--kill-after=0.3s', '2s'],
			...['bash', '-c', 'trap "" TERM; setsid sleep 300 >/dev/null 2>&1 & echo $!; sleep 300'],
		);
		const pid = Number(stdout);
		expect(await stillRunning([pid])).toEqual([]);
		expect(stderr).toContain(`=== left behind, killed: ${pid} sleep 300\n`);
		expect(status).not.toBe(0);
	});
});
