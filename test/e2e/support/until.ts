import { setTimeout as pause } from 'node:timers/promises';

const MILLISECONDS_BETWEEN_LOOKS = 50;

/**
 * Waits on real time, since n8n is a process of its own, until `condition` holds.
 *
 * @throws Error that names `what` where it does not hold within `seconds`
 */
export async function until(
	what: string,
	condition: () => boolean | Promise<boolean>,
	seconds = 20,
): Promise<void> {
	const deadline = Date.now() + seconds * 1000;
	while (!(await condition())) {
		if (Date.now() > deadline) throw new Error(`Waited ${seconds} s in vain: ${what}`);
		await pause(MILLISECONDS_BETWEEN_LOOKS);
	}
}
