import { SecretStoreError } from '../../src/errors';
import type { Bundle } from '../../src/secrets/bundle';
import { formatBundle } from '../../src/secrets/bundleFormat';
import { tokensIssued, type Patch } from '../../src/secrets/patches';
import { sha256 } from '../../src/secrets/pointer';
import { SealedBundle } from '../../src/secrets/sealedBundle';
import type { SecretStore } from '../../src/secrets/store';
import { failureOf } from '../support/failureOf';
import { MemoryStore } from '../support/memoryStore';
import { VirtualTime } from '../tokens/virtualTime';

const KEY = 'k'.repeat(43);
const SECOND = 1000;

let store: MemoryStore;
let time: VirtualTime;
let alarms: string[];

beforeEach(() => {
	store = new MemoryStore();
	time = new VirtualTime();
	alarms = [];
	const bundle: Bundle = {
		label: 'L',
		keySha256: sha256(KEY),
		sealedFor: { grantType: 'refresh_token', clientId: 'c', apiOrigins: [] },
		refreshToken: 'rt-0',
		issuedSha256: sha256('rt-0'),
		tokenSets: [],
		typedSha256: {},
		generation: 0,
		other: {},
	};
	store.secrets.set('s', { version: 1, content: formatBundle(bundle) });
});

/** Another process's view. */
const open = (
	through: SecretStore = store,
	onWritten: (patches: readonly Patch[]) => void = () => undefined,
): SealedBundle =>
	new SealedBundle({
		store: through,
		ref: { store: { kind: 'localVault' }, secretId: 's', key: KEY },
		clock: time.clock(),
		onUnsaved: ({ code }: SecretStoreError) => alarms.push(code),
		onSaved: () => alarms.push('saved'),
		onWritten,
	});

/** The store, with some of its methods replaced. */
const replacing = (methods: Partial<SecretStore>): SecretStore => ({
	kind: store.kind,
	versionsPerDay: undefined,
	create: (name, content) => store.create(name, content),
	read: (id) => store.read(id),
	describe: (id) => store.describe(id),
	list: (prefix, most) => store.list(prefix, most),
	versionsLeft: () => store.versionsLeft(),
	previous: (id) => store.previous(id),
	isOwn: (id) => store.isOwn(id),
	write: (id, content, expected) => store.write(id, content, expected),
	assertWritable: (version) => store.assertWritable(version),
	...methods,
});

const edit = (changes: object): void => store.edit((json) => ({ ...json, ...changes }));

const renamed = (label: string): Patch => ({
	name: 'renamed',
	keep: 'no',
	apply: (newest) => ({ ...newest, label }),
});

/** The `n`-th redemption, of the refresh token that the one before brought. */
const rotated = (n: number): Patch =>
	tokensIssued({
		redeemed: `rt-${n - 1}`,
		issued: {
			tokenSet: { accessToken: `at-${n}`, issuedAt: 1, expiresAt: null, requestedFor: 'f' },
			refreshToken: `rt-${n}`,
		},
		owner: 'us',
	});

/** A token that came without a refresh token. */
const issued = (accessToken: string): Patch =>
	tokensIssued({
		redeemed: undefined,
		issued: { tokenSet: { accessToken, issuedAt: 1, expiresAt: null, requestedFor: 'f' } },
		owner: 'us',
	});

