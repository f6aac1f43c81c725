import { ReconnectError } from '../../src/errors';
import { released } from '../../src/secrets/patches';
import {
	askAll,
	expired,
	Fixture,
	invalidClient,
	unavailable,
	type Death,
	type Process,
} from './tokenSourceFixture';

const SECOND = 1000;
const MINUTE = 60_000;

describe.each([2, 20])('%i processes whose token has expired', (count) => {
	it.each([0, 200, 12_000, 50_000])(
		'redeem the refresh token once, where the provider needs %i ms',
		async (slowness) => {
			const { f, processes } = await expired(count);
			f.slowness = slowness;
			expect(await askAll(f, processes)).toEqual(new Set(['at-2']));
			expect([f.requests, f.reused]).toEqual([2, 0]);
			expect(f.store.json()).not.toHaveProperty('lease');
		},
	);

	it('go on doing so, refresh after refresh', async () => {
		const { f, processes } = await expired(count);
		for (let round = 2; round < 12; round += 1) {
			expect(await askAll(f, processes)).toEqual(new Set([`at-${String(round)}`]));
			f.wait(3601);
		}
		expect([f.requests, f.reused]).toEqual([11, 0]);
	});

	it('keep it beyond its deadline as long as the provider needs', async () => {
		const { f, processes } = await expired(count);
		// Far beyond what a token request may take: the others give up, the holder does not lose it.
		f.slowness = 5 * MINUTE;
		const [first, ...others] = processes.map(async ({ source }) => await source.get());
		const outcomes = await f.time.until(Promise.allSettled(others));
		expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(['rejected']));
		await expect(f.time.until(first!)).rejects.toMatchObject({ code: 'REFRESH_PENDING' });
		await f.time.run(5 * MINUTE);
		f.slowness = 0;
		expect(await askAll(f, processes)).toEqual(new Set(['at-2']));
		expect([f.requests, f.reused]).toEqual([2, 0]);
	});
});

describe('a process without the lease', () => {
	it('uses the token that is still valid at once', async () => {
		const { f, processes } = await expired(2);
		f.wait(-261);
		const [holder, other] = processes;
		f.slowness = 12_000;
		const holding = holder!.source.get();
		await f.time.run(0);
		const before = f.time.elapsed;
		expect(await f.time.until(other!.source.get())).toMatchObject({ accessToken: 'at-1' });
		expect(f.time.elapsed).toBe(before);
		// Its own call did not wait either: the refresh went on behind it.
		expect(await f.time.until(holding)).toMatchObject({ accessToken: 'at-1' });
		await f.time.run(12 * SECOND);
		for (const { source } of processes)
			expect(await f.time.until(source.get())).toMatchObject({ accessToken: 'at-2' });
		expect(f.requests).toBe(2);
	});

	it('does not look again for every call meanwhile', async () => {
		const { f, processes } = await expired(2);
		f.wait(-261);
		const [holder, other] = processes;
		f.slowness = 12_000;
		const holding = holder!.source.get();
		await f.time.run(0);
		f.store.calls.length = 0;
		for (let call = 0; call < 100; call += 1) await f.time.until(other!.source.get());
		expect(f.store.calls).toEqual(['read']);
		await f.time.until(holding);
	});

	it('waits where it has none, and says so once', async () => {
		const { f, processes } = await expired(2);
		f.slowness = 12_000;
		await askAll(f, processes);
		expect(processes.map(({ events }) => events)).toEqual([
			['token.refreshed'],
			['lease.waitedFor', 'token.adopted'],
		]);
	});

	it('looks only now and then', async () => {
		const { f, processes } = await expired(2);
		f.slowness = 12_000;
		const [holder, other] = processes;
		const holding = holder!.source.get();
		await f.time.run(0);
		f.store.calls.length = 0;
		await f.time.until(other!.source.get());
		await holding;
		expect(f.store.count('read')).toBeLessThan(20);
	});

	it('gives up in the end, and has lost nothing', async () => {
		const { f, processes } = await expired(2);
		f.slowness = 10 * MINUTE;
		const holding = processes[0]!.source.get();
		await f.time.run(0);
		const waiting = processes[1]!.source.get();
		await expect(f.time.until(waiting)).rejects.toMatchObject({
			failureClass: 'provider',
			code: 'LEASE_BUSY',
		});
		expect(f.time.elapsed - 3601 * SECOND).toBeLessThanOrEqual(100 * SECOND);
		await expect(f.time.until(holding)).rejects.toMatchObject({ code: 'REFRESH_PENDING' });
		await f.time.run(10 * MINUTE);
		expect(await f.time.until(processes[1]!.source.get())).toMatchObject({ accessToken: 'at-2' });
		expect(f.reused).toBe(0);
	});

	it('does not hold up a save of the credential while it waits', async () => {
		const { f, processes } = await expired(2);
		f.slowness = 12_000;
		const asked = Promise.all(processes.map(async ({ source }) => await source.get()));
		await f.time.run(SECOND);
		const before = f.time.elapsed;
		await f.time.until(processes[1]!.bundle.update(released('nobody')));
		expect(f.time.elapsed).toBe(before);
		await f.time.until(asked);
	});

	it('holds up no save in its own process while it is at the provider itself', async () => {
		const { f, processes } = await expired(1);
		f.slowness = 12_000;
		const [holder] = processes;
		const holding = holder!.source.get();
		await f.time.run(SECOND);
		const before = f.time.elapsed;
		await f.time.until(holder!.bundle.update(released('nobody')));
		expect(f.time.elapsed).toBe(before);
		await f.time.until(holding);
		expect(f.reused).toBe(0);
	});

	it('gets the lease to refresh a token that was refused, or adopts what the other one got', async () => {
		const { f, processes } = await expired(5);
		await askAll(f, processes);
		const replaced = await f.time.until(
			Promise.all(processes.map(({ source }) => source.replaceRefused('at-2'))),
		);
		expect(new Set(replaced.map((token) => token?.accessToken))).toEqual(new Set(['at-3']));
		expect([f.requests, f.reused]).toEqual([3, 0]);
	});

	it('has each forced refresh, one after the other', async () => {
		const { f, processes } = await expired(3);
		await f.time.until(Promise.all(processes.map(({ source }) => source.refreshNow())));
		expect([f.requests, f.reused]).toEqual([4, 0]);
	});
});

