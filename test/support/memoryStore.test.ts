import { describeSecretStore } from '../contracts/secretStore';
import { MemoryStore } from './memoryStore';

describeSecretStore('the memory store', () => {
	const store = new MemoryStore();
	return Promise.resolve({ store, secondClient: store, close: () => Promise.resolve() });
});

it('tells an administrator’s edit from a version of its own, and keeps what it replaced', async () => {
	const store = new MemoryStore();
	const created = await store.create('s', '{"n":0}');

	store.edit((json) => ({ ...json, note: 'by hand' }));

	const edited = await store.read('s');
	expect(edited.content).toBe('{"n":0,"note":"by hand"}');
	expect([created, edited].map(({ versionId }) => store.isOwn(versionId))).toEqual([true, false]);
	expect(await store.previous('s')).toEqual(created);

	await store.write('s', '{"n":1}', edited.versionId);
	expect(await store.previous('s')).toEqual(edited);
	expect(store.isOwn((await store.read('s')).versionId)).toBe(true);
});