describe('a change', () => {
	it('keeps edits, whether they were read or not', async () => {
		const sealed = open();
		await sealed.read();
		edit({ note: 'by hand' });
		await sealed.update(rotated(1));
		expect(store.json()).toMatchObject({ note: 'by hand', refresh_token: 'rt-1' });
	});

	it('and another one of the same process at the same moment: both are made', async () => {
		const sealed = open();
		await Promise.all([sealed.update(renamed('changed')), sealed.update(rotated(1))]);
		expect(store.json()).toMatchObject({ label: 'changed', refresh_token: 'rt-1' });
		expect(sealed.unsaved).toBe(false);
	});

	it('of three processes at the same moment: all are made', async () => {
		await Promise.all([
			open().update(renamed('changed')),
			open().update(rotated(1)),
			open().update({
				name: 'note',
				keep: 'no',
				apply: (newest) => ({ ...newest, other: { note: 'n' } }),
			}),
		]);
		expect(store.json()).toMatchObject({ label: 'changed', refresh_token: 'rt-1', note: 'n' });
	});

	it('that comes while another one is written is not lost from memory', async () => {
		let written: () => void = () => undefined;
		const sealed = open(
			replacing({
				write: async (id, content, expected) => {
					const result = await store.write(id, content, expected);
					if (content.includes('changed'))
						await new Promise<void>((resolve) => (written = resolve));
					return result;
				},
			}),
		);
		await sealed.read();
		const changing = sealed.update(renamed('changed'));
		await new Promise(setImmediate);
		// The store has the change; this process does not know yet.
		sealed.remember(issued('at-1'));
		written();
		await changing;
		expect(sealed.lastKnown).toMatchObject({
			label: 'changed',
			tokenSets: [{ accessToken: 'at-1' }],
		});
	});

	it('that is none makes no version', async () => {
		await open().update(renamed('L'));
		expect(store.versions()).toBe(1);
	});

	it('that is refused by itself is not made', async () => {
		const refusing: Patch = {
			name: 'refusing',
			keep: 'no',
			apply: () => {
				throw new Error('used before');
			},
		};
		await expect(open().update(refusing)).rejects.toThrow('used before');
		expect(store.versions()).toBe(1);
	});

	it('gives up if others are always first, and is made at the next try', async () => {
		let isBusy = true;
		const sealed = open(
			replacing({
				write: async (id, content, expected) => {
					if (isBusy) edit({ at: Math.random() });
					return await store.write(id, content, expected);
				},
			}),
		);
		const error = await failureOf(sealed.update(rotated(1)));
		expect(error).toMatchObject({ failureClass: 'secretStore', code: 'UNAVAILABLE' });
		expect(store.count('write')).toBeLessThan(10);
		isBusy = false;
		await time.run(SECOND);
		expect(store.json()).toMatchObject({ refresh_token: 'rt-1' });
	});
});

