import { randomUUID } from 'node:crypto';

import {
	ProviderError,
	restoreFailure,
	storedFailure,
	VaultedOAuth2Error,
	type StoredFailure,
} from '../errors';
import type { Bundle, LeaseClaim, Refusal } from '../secrets/bundle';
import { released, type Patch } from '../secrets/patches';
import type { SealedBundle } from '../secrets/sealedBundle';
import { pause, type Clock } from './clock';

/*
 * Of all processes that share a connection only one at a time may redeem its refresh token: many providers take a second redemption for a
 * theft and revoke the whole family. A compare-and-swap when the new tokens are written comes too late, the refresh token is spent by then.
 * So whoever wants to redeem it first writes a lease into the bundle, by compare-and-swap, and the write of the new tokens takes it out
 * again. See "The lease" in docs/architecture.md.
 *
 * How long: 60 s, renewed every 20 s while the provider is being asked. Each token request needs 45 s of it to be left: discovery takes
 * 2 × 15 s at most and the token request itself 15 s, so that the last answer is there before the lease ends even if every renewal fails.
 * What comes after that is the write; it needs the same store that the renewals and everyone else's claim need. Only a host that is cut off
 * from the store or stands still for a minute, between the provider's answer and the write, can be overtaken.
 *
 * Whose clock: nobody compares the time of day of two hosts. The holder counts from before its claim was sent, by the clock that says more
 * has passed: the monotonic one may stand still while a virtual machine is suspended, the other one can be set back. Everyone else counts
 * from when they first saw the very same claim, which is later.
 */

/** Milliseconds a lease lasts unless it is renewed. */
const LEASE_MS = 60_000;
/** A lease is renewed after this share of its time. */
const RENEWED_AFTER = 1 / 3;
/** The share of the shortest lease that must be left when a token request is sent. */
const NEEDED_SHARE = 3 / 4;
/** How long others wait for it, as a multiple of it: past the end of a lease that a crash has left, and for the redemption that follows. */
const WAIT_SHARE = 3 / 2;
const FIRST_PAUSE_MS = 100;
/** The longest pause between two looks, as a share of the lease: 2 s. */
const LONGEST_PAUSE_SHARE = 1 / 30;

/** Options for {@link Lease}. */
export interface LeaseOptions {
	readonly bundle: SealedBundle;
	readonly clock: Clock;
	/** Whether other processes may redeem what this bundle holds, so that it is worth a version of the secret to agree with them. */
	readonly isShared: (bundle: Bundle, wasHeld: boolean) => boolean;
	/** True if redeeming spends something that must not be lost, so that the store has to be writable first. */
	readonly spends: (bundle: Bundle) => boolean;
	/** Default 60 s. */
	readonly leaseMs?: number;
	/**
	 * How long a lease may become whose holder keeps it through an outage, in milliseconds. It lasts twice as long each time it is extended, so
	 * that an outage does not use up the versions that a store has for a day. Default: no longer than the first.
	 */
	readonly longestMs?: number;
	/** 0 to 1, for the pauses between looks. Default `Math.random`. */
	readonly random?: () => number;
}

/** What came of trying to get the lease. */
export interface Claimed {
	/**
	 * - `held`: it is ours; `bundle` is what it protects.
	 * - `unshared`: nobody else is there to agree with; the store was found to be writable.
	 * - `busy`: another process has it.
	 * - `settled`: the caller saw in `bundle` that it is not needed.
	 */
	readonly outcome: 'held' | 'unshared' | 'busy' | 'settled';
	readonly bundle: Bundle;
	/** True if it was taken from a holder that never released it. */
	readonly takenOver: boolean;
	/** With `busy`: why the holder has no new token yet, if it has failed. */
	readonly cause?: VaultedOAuth2Error;
}

/** Called before each token request; what it rejects with keeps the request from being sent. */
export type BeforeSend = () => Promise<void>;

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

/** This process's side of the lease on one bundle. Knows no tokens. */
export class Lease {
	/** Random; who has the lease. */
	readonly owner = randomUUID();
	private readonly leaseMs: number;
	private readonly longestMs: number;
	private held: Held | undefined;
	private watched: Watched | undefined;
	private renewal: Promise<void> | undefined;
	private queue: Promise<unknown> = Promise.resolve();
	private claims = 0;

	constructor(private readonly options: LeaseOptions) {
		this.leaseMs = options.leaseMs ?? LEASE_MS;
		this.longestMs = Math.max(this.leaseMs, options.longestMs ?? 0);
	}

	/** True while it is ours as far as this process knows. */
	get isHeld(): boolean {
		return this.held !== undefined;
	}

	/** True if a redemption of what this bundle holds takes the lease. */
	isShared(bundle: Bundle): boolean {
		return this.options.isShared(bundle, this.claims > 0);
	}

