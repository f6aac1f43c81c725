import { Fixture, invalidClient, invalidGrant, unavailable } from './tokenSourceFixture';

const SECOND = 1000;

describe('a token that is fresh', () => {
	it('serves without asking anybody', async () => {
		const f = new Fixture();
		await f.source.get();
		f.store.calls.length = 0;
		f.wait(270);
		await expect(f.source.get()).resolves.toMatchObject({ accessToken: 'at-1' });
		expect(f.requests).toBe(1);
		expect(f.store.calls).toEqual([]);
	});

	it('looks at the store behind a call every five minutes of use, so that what others changed arrives', async () => {
		const f = new Fixture('refresh_token');
		await f.source.get();
		const other = f.process();
		await other.source.get();
		await other.source.refreshNow();
		f.wait(300);
		f.store.calls.length = 0;
		await f.source.get();
		await f.time.run(0);
		expect(f.store.calls).toEqual(['read']);
		await expect(f.source.get()).resolves.toMatchObject({ accessToken: 'at-2' });
		expect(f.requests).toBe(2);
	});

	it('is replaced once the buffer is reached', async () => {
		const f = new Fixture();
		await f.source.get();
		f.wait(3300);
		await expect(f.source.get()).resolves.toMatchObject({ accessToken: 'at-2' });
	});

	it('is taken from the store where another process has put a newer one', async () => {
		const f = new Fixture('refresh_token');
		const other = f.process();
		await f.source.get();
		await other.source.get();
		expect(f.requests).toBe(1);
		f.wait(3500);
		await other.source.get();
		await expect(f.source.get()).resolves.toMatchObject({ accessToken: 'at-2' });
		expect(f.requests).toBe(2);
	});

	it('never serves a connection that asks for something else', async () => {
		const f = new Fixture();
		await f.source.get();
		f.requestedFor = 'another scope';
		await expect(f.process().source.get()).resolves.toMatchObject({ accessToken: 'at-2' });
	});
});

describe('single flight', () => {
	it('answers 1,000 concurrent calls at expiry with one token request, one claim and one write', async () => {
		const f = new Fixture('refresh_token');
		await f.source.get();
		f.wait(3601);
		f.store.calls.length = 0;
		const tokens = await Promise.all(Array.from({ length: 1000 }, () => f.source.get()));
		expect(new Set(tokens.map(({ accessToken }) => accessToken))).toEqual(new Set(['at-2']));
		expect(f.requests).toBe(2);
		expect(f.store.count('write')).toBe(2);
	});

	it('clears after a failure', async () => {
		const f = new Fixture();
		f.failures = [unavailable()];
		await expect(f.source.get()).rejects.toMatchObject({ failureClass: 'provider' });
		await expect(f.source.get()).resolves.toMatchObject({ accessToken: 'at-2' });
	});

	it('does not let a forced refresh join a flight that began before it', async () => {
		const f = new Fixture();
		let open: () => void = () => undefined;
		f.meanwhile = () => new Promise((resolve) => (open = resolve));
		const before = f.source.get();
		const forced = f.source.refreshNow();
		await new Promise(setImmediate);
		open();
		expect((await before).accessToken).toBe('at-1');
		expect((await forced).accessToken).toBe('at-2');
	});

	it('replaces a refused token once for all who were refused', async () => {
		const f = new Fixture();
		const { accessToken } = await f.source.get();
		const replaced = await Promise.all(
			Array.from({ length: 50 }, () => f.source.replaceRefused(accessToken)),
		);
		expect(new Set(replaced.map((token) => token?.accessToken))).toEqual(new Set(['at-2']));
		expect(f.requests).toBe(2);
	});
});

