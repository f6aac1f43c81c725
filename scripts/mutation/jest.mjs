// Jest in a copy of the project.
import { spawn } from 'node:child_process';

/** Of one test. Two mutants at a time, beside other work: what is only slow has noticed nothing. */
const TEST_TIMEOUT_MS = 120_000;

/** Runs jest; true if every test passed in time. */
export async function passes(folder, limitMs, parameters) {
	const jest = spawn(
		process.execPath,
		['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js', '--config=scripts/mutation/jest.config.js', '--silent', '--maxWorkers=1', `--testTimeout=${TEST_TIMEOUT_MS}`, ...parameters], // prettier-ignore
		{
			cwd: folder,
			env: { ...process.env, CI: 'true', FUZZ_RUNS: '100' },
			stdio: 'ignore',
			timeout: limitMs,
			killSignal: 'SIGKILL',
		},
	);
	return await new Promise((resolve, reject) => {
		jest.once('error', reject);
		jest.once('exit', (status) => resolve(status === 0));
	});
}
