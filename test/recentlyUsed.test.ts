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