describe('a change that the store does not take', () => {
	it('stays in memory if it must not be lost, raises one alarm, and is written by itself', async () => {
		const sealed = open();
		await sealed.read();
		store.fail('write', 'UNAVAILABLE', Infinity);
		await failureOf(sealed.update(rotated(1)));
		expect(sealed.lastKnown).toMatchObject({ refreshToken: 'rt-1' });
		expect(sealed.unsaved).toBe(true);
		await time.run(60 * SECOND);
		expect(alarms).toEqual(['UNAVAILABLE']);
		store.heal();
		await time.run(5 * SECOND);
		expect(store.json()).toMatchObject({ refresh_token: 'rt-1' });
		expect(alarms).toEqual(['UNAVAILABLE', 'saved']);
		expect(sealed.unsaved).toBe(false);
		await sealed.update(rotated(2));
		expect(alarms).toEqual(['UNAVAILABLE', 'saved']);
		store.fail('write', 'ACCESS_DENIED', Infinity);
		await failureOf(sealed.update(rotated(3)));
		expect(alarms).toEqual(['UNAVAILABLE', 'saved', 'ACCESS_DENIED']);
	});

	it('is written with all that followed it', async () => {
		const sealed = open();
		await sealed.read();
		store.fail('write', 'ACCESS_DENIED', Infinity);
		for (const n of [1, 2, 3]) await failureOf(sealed.update(rotated(n)));
		store.heal();
		edit({ note: 'by hand' });
		await sealed.flush();
		expect(store.json()).toMatchObject({ refresh_token: 'rt-3', generation: 3, note: 'by hand' });
	});

	it('is tried every 2 minutes if the store goes on refusing it', async () => {
		const sealed = open();
		await sealed.read();
		store.fail('write', 'ACCESS_DENIED', Infinity);
		await failureOf(sealed.update(rotated(1)));
		await time.run(120 * SECOND);
		const before = store.count('write');
		await time.run(600 * SECOND);
		expect(store.count('write') - before).toBe(5);
	});

	it('is forgotten if it may be', async () => {
		const sealed = open();
		await sealed.read();
		store.fail('write', 'UNAVAILABLE');
		await failureOf(sealed.update(renamed('changed')));
		expect(sealed.lastKnown).toMatchObject({ label: 'L' });
		await time.run(600 * SECOND);
		expect(store.versions()).toBe(1);
		expect(alarms).toEqual([]);
	});

	it('stays in memory without an alarm if it is only a token, and is written with the next one', async () => {
		const sealed = open();
		await sealed.read();
		store.fail('write', 'UNAVAILABLE');
		await failureOf(sealed.update(issued('at-1')));
		expect(sealed.unsaved).toBe(false);
		expect(alarms).toEqual([]);
		await sealed.update(renamed('changed'));
		expect(store.json()).toMatchObject({ label: 'changed', token: { access_token: 'at-1' } });
	});

	it('is not written over a bundle of a newer version of this package', async () => {
		const sealed = open();
		await sealed.read();
		edit({ vaulted_oauth2: 2, new_part: { kept: true } });
		await expect(failureOf(sealed.update(rotated(1)))).resolves.toMatchObject({
			code: 'BUNDLE_TOO_NEW',
		});
		await time.run(600 * SECOND);
		expect(store.json()).toMatchObject({ vaulted_oauth2: 2, refresh_token: 'rt-0' });
		expect(store.versions()).toBe(2);
		// It is still served from memory.
		expect(sealed.lastKnown).toMatchObject({ refreshToken: 'rt-1' });
	});
});

describe('what is only offered', () => {
	it('is written if nobody has written since', async () => {
		const sealed = open();
		await sealed.read();
		sealed.remember(issued('at-1'));
		await sealed.offer();
		expect(store.json()).toMatchObject({ token: { access_token: 'at-1' } });
	});

	it('is written by one of those who offer it at the same moment, and served by each from memory', async () => {
		const all = [open(), open(), open()];
		await Promise.all(
			all.map(async (sealed, n) => {
				await sealed.read();
				sealed.remember(issued(`at-${n}`));
				await sealed.offer();
			}),
		);
		expect(store.versions()).toBe(2);
		expect(all.map((sealed) => sealed.lastKnown?.tokenSets[0]?.accessToken)).toEqual([
			'at-0',
			'at-1',
			'at-2',
		]);
		expect(all.map((sealed) => sealed.unsaved)).toEqual([false, false, false]);
	});

	it('puts back an edit that it overwrote', async () => {
		const sealed = open(overwriting({ note: 'by hand' }));
		await sealed.read();
		sealed.remember(issued('at-1'));
		await sealed.offer();
		expect(store.json()).toMatchObject({ note: 'by hand', token: { access_token: 'at-1' } });
	});
});

/** As AWS does: an edit lands between our look and our put, and shows afterwards. */
function overwriting(changes: object): SecretStore {
	let overwritten = 0;
	return replacing({
		write: async (id, content, expected) => {
			if (overwritten > 0) return await store.write(id, content, expected);
			overwritten += 1;
			edit(changes);
			const replaced = await store.read(id);
			return { ...(await store.write(id, content, replaced.versionId)), replaced };
		},
	});
}

