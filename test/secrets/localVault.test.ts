import fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ConfigurationError, SecretStoreError, VersionConflictError } from '../../src/errors';
import { localVault } from '../../src/secrets/localVault';
import type { SecretStore, SecretVersion } from '../../src/secrets/store';
import { VaultGate } from '../../src/secrets/vault/gate';
import { describeSecretStore } from '../contracts/secretStore';

const KEY = 'key-of-this-test';
const NAME = 'n8n/vaulted-oauth2/crm-production-7f3kq2';
const MARKER = 'never-in-clear-on-disk';

let home: string;
let folder: string;
let vault: SecretStore;
let otherClient: SecretStore;

beforeEach(async () => {
	home = await fs.mkdtemp(join(tmpdir(), 'vault-'));
	folder = join(home, 'vaulted-oauth2');
	vault = localVault({ folder, encryptionKey: KEY });
	// As in another process, which has a gate of its own.
	otherClient = localVault({ folder, encryptionKey: KEY, gate: new VaultGate() });
});

afterEach(async () => {
	jest.restoreAllMocks();
	await fs.rm(home, { recursive: true, force: true });
});

describeSecretStore('the local vault', async () => {
	const options = { folder: await fs.mkdtemp(join(home, 'contract-')), encryptionKey: KEY };
	return {
		store: localVault(options),
		secondClient: localVault({ ...options, gate: new VaultGate() }),
		close: () => Promise.resolve(),
	};
});

describe('the local vault on disk', () => {
	it('keeps its folders and files from other users of the machine', async () => {
		const created = await vault.create(NAME, '{}');
		await vault.write(NAME, '{"n":1}', created.versionId);

		const secretFolder = await folderOf();
		expect(await modeOf(folder)).toBe(0o700);
		expect(await modeOf(secretFolder)).toBe(0o700);
		for (const file of await fs.readdir(secretFolder)) {
			expect(await modeOf(join(secretFolder, file))).toBe(0o600);
		}
	});

	it('holds neither content nor key in clear', async () => {
		const content = JSON.stringify({ refresh_token: MARKER, label: 'CRM' });
		const created = await vault.create(NAME, content);
		await vault.write(NAME, `${content} `, created.versionId);

		const texts = await Promise.all(
			(await versionFiles()).map((file) => fs.readFile(file, 'latin1')),
		);
		expect(texts).toHaveLength(2);
		for (const clear of [MARKER, 'refresh_token', KEY]) {
			for (const text of texts) {
				expect(text).not.toContain(clear);
				expect(decoded(text)).not.toContain(clear);
			}
		}
	});

	it('never uses a key, salt or nonce twice', async () => {
		await chain(3);

		const files = await Promise.all((await versionFiles()).map(readJson));
		expect(new Set(files.map(({ salt }) => salt)).size).toBe(3);
		expect(new Set(files.map(({ nonce }) => nonce)).size).toBe(3);
		expect(new Set(files.map(({ sealed }) => sealed)).size).toBe(3);
	});

	it('keeps the newest three versions', async () => {
		await chain(6);

		expect((await fs.readdir(await folderOf())).sort()).toEqual(['4.json', '5.json', '6.json']);
	});

	const oddNames = [
		['leading upwards', '../../../escaped'],
		['upwards only', '..'],
		['the folder itself', '.'],
		['absolute', '/etc/escaped'],
		['with backslashes', '..\\..\\escaped'],
		['reserved by Windows', 'con'],
		['with a zero byte', 'before\0after'],
		['with a line break', 'before\nafter'],
		['in another script', '東京/本番🔐'],
		['as long as allowed', 'a/'.repeat(256)],
	] as const;

	it.each(oddNames)('keeps a name %s inside its folder', async (_, name) => {
		await vault.create(name, '{"a":1}');

		expect(await otherClient.read(name)).toMatchObject({ secretId: name, content: '{"a":1}' });
		expect(await fs.readdir(home)).toEqual(['vaulted-oauth2']);
		const folders = await fs.readdir(folder);
		expect(folders).toHaveLength(1);
		expect(folders[0]).toMatch(/^[a-z0-9][a-z0-9-]{1,99}$/);
	});

	it('lets a person recognise a secret, and tells names apart that differ in case or in composition only', async () => {
		const names = [
			NAME,
			NAME.toUpperCase(),
			'é',
			'e\u0301',
			'\ud800',
			'\ud801',
			'a/b',
			'a-b',
			'a.b',
		];
		for (const name of names) await vault.create(name, JSON.stringify({ name }));

		const folders = await fs.readdir(folder);
		expect(new Set(folders.map((each) => each.toLowerCase())).size).toBe(names.length);
		expect(
			folders.some((each) => each.startsWith('n8n-vaulted-oauth2-crm-production-7f3kq2-')),
		).toBe(true);
	});

	it.each(['', 'x'.repeat(513)])(
		'refuses a name without or with too many characters',
		async (name) => {
			expect(await codeOf(vault.create(name, '{}'))).toBe('INVALID_REQUEST');
		},
	);

	it('takes 64 KiB and refuses one byte more', async () => {
		const created = await vault.create(NAME, 'x'.repeat(65_536));

		expect(await codeOf(vault.write(NAME, 'é'.repeat(32_768) + 'x', created.versionId))).toBe(
			'TOO_LARGE',
		);
		expect(await codeOf(vault.create(`${NAME}-2`, 'x'.repeat(65_537)))).toBe('TOO_LARGE');
		expect((await vault.read(NAME)).versionId).toBe(created.versionId);
	});
});