	/** Runs one redemption of this process at a time, in the order asked for. */
	exclusively<T>(task: () => Promise<T>): Promise<T> {
		const result = this.queue.then(task, task);
		this.queue = result.catch(() => undefined);
		return result;
	}

	/**
	 * Reads the newest bundle and, unless `settles` says that there is nothing to do, claims the lease: one compare-and-swap.
	 *
	 * @throws SecretStoreError, and what `settles` throws; then it is not held
	 */
	async claim(settles: (newest: Bundle) => boolean): Promise<Claimed> {
		const { bundle, spends } = this.options;
		const newest = await bundle.read();
		const seen = this.look(newest, settles);
		if (seen !== undefined) return seen;
		const isUnshared = !this.isHeld && newest.lease === undefined && !this.isShared(newest);
		// If another version is current by now, someone else is there after all.
		if (isUnshared && (!spends(newest) || (await bundle.assertWritable())))
			return { outcome: 'unshared', bundle: newest, takenOver: false };
		return await this.claimShared(settles);
	}

	/**
	 * Renews the lease while `work` runs; without effect if it is not held.
	 *
	 * @throws what `work` throws; the lease is held all the same then
	 */
	async during<T>(work: (beforeSend: BeforeSend) => Promise<T>): Promise<T> {
		if (this.held === undefined) return await work(() => Promise.resolve());
		let cancel: () => void = () => undefined;
		let isOver = false;
		const renewLater = (): void => {
			cancel = this.options.clock.after(this.leaseMs * RENEWED_AFTER, () => {
				// The next try is a third later; whether enough is left is asked when it matters.
				const isLong = this.left(this.held) >= this.leaseMs;
				const renewed = isLong ? Promise.resolve() : this.renew().catch(() => undefined);
				void renewed.then(() => {
					if (!isOver) renewLater();
				});
			});
		};
		renewLater();
		try {
			return await work(async () => await this.assertHeld());
		} finally {
			isOver = true;
			cancel();
		}
	}

	/**
	 * Waits until the lease is ours, if it is shared, and works on the newest bundle under it. `work` has to write a patch that releases it;
	 * if it fails, the lease is released here.
	 *
	 * @throws ProviderError `LEASE_BUSY` if others had it all the time, SecretStoreError, and what `work` throws
	 */
	async whileHeld(work: (newest: Bundle, beforeSend: BeforeSend) => Promise<void>): Promise<void> {
		const wait = this.backoffWait();
		const attempt = async (): Promise<boolean> => {
			const { outcome, bundle, cause } = await this.claim(() => false);
			if (cause !== undefined) throw cause;
			if (outcome === 'busy') return false;
			await this.during(async (beforeSend) => await work(bundle, beforeSend));
			this.markReleased();
			return true;
		};
		try {
			while (!(await this.exclusively(attempt))) await wait();
		} catch (error) {
			await this.release();
			throw error;
		}
	}

	/** A pause between two looks at the lease, as a function that rejects with ProviderError `LEASE_BUSY` once it was waited for long enough. */
	backoffWait(): () => Promise<void> {
		const { clock, random = Math.random } = this.options;
		const since = clock.elapsed();
		const longestPause = this.leaseMs * LONGEST_PAUSE_SHARE;
		let longest = Math.min(FIRST_PAUSE_MS, longestPause);
		return async () => {
			const left = this.leaseMs * WAIT_SHARE - (clock.elapsed() - since);
			if (left <= 0) throw busy();
			await pause(clock, Math.min(left, longest * (1 + random()) * 0.5));
			longest = Math.min(longestPause, longest * 1.6);
		};
	}

	/** Another write took it out of the bundle. */
	markReleased(): void {
		this.held = undefined;
	}

	/** Gives it back, together with what was refused. Best effort: what cannot be released runs out. */
	async release(refusal?: Refusal): Promise<void> {
		if (this.held === undefined && refusal === undefined) return;
		this.held = undefined;
		await this.tryUpdate(released(this.owner, refusal));
	}

	/**
	 * Keeps it after a failure, so that only this process goes on trying, and lets the others know why. Costs a version only if the cause is new
	 * or too little is left for the next try.
	 *
	 * @param nextTryMs milliseconds until the next try
	 */
	async keep(error: VaultedOAuth2Error, nextTryMs: number): Promise<void> {
		const { held } = this;
		if (held === undefined) return;
		const cause = storedFailure(error);
		const lasts = this.left(held) - nextTryMs >= this.neededMs;
		if (lasts && held.claim.cause?.code === cause?.code) return;
		const doubled = held.claim.cause === undefined ? held.claim.seconds : held.claim.seconds * 2;
		const lengthMs = Math.min(this.longestMs, doubled * 1000);
		await this.extend(Math.max(lengthMs, nextTryMs + this.leaseMs), cause).catch(() => undefined);
	}

