import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { RunningN8n } from '../../demo/harness/startN8n.ts';
import { hasExited } from '../support/ended.ts';
import {
	call,
	failedOf,
	newestRefreshToken,
	ours,
	publish,
	type Played,
	type Scene,
} from './scene.ts';

/** Seconds a token lives; the last third of them it is replaced behind the calls that it still serves. */
const LIFETIME_SECONDS = 45;
/** How long the provider still holds its answer back after SIGTERM: longer than n8n takes to exit by itself. */
const HELD_MS = 7_000;
/** n8n's default of `N8N_GRACEFUL_SHUTDOWN_TIMEOUT`. */
const WITHIN_MS = 30_000;

/** What was left when a process had ended in the middle of a refresh. */
export interface Ended {
	readonly process: string;
	/** Seconds from SIGTERM to the end of the process. */
	readonly exit: number;
	readonly code: number | null;
	readonly newestIsStored: boolean;
	readonly leaseIsLeft: boolean;
	readonly failed: number;
}

function storedBundle({ aws }: Scene, label: string): Record<string, unknown> {
	const contents = aws
		.secrets()
		.flatMap(({ content }) => (content?.includes(label) ? content : []));
	const [content] = contents;
	if (content === undefined) throw new Error(`No secret of ${label}`);
	return JSON.parse(content) as Record<string, unknown>;
}

/** SIGTERM; seconds until it has exited, and its exit code. */
async function terminate({ child }: RunningN8n): Promise<{ exit: number; code: number | null }> {
	const startedAt = Date.now();
	const exited = once(child, 'exit');
	child.kill('SIGTERM');
	await Promise.race([exited, pause(WITHIN_MS + 5_000)]);
	if (!hasExited(child)) throw new Error('n8n did not exit');
	return { exit: (Date.now() - startedAt) / 1000, code: child.exitCode };
}

/**
 * The process that runs the executions gets SIGTERM while the provider holds back the answer to a redemption. Its token is valid still, so that no execution
 * waits for it: n8n has nothing else to wait for.
 */
export async function endMidRefresh(
	scene: Played,
	process: string,
	target: RunningN8n,
): Promise<{ ended: Ended; violations: string[] }> {
	const { provider, n8n, run } = scene;
	const subject = await ours(scene, 'AWS', LIFETIME_SECONDS);
	const issuedAt = Date.now();
	const { id, path } = await publish(scene, subject);
	const termination = new AbortController();
	const arrived = new Promise<true>((resolve) => {
		provider.injectFault({
			holdAnswer: async () => {
				resolve(true);
				await once(termination.signal, 'abort');
				await pause(HELD_MS);
			},
		});
	});
	await pause(LIFETIME_SECONDS * 700 - (Date.now() - issuedAt));
	let calls = 0;
	for (let isHeld = false; !isHeld;) {
		if (Date.now() - issuedAt > LIFETIME_SECONDS * 1000) throw new Error('No redemption came');
		await call(scene, n8n.webhookUrl + path, 1);
		calls += 1;
		isHeld = await Promise.race([arrived, pause(200, false)]);
	}
	const failed = await failedOf(n8n.rest, id, calls);
	termination.abort();
	const { exit, code } = await terminate(target);
	const bundle = storedBundle(scene, subject.label);
	const ended: Ended = {
		process,
		exit: Math.round(exit * 10) / 10,
		code,
		newestIsStored: bundle['refresh_token'] === newestRefreshToken(provider),
		leaseIsLeft: 'lease' in bundle,
		failed,
	};
	run.report(JSON.stringify(ended));
	const isGood =
		code === 0 &&
		exit * 1000 < WITHIN_MS &&
		ended.newestIsStored &&
		!ended.leaseIsLeft &&
		failed === 0;
	return { ended, violations: isGood ? [] : [`shutdown: ${JSON.stringify(ended)}`] };
}