describe('the local vault and its key', () => {
	it('cannot be opened without one, and says where n8n has it', () => {
		const opened = () => localVault({ folder, encryptionKey: '' });

		expect(opened).toThrow(ConfigurationError);
		expect(opened).toThrow(/Secret Store.*N8N_ENCRYPTION_KEY.*settings file/);
	});

	it('gives nothing away to another key, and lets it overwrite nothing', async () => {
		const created = await vault.create(NAME, '{"n":0}');
		const locked = localVault({ folder, encryptionKey: `${KEY}.` });

		expect(await codeOf(locked.read(NAME))).toBe('DECRYPTION_FAILED');
		expect(await codeOf(locked.write(NAME, '{}', created.versionId))).toBe('DECRYPTION_FAILED');
		await expect(locked.read(NAME)).rejects.toThrow(/N8N_ENCRYPTION_KEY.*backup/);
		expect(await vault.read(NAME)).toEqual(created);
	});
});

describe('the local vault after damage', () => {
	it('refuses the newest file when it was cut short, wherever, and never falls back to spent tokens', async () => {
		await chain(2);
		const newest = join(await folderOf(), '2.json');
		const whole = await fs.readFile(newest);

		for (let length = 0; length < whole.length; length++) {
			await fs.writeFile(newest, whole.subarray(0, length));
			expect(await codeOf(vault.read(NAME))).toBe('DECRYPTION_FAILED');
		}
		await fs.writeFile(newest, whole);
		expect((await vault.read(NAME)).content).toBe('{"n":2}');
	});

	it('refuses a file in which any byte of salt, nonce or sealed text was changed', async () => {
		await chain(1);
		const file = join(await folderOf(), '1.json');
		const whole = await readJson(file);

		for (const field of ['salt', 'nonce', 'sealed'] as const) {
			const original = Buffer.from(whole[field] ?? '', 'base64');
			for (let position = 0; position < original.length; position++) {
				const changed = Buffer.from(original);
				changed.writeUInt8(changed.readUInt8(position) ^ 1, position);
				await fs.writeFile(file, JSON.stringify({ ...whole, [field]: changed.toString('base64') }));
				expect(await codeOf(vault.read(NAME))).toBe('DECRYPTION_FAILED');
			}
		}
	});

	it.each(['null', '[]', '{}', '{"format":1}'])('refuses a file with %s in it', async (text) => {
		await chain(1);
		await fs.writeFile(join(await folderOf(), '1.json'), text);

		expect(await codeOf(vault.read(NAME))).toBe('DECRYPTION_FAILED');
	});

	it("refuses another secret's file, and an older version's in the place of a newer one", async () => {
		await chain(2);
		await vault.create('another', '{}');
		const [own, other] = [await folderOf(), await folderOf('another')];

		await fs.copyFile(join(own, '1.json'), join(other, '1.json'));
		await fs.copyFile(join(own, '1.json'), join(own, '3.json'));

		expect(await codeOf(vault.read('another'))).toBe('DECRYPTION_FAILED');
		expect(await codeOf(vault.read(NAME))).toBe('DECRYPTION_FAILED');
	});

	it('takes a restored version for another one than that of the same number which was read before', async () => {
		const created = await vault.create(NAME, '{"n":0}');
		const before = await vault.write(NAME, '{"n":1}', created.versionId);
		await fs.unlink(join(await folderOf(), '2.json'));
		const restarted = localVault({ folder, encryptionKey: KEY });
		await restarted.write(NAME, '{"restored":true}', created.versionId);

		const stale = otherClient.write(NAME, '{"n":2}', before.versionId);
		await expect(stale).rejects.toThrow(VersionConflictError);
	});

	describe('by an old copy of a secret’s folder that is put back', () => {
		let secretFolder: string;
		let copy: string;

		beforeEach(async () => {
			await chain(2);
			const { versionId } = await vault.read(NAME);
			secretFolder = await folderOf();
			copy = join(home, 'copy');
			await fs.cp(secretFolder, copy, { recursive: true });
			await vault.write(NAME, '{"n":3}', versionId);
		});

		const putBack = async (): Promise<void> => {
			await fs.rm(secretFolder, { recursive: true });
			await fs.cp(copy, secretFolder, { recursive: true });
		};

		it('says so while the process runs that knows better, and changes nothing', async () => {
			await putBack();
			const { versionId } = await localVault({ folder, encryptionKey: KEY }).read(NAME);

			for (const call of [
				vault.read(NAME),
				vault.write(NAME, '{}', versionId),
				vault.assertWritable({ secretId: NAME, versionId, content: '{"n":2}' }),
			]) {
				const error = await errorOf(call);
				expect(error).toMatchObject({ code: 'ROLLED_BACK', temporary: false });
				expect(error.message).toContain('from version 3 to 2');
				expect(error.message).toMatch(/restart n8n/);
			}
		});

		it('says so too if only the newest file was removed', async () => {
			await fs.unlink(join(secretFolder, '3.json'));

			expect(await codeOf(vault.read(NAME))).toBe('ROLLED_BACK');
		});

		it('goes on with it after a restart, or once it is newer again', async () => {
			await putBack();
			const restarted = localVault({ folder, encryptionKey: KEY });
			let current = await restarted.read(NAME);
			expect(current.content).toBe('{"n":2}');

			await restarted.write(NAME, '{"n":30}', current.versionId);
			current = await vault.read(NAME);
			expect(current.content).toBe('{"n":30}');
		});

		it('is a missing secret if it is gone altogether, which can be created again', async () => {
			await fs.rm(secretFolder, { recursive: true });

			expect(await codeOf(vault.read(NAME))).toBe('NOT_FOUND');
			await vault.create(NAME, '{"again":true}');
			expect((await vault.read(NAME)).content).toBe('{"again":true}');
		});
	});

	it('reads and writes on, whatever a crash left of a temporary file', async () => {
		let current = await vault.create(NAME, '{"n":0}');
		const whole = await fs.readFile(join(await folderOf(), '1.json'));

		for (const length of [0, 1, 2, whole.length >> 1, whole.length - 1, whole.length]) {
			await fs.writeFile(join(await folderOf(), '.new-left'), whole.subarray(0, length));
			expect(await vault.read(NAME)).toEqual(current);
			await vault.write(NAME, `{"n":${length}}`, current.versionId);
			current = await vault.read(NAME);
			expect(current.content).toBe(`{"n":${length}}`);
		}
	});

	it('creates a secret where a crash left nothing but its folder', async () => {
		await vault.create(NAME, '{}');
		await fs.unlink(join(await folderOf(), '1.json'));

		expect(await codeOf(vault.read(NAME))).toBe('NOT_FOUND');
		await vault.create(NAME, '{"n":1}');
		expect((await vault.read(NAME)).content).toBe('{"n":1}');
	});

	it('removes temporary files once they are too old to be in use, and no others', async () => {
		const { versionId } = await vault.create(NAME, '{}');
		const secretFolder = await folderOf();
		const lastYear = new Date(Date.now() - 365 * 24 * 3_600_000);
		for (const file of ['.new-old', '.new-fresh', 'note.txt']) {
			await fs.writeFile(join(secretFolder, file), '');
			if (file !== '.new-fresh') await fs.utimes(join(secretFolder, file), lastYear, lastYear);
		}

		await vault.write(NAME, '{"n":1}', versionId);

		const files = (await fs.readdir(secretFolder)).sort();
		expect(files).toEqual(['.new-fresh', '1.json', '2.json', 'note.txt']);
	});
});

