import { RecentlyUsed } from '../src/recentlyUsed';

it('keeps the values used last, and no more than it may', () => {
	const values = new RecentlyUsed<number>(2);
	values.get('a', () => 1);
	values.get('b', () => 2);
	values.get('a', () => 0);
	values.get('c', () => 3);
	expect([values.has('a'), values.has('b'), values.has('c')]).toEqual([true, false, true]);
	expect(values.get('a', () => 0)).toBe(1);
});

it('drops nothing that must be kept, however many come after it', () => {
	const values = new RecentlyUsed<{ unsaved: boolean }>(10, ({ unsaved }) => unsaved);
	const precious = values.get('precious', () => ({ unsaved: true }));
	for (let index = 0; index < 50_000; index += 1)
		values.get(String(index), () => ({ unsaved: false }));
	expect(values.get('precious', () => ({ unsaved: false }))).toBe(precious);
	expect(values.has('49999')).toBe(true);
	expect(values.has('0')).toBe(false);
});

it('keeps the one in use, however many idle ones come after each use', () => {
	const values = new RecentlyUsed<object>(3);
	const inUse = values.get('in use', () => ({}));
	for (let index = 0; index < 1000; index += 1) {
		values.get(`idle ${index}`, () => ({}));
		expect(values.get('in use', () => ({}))).toBe(inUse);
	}
	expect(values.all()).toHaveLength(3);
});

it('keeps the one just asked for, even if all others must be kept', () => {
	const values = new RecentlyUsed<{ unsaved: boolean }>(2, ({ unsaved }) => unsaved);
	for (const key of ['a', 'b', 'c']) values.get(key, () => ({ unsaved: true }));
	const value = values.get('d', () => ({ unsaved: false }));
	expect(values.get('d', () => ({ unsaved: false }))).toBe(value);
});
