import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { localVault } from '../../src/secrets/localVault';
import type { SecretStore } from '../../src/secrets/store';
import { openWithAny } from '../../src/secrets/vault/cipher';
import { rotateVault, type Rotated } from '../../src/secrets/vault/rotate';
import { failureOf } from '../support/failureOf';

const OLD = 'example-old-key';
const NEW = 'example-new-key';
const NAMES = ['n8n/vaulted-oauth2/acme/crm-7f3kq2', 'n8n/vaulted-oauth2/erp-a1b2c3'];
/** More calls into the file system than one rotation makes. */
const MOST_CALLS = 400;

let home: string;
let folder: string;

beforeEach(async () => {
	home = await fs.mkdtemp(join(tmpdir(), 'vault-'));
	folder = join(home, '.n8n', 'vaulted-oauth2');
});
afterEach(async () => {
	await fs.rm(home, { recursive: true, force: true });
});

const under = (key: string): SecretStore => localVault({ folder, encryptionKey: key });
const both = (): SecretStore => localVault({ folder, encryptionKey: NEW, previousKey: OLD });
const rotate = async (): Promise<Rotated[]> => {
	const all: Rotated[] = [];
	await rotateVault({ folder, encryptionKey: NEW, previousKey: OLD }, (each) => all.push(each));
	return all;
};

/** Several versions of each secret, the newest with `{"n":3}`. */
async function fill(key = OLD): Promise<void> {
	for (const name of NAMES) {
		const vault = under(key);
		let { versionId } = await vault.create(name, '{"n":0}');
		for (const n of [1, 2, 3]) ({ versionId } = await vault.write(name, `{"n":${n}}`, versionId));
	}
}

async function files(): Promise<string[]> {
	const folders = await fs.readdir(folder);
	const all = folders.map(async (each) =>
		(await fs.readdir(join(folder, each))).map((file) => join(folder, each, file)),
	);
	return (await Promise.all(all)).flat();
}

/** Version files that the key opens. */
async function openedBy(key: string): Promise<string[]> {
	const opened = (await files()).map(async (file) => {
		const version = Number(/(\d+)\.json$/.exec(file)?.[1]);
		const text = await fs.readFile(file, 'utf8');
		const isOpened = NAMES.some(
			(name) => openWithAny(text, [key], { name, version }) !== undefined,
		);
		return isOpened ? [file] : [];
	});
	return (await Promise.all(opened)).flat();
}

describe('a vault with two keys', () => {
	it('reads what is under the previous one, and writes under the current one', async () => {
		await fill();
		const [name = ''] = NAMES;
		const vault = both();

		const before = await vault.read(name);
		expect(before.content).toBe('{"n":3}');
		await vault.write(name, '{"n":4}', before.versionId);

		expect((await under(NEW).read(name)).content).toBe('{"n":4}');
		expect((await failureOf(under(OLD).read(name))).code).toBe('DECRYPTION_FAILED');
	});

	it('names the setting that a lost key is put into, and the way out if it is gone', async () => {
		await fill();

		const error = await failureOf(under(NEW).read(NAMES[0] ?? ''));
		expect(error.message).toMatch(/VAULTED_OAUTH2_VAULT_PREVIOUS_KEY.*type all secrets again/);
	});

	it('takes a new secret beside one whose key is lost, and never its place', async () => {
		await fill();
		const vault = under(NEW);
		const attempt = 'a1'.repeat(32);

		for (const options of [{}, { attempt }]) {
			const taken = failureOf(vault.create(NAMES[0] ?? '', '{}', options));
			expect((await taken).code).toBe('ALREADY_EXISTS');
		}
		await vault.create(`${NAMES[0]}-again`, '{"new":true}', { attempt });
		expect((await vault.read(`${NAMES[0]}-again`)).content).toBe('{"new":true}');
	});
});

