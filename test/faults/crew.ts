import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

import type { Role } from './settings';

/** When a process is killed, as seen from the redemption it is at. */
export type Moment = 'before the call' | 'between answer and write' | 'after the write';

/** What every process of a crew does in a round. */
export interface Order {
	readonly userFolder: string;
	readonly fields: Readonly<Record<string, unknown>>;
	/** Calls at once. */
	readonly calls: number;
	/** How far the clock of the round is ahead, in milliseconds. */
	readonly aheadMs: number;
	readonly leaseMs?: number;
	/** What the process pretends to be. Default: a worker. */
	readonly role?: Role;
	readonly diesAt?: Moment;
	/** A file that the first process to come there makes; only that one dies. */
	readonly deathMark?: string;
}

/** What came of a process's calls. */
export interface Answer {
	/** The access tokens it got, each once. */
	readonly tokens: readonly string[];
	/** How many calls failed, by error code. */
	readonly failures: Record<string, number>;
	slowestMs: number;
	readonly events: Readonly<Record<string, number>>;
}

/** Real processes that share a connection. */
export class Crew {
	private members: ChildProcess[] = [];

	private constructor(private readonly size: number) {}

	static async start(size: number): Promise<Crew> {
		const crew = new Crew(size);
		await crew.fill();
		return crew;
	}

	/**
	 * Has all processes call at once. `undefined` for one that died of it; it has a successor by then.
	 *
	 * @param roles what each process pretends to be, if not all are the same
	 */
	async call(order: Order, roles: readonly Role[] = []): Promise<(Answer | undefined)[]> {
		const answers = await Promise.all(
			this.members.map(async (member, index) => {
				const role = roles[index];
				member.send(role === undefined ? order : { ...order, role });
				const [answer] = (await Promise.race([once(member, 'message'), once(member, 'close')])) as [
					Answer | number | null,
				];
				return typeof answer === 'object' && answer !== null ? answer : undefined;
			}),
		);
		await this.fill();
		return answers;
	}

	async stop(): Promise<void> {
		await Promise.all(
			this.members.map(async (member) => {
				if (!isAlive(member)) return;
				const closed = once(member, 'close');
				member.kill('SIGKILL');
				await closed;
			}),
		);
	}

	private async fill(): Promise<void> {
		this.members = this.members.filter(isAlive);
		const missing = this.size - this.members.length;
		this.members.push(...(await Promise.all(Array.from({ length: missing }, startMember))));
	}
}

function isAlive({ exitCode, signalCode }: ChildProcess): boolean {
	return exitCode === null && signalCode === null;
}

async function startMember(): Promise<ChildProcess> {
	const member = fork(join(__dirname, 'load.cjs'), ['connectionProcess.ts'], { execArgv: [] });
	await once(member, 'message');
	return member;
}
