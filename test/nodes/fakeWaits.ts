import { processTime } from '../../src/http/limiter';

/** The waits of requests that were begun, in milliseconds. */
export type Waits = readonly number[];

/**
 * Lets every wait of requests pass at once, until the end of the test, by the clock that measures it too. To be called in a test.
 *
 * @param held those of so many milliseconds and more last until they are cancelled
 */
export function passWaits(held = Infinity): Waits {
	const waits: number[] = [];
	let passed = 0;
	const { elapsed } = processTime;
	jest.spyOn(processTime, 'elapsed').mockImplementation(() => elapsed() + passed);
	jest.spyOn(processTime, 'after').mockImplementation((milliseconds, callback) => {
		waits.push(milliseconds);
		if (milliseconds >= held) return () => undefined;
		const next = setImmediate(() => {
			passed += milliseconds;
			callback();
		});
		return () => clearImmediate(next);
	});
	return waits;
}
