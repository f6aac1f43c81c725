import { randomUUID } from 'node:crypto';

import { ProviderError, VaultedOAuth2Error } from '../errors';
import type { Bundle, LeaseClaim } from '../secrets/bundle';
import type { SealedBundle } from '../secrets/sealedBundle';
import { pause, type Clock } from './clock';

/*
 * Of all processes that share a connection only one at a time may redeem its refresh token: many providers take a second redemption for a
 * theft and revoke the whole family. A compare-and-swap when the new tokens are written comes too late, the refresh token is spent by then.
 * So whoever wants to redeem it first writes a lease into the bundle, by compare-and-swap, and the write of the new tokens takes it out
 * again. See "The lease" in docs/architecture.md.
 *
 * How long: 60 s, renewed every 20 s while the provider is being asked. Each token request needs 45 s of it to be left: discovery takes
 * 2 × 15 s at most and the token request itself 15 s, so that the last answer is there before the lease ends even where every renewal
 * fails. What comes after that is the write; it needs the same store that the renewals and everybody else's claim need. Only a host that is
 * cut off from the store or stands still for a minute, between the provider's answer and the write, can be overtaken: then the refresh token
 * is redeemed twice.
 *
 * Whose clock: nobody compares the time of day of two hosts. The holder counts from before its claim was sent, by the clock that says more
 * has passed: the monotonic one may stand still while a virtual machine is suspended, the other one can be set back. Everybody else counts
 * from when they first saw the very same claim, which is later.
 */

/** Milliseconds a lease lasts unless it is renewed. */
const LEASE_MS = 60_000;
/** A lease is renewed after this share of its time. */
const RENEWED_AFTER = 1 / 3;
/** The share of a lease that must be left where a token request is sent. */
const NEEDED = 3 / 4;
/** How long others wait for it, as a multiple of it: past the end of a lease that a crash has left, and for the redemption that follows. */
const PATIENCE = 3 / 2;
/** A lease that ended this long ago by the time of day needs no watching: clocks that are set at all do not differ that much. */
const LONG_OVER_MS = 3_600_000;
const FIRST_PAUSE_MS = 100;
/** The longest pause between two looks, as a share of it: 2 s. */
const LONGEST_PAUSE = 1 / 30;

/** What a {@link Lease} works with. */
export interface LeaseOptions {
	readonly bundle: SealedBundle;
	readonly clock: Clock;
	/** Default 60 s. */
	readonly leaseMs?: number;
	/**
	 * How long a lease may become that nobody released, in milliseconds. Each one taken over after such lasts twice as long, so that an outage
	 * of the provider does not use up the versions that a store has for a day. Default: no longer than the first.
	 */
	readonly longestMs?: number;
	/** 0 to 1, for the pauses between looks. Default `Math.random`. */
	readonly random?: () => number;
}

/** What came of trying to get the lease. */
export interface Claimed {
	/**
	 * - `held`: it is ours; `bundle` is what it protects.
	 * - `busy`: somebody else has it.
	 * - `settled`: the caller saw in `bundle` that it is not needed.
	 */
	readonly outcome: 'held' | 'busy' | 'settled';
	readonly bundle: Bundle;
	/** True where it was taken from a holder that never released it. */
	readonly takenOver: boolean;
}

/** Called before each token request; what it rejects with keeps the request from being sent. */
export type MayAsk = () => Promise<void>;

interface Held {
	readonly claim: LeaseClaim;
	readonly since: { readonly now: number; readonly elapsed: number };
}

interface Watched {
	readonly owner: string;
	readonly until: number;
	/** By the monotonic clock. */
	readonly since: number;
}

/** This process's side of the lease on one bundle. Used within the bundle's exclusive task, so by one redemption at a time. */
export class Lease {
	private readonly owner = randomUUID();
	private readonly leaseMs: number;
	private readonly longestMs: number;
	private held: Held | undefined;
	private watched: Watched | undefined;
	private renewal: Promise<void> | undefined;

