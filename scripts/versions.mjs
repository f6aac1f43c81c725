// `npm run test:versions -- 1.123.81 2.20.12`: the end-to-end tests against other versions of n8n, which are put under .cache/n8n. What
// begins in n8n's editor is left out, since its pages differ. Options go to jest: `npm run test:versions -- 2.20.12 -t domains`.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const args = process.argv.slice(2);
const versions = args.filter((arg) => /^\d+\.\d+\.\d+$/.test(arg));
const options = args.filter((arg) => !versions.includes(arg));

if (versions.length === 0) {
	process.stderr.write('Which versions of n8n? npm run test:versions -- 1.123.81 2.20.12\n');
	process.exit(2);
}
const failed = versions.filter((version) => {
	process.stderr.write(`=== n8n ${version}\n`);
	const { status } = spawnSync(
		process.execPath,
		[
			...['--experimental-vm-modules', '--no-warnings'],
			join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js'),
			...['--config', 'jest.e2e.config.js', '--testPathIgnorePatterns=chromium'],
			...options,
		],
		{ cwd: ROOT, env: { ...process.env, E2E_N8N_VERSION: version }, stdio: 'inherit' },
	);
	return status !== 0;
});
if (failed.length > 0) process.stderr.write(`=== failed: ${failed.join(', ')}\n`);
process.exitCode = failed.length;