describe('the local vault and the file system', () => {
	const failures = [
		['EACCES', 'ACCESS_DENIED', false],
		['EPERM', 'ACCESS_DENIED', false],
		['EROFS', 'ACCESS_DENIED', false],
		['ENOSPC', 'LIMIT_EXCEEDED', false],
		['EDQUOT', 'LIMIT_EXCEEDED', false],
		['EIO', 'UNAVAILABLE', true],
	] as const;

	it.each(failures)(
		'reports %s as %s and leaves the version that was there',
		async (errno, code, temporary) => {
			const created = await vault.create(NAME, '{"n":0}');
			jest.spyOn(fs, 'link').mockRejectedValueOnce(systemError(errno));

			const error = await errorOf(vault.write(NAME, '{"n":1}', created.versionId));

			expect(error).toMatchObject({ code, temporary, action: 'write', secretId: NAME });
			expect(error.message).toContain(errno);
			expect(await vault.read(NAME)).toEqual(created);
			expect(await fs.readdir(await folderOf())).toEqual(['1.json']);
		},
	);

	it('reports what keeps it from reading', async () => {
		await vault.create(NAME, '{}');
		jest.spyOn(fs, 'readFile').mockRejectedValueOnce(systemError('EACCES'));

		expect(await errorOf(vault.read(NAME))).toMatchObject({
			code: 'ACCESS_DENIED',
			action: 'read',
		});
	});

	it('reports a file in the place of its folder', async () => {
		await fs.writeFile(folder, '');

		expect(await codeOf(vault.create(NAME, '{}'))).toBe('UNAVAILABLE');
		expect(await codeOf(vault.read(NAME))).toBe('UNAVAILABLE');
	});

	it('succeeds with the same version when a write is repeated whose outcome was not known', async () => {
		const created = await vault.create(NAME, '{"n":0}');
		const secretFolder = await folderOf();
		const realOpen = fs.open;
		const open = jest
			.spyOn(fs, 'open')
			.mockImplementation((path, ...rest) =>
				path === secretFolder ? Promise.reject(systemError('EIO')) : realOpen(path, ...rest),
			);

		expect(await codeOf(vault.write(NAME, '{"n":1}', created.versionId))).toBe('UNAVAILABLE');
		const written = await vault.read(NAME);
		// As long as it is not certain to outlive a crash, it is not reported as written.
		expect(await codeOf(vault.write(NAME, '{"n":1}', created.versionId))).toBe('UNAVAILABLE');
		open.mockRestore();

		const repeated = await vault.write(NAME, '{"n":1}', created.versionId);
		expect(repeated).toEqual({ versionId: written.versionId });
		expect(await vault.read(NAME)).toEqual(written);
	});
});

