import type { Config } from 'jest';
import { childrenOf, familyOf, killAll } from './processes.cjs';

const WITHIN_MS = 15_000;

/**
 * Jest's global teardown: if Jest has not exited 15 s later (or `globals.exitWithinMs`), names what keeps it, kills its child processes,
 * and exits with the status that the tests have earned.
 */
export default function endOfRun(_config: unknown, { globals = {} }: Config): void {
	const exit = (): void => {
		const left = childrenOf(process.pid).flatMap(({ pid }) => familyOf(pid)());
		killAll(left);
		const resources = process.getActiveResourcesInfo().join(', ');
		process.stderr.write(`Jest did not exit by itself: ended. Still active: ${resources}\n`);
		for (const { pid, command } of left) process.stderr.write(`Killed: ${pid} ${command}\n`);
		// Jest sets the status when the process exits.
		process.exit();
	};
	const withinMs = Number(globals['exitWithinMs'] ?? WITHIN_MS);
	// It fires only if something else keeps Jest from exiting.
	setTimeout(exit, withinMs).unref();
}
