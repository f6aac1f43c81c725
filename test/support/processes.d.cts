/** A process that runs, from proc_pid_stat(5). */
export interface FoundProcess {
	readonly pid: number;
	/** The first 100 characters of its command line. */
	readonly command: string;
}

/** The processes that `pid` has started itself. Linux only: elsewhere there are none. */
export function childrenOf(pid: number): FoundProcess[];

/**
 * Follows a process and everything descended from it: also what has left its process group, and, if it was looked for at least once
 * while its parent lived, what has lost its parent.
 *
 * @returns what looks for the living ones again, the process itself included
 */
export function familyOf(pid: number): () => FoundProcess[];

/** Sends SIGKILL. A process that has ended already is left out. */
export function killAll(processes: readonly Pick<FoundProcess, 'pid'>[]): void;

/** Sends SIGKILL to a process and everything descended from it. On systems other than Linux: to its process group. */
export function killFamily(pid: number): void;
