import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stillRunning } from './stillRunning';

const JEST = require.resolve('jest/bin/jest');

describe('the end of a Jest run', () => {
	let folder: string;

	beforeEach(() => {
		folder = mkdtempSync(join(tmpdir(), 'end-of-run-'));
		mkdirSync(join(folder, 'test'));
		writeFileSync(join(folder, 'package.json'), '{}');
	});

	afterEach(() => rmSync(folder, { recursive: true }));

	/** Runs Jest on one test whose child process goes on; what became of both. */
	function run(assertion: string) {
		const pidFile = join(folder, 'pid');
		writeFileSync(
			join(folder, 'test', 'one.test.js'),
			`test('one', () => {
				const child = require('node:child_process').spawn('sleep', ['300'], { detached: true });
				require('node:fs').writeFileSync(${JSON.stringify(pidFile)}, String(child.pid));
				${assertion}
			});`,
		);
		const config = {
			rootDir: folder,
			testEnvironment: 'node',
			transform: { '\\.ts$': require.resolve('@swc/jest') },
			globalTeardown: join(__dirname, 'endOfRun.ts'),
			globals: { exitWithinMs: 200 },
		};
		const { status, stderr } = spawnSync(
			process.execPath,
			[JEST, '--runInBand', '--config', JSON.stringify(config)],
			{ cwd: folder, encoding: 'utf8', timeout: 25_000, killSignal: 'SIGKILL' },
		);
		return { status, stderr, pid: Number(readFileSync(pidFile, 'utf8')) };
	}

	it.each([
		['passes', 'expect(1).toBe(1)', 0],
		['fails', 'expect(1).toBe(2)', 1],
	])(
		'names what keeps it, kills it, and %s as its tests did',
		async (_how, assertion, expected) => {
			const { status, stderr, pid } = run(assertion);
			expect(await stillRunning([pid])).toEqual([]);
			expect(stderr).toMatch(/Jest did not exit by itself: ended. Still active: .*ProcessWrap/);
			expect(stderr).toContain(`Killed: ${pid} sleep 300\n`);
			expect(status).toBe(expected);
		},
	);
});
