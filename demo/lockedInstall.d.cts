export interface RunOptions {
	cwd?: string;
	env?: NodeJS.ProcessEnv;
	/** Receives everything the program prints. */
	logFile: string;
	/** What is being done, for the progress lines. */
	label: string;
	/** Called with a progress line every few seconds. */
	report: (line: string) => void;
	/** Ends the program. */
	signal?: AbortSignal;
}

/** Whether `node_modules` of the folder holds what its `package-lock.json` asks for (optional packages aside). */
export function isInstalled(folder: string): boolean;

/**
 * Runs `npm ci` in the folder where its packages are not installed yet.
 *
 * @returns whether anything had to be installed
 * @throws Error with the log's last lines
 */
export function installLocked(
	folder: string,
	options: Omit<RunOptions, 'cwd'> & { args?: string[] },
): Promise<boolean>;

/**
 * Runs a program to its end, its output in a log file.
 *
 * @throws Error with the log's last lines where the exit status is not 0
 */
export function runLogged(command: string, args: string[], options: RunOptions): Promise<void>;
