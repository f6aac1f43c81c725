import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isInstalled, runLogged } from '../../demo/lockedInstall.cjs';

describe('installing what a lock file says', () => {
	let folder: string;

	beforeEach(() => {
		folder = mkdtempSync(join(tmpdir(), 'locked-install-'));
	});

	afterEach(() => {
		rmSync(folder, { recursive: true });
	});

	const A = { version: '1.0.0', integrity: 'sha512-a' };
	const OPTIONAL = { version: '2.0.0', integrity: 'sha512-b', optional: true };

	function write(name: string, packages: Record<string, object>): void {
		mkdirSync(join(folder, 'node_modules'), { recursive: true });
		writeFileSync(join(folder, name), JSON.stringify({ packages }));
	}

	const lock = (packages: Record<string, object>) =>
		write('package-lock.json', { '': {}, ...packages });
	const installed = (packages: Record<string, object>) =>
		write(join('node_modules', '.package-lock.json'), packages);

	it('sees that nothing is installed', () => {
		lock({ 'node_modules/a': A });
		expect(isInstalled(folder)).toBe(false);
	});

	it('sees that everything is installed, whatever optional packages this platform left out', () => {
		lock({ 'node_modules/a': A, 'node_modules/b': OPTIONAL });
		installed({ 'node_modules/a': A });
		expect(isInstalled(folder)).toBe(true);
	});

	it.each([
		['is missing', {}],
		['has another version', { 'node_modules/a': { ...A, version: '1.0.1' } }],
		['has another content', { 'node_modules/a': { ...A, integrity: 'sha512-c' } }],
	])('sees that a package %s', (_what, packages) => {
		lock({ 'node_modules/a': A });
		installed(packages);
		expect(isInstalled(folder)).toBe(false);
	});

	it('takes an interrupted installation for none', () => {
		lock({ 'node_modules/a': A });
		mkdirSync(join(folder, 'node_modules', 'a'), { recursive: true });
		expect(isInstalled(folder)).toBe(false);
	});

	const program = (script: string, signal?: AbortSignal) => {
		const logFile = join(folder, 'logs', 'program.log');
		const ended = runLogged(process.execPath, ['-e', script], {
			logFile,
			label: 'Trying',
			report: () => {},
			...(signal ? { signal } : {}),
		});
		return { ended, log: () => readFileSync(logFile, 'utf8') };
	};

	it('keeps what a program prints in its log', async () => {
		const { ended, log } = program('console.log("out"); console.error("err")');
		await ended;
		expect(log().split('\n').sort()).toEqual(['', 'err', 'out']);
	});

	it('says what failed and why', async () => {
		const { ended } = program('console.error("the reason"); process.exit(3)');
		await expect(ended).rejects.toThrow(
			/^Trying: .* ended with status 3\. Full log: .*\nthe reason$/,
		);
	});

	it('ends a program when it is told to stop', async () => {
		const stop = new AbortController();
		const { ended } = program('setInterval(() => {}, 1000)', stop.signal);
		stop.abort();
		await expect(ended).rejects.toThrow('was ended by SIGTERM');
	});
});
