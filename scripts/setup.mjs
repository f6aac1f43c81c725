// Makes a fresh clone ready: runs before anything is installed, on whatever Node the machine has.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installLocked, isInstalled, runLogged } from '../demo/lockedInstall.cjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MINIMUM = [20, 19];

const report = (line) => console.log(`setup: ${line}`);

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < MINIMUM[0] || (major === MINIMUM[0] && minor < MINIMUM[1])) {
	report(`Node ${MINIMUM.join('.')} or newer is needed; this is ${process.versions.node}.`);
	process.exit(1);
}

const common = { report, logFile: join(ROOT, '.cache', 'setup.log') };

try {
	if (!isInstalled(ROOT)) report('node_modules does not match package-lock.json; installing');
	// Install scripts stay off, also with an npm that knows no allowScripts; the one that is needed follows.
	const installed = await installLocked(ROOT, {
		...common,
		args: ['--ignore-scripts'],
		label: 'npm ci',
	});
	// The npm package `node` fetches Node 24 in its install script.
	if (!existsSync(join(ROOT, 'node_modules', 'node', 'bin', 'node'))) {
		await runLogged('npm', ['rebuild', 'node'], {
			...common,
			cwd: ROOT,
			label: 'fetching Node 24 for node_modules/.bin',
		});
	}
	if (installed) report('done');
} catch (error) {
	report(error.message);
	process.exit(1);
}
