import { ProviderError } from '../../src/errors';
import type { Bundle } from '../../src/secrets/bundle';
import { formatBundle } from '../../src/secrets/bundleFormat';
import { sha256 } from '../../src/secrets/pointer';
import { SealedBundle } from '../../src/secrets/sealedBundle';
import { Lease } from '../../src/tokens/lease';
import { MemoryStore } from '../support/memoryStore';
import { VirtualTime } from './virtualTime';

const KEY = 'k'.repeat(43);
const LEASE_MS = 60_000;
const LONGEST_MS = 300_000;

const store = () => {
	const content: Bundle = {
		label: 'L',
		keySha256: sha256(KEY),
		sealedFor: {
			grantType: 'refresh_token',
			clientId: 'c',
			tokenEndpoint: 'https://as.test/token',
			apiOrigins: ['https://api.test'],
		},
		refreshToken: 'rt-0',
		tokenSets: [],
		typedSha256: {},
		generation: 0,
		other: {},
	};
	const made = new MemoryStore();
	made.secrets.set('s', { version: 1, content: formatBundle(content) });
	return made;
};

let shared: MemoryStore;
let time: VirtualTime;

function process(): Lease {
	const clock = time.clock();
	const bundle = new SealedBundle({
		store: shared,
		ref: { store: { kind: 'localVault' }, secretId: 's', key: KEY },
		clock,
	});
	return new Lease({
		bundle,
		clock,
		spends: () => true,
		isShared: () => true,
		random: () => 0.5,
		leaseMs: LEASE_MS,
		longestMs: LONGEST_MS,
	});
}

const nothingSettles = (): boolean => false;
const stored = () => {
	const lease = shared.json()['lease'] as { owner: string; until: string; seconds: number };
	return { ...lease, until: Date.parse(lease.until) };
};
const failed = (code: 'TIMEOUT' | 'SERVER_ERROR') => new ProviderError('it failed.', { code });

beforeEach(() => {
	shared = store();
	time = new VirtualTime();
});

it('says what came of a claim', async () => {
	const [ours, theirs] = [process(), process()];
	await expect(ours.claim(() => true)).resolves.toMatchObject({
		outcome: 'settled',
		takenOver: false,
	});
	expect(ours.isHeld).toBe(false);
	await expect(ours.claim(nothingSettles)).resolves.toMatchObject({
		outcome: 'held',
		takenOver: false,
	});
	expect(ours.isHeld).toBe(true);
	await expect(theirs.claim(nothingSettles)).resolves.toMatchObject({
		outcome: 'busy',
		takenOver: false,
	});
	expect(theirs.isHeld).toBe(false);
});

it('is taken over from a holder that was seen unchanged for its whole length, and not a moment before', async () => {
	const [ours, theirs] = [process(), process()];
	await ours.claim(nothingSettles);
	await theirs.claim(nothingSettles);
	time.pass(LEASE_MS - 1);
	await expect(theirs.claim(nothingSettles)).resolves.toMatchObject({ outcome: 'busy' });
	time.pass(1);
	await expect(theirs.claim(nothingSettles)).resolves.toMatchObject({
		outcome: 'held',
		takenOver: true,
	});
	expect(stored().owner).toBe(theirs.owner);
});

it('is not written again while enough of it is left', async () => {
	const lease = process();
	await lease.claim(nothingSettles);
	const versions = shared.versions();
	time.pass(LEASE_MS * 0.2);
	await expect(lease.claim(nothingSettles)).resolves.toMatchObject({
		outcome: 'held',
		takenOver: false,
	});
	await lease.during(async (beforeSend) => await beforeSend());
	expect(shared.versions()).toBe(versions);
});

it('is renewed before a request that comes late, which is sent then', async () => {
	const lease = process();
	await lease.claim(nothingSettles);
	const { until } = stored();
	await lease.during(async (beforeSend) => {
		// No timer runs: the process stood still.
		time.pass(LEASE_MS * 0.95);
		await expect(beforeSend()).resolves.toBeUndefined();
	});
	expect(stored()).toMatchObject({ owner: lease.owner, until: until + LEASE_MS * 0.95 });
	expect(lease.isHeld).toBe(true);
});

it('is lost if another process has it by then: nothing is sent', async () => {
	const [ours, theirs] = [process(), process()];
	await ours.claim(nothingSettles);
	await theirs.claim(nothingSettles);
	await ours.during(async (beforeSend) => {
		time.pass(LEASE_MS);
		await theirs.claim(nothingSettles);
		await expect(beforeSend()).rejects.toMatchObject({ code: 'LEASE_BUSY' });
	});
	expect(ours.isHeld).toBe(false);
	expect(stored().owner).toBe(theirs.owner);
});

it('is renewed by a timer while its work goes on, and no longer', async () => {
	const lease = process();
	await lease.claim(nothingSettles);
	const first = stored().until;
	await time.until(
		lease.during(
			async () => await new Promise<void>((resolve) => time.clock().after(LEASE_MS * 3, resolve)),
		),
	);
	expect(stored().until).toBeGreaterThan(first + LEASE_MS);
	const last = shared.versions();
	await time.run(LEASE_MS * 5);
	expect(shared.versions()).toBe(last);
});

describe('kept after a failure', () => {
	it('tells others why, once for each cause', async () => {
		const lease = process();
		await lease.claim(nothingSettles);
		await lease.keep(failed('TIMEOUT'), 1000);
		expect(stored()).toMatchObject({ owner: lease.owner, cause: { code: 'TIMEOUT' } });
		const versions = shared.versions();
		await lease.keep(failed('TIMEOUT'), 1000);
		expect(shared.versions()).toBe(versions);
		await lease.keep(failed('SERVER_ERROR'), 1000);
		expect(stored()).toMatchObject({ cause: { code: 'SERVER_ERROR' } });
		expect(shared.versions()).toBe(versions + 1);
		const busy = await process().claim(nothingSettles);
		expect(busy).toMatchObject({ outcome: 'busy', cause: { code: 'SERVER_ERROR' } });
	});

	it('doubles its length, up to the longest, and lasts for the next try', async () => {
		const lease = process();
		await lease.claim(nothingSettles);
		const lengths: number[] = [];
		for (const code of ['TIMEOUT', 'SERVER_ERROR', 'TIMEOUT', 'SERVER_ERROR', 'TIMEOUT'] as const) {
			await lease.keep(failed(code), 1000);
			lengths.push(stored().seconds);
		}
		expect(lengths).toEqual([61, 122, 244, 300, 300]);
		await lease.keep(failed('SERVER_ERROR'), 400_000);
		expect(stored().seconds).toBe(460);
	});

	it('is nothing to keep if it is not held', async () => {
		await process().keep(failed('TIMEOUT'), 1000);
		expect(shared.versions()).toBe(1);
	});
});

it('is released once, and only its own', async () => {
	const [ours, theirs] = [process(), process()];
	await theirs.release();
	expect(shared.versions()).toBe(1);
	await ours.claim(nothingSettles);
	await theirs.claim(nothingSettles);
	await theirs.release();
	expect(stored().owner).toBe(ours.owner);
	await ours.release();
	expect(shared.json()).not.toHaveProperty('lease');
	expect(ours.isHeld).toBe(false);
});