describe('an edit that was overwritten', () => {
	it('is put back below the tokens of the write', async () => {
		await open(overwriting({ client_secret: 'cs-2' })).update(rotated(1));
		expect(store.json()).toMatchObject({ client_secret: 'cs-2', refresh_token: 'rt-1' });
	});

	it('is put back with the refresh token that was typed', async () => {
		await open(overwriting({ refresh_token: 'theirs' })).update(rotated(1));
		expect(store.json()).toMatchObject({ refresh_token: 'theirs' });
	});

	it('is put back later if the store is gone by then', async () => {
		let writes = 0;
		const through = overwriting({ client_secret: 'cs-2' });
		const sealed = open(
			replacing({
				write: async (id, content, expected) => {
					writes += 1;
					if (writes === 2) store.fail('write', 'UNAVAILABLE', 2);
					return await through.write(id, content, expected);
				},
			}),
		);
		await failureOf(sealed.update(rotated(1)));
		await time.run(5 * SECOND);
		expect(store.json()).toMatchObject({ client_secret: 'cs-2', refresh_token: 'rt-1' });
	});
});

it('an edit that was overwritten by a write whose answer was lost is put back', async () => {
	const through = overwriting({ client_secret: 'cs-2' });
	let writes = 0;
	const sealed = open(
		replacing({
			write: async (id, content, expected) => {
				const written = await through.write(id, content, expected);
				writes += 1;
				if (writes > 1) return written;
				throw new SecretStoreError('lost', { code: 'UNREACHABLE', action: 'write', secretId: id });
			},
		}),
	);
	await failureOf(sealed.update(rotated(1)));
	await sealed.read();
	await time.run(5 * SECOND);
	expect(store.json()).toMatchObject({ client_secret: 'cs-2', refresh_token: 'rt-1' });
});

describe('an older copy that an administrator writes back', () => {
	/** Two refreshes by one process, then the bundle as it was before, with other edits in it. */
	async function writtenBack(changes: object = {}): Promise<SealedBundle> {
		const sealed = open();
		const copy = store.json();
		await sealed.update(rotated(1));
		await sealed.update(rotated(2));
		store.edit(() => ({ ...copy, note: 'by hand', ...changes }));
		return sealed;
	}

	it('gets the newest tokens back, by the process that knows them', async () => {
		const sealed = await writtenBack();
		await expect(sealed.read()).resolves.toMatchObject({ refreshToken: 'rt-2' });
		await time.run(SECOND);
		expect(store.json()).toMatchObject({ note: 'by hand', refresh_token: 'rt-2', generation: 2 });
	});

	it('gets them back by a process that knows nothing but the store', async () => {
		await writtenBack();
		const cold = open();
		await expect(cold.read()).resolves.toMatchObject({ refreshToken: 'rt-2' });
		await time.run(SECOND);
		expect(store.json()).toMatchObject({ note: 'by hand', refresh_token: 'rt-2' });
	});

	it('gets them back once, however many processes see it', async () => {
		const all = [await writtenBack(), open(), open()];
		await Promise.all(all.map(async (sealed) => await sealed.read()));
		const before = store.versions();
		await time.run(10 * SECOND);
		expect(store.versions()).toBe(before + 1);
		expect(all.map(({ unsaved }) => unsaved)).toEqual([false, false, false]);
	});

	it('stays as it is if another refresh token was typed into it', async () => {
		const sealed = await writtenBack({ refresh_token: 'theirs' });
		await expect(sealed.read()).resolves.toMatchObject({ refreshToken: 'theirs' });
		await expect(open().read()).resolves.toMatchObject({ refreshToken: 'theirs' });
		await time.run(10 * SECOND);
		expect(store.json()).toMatchObject({ refresh_token: 'theirs', note: 'by hand' });
	});

	it('stays as it is if the refresh token was taken out of it', async () => {
		const sealed = await writtenBack({ refresh_token: undefined });
		await expect(sealed.read()).resolves.not.toHaveProperty('refreshToken');
	});

	it('costs each process one look at the version before', async () => {
		await writtenBack();
		const cold = open();
		for (let look = 0; look < 5; look += 1) {
			await cold.read();
			await time.run(SECOND);
		}
		expect(store.count('previous')).toBe(1);
	});

	it('is not taken for the newest if the version before cannot be read now', async () => {
		await writtenBack();
		const cold = open();
		store.fail('previous', 'UNAVAILABLE');
		await expect(failureOf(cold.read())).resolves.toMatchObject({ code: 'UNAVAILABLE' });
		await expect(cold.read()).resolves.toMatchObject({ refreshToken: 'rt-2' });
	});
});