describe('a rotation', () => {
	it('leaves nothing under the previous key, not even a former version', async () => {
		await fill();
		expect(await openedBy(OLD)).toHaveLength(6);

		expect((await rotate()).map(({ outcome }) => outcome)).toEqual(['rewritten', 'rewritten']);

		expect(await openedBy(OLD)).toEqual([]);
		expect(await openedBy(NEW)).toHaveLength(6);
		for (const name of NAMES) expect((await under(NEW).read(name)).content).toBe('{"n":3}');
	});

	it('writes nothing that is under the current key already', async () => {
		await fill();
		await rotate();
		const before = await files();

		expect((await rotate()).map(({ outcome }) => outcome)).toEqual(['unchanged', 'unchanged']);
		expect(await files()).toEqual(before);
	});

	it('of no vault does nothing', async () => {
		expect(await rotate()).toEqual([]);
	});

	it('goes past what it cannot rotate, and says why', async () => {
		await fill();
		const other = localVault({ folder, encryptionKey: 'a third key' });
		await other.create('n8n/lost', '{}');
		const folders = await fs.readdir(folder);
		const nameless = join(folder, folders.find((each) => each.includes('erp')) ?? '');
		for (const file of await fs.readdir(nameless)) {
			const { name: _name, ...rest } = JSON.parse(
				await fs.readFile(join(nameless, file), 'utf8'),
			) as Record<string, unknown>;
			await fs.writeFile(join(nameless, file), JSON.stringify(rest));
		}
		await fs.mkdir(join(folder, 'left-by-a-crash'));

		const all = await rotate();

		expect(all.map(({ outcome }) => outcome).sort()).toEqual([
			'failed',
			'failed',
			'rewritten',
			'unchanged',
		]);
		expect(all.map(({ reason = '' }) => reason).join()).toMatch(/does not name its secret/);
		expect(all.map(({ reason = '' }) => reason).join()).toMatch(/cannot decrypt "n8n\/lost"/);
		// What does not name its secret is read all the same, and named at its next write.
		for (const name of NAMES) expect((await both().read(name)).content).toBe('{"n":3}');
	});

	it('refuses a file that was put into another secret’s folder under its name', async () => {
		await fill();
		const folders = (await fs.readdir(folder)).sort();
		const [own = '', other = ''] = folders.map((each) => join(folder, each));
		await fs.copyFile(join(own, '4.json'), join(other, '5.json'));

		const all = await rotate();

		expect(all.map(({ outcome }) => outcome).sort()).toEqual(['failed', 'rewritten']);
	});

	it('loses nothing that n8n writes meanwhile', async () => {
		await fill();
		const [name = ''] = NAMES;
		const n8n = both();
		const written = { n: 3, isEnough: false };
		const writing = (async () => {
			while (!written.isEnough && written.n < 200) {
				const { versionId } = await n8n.read(name);
				const next = n8n.write(name, `{"n":${written.n + 1}}`, versionId);
				if ((await next.catch(() => undefined)) !== undefined) written.n += 1;
			}
		})();
		const all = await rotate();
		written.isEnough = true;
		await writing;

		expect(all.map(({ outcome }) => outcome)).not.toContain('failed');
		expect((await under(NEW).read(name)).content).toBe(`{"n":${written.n}}`);
		expect(await openedBy(OLD)).toEqual([]);
	});
});

describe('the command rotate-vault-key', () => {
	const environment = (): NodeJS.ProcessEnv => ({
		...process.env,
		N8N_USER_FOLDER: home,
		VAULTED_OAUTH2_VAULT_KEY: NEW,
		VAULTED_OAUTH2_VAULT_PREVIOUS_KEY: OLD,
	});

	/** Runs it in a process of its own, which dies in its `dieAt`-th call into the file system. */
	async function run(
		dieAt?: number,
		env = environment(),
		args: readonly string[] = ['rotate-vault-key'],
	): Promise<{ code: number | null; signal: string | null; output: string }> {
		const child: ChildProcess = fork(require.resolve('./rotationProcess.cjs'), args, {
			execArgv: [],
			silent: true,
			env: { ...env, ...(dieAt === undefined ? {} : { DIE_AT: String(dieAt) }) },
		});
		let output = '';
		for (const stream of [child.stdout, child.stderr])
			stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
		const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
		return { code, signal, output };
	}

	it('says what it did, and that the previous key can go', async () => {
		await fill();

		const { code, output } = await run();

		expect(output).toContain('2 rewritten, 0 under the current key before, 0 failed.');
		expect(output).toContain('VAULTED_OAUTH2_VAULT_PREVIOUS_KEY can be removed');
		expect(output).not.toMatch(/example-(old|new)-key/);
		expect(code).toBe(0);
		expect(await openedBy(OLD)).toEqual([]);
	});

	it('fails, and says to keep the previous key, if a secret could not be rotated', async () => {
		await fill('a third key');

		const { code, output } = await run();

		expect(code).toBe(1);
		expect(output).toContain('0 rewritten, 0 under the current key before, 2 failed.');
		expect(output).toContain('Leave VAULTED_OAUTH2_VAULT_PREVIOUS_KEY set');
	});

	it.each([
		['another command', ['rotate'], {}, 2, 'Usage:'],
		['no key', ['rotate-vault-key'], { VAULTED_OAUTH2_VAULT_KEY: '' }, 1, 'encryption key'],
		[
			'a bad setting',
			['rotate-vault-key'],
			{ VAULTED_OAUTH2_LEASE: 'x' },
			1,
			'VAULTED_OAUTH2_LEASE',
		],
	])('explains itself with %s', async (_name, args, changes, expected, text) => {
		await fill();
		const { code, output } = await run(undefined, { ...environment(), ...changes }, args);

		expect(output).toContain(text);
		expect(code).toBe(expected);
	});

	it('leaves every secret whole in whichever call into the file system it is killed, and goes on from there', async () => {
		await fill();
		// That no call of a single write can do harm is shown in localVaultProcesses.test.ts.
		let kills = 0;
		for (let dieAt = 5; dieAt < MOST_CALLS; dieAt += 8) {
			const { signal } = await run(dieAt);
			for (const name of NAMES) expect((await both().read(name)).content).toBe('{"n":3}');
			if (signal === null) break;
			expect(signal).toBe('SIGKILL');
			kills += 1;
		}
		expect(kills).toBeGreaterThan(4);
		expect(await openedBy(OLD)).toEqual([]);
		for (const name of NAMES) expect((await under(NEW).read(name)).content).toBe('{"n":3}');
	}, 60_000);
});
