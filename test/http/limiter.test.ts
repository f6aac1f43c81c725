import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import { Concurrency, Rate } from '../../src/http/limiter';
import { pause } from '../../src/tokens/clock';
import { VirtualTime } from '../tokens/virtualTime';

const MANY = Array.from({ length: 5_000 }, (_, n) => n);

let time: VirtualTime;

beforeEach(() => {
	time = new VirtualTime();
});

describe('concurrency', () => {
	it('runs 5,000 tasks in the order in which they came, never more than the limit at once', async () => {
		const concurrency = new Concurrency(10);
		const started: number[] = [];
		let running = 0;
		let most = 0;

		const all = MANY.map((n) =>
			concurrency.run('host', async () => {
				started.push(n);
				running += 1;
				most = Math.max(most, running);
				// Unequal, so that slots become free out of order.
				await pause(time.clock(), 100 + ((n * 7) % 40));
				running -= 1;
				return n;
			}),
		);

		expect(await time.until(Promise.all(all))).toEqual(MANY);
		expect(started).toEqual(MANY);
		expect(most).toBe(10);
		expect(concurrency.busyKeys).toBe(0);
	});

	it('gives a free slot to the oldest, not to one that comes at that moment', async () => {
		const concurrency = new Concurrency(1);
		const started: string[] = [];
		const note = (name: string) => concurrency.run('host', async () => void started.push(name));

		const end = pause(time.clock(), 10);
		void concurrency.run('host', () => end);
		const waiting = note('oldest');
		const newcomer = end.then(() => note('newcomer'));
		await time.until(Promise.all([waiting, newcomer]));

		expect(started).toEqual(['oldest', 'newcomer']);
	});

	it('starts at once if a slot is free', () => {
		let isStarted = false;
		void new Concurrency(1).run('host', async () => {
			isStarted = true;
		});

		expect(isStarted).toBe(true);
	});

	it('frees the slot of a task that fails, rejecting or throwing', async () => {
		const concurrency = new Concurrency(1);
		const fail = (n: number) => (): Promise<never> => {
			if (n % 2 === 0) throw new Error(`failed ${n}`);
			return Promise.reject(new Error(`failed ${n}`));
		};

		const failures = MANY.slice(0, 10).map((n) => concurrency.run('host', fail(n)));
		const last = concurrency.run('host', async () => 'done');

		const outcomes = await Promise.allSettled(failures);
		expect(outcomes.map((outcome) => outcome.status)).toEqual(Array(10).fill('rejected'));
		await expect(failures[7]).rejects.toThrow('failed 7');
		await expect(last).resolves.toBe('done');
		expect(concurrency.busyKeys).toBe(0);
	});

	it('lets no key wait for another', async () => {
		const concurrency = new Concurrency(1);
		const hanging = concurrency.run('hanging', () => pause(time.clock(), 60_000));

		await expect(concurrency.run('other', async () => 'done')).resolves.toBe('done');

		expect(concurrency.busyKeys).toBe(1);
		await time.until(hanging);
		expect(concurrency.busyKeys).toBe(0);
	});
});

describe('rate', () => {
	/** When each of so many starts came, in milliseconds; `order` gets who started. */
	async function startsOf(rate: Rate, count: number, order: number[] = []): Promise<number[]> {
		const starts = MANY.slice(0, count).map(async (n) => {
			await rate.turn();
			order.push(n);
			return time.elapsed;
		});
		return await time.until(Promise.all(starts));
	}

	/** The most starts within any one second. */
	function peak(starts: readonly number[]): number {
		const within = (from: number) =>
			starts.filter((start) => start >= from && start < from + 1000).length;
		return Math.max(...starts.map(within));
	}

	it('spaces 5,000 starts out, in the order in which they came', async () => {
		const order: number[] = [];
		const starts = await startsOf(
			new Rate({ perSecond: 25, burst: 5 }, time.clock()),
			5_000,
			order,
		);

		expect(order).toEqual(MANY);
		expect(starts.slice(0, 7)).toEqual([0, 0, 0, 0, 0, 40, 80]);
		expect(starts.at(-1)).toBe((5_000 - 5) * 40);
		expect(peak(starts)).toBeLessThanOrEqual(30);
	});

	it('allows the burst again after a rest, and no more than that however long it was', async () => {
		const rate = new Rate({ perSecond: 10, burst: 3 }, time.clock());
		await startsOf(rate, 3);
		time.pass(3_600_000);
		const from = time.elapsed;

		const starts = await startsOf(rate, 5);

		expect(starts.map((start) => start - from)).toEqual([0, 0, 0, 100, 200]);
	});

	it('lets a process that stood still catch up by the burst only', async () => {
		const rate = new Rate({ perSecond: 10, burst: 3 }, time.clock());
		const starting = startsOf(rate, 50);
		time.pass(4_000);
		const starts = (await starting).slice(3);

		expect(starts.slice(0, 5)).toEqual([4_000, 4_000, 4_000, 4_100, 4_200]);
	});

	it('has one timer while somebody waits, and none otherwise', async () => {
		const clock = time.clock();
		const after = jest.spyOn(clock, 'after');
		let timers = 0;
		after.mockImplementation((milliseconds, callback) => {
			timers += 1;
			expect(timers).toBe(1);
			return time.clock().after(milliseconds, () => {
				timers -= 1;
				callback();
			});
		});

		await startsOf(new Rate({ perSecond: 10, burst: 2 }, clock), 20);

		expect(after).toHaveBeenCalledTimes(18);
		expect(timers).toBe(0);
	});

	it('keeps the process alive for those who wait, in real time, and no longer', () => {
		const script = `
			const swc = require('@swc/core');
			const { code } = swc.transformFileSync('./src/http/limiter.ts', {
				jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' },
			});
			const limiter = { exports: {} };
			new Function('exports', code)(limiter.exports);
			const rate = new limiter.exports.Rate({ perSecond: 20, burst: 1 });
			const begun = performance.now();
			const starts = [1, 2, 3, 4].map(() => rate.turn().then(() => performance.now() - begun));
			Promise.all(starts).then((times) => console.log(JSON.stringify(times)));
		`;
		const output = execFileSync(process.execPath, ['--no-warnings', '-e', script], {
			cwd: join(__dirname, '../..'),
			encoding: 'utf8',
			timeout: 20_000,
		});
		const starts = JSON.parse(output) as number[];

		expect(starts).toHaveLength(4);
		expect(starts[3]).toBeGreaterThanOrEqual(150);
	});
});