describe('a refused token', () => {
	it('is replaced from the store where that holds a newer one', async () => {
		const f = new Fixture('refresh_token');
		const other = f.process();
		const { accessToken } = await f.source.get();
		await other.source.refreshNow();
		await expect(f.source.replaceRefused(accessToken)).resolves.toMatchObject({
			accessToken: 'at-2',
		});
		expect(f.requests).toBe(2);
	});

	it('leads to no further request if its replacement is refused as well, for a day', async () => {
		const f = new Fixture();
		f.lifetime = 7 * 86_400;
		const first = await f.source.get();
		await f.source.replaceRefused(first.accessToken, '/me');
		for (let minute = 0; minute < 24 * 60 - 1; minute += 1) {
			const { accessToken } = await f.source.get();
			await expect(f.source.replaceRefused(accessToken, '/me')).resolves.toBeUndefined();
			f.wait(60);
		}
		expect(f.requests).toBe(2);
		f.wait(60);
		await expect(f.source.replaceRefused('at-2', '/me')).resolves.toMatchObject({
			accessToken: 'at-3',
		});
	});

	it('is replaced again and again if the API accepts each replacement', async () => {
		const f = new Fixture();
		let { accessToken } = await f.source.get();
		for (let round = 2; round < 20; round += 1) {
			const replaced = await f.source.replaceRefused(accessToken, '/me');
			expect(replaced).toMatchObject({ accessToken: `at-${String(round)}` });
			f.source.accepted('/me');
			accessToken = replaced?.accessToken ?? '';
		}
	});

	it('is not replaced for an endpoint that refuses all, while it is for the others', async () => {
		const f = new Fixture();
		let { accessToken } = await f.source.get();
		accessToken = (await f.source.replaceRefused(accessToken, '/admin'))?.accessToken ?? '';
		for (let round = 3; round < 20; round += 1) {
			await expect(f.source.replaceRefused(accessToken, '/admin')).resolves.toBeUndefined();
			accessToken = (await f.source.replaceRefused(accessToken, '/me'))?.accessToken ?? '';
			expect(accessToken).toBe(`at-${String(round)}`);
			f.source.accepted('/me');
		}
	});

	it('gives way to a newer one in the store, even if nothing may be asked for', async () => {
		const f = new Fixture('refresh_token');
		const other = f.process();
		const { accessToken } = await f.source.get();
		await other.source.get();
		const second = await f.source.replaceRefused(accessToken, '/me');
		await other.source.refreshNow();
		await expect(f.source.replaceRefused(second?.accessToken ?? '', '/me')).resolves.toMatchObject({
			accessToken: 'at-3',
		});
		expect(f.requests).toBe(3);
	});

	it('is asked for at once when what the provider refused was corrected', async () => {
		const f = new Fixture();
		const { accessToken } = await f.source.get();
		f.validClientSecret = 'cs-new';
		const replaced = async () => await f.source.replaceRefused(accessToken, '/me');
		for (let call = 0; call < 3; call += 1)
			await expect(replaced()).rejects.toMatchObject({ code: 'INVALID_CLIENT' });
		f.store.edit((json) => ({ ...json, client_secret: 'cs-new' }));
		await expect(replaced()).resolves.toMatchObject({ accessToken: expect.any(String) as string });
	});

	it('is not asked for while the provider wants to be left alone', async () => {
		const f = new Fixture();
		const { accessToken } = await f.source.get();
		f.failures = Array.from({ length: 10 }, () => unavailable(120));
		for (let second = 0; second < 600; second += 5) {
			await expect(f.source.replaceRefused(accessToken, '/me')).rejects.toMatchObject({
				retryAfterSeconds: 120,
			});
			f.wait(5);
		}
		expect(f.requests).toBe(1 + 5);
	});
});

describe('while the provider is down', () => {
	it('serves the token that is still valid, and does not ask for every call', async () => {
		const f = new Fixture();
		await f.source.get();
		f.wait(3360);
		f.failures = [unavailable(), unavailable()];
		for (let call = 0; call < 20; call += 1) {
			await expect(f.source.get()).resolves.toMatchObject({ accessToken: 'at-1' });
		}
		expect(f.requests).toBe(2);
		expect(f.events.filter((name) => name === 'token.servedWhileProviderDown')).toHaveLength(1);
	});

	it('serves a valid token that only the store holds, as after a restart', async () => {
		const f = new Fixture();
		await f.source.get();
		f.wait(3360);
		f.failures = [unavailable()];
		await expect(f.process().source.get()).resolves.toMatchObject({ accessToken: 'at-1' });
	});

	it('fails only at true expiry, as "provider, temporary"', async () => {
		const f = new Fixture();
		await f.source.get();
		f.wait(3600);
		f.failures = [unavailable()];
		await expect(f.source.get()).rejects.toMatchObject({ failureClass: 'provider' });
	});

	it('waits as long as Retry-After asks', async () => {
		const f = new Fixture();
		f.failures = [unavailable(120)];
		await expect(f.source.get()).rejects.toMatchObject({ retryAfterSeconds: 120 });
		f.wait(119);
		await expect(f.source.get()).rejects.toMatchObject({ retryAfterSeconds: 120 });
		expect(f.requests).toBe(1);
		f.wait(1);
		await expect(f.source.get()).resolves.toMatchObject({ accessToken: 'at-2' });
	});

	it('waits as long as Retry-After asks while a valid token serves, too', async () => {
		const f = new Fixture();
		await f.source.get();
		f.wait(3360);
		f.failures = Array.from({ length: 10 }, () => unavailable(200));
		for (let second = 0; second < 200; second += 1) {
			await expect(f.source.get()).resolves.toMatchObject({ accessToken: 'at-1' });
			f.wait(1);
		}
		expect(f.requests).toBe(2);
		f.failures = [];
		await expect(f.source.get()).resolves.toMatchObject({ accessToken: 'at-3' });
	});

	it('bounds the token requests of a long outage under constant load', async () => {
		const f = new Fixture();
		f.failures = Array.from({ length: 1000 }, () => unavailable());
		for (let second = 0; second < 600; second += 1) {
			await f.source.get().catch(() => undefined);
			f.wait(1);
		}
		// 1 s, 2 s, 4 s, … and then every 30 s.
		expect(f.requests).toBeLessThanOrEqual(27);
	});

	it('recovers at the first call after the wait', async () => {
		const f = new Fixture();
		f.failures = [unavailable(), unavailable(), unavailable()];
		for (let call = 0; call < 3; call += 1) {
			await f.source.get().catch(() => undefined);
			f.wait(2);
		}
		f.wait(2);
		await expect(f.source.get()).resolves.toMatchObject({ accessToken: 'at-4' });
	});
});

