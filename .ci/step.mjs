// `node .ci/step.mjs COMMAND …` runs a command and exits with its status. What is left of its processes is killed and named, wherever it
// has gone: n8n and Chromium have sessions of their own.
import { spawn } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { familyOf, killAll } from '../test/support/processes.cjs';

const LOOK_MS = 500;
const EXIT_WITHIN_MS = 2000;

const [command, ...args] = process.argv.slice(2);
const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
const exit = new Promise((resolve, reject) => {
	child.once('error', reject);
	child.once('exit', (code) => resolve(code ?? 1));
});
const living = familyOf(child.pid);
const looking = setInterval(living, LOOK_MS);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));

try {
	process.exitCode = await exit;
	// Some are on their way out.
	const deadline = Date.now() + EXIT_WITHIN_MS;
	while (living().length > 0 && Date.now() < deadline) await pause(100);
} finally {
	clearInterval(looking);
	const left = living();
	killAll(left);
	for (const { pid, command } of left)
		process.stderr.write(`=== left behind, killed: ${pid} ${command}\n`);
}
