import type { Command } from './commands';
import type { WorldRecord } from './record';
import { World, type Beginning, type Turns } from './world';

/** One run of the model. A rejection that nobody handles ends Node, and so the tests. @returns what happened, and what of it must not have */
export async function play(
	beginning: Beginning,
	commands: readonly Command[],
	turns: Turns = new ChosenTurns([]),
): Promise<WorldRecord> {
	const world = new World(beginning, turns);
	const { record } = world;
	try {
		for (const command of commands) await world.run(command);
		await world.finish();
	} catch (error) {
		record.violated(String(error));
	}
	return record;
}

/** First come, first served, but for the turns chosen: each number says which of those that wait is next. */
export class ChosenTurns implements Turns {
	private readonly waiting: (() => void)[] = [];
	private taken = 0;

	constructor(private readonly choices: readonly number[]) {}

	async schedule(task: Promise<void>): Promise<void> {
		await task;
		await new Promise<void>((resolve) => this.waiting.push(resolve));
	}

	count(): number {
		return this.waiting.length;
	}

	async waitOne(): Promise<void> {
		const choice = this.choices[this.taken] ?? 0;
		this.taken += 1;
		const [next] = this.waiting.splice(choice % this.waiting.length, 1);
		next?.();
		await Promise.resolve();
	}
}