describe('a permanent refusal', () => {
	it('is reported at once, while the token that is still valid serves', async () => {
		const f = new Fixture('refresh_token');
		await f.source.get();
		f.wait(3360);
		f.validRefreshToken = 'revoked by the user';
		await expect(f.source.get()).resolves.toMatchObject({ accessToken: 'at-1' });
		expect(f.events).toContain('account.reconnectNeeded');
		expect(f.source.status().lastError).toMatchObject({ code: 'INVALID_GRANT' });
		f.wait(240);
		await expect(f.source.get()).rejects.toMatchObject({ failureClass: 'reconnect' });
		expect(f.requests).toBe(2);
	});

	it.each([
		['reconnect', invalidGrant, 2],
		['configuration', invalidClient, 8],
	] as const)(
		'of class %s at five calls a second for ten minutes is asked seldom',
		async (failureClass, failure, most) => {
			const f = new Fixture('refresh_token');
			f.failures = Array.from({ length: 10_000 }, () => failure());
			for (let call = 0; call < 3000; call += 1) {
				await expect(f.source.get()).rejects.toMatchObject({ failureClass });
				f.wait(0.2);
			}
			expect(f.requests).toBeLessThanOrEqual(most);
		},
	);

	it('leads to a second request where an administrator has stored another refresh token', async () => {
		const f = new Fixture('refresh_token');
		await f.source.get();
		f.wait(3601);
		f.validRefreshToken = 'rt-new';
		f.failures = [];
		f.store.edit((json) => ({ ...json, refresh_token: 'rt-new' }));
		await expect(f.source.get()).resolves.toMatchObject({ accessToken: 'at-2' });
	});

	it('re-reads the store on invalid_grant and uses what is newer', async () => {
		const f = new Fixture('refresh_token');
		await f.source.get();
		f.wait(3601);
		f.failures = [invalidGrant()];
		f.meanwhile = () => {
			f.validRefreshToken = 'rt-new';
			f.store.edit((json) => ({ ...json, refresh_token: 'rt-new' }));
		};
		await expect(f.source.get()).resolves.toMatchObject({ accessToken: 'at-3' });
	});

	it('re-reads the store on invalid_client and uses a rotated client secret', async () => {
		const f = new Fixture();
		await f.source.get();
		f.wait(3601);
		f.failures = [invalidClient()];
		f.meanwhile = () => {
			f.validClientSecret = 'cs-new';
			f.store.edit((json) => ({ ...json, client_secret: 'cs-new' }));
		};
		await expect(f.source.get()).resolves.toMatchObject({ accessToken: 'at-3' });
	});
});