describe('an attempt to create a secret in the local vault', () => {
	const attempt = 'a1'.repeat(32);

	it('succeeds when it is repeated because its outcome was not known, once it is certain to outlive a crash', async () => {
		await vault.create(NAME, '{}');
		await fs.unlink(join(await folderOf(), '1.json'));
		const secretFolder = await folderOf();
		const realOpen = fs.open;
		const open = jest
			.spyOn(fs, 'open')
			.mockImplementation((path, ...rest) =>
				path === secretFolder ? Promise.reject(systemError('EIO')) : realOpen(path, ...rest),
			);

		expect(await codeOf(vault.create(NAME, '{"n":0}', { attempt }))).toBe('UNAVAILABLE');
		const stored = await vault.read(NAME);
		expect(await codeOf(vault.create(NAME, '{"n":0}', { attempt }))).toBe('UNAVAILABLE');
		open.mockRestore();

		expect(await otherClient.create(NAME, '{"n":0}', { attempt })).toEqual(stored);
		expect(await fs.readdir(secretFolder)).toEqual(['1.json']);
	});

	it('never uses a key twice, although the version id depends on it', async () => {
		await vault.create(NAME, '{}', { attempt });
		await vault.create('another', '{}', { attempt });

		const files = await Promise.all(
			[NAME, 'another'].map(async (name) => await readJson(join(await folderOf(name), '1.json'))),
		);
		expect(files[0]?.['nonce']).toBe(files[1]?.['nonce']);
		expect(files[0]?.['salt']).not.toBe(files[1]?.['salt']);
	});
});

