import { execFileSync } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { closeSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { SecretStoreError } from '../../src/errors';
import { localVault } from '../../src/secrets/localVault';
import type { SecretStore } from '../../src/secrets/store';
import { VaultGate } from '../../src/secrets/vault/gate';

const KEY = 'key-of-this-test';
const DEADLINE_MS = 800;
/** What does not touch the file system is over long before this. */
const AT_ONCE_MS = DEADLINE_MS / 2;
/** More than libuv has threads. */
const MANY = 8;

let folder: string;
let gate: VaultGate;
let vault: SecretStore;
/** Of another process: sets up what a test needs, however slow the disk is. */
let patient: SecretStore;
const hanging = new Set<string>();

beforeEach(async () => {
	folder = await fs.mkdtemp(join(tmpdir(), 'vault-'));
	gate = new VaultGate(DEADLINE_MS);
	vault = localVault({ folder, encryptionKey: KEY, gate });
	patient = localVault({ folder, encryptionKey: KEY, gate: new VaultGate(60_000) });
});

afterEach(async () => {
	for (const file of hanging) release(file);
	await fs.rm(folder, { recursive: true });
});

it('reports a file that never opens as an outage of the folder, once the deadline is over', async () => {
	await makeHanging('a');

	const { error, milliseconds } = await failure(vault.read('a'));

	expect(error).toMatchObject({
		code: 'UNAVAILABLE',
		temporary: true,
		action: 'read',
		secretId: 'a',
	});
	expect(error.message).toContain(`the folder ${folder} did not answer within 0.8 s`);
	expect(error.message).toMatch(/Bring the disk or network share .* restart n8n/);
	expect(milliseconds).toBeGreaterThan(DEADLINE_MS - 50);
	expect(milliseconds).toBeLessThan(DEADLINE_MS * 5);
});

it.each([
	['read', (store: SecretStore) => store.read('a')],
	['write', (store: SecretStore) => store.write('a', '{}', '1-x')],
	[
		'write',
		(store: SecretStore) =>
			store.assertWritable({ secretId: 'a', versionId: '1-x', content: '{}' }),
	],
	['create', (store: SecretStore) => store.create('a', '{}', { attempt: 'a1'.repeat(32) })],
])('ends each operation: %s', async (action, call) => {
	await makeHanging('a');

	const { error } = await failure(call(vault));

	expect(error).toMatchObject({ code: 'UNAVAILABLE', action, secretId: 'a' });
});

it('leaves other secrets, files and DNS alone, however many operations wait for one that hangs', async () => {
	await patient.create('b', '{"n":0}');
	await makeHanging('a');

	const stuck = Promise.all(Array.from({ length: MANY }, () => failure(vault.read('a'))));
	const first = await Promise.race([
		stuck.then(() => 'what hangs'),
		everythingElse().then(() => 'everything else'),
	]);

	expect(first).toBe('everything else');
	for (const { error } of await stuck) expect(error.code).toBe('UNAVAILABLE');
	// The thread is still taken.
	await everythingElse();
});

it('fails operations on the same secret at once, those that waited too, until the file system answers', async () => {
	const { versionId } = await patient.create('a', '{"n":0}');
	const file = await makeHanging('a');
	const first = failure(vault.read('a'));
	await pause(DEADLINE_MS / 2);
	const second = await failure(vault.read('a'));
	await first;

	const others = await Promise.all([
		failure(vault.read('a')),
		failure(localVault({ folder, encryptionKey: KEY, gate }).write('a', '{"n":1}', versionId)),
	]);

	expect(second.milliseconds).toBeLessThan(DEADLINE_MS * 0.9);
	for (const { error, milliseconds } of others) {
		expect(error.code).toBe('UNAVAILABLE');
		expect(error.message).toContain(folder);
		expect(milliseconds).toBeLessThan(AT_ONCE_MS);
	}

	release(file);
	await until(() => vault.read('a').then(({ content }) => content === '{"n":0}'));
});

it('fails all operations at once while two are overdue, until one of them returns', async () => {
	await patient.create('b', '{"n":0}');
	const files = [await makeHanging('a1'), await makeHanging('a2')];
	await Promise.all(['a1', 'a2', 'a1', 'a2', 'a1', 'a2'].map((name) => failure(vault.read(name))));

	for (const call of [() => vault.read('b'), () => vault.create('c', '{}')]) {
		const { error, milliseconds } = await failure(call());
		expect(error.code).toBe('UNAVAILABLE');
		expect(milliseconds).toBeLessThan(AT_ONCE_MS);
	}
	// Two threads are left for everything else.
	await Promise.all([lookup('localhost'), fs.readFile(__filename), lookup('localhost')]);

	release(files[0] ?? '');
	await until(() => vault.read('b').then(({ content }) => content === '{"n":0}'));
});

it('goes on in order with what waited', async () => {
	const { versionId } = await patient.create('a', '{"n":0}');
	const file = await makeHanging('a');

	const reading = patient.read('a');
	const writing = patient.write('a', '{"n":1}', versionId);
	const second = patient.read('a');
	await patient.create('b', '{}');
	release(file);

	expect((await reading).content).toBe('{"n":0}');
	await writing;
	expect((await second).content).toBe('{"n":1}');
});

it('has a deadline well below half a minute, and one gate for all vaults of the process', async () => {
	jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'performance'] });
	try {
		await makeHanging('a');
		const one = localVault({ folder, encryptionKey: KEY });
		const other = localVault({ folder, encryptionKey: KEY });
		const first = failure(one.read('a'));
		jest.advanceTimersByTime(20_000);

		expect((await first).error.message).toContain('within 20 s');
		expect((await failure(other.read('a'))).error.code).toBe('UNAVAILABLE');
	} finally {
		jest.useRealTimers();
	}
});

/** What has to work on while an operation hangs. */
async function everythingElse(): Promise<void> {
	expect((await vault.read('b')).content).toBe('{"n":0}');
	await lookup('localhost');
	await fs.stat(folder);
}

/** Puts a FIFO in the place of the only version: opening it blocks a thread until somebody opens it for writing. */
async function makeHanging(name: string): Promise<string> {
	const find = async () => (await fs.readdir(folder)).find((each) => each.startsWith(`${name}-`));
	if ((await find()) === undefined) {
		await patient.create(name, '{}');
	}
	const file = join(folder, (await find()) ?? '', '1.json');
	await fs.rename(file, `${file}.kept`);
	execFileSync('mkfifo', [file]);
	hanging.add(file);
	return file;
}

/** The file system answers again: to whoever hangs, with what is in the file. */
function release(file: string): void {
	hanging.delete(file);
	// Opened for reading as well, a FIFO never blocks.
	const fifo = openSync(file, 'r+');
	writeSync(fifo, readFileSync(`${file}.kept`));
	renameSync(`${file}.kept`, file);
	closeSync(fifo);
}

async function failure(
	promise: Promise<unknown>,
): Promise<{ error: SecretStoreError; milliseconds: number }> {
	const begin = performance.now();
	const [outcome] = await Promise.allSettled([promise]);
	const milliseconds = performance.now() - begin;
	const error: unknown = outcome.status === 'rejected' ? outcome.reason : undefined;
	if (!(error instanceof SecretStoreError)) throw new Error(`Unexpected: ${String(error)}`);
	return { error, milliseconds };
}

/** Waits until `isTrue` says so; as long as it is rejected, it does not. */
async function until(isTrue: () => Promise<boolean>): Promise<void> {
	for (let looks = 0; looks < 200; looks++) {
		if (await isTrue().catch(() => false)) return;
		await pause(10);
	}
	throw new Error('It never came true');
}
