import { askAll, expired, Fixture, unavailable } from './tokenSourceFixture';

const SECOND = 1000;
const MINUTE = 60_000;

describe('a failure under the lease', () => {
	it('keeps it, goes on trying though nobody calls, and lets the others know why', async () => {
		const { f, processes } = await expired(2);
		f.failures = [unavailable(), unavailable(), unavailable()];
		const [holder, other] = processes;
		await expect(f.time.until(holder!.source.get())).rejects.toMatchObject({
			code: 'SERVER_ERROR',
		});
		const before = f.time.elapsed;
		await expect(f.time.until(other!.source.get())).rejects.toMatchObject({ code: 'SERVER_ERROR' });
		expect(f.time.elapsed).toBe(before);
		await f.time.run(10 * SECOND);
		expect(f.store.json()).toMatchObject({ token: { access_token: 'at-5' } });
		expect(f.store.json()).not.toHaveProperty('lease');
		await f.time.run(10 * SECOND);
		expect(await f.time.until(other!.source.get())).toMatchObject({ accessToken: 'at-5' });
		expect(f.requests).toBe(5);
	});

	it('releases it as well where the store turns out to hold something newer', async () => {
		const { f, processes } = await expired(1);
		f.validRefreshToken = 'rt-new';
		f.meanwhile = () =>
			f.store.edit((json) => ({
				...json,
				refresh_token: 'rt-new',
				token: {
					...(json['token'] as object),
					access_token: 'at-new',
					issued_at: new Date(f.now).toISOString(),
					expires_at: new Date(f.now + 60 * MINUTE).toISOString(),
				},
			}));
		expect(await askAll(f, processes)).toEqual(new Set(['at-new']));
		expect(f.store.json()).not.toHaveProperty('lease');
	});

	it("never releases another one's", async () => {
		const { f, processes } = await expired(1);
		const theirs = { owner: 'other', until: new Date(f.now + MINUTE).toISOString(), seconds: 60 };
		f.failures = [unavailable()];
		f.meanwhile = () => f.otherProcess((json) => ({ ...json, lease: theirs }));
		await expect(f.time.until(processes[0]!.source.get())).rejects.toThrow();
		expect(f.store.json()).toMatchObject({ lease: theirs });
	});
});

describe('an administrator', () => {
	it('who edits the secret while the lease is held and renewed loses nothing', async () => {
		const { f, processes } = await expired(1);
		f.slowness = 50_000;
		const asked = processes[0]!.source.get();
		await f.time.run(10 * SECOND);
		f.store.edit((json) => ({ ...json, note: 'edited', client_secret: 'cs-new' }));
		await f.time.until(asked).catch(() => undefined);
		expect(f.store.json()).toMatchObject({ note: 'edited', client_secret: 'cs-new' });
		expect(f.store.json()).not.toHaveProperty('lease');
	});

	it('who takes the lease out of the secret stops nobody for long', async () => {
		const { f, processes } = await expired(2);
		f.meanwhile = () => f.store.edit(({ lease: _removed, ...json }) => json);
		expect(await f.time.until(processes[0]!.source.get())).toMatchObject({ accessToken: 'at-2' });
		expect(await f.time.until(processes[1]!.source.get())).toMatchObject({ accessToken: 'at-2' });
	});
});

describe('a refresh token that is dead', () => {
	it('is offered ever more seldom, by however many processes, so that versions are left for reconnecting', async () => {
		const { f, processes } = await expired(5);
		f.validRefreshToken = 'none: revoked';
		const before = [f.requests, f.store.versions()] as const;
		for (let minute = 0; minute < 24 * 60; minute += 1) {
			const asked = processes.map(async ({ source }) => await source.get().catch(() => undefined));
			await f.time.until(Promise.all(asked));
			f.wait(60);
		}
		// Once for all, after 10 minutes and then once an hour.
		expect(f.requests - before[0]).toBeLessThanOrEqual(25);
		expect(f.store.versions() - before[1]).toBe(2 * (f.requests - before[0]));
		// Each process says so once.
		expect(f.events.filter((name) => name === 'account.reconnectNeeded')).toHaveLength(5);
	});

	it('does not keep one that was put in its place from being used at once', async () => {
		const { f, processes } = await expired(2);
		f.validRefreshToken = 'rt-new';
		for (const { source } of processes)
			await expect(f.time.until(source.get())).rejects.toMatchObject({ code: 'INVALID_GRANT' });
		f.store.edit((json) => ({ ...json, refresh_token: 'rt-new' }));
		f.wait(5);
		expect(await askAll(f, processes)).toEqual(new Set(['at-3']));
		expect(f.store.json()).not.toHaveProperty('refused');
	});
});

describe('tokens that the store did not take', () => {
	it('are written as soon as it takes them, though nobody calls', async () => {
		const f = new Fixture('refresh_token');
		await f.source.get();
		f.wait(3601);
		f.meanwhile = () => f.store.fail('write', 'THROTTLED', 100);
		await f.source.get();
		await f.time.run(3 * MINUTE);
		expect(f.source.status().unsaved).toBe(true);
		f.store.heal();
		await f.time.run(6 * SECOND);
		expect(f.source.status().unsaved).toBe(false);
		expect(f.store.json()).toMatchObject({ refresh_token: 'rt-2' });
		expect(f.events.at(-1)).toBe('token.savedAfterAll');
	});

	it('are written before another process can take the lease over, where the store recovers in time', async () => {
		const { f, processes } = await expired(2);
		const [holder, other] = processes;
		f.meanwhile = () => f.store.fail('write', 'THROTTLED', 3);
		await f.time.until(holder!.source.get());
		expect(holder!.events).toEqual(['token.rotatedButNotSaved', 'token.refreshed']);
		expect(await f.time.until(other!.source.get())).toMatchObject({ accessToken: 'at-2' });
		expect([f.requests, f.reused]).toEqual([2, 0]);
		expect(holder!.events.at(-1)).toBe('token.savedAfterAll');
	});
});

it('counts what happened', async () => {
	const { f, processes } = await expired(2);
	f.slowness = SECOND;
	await askAll(f, processes);
	f.wait(3301);
	f.slowness = 0;
	f.failures = [unavailable()];
	await f.time.until(processes[0]!.source.get());
	expect(processes[0]!.source.status().counters).toMatchObject({
		acquired: 0,
		refreshed: 1,
		servedWhileTheProviderIsDown: 1,
	});
	expect(processes[1]!.source.status().counters).toMatchObject({
		adopted: 2,
		leaseWaitedFor: 1,
	});
});