describe('a holder that dies', () => {
	/** Of what the others get after it: the tokens, or why not. */
	async function after(death: Death, count: number) {
		const { f, processes } = await expired(count);
		const [holder, ...others] = processes;
		holder!.diesAt = death;
		void holder!.source.get();
		await f.time.run(0);
		expect(holder!.isDead).toBe(true);
		const startedAt = f.time.elapsed;
		const outcomes = await f.time.until(
			Promise.allSettled(others.map(({ source }) => source.get())),
		);
		return { f, others, outcomes, took: f.time.elapsed - startedAt };
	}

	const failures = (outcomes: PromiseSettledResult<unknown>[]) =>
		outcomes.flatMap((outcome) =>
			outcome.status === 'rejected' ? [(outcome.reason as { code: string }).code] : [],
		);

	it.each([2, 20])(
		'before the provider is called: exactly one of %i takes over, in little more than the deadline, and no call fails',
		async (count) => {
			const { f, others, outcomes, took } = await after('before the call', count);
			expect(failures(outcomes)).toEqual([]);
			expect([f.requests, f.reused]).toEqual([2, 0]);
			expect(others.flatMap(({ events }) => events).filter((e) => e === 'lease.takenOver')).toEqual(
				['lease.takenOver'],
			);
			expect(took).toBeGreaterThanOrEqual(MINUTE);
			expect(took).toBeLessThan(65 * SECOND);
		},
	);

	it('between answer and write: the refresh token is lost, which everybody is told', async () => {
		const { f, others, outcomes } = await after('between answer and write', 5);
		expect(new Set(failures(outcomes))).toEqual(new Set(['INVALID_GRANT']));
		expect(failures(outcomes)).toHaveLength(4);
		// The one redemption that finds out.
		expect([f.requests, f.reused]).toEqual([3, 1]);
		expect(f.store.json()).toMatchObject({ refused: { at: expect.any(String) as string } });
		expect(f.store.json()).not.toHaveProperty('lease');
		await others[0]!.source.load();
		expect(others[0]!.source.status().refusedSince).toBeGreaterThan(0);
	});

	it('after the write: nothing is lost, and nobody waits, since the write is the release', async () => {
		const { f, outcomes, took } = await after('after the write', 5);
		expect(failures(outcomes)).toEqual([]);
		expect([f.requests, f.reused, took]).toEqual([2, 0, 0]);
	});

	it('leaves the valid token serving: it is refreshed in time, with nobody waiting', async () => {
		const f = new Fixture('refresh_token', true);
		await f.source.get();
		f.wait(3301);
		const [holder, other] = [f.process(), f.process()];
		holder.diesAt = 'before the call';
		// After a start the first call takes the stored token as it is, the next one replaces it.
		await holder.source.get();
		void holder.source.get();
		await f.time.run(0);
		for (let second = 0; second < 80; second += 1) {
			const before = f.time.elapsed;
			await f.time.until(other.source.get());
			expect(f.time.elapsed).toBe(before);
			f.wait(1);
		}
		expect(other.events).toEqual(['token.adopted', 'lease.takenOver', 'token.refreshed']);
	});

	it('long ago is waited for once: no clock of another host is believed', async () => {
		const { f } = await after('before the call', 1);
		f.wait(3 * 3600);
		const [first, second] = [f.process(), f.process()];
		const before = f.time.elapsed;
		expect(await f.time.until(first.source.get())).toMatchObject({ accessToken: 'at-2' });
		expect(f.time.elapsed - before).toBeLessThan(65 * SECOND);
		expect(await f.time.until(second.source.get())).toMatchObject({ accessToken: 'at-2' });
		expect(f.reused).toBe(0);
	});
});

