import { setTimeout } from 'node:timers/promises';

const LIMIT_MS = 10_000;
const PAUSE_MS = 10;

/** Resolves as soon as it is so. @throws Error if it is not within 10 s */
export async function eventually(isSo: () => boolean | Promise<boolean>): Promise<void> {
	const end = performance.now() + LIMIT_MS;
	while (!(await isSo())) {
		if (performance.now() > end) throw new Error(`not within ${LIMIT_MS} ms: ${isSo.toString()}`);
		await setTimeout(PAUSE_MS);
	}
}
