/** 9999-12-31T23:59:59.999Z: the last moment that ISO 8601 writes with a year of four digits. `Date` itself ends in the year 275760. */
const LATEST_MS = 253_402_300_799_999;

/**
 * A time in whole milliseconds since the epoch, moved into the years 1970 to 9999, so that `Date` can hold it and `toISOString` never throws.
 * Infinity is the latest moment; NaN is undefined.
 */
export function clampTime(milliseconds: number): number | undefined {
	return Number.isNaN(milliseconds)
		? undefined
		: Math.min(Math.max(Math.trunc(milliseconds), 0), LATEST_MS);
}
