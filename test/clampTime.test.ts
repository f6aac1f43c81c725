import { clampTime } from '../src/clampTime';

const LATEST = Date.parse('9999-12-31T23:59:59.999Z');

it.each([
	[0, 0],
	[1_800_000_000_000, 1_800_000_000_000],
	[1.9, 1],
	[-1, 0],
	[-Infinity, 0],
	[9_999_999_999_999_000, LATEST],
	[Number.MAX_VALUE, LATEST],
	[Infinity, LATEST],
])('makes a time that Date can write and read of %p', (milliseconds, expected) => {
	const clamped = clampTime(milliseconds) ?? NaN;
	expect(clamped).toBe(expected);
	expect(Date.parse(new Date(clamped).toISOString())).toBe(clamped);
});

it('makes no time of NaN', () => {
	expect(clampTime(NaN)).toBeUndefined();
});
