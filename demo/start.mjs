// `npm run demo`: runs before anything is installed, on whatever Node the machine has. It installs what the lock file says and goes
// on with the Node that brings.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const NODE = join(ROOT, 'node_modules', 'node', 'bin', 'node');
const startedAt = String(Date.now());
const args = process.argv.slice(2);
const asJson = args.includes('--json');

let child;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child?.kill(signal));

async function run(command, commandArgs, stdout = 'inherit') {
	child = spawn(command, commandArgs, {
		cwd: ROOT,
		env: { ...process.env, DEMO_STARTED_AT: startedAt },
		stdio: ['inherit', stdout, 'inherit'],
	});
	const [code] = await once(child, 'exit');
	return code ?? 1;
}

// Standard output belongs to the JSON, where that is asked for.
const setupCode = await run(
	process.execPath,
	[join('scripts', 'setup.mjs')],
	asJson ? 2 : 'inherit',
);
if (setupCode === 0) {
	// The sources say by their syntax that they are ES modules; n8n wants a package.json that does not say it.
	const quiet = '--disable-warning=MODULE_TYPELESS_PACKAGE_JSON';
	process.exitCode = await run(NODE, [quiet, join('demo', 'main.mts'), ...args]);
} else {
	process.exitCode = 1;
	if (asJson)
		console.log(
			JSON.stringify({ ok: false, error: 'The development packages could not be installed' }),
		);
}
