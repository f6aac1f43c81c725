import { join } from 'node:path';

/** What every step of the harness needs to know. */
export interface Run {
	/** The repository's folder. */
	readonly root: string;
	/** Takes one line of progress. */
	readonly report: (line: string) => void;
	/** Aborted when everything has to stop. */
	readonly signal?: AbortSignal;
	/** Another n8n than the one that the lock file of `demo/n8n` names, such as `2.20.12`. */
	readonly n8nVersion?: string;
}

/** A run's part of the options of anything that takes long. */
export function patience({ report, signal }: Run): Pick<Run, 'report' | 'signal'> {
	return signal ? { report, signal } : { report };
}

/** Where what was installed and every log is kept between runs. */
export function cacheFolder(run: Run): string {
	return join(run.root, '.cache');
}

export function logFile(run: Run, name: string): string {
	return join(cacheFolder(run), 'logs', `${name}.log`);
}

/** The folder whose lock file says which n8n is installed. */
export function n8nFolder(run: Run): string {
	return run.n8nVersion === undefined
		? join(run.root, 'demo', 'n8n')
		: join(cacheFolder(run), 'n8n', run.n8nVersion);
}

/** The Node that runs n8n: it needs a newer one than the machine may have, and the repository's development packages bring it. */
export function nodeBinary(run: Run): string {
	return join(run.root, 'node_modules', 'node', 'bin', 'node');
}

/**
 * The environment of a program: only what every program needs, so that settings on the machine (an `N8N_…`, a proxy, `NODE_ENV` from
 * a test runner) do not reach it, and what is given.
 */
export function plainEnvironment(run: Run, extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
	const { PATH = '', HOME, LANG, TMPDIR } = process.env;
	const binFolder = join(run.root, 'node_modules', '.bin');
	return { PATH: `${binFolder}:${PATH}`, HOME, LANG, TMPDIR, ...extra };
}