	/** What the newest bundle alone decides. */
	private look(newest: Bundle, settles: (newest: Bundle) => boolean): Claimed | undefined {
		if (settles(newest)) return { outcome: 'settled', bundle: newest, takenOver: false };
		const { lease } = newest;
		if (lease === undefined || lease.owner === this.owner || this.isOver(lease)) return undefined;
		const cause = lease.cause && restoreFailure(lease.cause);
		return { outcome: 'busy', bundle: newest, takenOver: false, ...(cause && { cause }) };
	}

	private async claimShared(settles: (newest: Bundle) => boolean): Promise<Claimed> {
		const before = this.held;
		this.held = undefined;
		let decided: Claimed | undefined;
		let held: Held | undefined;
		let takenOver = false;
		const bundle = await this.options.bundle.update({
			name: 'lease claimed',
			keep: 'no',
			apply: (newest) => {
				// Asked again after a conflict: only the last look counts.
				held = undefined;
				decided = this.look(newest, settles);
				if (decided !== undefined) return newest;
				const { lease } = newest;
				const isOwn = lease?.owner === this.owner;
				if (isOwn && before?.claim.until === lease.until && this.left(before) >= this.neededMs) {
					held = before;
					return newest;
				}
				takenOver = lease !== undefined && !isOwn;
				held = isOwn ? this.begin(lease.seconds * 1000, lease.cause) : this.begin(this.leaseMs);
				return { ...newest, lease: held.claim };
			},
		});
		this.held = held;
		if (decided !== undefined) return { ...decided, bundle };
		this.claims += 1;
		return { outcome: 'held', bundle, takenOver };
	}

	private get neededMs(): number {
		return this.leaseMs * NEEDED_SHARE;
	}

	/** Before every token request: enough is left, or can be had. @throws ProviderError `LEASE_BUSY`, SecretStoreError; nothing was sent */
	private async assertHeld(): Promise<void> {
		if (this.left(this.held) >= this.neededMs) return;
		await this.renew();
		if (this.left(this.held) < this.neededMs) throw lost();
	}

	/** One renewal at a time. @throws SecretStoreError */
	private async renew(): Promise<void> {
		const seconds = this.held?.claim.seconds ?? 0;
		this.renewal ??= this.extend(seconds * 1000, this.held?.claim.cause).finally(() => {
			this.renewal = undefined;
		});
		await this.renewal;
	}

	private async extend(lengthMs: number, cause: StoredFailure | undefined): Promise<void> {
		const { held } = this;
		if (held === undefined) return;
		let next = held;
		const { lease } = await this.options.bundle.update({
			name: 'lease extended',
			keep: 'no',
			apply: (newest) => {
				if (newest.lease?.owner !== this.owner) return newest;
				next = this.begin(lengthMs, cause);
				return { ...newest, lease: next.claim };
			},
		});
		// If it is another process's by now, it is lost. It may have been released meanwhile.
		if (this.held === held) this.held = lease?.owner === this.owner ? next : undefined;
	}

	private async tryUpdate(patch: Patch): Promise<void> {
		try {
			await this.options.bundle.update(patch);
		} catch (error) {
			if (!(error instanceof VaultedOAuth2Error)) throw error;
		}
	}

	private begin(lengthMs: number, cause?: StoredFailure): Held {
		const { clock } = this.options;
		const since = { now: clock.now(), elapsed: clock.elapsed() };
		// Times are stored in whole milliseconds; with a fraction, the holder would not recognise its own claim.
		const until = Math.ceil(since.now + lengthMs);
		const seconds = lengthMs / 1000;
		return { claim: { owner: this.owner, until, seconds, ...(cause && { cause }) }, since };
	}

	/** Milliseconds until the lease has to be taken for lost. */
	private left(held: Held | undefined): number {
		if (held === undefined) return 0;
		const { clock } = this.options;
		const { since, claim } = held;
		const passed = Math.max(clock.now() - since.now, clock.elapsed() - since.elapsed);
		return claim.seconds * 1000 - passed;
	}

	/** True if the holder cannot count on it any more: it was seen unchanged for its whole length. */
	private isOver({ owner, until, seconds }: LeaseClaim): boolean {
		const elapsed = this.options.clock.elapsed();
		if (this.watched?.owner !== owner || this.watched.until !== until)
			this.watched = { owner, until, since: elapsed };
		return elapsed - this.watched.since >= seconds * 1000;
	}
}

function busy(): ProviderError {
	return new ProviderError(
		'another process of this n8n is already refreshing this token. Nothing is lost; try again in a while.',
		{ code: 'LEASE_BUSY' },
	);
}

/** True if another process has the lease, so that nothing was sent. */
export function isLost(error: unknown): boolean {
	return error instanceof ProviderError && error.code === 'LEASE_BUSY';
}

function lost(): ProviderError {
	return new ProviderError(
		'another process of this n8n has taken over refreshing this token. Nothing is lost; try again.',
		{ code: 'LEASE_BUSY' },
	);
}
