// Builds dist: compiled classes, icons and codex files beside them, and the lists by which n8n loads them lazily.
// BUILD_DIR puts it elsewhere: a folder named dist beside a copy of package.json.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DIST = resolve(ROOT, process.env.BUILD_DIR ?? 'dist');
const MODULES = join(ROOT, 'node_modules');

function run(script, { args = [], cwd = ROOT } = {}) {
	const { status } = spawnSync(process.execPath, [join(MODULES, script), ...args], {
		cwd,
		env: { ...process.env, BUILD_DIR: DIST },
		stdio: 'inherit',
	});
	if (status !== 0) process.exit(status ?? 1);
}

rmSync(DIST, { recursive: true, force: true });
run('typescript/bin/tsc', { args: ['-p', 'tsconfig.build.json', '--outDir', DIST] });
run('gulp/bin/gulp.js', { args: ['--silent'] });
// Reads package.json and writes to dist/, both in its working folder.
run('n8n-core/bin/generate-metadata', { cwd: dirname(DIST) });
