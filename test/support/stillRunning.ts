import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

const WITHIN_MS = 5000;

function isRunning(pid: number): boolean {
	try {
		// A zombie has exited: nobody has asked for its status yet.
		return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
	} catch {
		return false;
	}
}

/** Which of these processes still run after the five seconds that a killed one may take to exit. */
export async function stillRunning(pids: readonly number[]): Promise<number[]> {
	const deadline = Date.now() + WITHIN_MS;
	while (pids.some(isRunning) && Date.now() < deadline) await pause(20);
	return pids.filter(isRunning);
}
