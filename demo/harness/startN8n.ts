import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { childEnded, hasExited } from '../../test/support/ended.ts';
import { killFamily } from '../../test/support/processes.cjs';
import { freePort } from './ports.ts';
import { logFile, n8nFolder, nodeBinary, plainEnvironment, type Run } from './run.ts';

const READY_WITHIN_SECONDS = 300;
const SECONDS_BETWEEN_LINES = 5;

export interface N8nOptions {
	/** Where n8n keeps everything; made by `newUserFolder`. */
	userFolder: string;
	/** Any free one unless told. */
	port?: number;
	/** n8n's command and its arguments; `start` unless told. */
	command?: readonly string[];
	/** Where this command says that it is ready, where that is not its own port. */
	healthPort?: number;
	/** Name of the log file; `n8n` unless told. */
	logName?: string;
	/** Further settings. */
	env?: Record<string, string>;
}

export interface RunningN8n {
	/** `http://127.0.0.1:PORT`, without a trailing slash. */
	readonly url: string;
	readonly userFolder: string;
	/** Everything n8n printed. */
	readonly logFile: string;
	/** n8n's environment: its command line has to be run with the same. */
	readonly env: NodeJS.ProcessEnv;
	/** The process itself. */
	readonly child: ChildProcess;
	/** Asks n8n to exit, and kills it if it does not; without effect the second time. */
	stop(): Promise<void>;
}

/** The settings of an n8n that talks to nobody outside and can stand beside another one. */
async function n8nEnvironment(
	run: Run,
	options: N8nOptions & { port: number },
): Promise<NodeJS.ProcessEnv> {
	return plainEnvironment(run, {
		N8N_USER_FOLDER: options.userFolder,
		N8N_LISTEN_ADDRESS: '127.0.0.1',
		N8N_HOST: '127.0.0.1',
		N8N_PORT: String(options.port),
		N8N_RUNNERS_BROKER_PORT: String(await freePort()),
		N8N_SECURE_COOKIE: 'false',
		N8N_UNVERIFIED_PACKAGES_ENABLED: 'true',
		N8N_VERIFIED_PACKAGES_ENABLED: 'false',
		N8N_DIAGNOSTICS_ENABLED: 'false',
		...(hasModule(run, 'mcp-registry') ? { N8N_DISABLED_MODULES: 'mcp-registry' } : {}),
		N8N_DYNAMIC_BANNERS_ENABLED: 'false',
		N8N_HIRING_BANNER_ENABLED: 'false',
		N8N_LICENSE_AUTO_RENEW_ENABLED: 'false',
		N8N_PERSONALIZATION_ENABLED: 'false',
		N8N_TEMPLATES_ENABLED: 'false',
		N8N_VERSION_NOTIFICATIONS_ENABLED: 'false',
		N8N_VERSION_NOTIFICATIONS_WHATS_NEW_ENABLED: 'false',
		...options.env,
	});
}

/** n8n refuses to disable a module that it does not have. */
function hasModule(run: Run, name: string): boolean {
	return existsSync(join(n8nFolder(run), 'node_modules', 'n8n', 'dist', 'modules', name));
}

/** n8n's program, for {@link nodeBinary}. */
export function n8nProgram(run: Run): string {
	return join(n8nFolder(run), 'node_modules', 'n8n', 'bin', 'n8n');
}

/**
 * Starts n8n and waits until it is ready.
 *
 * @throws Error with the log's last lines where it ends or is not ready within five minutes
 */
export async function startN8n(run: Run, options: N8nOptions): Promise<RunningN8n> {
	const port = options.port ?? (await freePort());
	const url = `http://127.0.0.1:${port}`;
	const env = await n8nEnvironment(run, { ...options, port });
	const name = options.logName ?? 'n8n';
	const log = logFile(run, name);
	mkdirSync(dirname(log), { recursive: true });
	const output = openSync(log, 'w');
	// A process group of its own: Ctrl+C reaches n8n through stop() only, and what n8n started can be ended with it.
	const child = spawn(nodeBinary(run), [n8nProgram(run), ...(options.command ?? ['start'])], {
		cwd: options.userFolder,
		env,
		stdio: ['ignore', output, output],
		detached: true,
	});
	closeSync(output);
	const stop = stopper(name, child);
	try {
		const health = `http://127.0.0.1:${options.healthPort ?? port}/healthz/readiness`;
		// n8n 1 says that it is ready before it has its interface.
		const rest = options.command === undefined ? [`${url}/rest/settings`] : [];
		await untilReady(run, { child, addresses: [health, ...rest], log });
	} catch (error) {
		await stop();
		throw error;
	}
	return { url, userFolder: options.userFolder, logFile: log, env, child, stop };
}

/** Ends n8n, politely at first, and everything that it started. */
function stopper(name: string, child: ChildProcess): () => Promise<void> {
	const kill = (): void => {
		if (child.pid !== undefined) killFamily(child.pid);
	};
	process.once('exit', kill);

	let stopping: Promise<void> | undefined;
	return () => (stopping ??= childEnded(name, child).finally(() => process.off('exit', kill)));
}

interface Starting {
	child: ChildProcess;
	/** All of them have to answer. */
	addresses: readonly string[];
	log: string;
}

async function untilReady(run: Run, { child, addresses, log }: Starting): Promise<void> {
	let failure: Error | undefined;
	child.once('error', (error) => (failure = error));
	const startedAt = Date.now();
	const missing = [...addresses];
	let nextLine = SECONDS_BETWEEN_LINES;

	for (;;) {
		run.signal?.throwIfAborted();
		if (failure) throw failure;
		const elapsed = (Date.now() - startedAt) / 1000;
		if (hasExited(child)) throw new Error(`n8n ended while it started. ${lastLines(log)}`);
		if (elapsed > READY_WITHIN_SECONDS)
			throw new Error(`n8n was not ready after ${elapsed} s. ${lastLines(log)}`);
		if (elapsed > nextLine) {
			run.report(`Waiting for n8n … ${Math.round(elapsed)} s`);
			nextLine += SECONDS_BETWEEN_LINES;
		}
		const [next] = missing;
		if (next === undefined) return;
		const response = await fetch(next).catch(() => undefined);
		if (response?.ok) missing.shift();
		else await pause(200);
	}
}

function lastLines(log: string): string {
	return `Full log: ${log}\n${readFileSync(log, 'utf8').trimEnd().split('\n').slice(-15).join('\n')}`;
}