describe('the store', () => {
	it('holds the rotated refresh token before the access token is used', async () => {
		const f = new Fixture('refresh_token');
		const { accessToken } = await f.source.get();
		expect(f.store.json()).toMatchObject({
			refresh_token: 'rt-1',
			token: { access_token: accessToken },
		});
	});

	it('keeps keys it does not know, and edits made between read and write', async () => {
		const f = new Fixture('refresh_token');
		f.store.edit((json) => ({ ...json, note: 'ours' }));
		f.meanwhile = () => f.store.edit((json) => ({ ...json, note: 'edited', owner: 'ops' }));
		await f.source.get();
		expect(f.store.json()).toMatchObject({ note: 'edited', owner: 'ops', refresh_token: 'rt-1' });
	});

	it('loses nothing where it fails after the provider rotated: serves, raises the alarm, and repairs it though nobody calls', async () => {
		const f = new Fixture('refresh_token');
		f.meanwhile = () => f.store.fail('write', 'UNAVAILABLE');
		await expect(f.source.get()).resolves.toMatchObject({ accessToken: 'at-1' });
		expect(f.events).toContain('token.rotatedButNotSaved');
		expect(f.source.status().unsaved).toBe(true);
		expect(f.store.json()).toMatchObject({ refresh_token: 'rt-0' });

		await f.time.run(SECOND);
		expect(f.events).toContain('token.savedAfterAll');
		expect(f.source.status().unsaved).toBe(false);
		expect(f.store.json()).toMatchObject({
			refresh_token: 'rt-1',
			token: { access_token: 'at-1' },
		});
	});

	it('does not let the next refresh token be spent while the last one has no place', async () => {
		const f = new Fixture('refresh_token');
		f.meanwhile = () => f.store.fail('write', 'ACCESS_DENIED', 1000);
		await f.source.get();
		f.wait(3601);
		await expect(f.source.get()).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
		expect(f.requests).toBe(1);
		f.store.heal();
		await f.time.run(130 * SECOND);
		await expect(f.source.get()).resolves.toMatchObject({ accessToken: 'at-2' });
		expect(f.store.json()).toMatchObject({ refresh_token: 'rt-2' });
	});

	it.each(['UNAVAILABLE', 'ACCESS_DENIED'] as const)(
		'is asked seldom while it refuses a write (%s), and soon after it takes it again',
		async (code) => {
			const f = new Fixture('refresh_token');
			f.meanwhile = () => f.store.fail('write', code, 1000);
			await f.source.get();
			f.store.calls.length = 0;
			await f.time.run(60 * SECOND);
			expect(f.store.count('write')).toBeLessThanOrEqual(16);
			f.store.heal();
			await f.time.run(6 * SECOND);
			expect(f.source.status().unsaved).toBe(false);
		},
	);

	it('does not let a refresh token be spent while it cannot be read', async () => {
		const f = new Fixture('refresh_token');
		await f.source.get();
		f.wait(3601);
		f.store.fail('read', 'UNAVAILABLE');
		await expect(f.source.get()).rejects.toMatchObject({
			failureClass: 'secretStore',
			code: 'UNAVAILABLE',
		});
		expect(f.requests).toBe(1);
	});

	it('may be down for a grant that has nothing to lose', async () => {
		const f = new Fixture();
		await f.source.get();
		f.wait(3601);
		f.store.fail('read', 'UNAVAILABLE', 10);
		f.store.fail('write', 'UNAVAILABLE', 10);
		await expect(f.source.get()).resolves.toMatchObject({ accessToken: 'at-2' });
		expect(f.events).toContain('token.servedWhileStoreDown');
		expect(f.events).not.toContain('token.rotatedButNotSaved');
	});

	it('takes access tokens that need not be stored only within its budget of versions', async () => {
		const f = new Fixture();
		f.store.versionsPerDay = 96;
		const { source } = f.process();
		f.lifetime = 60;
		for (let minute = 0; minute < 24 * 60; minute += 1) {
			await source.get();
			f.wait(60);
		}
		expect(f.store.count('write')).toBeLessThanOrEqual(106);
		expect(f.store.count('write')).toBeGreaterThan(90);
	});

	it.each([
		['at the same moment', 0],
		['one after the other', 12],
	])('takes them within one budget of all processes that ask %s', async (_how, apart) => {
		const f = new Fixture();
		f.lifetime = 300;
		f.store.versionsPerDay = 96;
		const processes = Array.from({ length: 5 }, () => f.process());
		for (let minute = 0; minute < 24 * 60; minute += 1) {
			if (apart === 0) {
				await Promise.all(processes.map(async ({ source }) => await source.get()));
				f.wait(60);
			} else
				for (const { source } of processes) {
					await source.get();
					f.wait(apart);
				}
		}
		expect(f.requests).toBeGreaterThan(300);
		// And the few that each process has in stock at first.
		expect(f.store.versions()).toBeLessThanOrEqual(96 + 10 + 1);
	});

	it('always takes a rotated refresh token', async () => {
		const f = new Fixture('refresh_token');
		f.store.versionsPerDay = 1;
		const { source } = f.process();
		for (let round = 0; round < 30; round += 1) {
			await source.get();
			f.wait(3600);
		}
		// The first takes the lease as well, and the second, whose lifetime is not known to be short.
		expect(f.store.count('write')).toBe(31);
	});
});

describe('the clock', () => {
	it('stepping back by more than the buffer leads to one refresh', async () => {
		const f = new Fixture();
		await f.source.get();
		f.wait(-3600);
		await expect(f.source.get()).resolves.toMatchObject({ accessToken: 'at-2' });
		await f.source.get();
		expect(f.requests).toBe(2);
	});

	it('being behind that of another host by less than the buffer leads to none', async () => {
		const f = new Fixture();
		await f.source.get();
		f.wait(-200);
		await f.source.get();
		expect(f.requests).toBe(1);
	});
});
