// `npm run test:queue`: what queue mode needs of the machine, then test/queue with the Node that the development packages bring.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { install, needProgram } from './debian.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const POSTGRES = '/usr/lib/postgresql';

/** The folder of PostgreSQL's programs: Debian keeps them off the path. */
function needPostgres() {
	const find = () => {
		try {
			const [newest] = readdirSync(POSTGRES).sort((a, b) => Number(b) - Number(a));
			return newest === undefined ? '' : join(POSTGRES, newest, 'bin');
		} catch {
			return '';
		}
	};
	if (find() === '') install('postgresql');
	if (find() === '') throw new Error('PostgreSQL is missing. Install it (Debian: postgresql).');
	return find();
}

try {
	process.env.REDIS = needProgram('redis-server', 'redis-server');
	process.env.POSTGRES = needPostgres();
} catch (error) {
	process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
	process.exit(1);
}
const quiet = '--disable-warning=MODULE_TYPELESS_PACKAGE_JSON';
const { status } = spawnSync(
	process.execPath,
	[quiet, join('test', 'queue', 'main.mts'), ...process.argv.slice(2)],
	{
		cwd: ROOT,
		stdio: 'inherit',
	},
);
process.exit(status ?? 1);
