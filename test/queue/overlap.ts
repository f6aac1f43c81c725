import { setTimeout as pause } from 'node:timers/promises';
import { executeWorkflow } from '../../demo/harness/n8nCli.ts';
import type { RunningN8n } from '../../demo/harness/startN8n.ts';
import {
	call,
	createManual,
	failedOf,
	isClean,
	ours,
	publish,
	tallied,
	untilEnded,
	type Played,
	type StoreName,
	type Tally,
} from './scene.ts';

const EXECUTIONS = 10;
/** The provider holds its answer back for so long, so that the other process comes in the middle of it. */
const HELD_MS = 8_000;
const STORES: readonly StoreName[] = ['AWS', 'local vault', 'AWS'];

/** Two processes of n8n that do not know of each other, on one token that has ended. */
export interface Overlap extends Tally {
	readonly processes: string;
	readonly store: StoreName;
	readonly failed: number;
}

interface Overlaps {
	readonly rounds: Overlap[];
	readonly violations: string[];
}

function judged(rounds: Overlap[]): Overlaps {
	const bad = rounds.filter((round) => !isClean(round) || round.failed > 0);
	return { rounds, violations: bad.map((round) => `overlap: ${JSON.stringify(round)}`) };
}

/** `n8n execute` while the instance works with the same connection: one after the other is first. */
export async function executeBeside(scene: Played): Promise<Overlaps> {
	const { run, n8n, provider } = scene;
	const rounds: Overlap[] = [];
	let startMs = 0;
	for (const [index, store] of STORES.entries()) {
		const isFirst = index === 0;
		const subject = await ours(scene, store);
		const { id, path } = await publish(scene, subject);
		const byHand = await createManual(scene, subject);
		await untilEnded();
		let failed = 0;
		const tally = await tallied(scene, async () => {
			const startedAt = Date.now();
			const arrived = new Promise<void>((resolve) => {
				provider.injectFault({
					holdAnswer: async () => {
						resolve();
						await pause(HELD_MS);
					},
				});
			});
			const executed = executeWorkflow(run, n8n.main, byHand);
			if (isFirst) {
				await Promise.race([arrived, executed]);
				startMs = Date.now() - startedAt;
			} else await pause(Math.max(0, startMs - HELD_MS / 2));
			await call(scene, n8n.webhookUrl + path, EXECUTIONS);
			await executed;
			failed = await failedOf(n8n.rest, id, EXECUTIONS);
		});
		const processes = isFirst ? 'execute, then regular' : 'regular, then execute';
		rounds.push({ processes, store, ...tally, failed });
		run.report(JSON.stringify(rounds.at(-1)));
	}
	return judged(rounds);
}

/** Two regular instances, both at work with the same connection. */
export async function regularBeside(scene: Played, other: RunningN8n): Promise<Overlaps> {
	const { run, n8n, provider } = scene;
	const rounds: Overlap[] = [];
	for (const store of STORES) {
		const { id, path } = await publish(scene, await ours(scene, store));
		await untilEnded();
		provider.injectFault({ wait: HELD_MS / 4 });
		let failed = 0;
		const tally = await tallied(scene, async () => {
			await Promise.all(
				[n8n.webhookUrl, other.url].map(
					async (address) => await call(scene, address + path, EXECUTIONS),
				),
			);
			failed = await failedOf(n8n.rest, id, 2 * EXECUTIONS);
		});
		rounds.push({ processes: 'regular, regular', store, ...tally, failed });
		run.report(JSON.stringify(rounds.at(-1)));
	}
	return judged(rounds);
}