describe('a version of the local vault that is to be replaced', () => {
	it.each([
		['EACCES', 'ACCESS_DENIED'],
		['EROFS', 'ACCESS_DENIED'],
		['ENOSPC', 'LIMIT_EXCEEDED'],
	] as const)('cannot be, because of %s, and that shows before', async (errno, code) => {
		const created = await vault.create(NAME, '{"n":0}');
		const realOpen = fs.open;
		jest
			.spyOn(fs, 'open')
			.mockImplementation((path, flags, ...rest) =>
				flags === 'wx' ? Promise.reject(systemError(errno)) : realOpen(path, flags, ...rest),
			);

		const error = await errorOf(vault.assertWritable(created));

		expect(error).toMatchObject({ code, action: 'write', secretId: NAME });
		expect(error.message).toContain(errno);
	});

	it('leaves nothing behind', async () => {
		const created = await vault.create(NAME, '{"n":0}');
		const open = jest.spyOn(fs, 'open');

		await vault.assertWritable(created);

		expect(open.mock.calls.filter(([, flags]) => flags === 'wx')).toHaveLength(1);
		expect(await fs.readdir(await folderOf())).toEqual(['1.json']);
	});
});

describe('writers of the local vault that overtake each other', () => {
	it('lets a writer that slept until its number was free again overwrite nothing', async () => {
		const created = await vault.create(NAME, '{"n":0}');
		beforeLinking(() => advance(otherClient, 4));

		const sleeper = vault.write(NAME, '{"sleeper":true}', created.versionId);

		await expect(sleeper).rejects.toThrow(VersionConflictError);
		expect((await vault.read(NAME)).content).toBe('{"advanced":4}');
		expect((await fs.readdir(await folderOf())).sort()).toEqual(['3.json', '4.json', '5.json']);
	});

	it.each([1, 2, 3])('lets it overwrite nothing after %d other writes either', async (writes) => {
		const created = await vault.create(NAME, '{"n":0}');
		beforeLinking(() => advance(otherClient, writes));

		const sleeper = vault.write(NAME, '{"sleeper":true}', created.versionId);

		await expect(sleeper).rejects.toThrow(VersionConflictError);
		expect((await vault.read(NAME)).content).toBe(`{"advanced":${writes}}`);
	});

	it('lets a creator that slept for as long create nothing', async () => {
		beforeLinking(async () => {
			await otherClient.create(NAME, '{"n":0}');
			await advance(otherClient, 4);
		});

		expect(await codeOf(vault.create(NAME, '{"sleeper":true}'))).toBe('ALREADY_EXISTS');
		expect((await vault.read(NAME)).content).toBe('{"advanced":4}');
	});

	it.each([1, 2])(
		'reports success to a writer that %d others built upon before it could look',
		async (writes) => {
			const created = await vault.create(NAME, '{"n":0}');
			afterLinking(() => advance(otherClient, writes));

			const written = await vault.write(NAME, '{"first":true}', created.versionId);

			expect(written.versionId).toMatch(/^2-/);
			expect((await vault.read(NAME)).content).toBe(`{"advanced":${writes}}`);
		},
	);

	it('reports a conflict to a writer that so many others built upon that its version is pruned', async () => {
		const created = await vault.create(NAME, '{"n":0}');
		afterLinking(() => advance(otherClient, 3));

		const writer = vault.write(NAME, '{"first":true}', created.versionId);

		await expect(writer).rejects.toThrow(VersionConflictError);
		expect((await vault.read(NAME)).content).toBe('{"advanced":3}');
	});

	it('takes what is current anyway, written from an older version, for a conflict and not for a repeated write', async () => {
		const created = await vault.create(NAME, '{"n":0}');
		await advance(vault, 2);

		const stale = vault.write(NAME, '{"advanced":2}', created.versionId);

		await expect(stale).rejects.toThrow(VersionConflictError);
	});

	it('reads the newest version when the one it was about to read is pruned', async () => {
		await vault.create(NAME, '{"n":0}');
		const realReadFile = fs.readFile;
		jest.spyOn(fs, 'readFile').mockImplementationOnce(async (path, options) => {
			await advance(otherClient, 5);
			return await realReadFile(path, options);
		});

		expect((await vault.read(NAME)).content).toBe('{"advanced":5}');
	});

	it('does not call a secret missing because one listing overlapped so many writes that it showed nothing', async () => {
		await vault.create(NAME, '{"n":0}');
		jest.spyOn(fs, 'readdir').mockResolvedValueOnce([]);

		expect((await vault.read(NAME)).content).toBe('{"n":0}');
	});

	it('says that the store is unavailable, not that the secret is gone, when versions vanish faster than it reads', async () => {
		await vault.create(NAME, '{"n":0}');
		jest.spyOn(fs, 'readFile').mockRejectedValue(systemError('ENOENT'));

		expect(await codeOf(vault.read(NAME))).toBe('UNAVAILABLE');
	});
});