describe('the clocks of hosts', () => {
	it.each([-10, 10, 120])(
		'may be %i minutes apart: the lease of a living holder is not taken',
		async (minutes) => {
			const { f, processes } = await expired(20);
			f.slowness = 50_000;
			f.wait(700);
			processes.forEach((process, n) => (process.skew = n % 2 === 0 ? 0 : minutes * MINUTE));
			await f.time.until(
				Promise.allSettled(processes.map(async ({ source }) => await source.get())),
			);
			// By a clock two hours ahead the new token has ended already, and is replaced once more.
			expect(f.requests).toBe(minutes < 60 ? 2 : 3);
			expect(f.reused).toBe(0);
			expect(f.events).not.toContain('lease.takenOver');
		},
	);

	it.each([-10, 10])(
		'may be %i minutes apart: the lease of a dead holder is taken after its deadline',
		async (minutes) => {
			const { f, processes } = await expired(2);
			const [holder, other] = processes;
			f.wait(700);
			holder!.skew = minutes * MINUTE;
			holder!.diesAt = 'before the call';
			void holder!.source.get();
			await f.time.run(0);
			const before = f.time.elapsed;
			await f.time.until(other!.source.get());
			expect(f.time.elapsed - before).toBeGreaterThanOrEqual(MINUTE);
			expect(f.time.elapsed - before).toBeLessThan(65 * SECOND);
			expect(f.reused).toBe(0);
		},
	);

	it.each(['holder', 'waiting one'])(
		'may be set back by 10 minutes while the provider is asked: that of the %s',
		async (whose) => {
			const { f, processes } = await expired(2);
			f.slowness = 50_000;
			f.wait(700);
			const asked = Promise.all(processes.map(async ({ source }) => await source.get()));
			await f.time.run(10 * SECOND);
			processes[whose === 'holder' ? 0 : 1]!.skew = -10 * MINUTE;
			await f.time.until(asked);
			expect(f.requests).toBeLessThanOrEqual(3);
			expect(f.reused).toBe(0);
			expect(f.events).not.toContain('lease.takenOver');
		},
	);
});

