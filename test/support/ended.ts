import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { killFamily } from './processes.cjs';

const WITHIN_MS = 10_000;
const AFTER_KILL_MS = 2000;

/** How something is ended. */
export interface Ending {
	/** How long closing may take, in milliseconds; 10 s unless given. */
	readonly withinMs?: number;
	/** Ends it for certain, if closing fails or takes too long. */
	readonly kill: () => void;
}

function messageOf(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}

/** What kept it from closing, or undefined if it closed. */
async function problemWith(
	closing: Promise<unknown>,
	withinMs: number,
): Promise<string | undefined> {
	const timer = new AbortController();
	const late = pause(withinMs, `did not close within ${withinMs / 1000} s`, timer);
	late.catch(() => undefined);
	try {
		return await Promise.race([closing.then(() => undefined), late]);
	} catch (error) {
		return `failed to close (${messageOf(error)})`;
	} finally {
		timer.abort();
	}
}

/**
 * Closes something at the end of a run. If closing fails or takes too long, it is killed and named on standard error.
 *
 * Never rejects, since the end of a browser or server says nothing about what was tested, and always resolves: two seconds after the
 * kill at the latest.
 *
 * @param name what it is called on standard error
 */
export async function ended(
	name: string,
	close: () => Promise<unknown>,
	{ withinMs = WITHIN_MS, kill }: Ending,
): Promise<void> {
	const closing = (async () => await close())();
	const problem = await problemWith(closing, withinMs);
	if (problem === undefined) return;
	process.stderr.write(`${name} ${problem}: killed\n`);
	kill();
	// What waits for a killed process, such as a handler of its exit, gets its turn.
	await problemWith(closing, AFTER_KILL_MS);
}

/** Whether a child process has exited, or never started. */
export function hasExited({ pid, exitCode, signalCode }: ChildProcess): boolean {
	return pid === undefined || exitCode !== null || signalCode !== null;
}

/** How a child process is ended. */
export interface ChildEnding {
	/** Asks it to exit; SIGTERM unless given. */
	readonly ask?: () => unknown;
	/** How long it may take to exit, in milliseconds; 10 s unless given. */
	readonly withinMs?: number;
}

/**
 * Ends a child process, and kills whatever it leaves behind. Like {@link ended}, it never rejects and always resolves.
 *
 * @param name what it is called on standard error if it has to be killed
 */
export async function childEnded(
	name: string,
	child: ChildProcess,
	{ ask = () => child.kill('SIGTERM'), withinMs = WITHIN_MS }: ChildEnding = {},
): Promise<void> {
	const { pid } = child;
	if (pid === undefined) return;
	const kill = (): void => killFamily(pid);
	const close = async (): Promise<void> => {
		if (hasExited(child)) return;
		const exit = once(child, 'exit');
		await ask();
		await exit;
	};
	await ended(name, close, { withinMs, kill });
	kill();
}