	constructor(private readonly options: LeaseOptions) {
		this.leaseMs = options.leaseMs ?? LEASE_MS;
		this.longestMs = Math.max(this.leaseMs, options.longestMs ?? 0);
	}

	/** True while it is ours as far as this process knows. */
	get isHeld(): boolean {
		return this.held !== undefined;
	}

	/** True where a lease that is not released is worth something: the store takes only so many versions, and it lasts longer each time. */
	get growsUnreleased(): boolean {
		return this.longestMs > this.leaseMs;
	}

	/**
	 * Reads the newest bundle and, where `settles` does not say that there is nothing to do, claims the lease: one compare-and-swap.
	 *
	 * @throws SecretStoreError, and what `settles` throws; then it is not held
	 */
	async claim(settles: (newest: Bundle) => boolean): Promise<Claimed> {
		const before = this.held;
		this.held = undefined;
		const found: { outcome: Claimed['outcome']; held?: Held; takenOver: boolean } = {
			outcome: 'busy',
			takenOver: false,
		};
		const bundle = await this.options.bundle.change((newest) => {
			const { lease } = newest;
			const own = lease?.owner === this.owner;
			// Seen again after a lost write: only the last look counts.
			delete found.held;
			found.takenOver = false;
			if (settles(newest)) {
				found.outcome = 'settled';
				return newest;
			}
			if (own && before?.claim.until === lease.until && this.left(before) >= this.neededMs) {
				Object.assign(found, { outcome: 'held', held: before });
				return newest;
			}
			if (lease !== undefined && !own && !this.isOver(lease)) {
				found.outcome = 'busy';
				return newest;
			}
			const held = this.begin(this.lengthAfter(lease));
			Object.assign(found, { outcome: 'held', held, takenOver: lease !== undefined && !own });
			return { ...newest, lease: held.claim };
		});
		this.held = found.held;
		return { outcome: found.outcome, bundle, takenOver: found.takenOver };
	}

	/**
	 * Renews the lease while `work` runs.
	 *
	 * @throws what `work` throws; the lease is held all the same then
	 */
	async during<T>(work: (mayAsk: MayAsk) => Promise<T>): Promise<T> {
		let cancel: () => void = () => undefined;
		let isOver = false;
		const renewLater = (): void => {
			cancel = this.options.clock.after(this.leaseMs * RENEWED_AFTER, () => {
				// The next try is a third later; whether enough is left is asked where it matters.
				const renewed = this.renew().catch(() => undefined);
				void renewed.then(() => {
					if (!isOver) renewLater();
				});
			});
		};
		renewLater();
		try {
			return await work(() => this.assertHeld());
		} finally {
			isOver = true;
			cancel();
			// A write that follows must start from the version a renewal has made.
			await this.renewal?.catch(() => undefined);
		}
	}

	/**
	 * Waits until the lease is ours, and works on the newest bundle under it. `work` has to write what {@link without} gives; where it fails,
	 * the lease is released.
	 *
	 * @throws ProviderError `LEASE_BUSY` where others had it all the time, SecretStoreError, and what `work` throws
	 */
	async whileHeld<T>(work: (newest: Bundle) => Promise<T>): Promise<T> {
		const wait = this.patience();
		let claimed = await this.claim(() => false);
		while (claimed.outcome !== 'held') {
			await wait();
			claimed = await this.claim(() => false);
		}
		try {
			const result = await work(claimed.bundle);
			this.done();
			return result;
		} catch (error) {
			await this.release();
			throw error;
		}
	}

	/** A pause between two looks at the lease, as a function that rejects with ProviderError `LEASE_BUSY` once it was waited for long enough. */
	patience(): () => Promise<void> {
		const { clock, random = Math.random } = this.options;
		const since = clock.elapsed();
		const longestPause = this.leaseMs * LONGEST_PAUSE;
		let longest = Math.min(FIRST_PAUSE_MS, longestPause);
		return async () => {
			const left = this.leaseMs * PATIENCE - (clock.elapsed() - since);
			if (left <= 0) throw busy();
			await pause(clock, Math.min(left, longest * (1 + random()) * 0.5));
			longest = Math.min(longestPause, longest * 1.6);
		};
	}