describe('a holder that stood still', () => {
	/** The next write is done, and then nothing happens in the process that made it until `go`. */
	function standingStill(f: Fixture): { go: () => void } {
		const write = f.store.write.bind(f.store);
		let go: () => void = () => undefined;
		jest.spyOn(f.store, 'write').mockImplementationOnce(async (...call) => {
			const written = await write(...call);
			await new Promise<void>((resolve) => (go = resolve));
			return written;
		});
		return { go: () => go() };
	}

	it('does not call the provider where its lease ran out meanwhile, and another one did', async () => {
		const { f, processes } = await expired(2);
		const [holder, other] = processes;
		const { go } = standingStill(f);
		const holding = holder!.source.get();
		await f.time.run(0);
		expect(await f.time.until(other!.source.get())).toMatchObject({ accessToken: 'at-2' });
		go();
		expect(await f.time.until(holding)).toMatchObject({ accessToken: 'at-2' });
		expect([f.requests, f.reused]).toEqual([2, 0]);
	});

	it('nor where its time of day was set back meanwhile; it waits for the other one', async () => {
		const { f, processes } = await expired(2);
		f.wait(700);
		const [holder, other] = processes;
		const { go } = standingStill(f);
		const holding = holder!.source.get();
		await f.time.run(0);
		f.slowness = 10 * SECOND;
		const taking = other!.source.get();
		await f.time.run(65 * SECOND);
		holder!.skew = -10 * MINUTE;
		go();
		await f.time.until(holding);
		await f.time.until(taking);
		expect(f.reused).toBe(0);
		expect(holder!.events).toContain('lease.waitedFor');
	});

	it('notices also where only the time of day tells, as after a suspended virtual machine', async () => {
		const { f, processes } = await expired(1);
		const [holder] = processes;
		const write = f.store.write.bind(f.store);
		jest.spyOn(f.store, 'write').mockImplementationOnce(async (...call) => {
			const written = await write(...call);
			holder!.skew = 2 * MINUTE;
			return written;
		});
		f.store.calls.length = 0;
		await f.time.until(holder!.source.get());
		// It renewed the lease before it asked.
		expect(f.store.count('write')).toBe(3);
		expect(f.requests).toBe(2);
	});

	it('does not go on with another refresh token that it finds, once the lease is lost', async () => {
		const { f, processes } = await expired(1);
		const [holder] = processes;
		f.validRefreshToken = 'rt-new';
		// The renewal after 20 s notices.
		f.slowness = 25 * SECOND;
		f.meanwhile = () => {
			const lease = { owner: 'other', until: new Date(f.now + MINUTE).toISOString(), seconds: 60 };
			f.otherProcess((json) => ({ ...json, refresh_token: 'rt-new', lease }));
		};
		const before = f.time.elapsed;
		expect(await f.time.until(holder!.source.get())).toMatchObject({ accessToken: 'at-3' });
		expect(f.time.elapsed - before).toBeGreaterThanOrEqual(80 * SECOND);
		expect(holder!.events).toEqual(['lease.waitedFor', 'lease.takenOver', 'token.refreshed']);
	});

	it('does not overwrite what another one has got meanwhile', async () => {
		const { f, processes } = await expired(2);
		const [holder, other] = processes;
		let go: () => void = () => undefined;
		f.meanwhile = () => new Promise<void>((resolve) => (go = resolve));
		const holding = holder!.source.get();
		await f.time.run(0);
		// Its timers stand still as well.
		holder!.isDead = true;
		const taken = await f.time.until(other!.source.get());
		expect(taken).toMatchObject({ accessToken: 'at-3' });
		holder!.isDead = false;
		go();
		// The provider takes the first redemption for a reuse.
		await expect(f.time.until(holding)).resolves.toMatchObject({ accessToken: 'at-3' });
		expect(f.store.json()).toMatchObject({ token: { access_token: 'at-3' } });
	});
});