describe('another way to the same secret', () => {
	async function unsaved(): Promise<SealedBundle> {
		const sealed = open(
			replacing({ write: async () => await Promise.reject(new Error('wrong way')) }),
		);
		await sealed.read();
		await sealed.update(rotated(1)).catch(() => undefined);
		return sealed;
	}

	it('takes along what must not be lost, and writes it at once', async () => {
		const former = await unsaved();
		const sealed = open();
		sealed.takeOver(former);
		expect(sealed.lastKnown).toBeUndefined();
		sealed.resume();
		await new Promise(setImmediate);
		await new Promise(setImmediate);
		expect(store.json()).toMatchObject({ refresh_token: 'rt-1' });
		expect(sealed.unsaved).toBe(false);
	});

	it('leaves it with the former one until it is written', async () => {
		const former = await unsaved();
		const written: (readonly Patch[])[] = [];
		const sealed = open(store, (patches) => written.push(patches));
		sealed.takeOver(former);
		expect(former.unsaved).toBe(true);
		await sealed.flush();
		written.forEach((patches) => former.writtenElsewhere(patches));
		expect(former.unsaved).toBe(false);
		await expect(former.read()).resolves.toMatchObject({ refreshToken: 'rt-1' });
	});

	it('takes nothing twice, and nothing that may be lost', async () => {
		const former = await unsaved();
		const sealed = open();
		sealed.takeOver(former);
		sealed.takeOver(former);
		await sealed.flush();
		expect(store.count('write')).toBe(1);
	});
});

describe('a bundle that is not ours any more', () => {
	it.each(['NOT_FOUND', 'DELETED'] as const)('%s is not served from memory', async (code) => {
		const sealed = open();
		await sealed.read();
		store.fail('read', code);
		await expect(failureOf(sealed.read())).resolves.toMatchObject({ code });
		expect(sealed.lastKnown).toBeUndefined();
	});

	it('is not opened by another key, nor served from memory', async () => {
		const sealed = open();
		await sealed.read();
		edit({ key_sha256: sha256('another key') });
		await expect(failureOf(sealed.read())).resolves.toMatchObject({ code: 'KEY_MISMATCH' });
		expect(sealed.lastKnown).toBeUndefined();
	});

	it.each(['UNAVAILABLE', 'ACCESS_DENIED'] as const)(
		'is still ours if the store says %s',
		async (code) => {
			const sealed = open();
			await sealed.read();
			store.fail('read', code);
			await failureOf(sealed.read());
			expect(sealed.lastKnown).toMatchObject({ refreshToken: 'rt-0' });
		},
	);
});

describe('before a refresh token is spent', () => {
	it('is writable, which makes no version', async () => {
		const sealed = open();
		await sealed.read();
		await expect(sealed.assertWritable()).resolves.toBe(true);
		expect(store.versions()).toBe(1);
	});

	it('is not the newest any more', async () => {
		const sealed = open();
		await sealed.read();
		edit({ note: 'by hand' });
		await expect(sealed.assertWritable()).resolves.toBe(false);
	});

	it('is not writable', async () => {
		const sealed = open();
		await sealed.read();
		store.fail('assertWritable', 'ACCESS_DENIED');
		await expect(failureOf(sealed.assertWritable())).resolves.toMatchObject({
			code: 'ACCESS_DENIED',
		});
	});
});
