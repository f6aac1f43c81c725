import { CallPace } from '../../src/http/callPace';
import { pause } from '../../src/tokens/clock';
import { VirtualTime } from '../tokens/virtualTime';

let time: VirtualTime;
let pace: CallPace;

beforeEach(() => {
	time = new VirtualTime();
	pace = new CallPace({ now: () => time.now, time: time.clock(), random: () => 0.5 });
});

const refused = (retryAfter: string) => ({ status: 429, headers: { 'retry-after': retryAfter } });
const LONG = { longestMs: 600_000, signal: undefined };

describe('a connection whose API asks to wait', () => {
	it('keeps every call for so long, and a little longer, each its own time', async () => {
		expect(pace.learn(refused('4'))).toBe(4000);
		expect(await time.until(pace.ready(LONG))).toBe(true);
		expect(time.elapsed).toBe(4200);
	});

	it('never shortens a wait that was asked for', async () => {
		pace.learn(refused('4'));
		pace.learn(refused('1'));
		expect(pace.left).toBe(4000);
	});

	it('waits again if it is asked to meanwhile', async () => {
		pace.learn(refused('4'));
		const ready = pace.ready(LONG);
		await time.run(2000);
		pace.learn(refused('10'));
		expect(await time.until(ready)).toBe(true);
		expect(time.elapsed).toBeGreaterThanOrEqual(12_000);
	});

	it('does not begin to wait for longer than the call may', async () => {
		pace.learn(refused('20'));
		expect(await pace.ready({ longestMs: 19_999, signal: undefined })).toBe(false);
		expect(time.elapsed).toBe(0);
	});

	it.each(['301', '9'.repeat(400)])('does not keep the others for %s s', (seconds) => {
		expect(pace.learn(refused(seconds))).toBeGreaterThan(300_000);
		expect(pace.left).toBe(0);
	});

	it('is not waited for by an execution that is cancelled', async () => {
		pace.learn(refused('20'));
		const execution = new AbortController();
		const ready = pace.ready({ longestMs: 60_000, signal: execution.signal });
		await time.run(1000);
		execution.abort(new Error('cancelled'));
		await expect(ready).rejects.toThrow('cancelled');
		await expect(pace.rest(1, execution.signal)).rejects.toThrow('cancelled');
		expect(time.fireNext()).toBe(false);
	});
});

describe('tasks at once', () => {
	const task = (log: string[], name: string) => async () => {
		log.push(name);
		await pause(time.clock(), 100);
	};

	it('are counted for all who have the same limit; another limit is a line of its own', async () => {
		const log: string[] = [];
		const run = (name: string, limit: number, signal?: AbortSignal) =>
			pace.run(task(log, name), { limit, signal });
		const all = Promise.all([run('a', 2), run('b', 2), run('c', 2), run('d', 1), run('e', 1)]);
		expect(log).toEqual(['a', 'b', 'd']);
		await time.until(all);
		expect(log).toEqual(['a', 'b', 'd', 'c', 'e']);
	});

	it('lose nobody’s turn if an execution is cancelled that waits for one', async () => {
		const log: string[] = [];
		const execution = new AbortController();
		const first = pace.run(task(log, 'first'), { limit: 1, signal: undefined });
		const given = pace.run(task(log, 'given up'), { limit: 1, signal: execution.signal });
		const last = pace.run(task(log, 'last'), { limit: 1, signal: undefined });
		execution.abort(new Error('cancelled'));
		await expect(given).rejects.toThrow('cancelled');
		await time.until(Promise.all([first, last]));
		expect(log).toEqual(['first', 'last']);
		await expect(
			pace.run(task(log, 'late'), { limit: 1, signal: execution.signal }),
		).rejects.toThrow('cancelled');
		expect(log).toEqual(['first', 'last']);
	});
});