	/** The bundle without our lease; with the lease of somebody else it stays as it is. */
	without(bundle: Bundle): Bundle {
		if (bundle.lease?.owner !== this.owner) return bundle;
		const { lease: _ours, ...rest } = bundle;
		return rest;
	}

	/** It was taken out of the bundle by another write. */
	done(): void {
		this.held = undefined;
	}

	/**
	 * Gives it back where it is still ours, and makes another change in the same write. Best effort: what cannot be released ends by itself.
	 */
	async release(change: (newest: Bundle) => Bundle = (newest) => newest): Promise<void> {
		this.held = undefined;
		try {
			await this.options.bundle.change((newest) => change(this.without(newest)));
		} catch (error) {
			if (!(error instanceof VaultedOAuth2Error)) throw error;
		}
	}

	private get neededMs(): number {
		return this.leaseMs * NEEDED;
	}

	/** Before every token request: enough is left, or can be had. @throws ProviderError `LEASE_BUSY`, SecretStoreError; nothing was sent */
	private async assertHeld(): Promise<void> {
		if (this.left(this.held) >= this.neededMs) return;
		await this.renew();
		if (this.left(this.held) < this.neededMs) throw lost();
	}

	/** One renewal at a time. @throws SecretStoreError */
	private async renew(): Promise<void> {
		this.renewal ??= this.extend().finally(() => {
			this.renewal = undefined;
		});
		await this.renewal;
	}

	private async extend(): Promise<void> {
		const { held } = this;
		if (held === undefined) return;
		let next = held;
		const { lease } = await this.options.bundle.change((newest) => {
			if (newest.lease?.owner !== this.owner) return newest;
			next = this.begin(held.claim.seconds * 1000);
			return { ...newest, lease: next.claim };
		});
		// Where it is somebody else's by now, it is lost.
		this.held = lease?.owner === this.owner ? next : undefined;
	}

	private begin(lengthMs: number): Held {
		const { clock } = this.options;
		const since = { now: clock.now(), elapsed: clock.elapsed() };
		const until = since.now + lengthMs;
		return { claim: { owner: this.owner, until, seconds: lengthMs / 1000 }, since };
	}

	/** How long a new claim lasts, given what it replaces: a lease nobody released tells that the last try did not succeed. */
	private lengthAfter(unreleased: LeaseClaim | undefined): number {
		if (unreleased === undefined) return this.leaseMs;
		return Math.min(this.longestMs, Math.max(this.leaseMs, unreleased.seconds * 2000));
	}

	/** Milliseconds until the lease has to be taken for lost. */
	private left(held: Held | undefined): number {
		if (held === undefined) return 0;
		const { clock } = this.options;
		const { since, claim } = held;
		const passed = Math.max(clock.now() - since.now, clock.elapsed() - since.elapsed);
		return claim.seconds * 1000 - passed;
	}

	/** True where the holder cannot count on it any more: seen unchanged for its whole length, or over for so long that no clock matters. */
	private isOver({ owner, until, seconds }: LeaseClaim): boolean {
		const { clock } = this.options;
		if (this.watched?.owner !== owner || this.watched.until !== until)
			this.watched = { owner, until, since: clock.elapsed() };
		return (
			clock.elapsed() - this.watched.since >= seconds * 1000 || clock.now() - until > LONG_OVER_MS
		);
	}
}

function busy(): ProviderError {
	return new ProviderError(
		'another process of this n8n is getting a new token for this connection and is not done yet. Nothing is lost; try again in a while.',
		{ code: 'LEASE_BUSY' },
	);
}

function lost(): ProviderError {
	return new ProviderError(
		'another process of this n8n has taken over getting a new token for this connection. Nothing is lost; try again.',
		{ code: 'LEASE_BUSY' },
	);
}
