import { formatBundle, type Bundle } from '../../src/secrets/bundle';
import { sha256 } from '../../src/secrets/pointer';
import { SealedBundle } from '../../src/secrets/sealedBundle';
import type { SecretStore } from '../../src/secrets/store';
import { MemoryStore } from '../support/memoryStore';

const KEY = 'k'.repeat(43);

function token(accessToken: string): NonNullable<Bundle['tokenSet']> {
	return { accessToken, issuedAt: 1, expiresAt: null, requestedFor: 'f' };
}

let store: MemoryStore;

beforeEach(() => {
	store = new MemoryStore();
	const bundle: Bundle = {
		label: 'L',
		keySha256: sha256(KEY),
		sealedFor: { grantType: 'refresh_token', clientId: 'c', apiOrigins: [] },
		refreshToken: 'rt-0',
		typedSha256: {},
		other: {},
	};
	store.secrets.set('s', { version: 1, content: formatBundle(bundle) });
});

const open = (through: SecretStore = store): SealedBundle =>
	new SealedBundle(through, { store: 'localVault', secretId: 's', key: KEY });

const edit = (note: string): void => store.edit((json) => ({ ...json, note }));

describe('a bundle made from one that was read before', () => {
	it('keeps edits that were read since then', async () => {
		const sealed = open();
		const from = await sealed.read();
		edit('by hand');
		// As Get Status does at any time.
		await sealed.read();
		await sealed.save({ ...from, tokenSet: token('at-1') }, from);
		expect(store.json()).toMatchObject({ note: 'by hand', token: { access_token: 'at-1' } });
	});

	it('keeps edits that a change in between has seen', async () => {
		const sealed = open();
		const from = await sealed.read();
		edit('by hand');
		await sealed.change((newest) => ({ ...newest, label: 'changed' }));
		await sealed.save({ ...from, tokenSet: token('at-1') }, from);
		expect(store.json()).toMatchObject({ note: 'by hand', label: 'changed' });
	});
});

describe('a change and a save in one process at the same moment', () => {
	it.each([true, false])('lose neither, where the change is first: %s', async (changeFirst) => {
		const sealed = open();
		const from = await sealed.read();
		const change = () => sealed.change((newest) => ({ ...newest, label: 'changed' }));
		const save = () => sealed.save({ ...from, tokenSet: token('at-1') }, from);
		await Promise.all(changeFirst ? [change(), save()] : [save(), change()]);
		expect(store.json()).toMatchObject({ label: 'changed', token: { access_token: 'at-1' } });
		expect(sealed.unsaved).toBe(false);
	});

	it('lose nothing where the change is written while the save is under way', async () => {
		let written: () => void = () => undefined;
		const slow: SecretStore = {
			kind: store.kind,
			versionsPerDay: undefined,
			create: (name, content) => store.create(name, content),
			read: (id) => store.read(id),
			write: async (id, content, expected) => {
				const result = await store.write(id, content, expected);
				if (content.includes('changed')) await new Promise<void>((resolve) => (written = resolve));
				return result;
			},
		};
		const sealed = open(slow);
		const from = await sealed.read();
		const changing = sealed.change((newest) => ({ ...newest, label: 'changed' }));
		await new Promise(setImmediate);
		// The store has the change; this process has not heard yet.
		sealed.keep({ ...from, tokenSet: token('at-1') }, from);
		written();
		await changing;
		expect(sealed.lastKnown).toMatchObject({ label: 'changed', tokenSet: token('at-1') });
	});
});

describe('what is only offered', () => {
	it('is written where nobody has written since', async () => {
		const sealed = open();
		sealed.keep({ ...(await sealed.read()), tokenSet: token('at-1') });
		await sealed.offer();
		expect(store.json()).toMatchObject({ token: { access_token: 'at-1' } });
	});

	it('is written by one of those who offer it at the same moment, and served by each from memory', async () => {
		const all = [open(), open(), open()];
		await Promise.all(
			all.map(async (sealed, n) => {
				sealed.keep({ ...(await sealed.read()), tokenSet: token(`at-${String(n)}`) });
				await sealed.offer();
			}),
		);
		expect(store.versions()).toBe(2);
		expect(all.map((sealed) => sealed.lastKnown?.tokenSet?.accessToken)).toEqual([
			'at-0',
			'at-1',
			'at-2',
		]);
		expect(all.map((sealed) => sealed.unsaved)).toEqual([false, false, false]);
	});

	it('puts back an edit that it overwrote', async () => {
		let overwritten = 0;
		// As AWS does: an edit lands between our look and our put, and is told of afterwards.
		const overwriting: SecretStore = {
			kind: store.kind,
			versionsPerDay: undefined,
			create: (name, content) => store.create(name, content),
			read: (id) => store.read(id),
			write: async (id, content, expected) => {
				if (overwritten > 0) return await store.write(id, content, expected);
				overwritten += 1;
				edit('by hand');
				const replaced = await store.read(id);
				return { ...(await store.write(id, content, replaced.versionId)), replaced };
			},
		};
		const sealed = open(overwriting);
		sealed.keep({ ...(await sealed.read()), tokenSet: token('at-1') });
		await sealed.offer();
		expect(store.json()).toMatchObject({ note: 'by hand', token: { access_token: 'at-1' } });
	});
});
