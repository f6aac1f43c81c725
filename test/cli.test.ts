import { rotateVaultKey } from '../src/rotateVaultKey';

jest.mock('../src/rotateVaultKey', () => ({ rotateVaultKey: jest.fn() }));

const { argv, exitCode } = process;
const rotate = jest.mocked(rotateVaultKey);
const written: Record<'stdout' | 'stderr', string> = { stdout: '', stderr: '' };

beforeEach(() => {
	Object.assign(written, { stdout: '', stderr: '' });
	for (const name of ['stdout', 'stderr'] as const) {
		jest.spyOn(process[name], 'write').mockImplementation((text) => {
			written[name] += String(text);
			return true;
		});
	}
	rotate.mockImplementation(async (_env, report) => {
		report('1 of 1 secrets');
		return await Promise.resolve(0);
	});
});
afterEach(() => {
	Object.assign(process, { argv, exitCode });
});

async function run(...parameters: string[]): Promise<unknown> {
	process.argv = ['node', 'n8n-nodes-vaulted-oauth2', ...parameters];
	await jest.isolateModulesAsync(async () => {
		jest.requireActual('../src/cli');
		await Promise.resolve();
	});
	await new Promise(setImmediate);
	return process.exitCode;
}

it('rotates the key of the local vault, and ends as that does', async () => {
	rotate.mockImplementationOnce(async (env, report) => {
		expect(env).toBe(process.env);
		report('1 of 1 secrets');
		return await Promise.resolve(3);
	});
	await expect(run('rotate-vault-key')).resolves.toBe(3);
	expect(written).toEqual({ stdout: '1 of 1 secrets\n', stderr: '' });
});

it.each([[[]], [['rotate']], [['rotate-vault-key', '--now']], [['--help']]])(
	'says how it is used: %j',
	async (parameters: string[]) => {
		rotate.mockClear();
		await expect(run(...parameters)).resolves.toBe(2);
		expect(rotate).not.toHaveBeenCalled();
		expect(written.stderr).toContain('Usage: n8n-nodes-vaulted-oauth2 rotate-vault-key');
	},
);