describe('what it costs the store', () => {
	it('is one more write in a single process as well: another may start beside it', async () => {
		const f = new Fixture('refresh_token');
		await f.source.get();
		f.wait(3601);
		f.store.calls.length = 0;
		await f.source.get();
		expect(f.store.calls).toEqual(['read', 'write', 'write']);
	});

	it('is a proof without a version there, if the tokens are too short-lived for the versions of a day', async () => {
		const f = new Fixture('refresh_token');
		f.store.versionsPerDay = 96;
		f.lifetime = 1800;
		const { source } = f.process();
		for (const calls of [
			// The first of a process takes the lease: the process that it replaces may still be redeeming.
			['read', 'previous', 'write', 'write'],
			['read', 'assertWritable', 'write'],
			['read', 'assertWritable', 'write'],
		]) {
			f.store.calls.length = 0;
			if (calls.includes('previous')) f.store.edit((json) => json);
			await source.get();
			expect(f.store.calls).toEqual(calls);
			f.wait(1801);
		}
	});

	it('is nothing for a grant that has no refresh token to lose', async () => {
		const f = new Fixture('client_credentials', true);
		await f.source.get();
		expect(f.store.calls).toEqual(['read', 'write']);
		expect(f.source.status().versionsPerRefresh).toBe(1);
	});

	it('is one more version for each refresh among several processes', async () => {
		const { f, processes } = await expired(1);
		f.store.calls.length = 0;
		await askAll(f, processes);
		expect(f.store.calls).toEqual(['read', 'write', 'write']);
		expect(processes[0]!.source.status().versionsPerRefresh).toBe(2);
	});

	it('is two versions as well where the provider does not rotate: the new access token releases it', async () => {
		const { f, processes } = await expired(1);
		f.rotates = false;
		f.store.calls.length = 0;
		await askAll(f, processes);
		expect(f.store.calls).toEqual(['read', 'write', 'write']);
		expect(f.store.json()).toMatchObject({ token: { access_token: 'at-2' } });
		expect(f.store.json()).not.toHaveProperty('lease');
	});

	it('is nothing where there is no refresh token to redeem', async () => {
		const { f, processes } = await expired(1);
		f.store.edit(({ refresh_token: _none, ...json }) => json);
		f.failures = [new ReconnectError('none', { code: 'NO_REFRESH_TOKEN' })];
		f.store.calls.length = 0;
		await expect(f.time.until(processes[0]!.source.get())).rejects.toThrow();
		// Someone else wrote it, so it may be an old copy.
		expect(f.store.calls).toEqual(['read', 'previous']);
	});

	it('is one version for each renewal, whose write the tokens follow', async () => {
		const { f, processes } = await expired(1);
		f.slowness = 21 * SECOND;
		const write = f.store.write.bind(f.store);
		f.store.calls.length = 0;
		jest.spyOn(f.store, 'write').mockImplementation(async (...call) => {
			await new Promise<void>((resolve) => f.time.clock().after(3 * SECOND, resolve));
			return await write(...call);
		});
		await askAll(f, processes);
		await f.time.run(10 * SECOND);
		expect(f.store.count('write')).toBe(3);
	});

	it('stays within the versions of a day, however long the provider is down and however many ask', async () => {
		const f = new Fixture('refresh_token', true);
		f.store.versionsPerDay = 96;
		const processes = Array.from({ length: 5 }, () => f.process());
		await f.time.until(processes[0]!.source.get());
		f.wait(3601);
		f.failures = Array.from({ length: 10_000 }, () => unavailable());
		const before = f.store.versions();
		const end = f.time.elapsed + 8 * 3600 * SECOND;
		const ask = async ({ source }: Process): Promise<void> => {
			while (f.time.elapsed < end) {
				await source.get().catch(() => undefined);
				await new Promise<void>((resolve) => f.time.clock().after(MINUTE, resolve));
			}
		};
		await f.time.until(Promise.all(processes.map(ask)));
		// Each process tries and releases once; then one has it, for 1, 2, 4, 8 minutes and for 15 each time, and asks as often as it likes.
		expect(f.store.versions() - before).toBeLessThanOrEqual(2 * 5 + 4 + 8 * 4);
		expect(f.requests).toBeGreaterThan(100);
	});

	it('stays within them if the provider refuses the client', async () => {
		const { f, processes } = await expired(5);
		f.failures = Array.from({ length: 10_000 }, () => invalidClient());
		const before = [f.requests, f.store.versions()] as const;
		for (let minute = 0; minute < 24 * 60; minute += 1) {
			const asked = processes.map(async ({ source }) => await source.get().catch(() => undefined));
			await f.time.until(Promise.all(asked));
			f.wait(60);
		}
		// Ever more seldom, and once an hour at last, by all processes together.
		expect(f.requests - before[0]).toBeLessThanOrEqual(31);
		expect(f.store.versions() - before[1]).toBe(2 * (f.requests - before[0]));
	});
});

describe('a lease that cannot be written', () => {
	it.each(['LIMIT_EXCEEDED', 'ACCESS_DENIED', 'THROTTLED'] as const)(
		'because of %s leaves the refresh token unspent, and the valid token serving',
		async (code) => {
			const f = new Fixture('refresh_token', true);
			await f.source.get();
			f.wait(3301);
			f.store.fail('write', code, 10);
			expect(await f.time.until(f.source.get())).toMatchObject({ accessToken: 'at-1' });
			expect(f.source.status().lastError).toMatchObject({ code });
			f.wait(300);
			await expect(f.time.until(f.source.get())).rejects.toMatchObject({ code });
			expect(f.requests).toBe(1);
			f.store.heal();
			f.wait(30);
			expect(await f.time.until(f.source.get())).toMatchObject({ accessToken: 'at-2' });
		},
	);

	it('or so it seemed, since the answer was lost, is taken up again by the same process at once', async () => {
		const { f, processes } = await expired(1);
		const write = f.store.write.bind(f.store);
		jest.spyOn(f.store, 'write').mockImplementationOnce(async (...call) => {
			await write(...call);
			throw unavailable();
		});
		const { source } = processes[0]!;
		await expect(f.time.until(source.get())).rejects.toMatchObject({ failureClass: 'provider' });
		const before = f.time.elapsed;
		expect(await f.time.until(source.get())).toMatchObject({ accessToken: 'at-2' });
		expect(f.time.elapsed).toBe(before);
	});
});