function beforeLinking(action: () => Promise<unknown>): void {
	const realLink = fs.link;
	jest.spyOn(fs, 'link').mockImplementationOnce(async (from, to) => {
		await action();
		await realLink(from, to);
	});
}

function afterLinking(action: () => Promise<unknown>): void {
	const realLink = fs.link;
	jest.spyOn(fs, 'link').mockImplementationOnce(async (from, to) => {
		await realLink(from, to);
		await action();
	});
}

/** Writes `count` further versions, each built upon the one before. */
async function advance(client: SecretStore, count: number): Promise<void> {
	for (let n = 1; n <= count; n++) {
		const { versionId } = await client.read(NAME);
		await client.write(NAME, `{"advanced":${n}}`, versionId);
	}
}

/** A secret with `count` versions. */
async function chain(count: number): Promise<void> {
	let current: Pick<SecretVersion, 'versionId'> = await vault.create(NAME, '{"n":1}');
	for (let n = 2; n <= count; n++) {
		current = await vault.write(NAME, `{"n":${n}}`, current.versionId);
	}
}

async function folderOf(name = NAME): Promise<string> {
	const slug = name.replaceAll('/', '-');
	const found = (await fs.readdir(folder)).find((each) => each.startsWith(slug));
	return join(folder, found ?? 'none');
}

async function versionFiles(): Promise<string[]> {
	const secretFolder = await folderOf();
	return (await fs.readdir(secretFolder)).map((file) => join(secretFolder, file));
}

async function readJson(file: string): Promise<Partial<Record<string, string>>> {
	return JSON.parse(await fs.readFile(file, 'utf8')) as Record<string, string>;
}

function decoded(text: string): string {
	const fields = Object.values(JSON.parse(text) as Record<string, string>);
	return fields.map((field) => Buffer.from(field, 'base64').toString('latin1')).join();
}

async function modeOf(path: string): Promise<number> {
	return (await fs.stat(path)).mode & 0o777;
}

function systemError(code: string): Error {
	return Object.assign(new Error(`${code}: as the system would say`), { code });
}

async function errorOf(promise: Promise<unknown>): Promise<SecretStoreError> {
	const reason: unknown = await promise.then(
		() => undefined,
		(error: unknown) => error,
	);
	expect(reason).toBeInstanceOf(SecretStoreError);
	return reason as SecretStoreError;
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
	return (await errorOf(promise)).code;
}
