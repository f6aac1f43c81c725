import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { localVault } from '../../src/secrets/localVault';
import type { SecretStore } from '../../src/secrets/store';

const KEY = 'key-of-this-test';
const NAME = 'n8n/vaulted-oauth2/shared-7f3kq2';
const RACES = 40;
const KILLS = 4;
/** More calls than one write makes into the file system. */
const MOST_CALLS = 30;
/** Long enough for a write to take a while. */
const FILLER = 'x'.repeat(60_000);

type Answer = { won: string } | { lost: string } | { written: number };

let folder: string;
let vault: SecretStore;
const processes = new Set<ChildProcess>();

beforeEach(async () => {
	folder = await mkdtemp(join(tmpdir(), 'vault-'));
	vault = localVault({ folder, encryptionKey: KEY });
});

afterEach(async () => {
	await Promise.all([...processes].map(kill));
	await rm(folder, { recursive: true });
});

it('lets exactly one of two processes win each race, and the loser know', async () => {
	let current = await vault.create(NAME, '{"race":0}');
	const racers = [await start(), await start()];

	for (let race = 1; race <= RACES; race++) {
		const base = current.versionId;
		const answers = await Promise.all(
			racers.map(async (racer, n) => {
				racer.send({ write: JSON.stringify({ race, n, filler: FILLER }), base });
				return await answerOf(racer);
			}),
		);

		const winner = answers.findIndex((answer) => 'won' in answer);
		expect(answers[winner]).toEqual({ won: expect.any(String) as string });
		expect(answers[1 - winner]).toEqual({ lost: 'VersionConflictError' });
		current = await vault.read(NAME);
		expect(answers[winner]).toEqual({ won: current.versionId });
		expect(JSON.parse(current.content)).toMatchObject({ race, n: winner });
	}
}, 30_000);

it('stays readable, with everything that was reported as written, when the writer is killed in the middle', async () => {
	await vault.create(NAME, JSON.stringify({ n: 0, filler: FILLER }));

	for (let round = 1; round <= KILLS; round++) {
		const writer = await start();
		writer.send({ count: true });
		let written = 0;
		// A different number of writes each time, so that the kill falls into a different moment of the next one.
		for (let n = 0; n < round; n++) {
			const answer = await answerOf(writer);
			written = 'written' in answer ? answer.written : NaN;
		}
		const lastHeard = listenOn(writer, written);
		await kill(writer);

		const { n, filler } = JSON.parse((await vault.read(NAME)).content) as Record<string, unknown>;
		expect(filler).toBe(FILLER);
		// The last write may be done and not yet reported.
		expect([lastHeard(), lastHeard() + 1]).toContain(n);
	}
}, 30_000);

it('has the old or the new version whole, in whichever call into the file system a writer is killed', async () => {
	let current = await vault.create(NAME, '{"dieAt":0}');
	// Enough versions for the write to prune one as well.
	for (let n = 0; n < 2; n++) {
		await vault.write(NAME, `{"n":${n}}`, current.versionId);
		current = await vault.read(NAME);
	}

	const kept = { old: 0, new: 0 };
	for (let dieAt = 1; dieAt < MOST_CALLS; dieAt++) {
		const writer = await start();
		const content = JSON.stringify({ dieAt, filler: FILLER });
		writer.send({ write: content, base: current.versionId, dieAt });
		const answer = await Promise.race([answerOf(writer), once(writer, 'close')]);
		await kill(writer);

		const found = await vault.read(NAME);
		expect([current.content, content]).toContain(found.content);
		// Whoever tries again succeeds, whether or not the killed one had.
		const repeated = await vault.write(NAME, content, current.versionId);
		current = await vault.read(NAME);
		expect(current).toMatchObject({ content, versionId: repeated.versionId });
		if ('won' in answer) {
			expect(kept.old).toBeGreaterThan(0);
			expect(kept.new).toBeGreaterThan(0);
			return;
		}
		kept[found.content === content ? 'new' : 'old']++;
	}
	throw new Error('No write came to its end');
}, 60_000);

async function start(): Promise<ChildProcess> {
	const child = fork(require.resolve('./vaultProcess.cjs'), [folder, KEY, NAME], { execArgv: [] });
	processes.add(child);
	await once(child, 'message');
	return child;
}

async function answerOf(child: ChildProcess): Promise<Answer> {
	const [answer] = (await once(child, 'message')) as [Answer];
	return answer;
}

/** Follows what the process says it has written, until it is dead. */
function listenOn(child: ChildProcess, before: number): () => number {
	let last = before;
	child.on('message', (answer: Answer) => {
		if ('written' in answer) last = answer.written;
	});
	return () => last;
}

async function kill(child: ChildProcess): Promise<void> {
	processes.delete(child);
	if (child.exitCode !== null || child.signalCode !== null) return;
	// After "close", unlike after "exit", no message is still on its way.
	const closed = once(child, 'close');
	child.kill('SIGKILL');
	await closed;
}
