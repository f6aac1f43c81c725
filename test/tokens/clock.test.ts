import { pause, systemClock } from '../../src/tokens/clock';

it('keeps no process alive by a timer', () => {
	const started = jest.spyOn(globalThis, 'setTimeout');
	const cancel = systemClock.after(60_000, () => undefined);
	const timer = started.mock.results[0]?.value as NodeJS.Timeout;
	expect(timer.hasRef()).toBe(false);
	cancel();
});

it('calls back unless it is cancelled', () => {
	jest.useFakeTimers();
	try {
		const called = jest.fn<undefined, [string]>();
		systemClock.after(1000, () => called('kept'));
		systemClock.after(1000, () => called('cancelled'))();
		jest.advanceTimersByTime(1000);
		expect(called.mock.calls).toEqual([['kept']]);
	} finally {
		jest.useRealTimers();
	}
});

it('pauses for as long as it was told', async () => {
	jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate'] });
	try {
		const over = jest.fn<undefined, []>();
		const paused = pause(systemClock, 1000).then(over);
		await jest.advanceTimersByTimeAsync(999);
		expect(over).not.toHaveBeenCalled();
		await jest.advanceTimersByTimeAsync(1);
		await paused;
		expect(over).toHaveBeenCalledTimes(1);
	} finally {
		jest.useRealTimers();
	}
});
