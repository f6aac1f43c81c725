import { SecretStoreError, VersionConflictError } from '../errors';
import type { Clock } from '../tokens/clock';
import { assertKey, type Bundle } from './bundle';
import { formatBundle, parseBundle, sameBundle } from './bundleFormat';
import { editPutBack, isOldCopy, tokensRestored, withLease, type Patch } from './patches';
import { sha256, type SecretRef } from './pointer';
import type { SecretStore, SecretVersion } from './store';

/** Options for {@link SealedBundle}. */
export interface SealedBundleOptions {
	readonly store: SecretStore;
	readonly ref: SecretRef;
	readonly clock: Clock;
	/** Called when something that must not be lost could not be written, and when it was written after all. */
	readonly onUnsaved?: (error: SecretStoreError) => void;
	readonly onSaved?: () => void;
	/** Called with changes that were pending and are written. */
	readonly onWritten?: (patches: readonly Patch[]) => void;
}

interface Stored {
	readonly versionId: string;
	readonly content: string;
	readonly bundle: Bundle;
}

/** Far above the writers one connection ever has at once, so that a faulty store cannot keep a call in a loop. */
const ATTEMPTS = 8;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 5_000;
/** Refused for longer than this, it is no longer a hiccup: someone has to change something. */
const LASTING_REFUSAL_MS = 75_000;
const LASTING_REFUSAL_RETRY_MS = 120_000;
/** Refresh tokens remembered as spent: far more than can be in flight. */
const MOST_SPENT = 64;
/** What a store says once the bundle is no longer ours to serve from memory. */
const GONE: ReadonlySet<string> = new Set(['KEY_MISMATCH', 'NOT_FOUND', 'DELETED']);

/**
 * One connection's bundle in its store: read with the capability check, changed by patches and compare-and-swap.
 *
 * What must not be lost and could not be written stays here, on top of every version that is read, and is tried again by one timer.
 */
export class SealedBundle {
	readonly ref: SecretRef;
	private readonly store: SecretStore;
	private stored: Stored | undefined;
	/** Not written yet, in the order they were made. */
	private pending: readonly Patch[] = [];
	private known: Bundle | undefined;
	private readonly spent = new Set<string>();
	private queue: Promise<unknown> = Promise.resolve();
	private cancelRetry: (() => void) | undefined;
	/** By the monotonic clock: since when the store does not take what must be written. */
	private unsavedSince: number | undefined;
	private retryMs = FIRST_RETRY_MS;
	/** What a write started from whose answer was lost: it may have replaced an edit that nobody was told of. */
	private unanswered: { readonly base: Stored; readonly content: string } | undefined;
	private readAt = -Infinity;
	private readFailed = false;
	private ways = 0;

	constructor(private readonly options: SealedBundleOptions) {
		({ store: this.store, ref: this.ref } = options);
	}

	/** The last known bundle with everything that is pending, without asking the store. */
	get lastKnown(): Bundle | undefined {
		return this.known;
	}

	/** Version id of the last version read or written. */
	get versionId(): string | undefined {
		return this.stored?.versionId;
	}

	/** True while something that must not be lost is not stored: the alarm "rotated but not saved". */
	get unsaved(): boolean {
		return this.pending.some(({ keep }) => keep === 'written');
	}

	/** When the store was last asked for the newest version, by the monotonic clock. */
	get lookedAt(): number {
		return this.readAt;
	}

	/** False if the last look failed: another one soon is no better. */
	get isReadable(): boolean {
		return !this.readFailed;
	}

	/** Rises each time this way to the secret is used again after another one. */
	get way(): number {
		return this.ways;
	}

	/** Goes on after another way was used: what failed here may have been corrected. What is pending is tried at once. */
	resume(): void {
		this.ways += 1;
		if (this.unsaved) void this.flush().catch(() => undefined);
	}

	/** Takes along what another way to the same secret must not lose and could not write. Nothing of it is used before this way has read the bundle. */
	takeOver(other: SealedBundle): void {
		const taken = other.pending.filter(
			(patch) => patch.keep === 'written' && !this.pending.includes(patch),
		);
		if (taken.length === 0) return;
		for (const spent of other.spent) this.spend(spent);
		this.pending = [...this.pending, ...taken];
		this.refold();
	}

	/** Another way to the same secret has written these changes: what is known here is old. */
	writtenElsewhere(patches: readonly Patch[]): void {
		const left = this.pending.filter((patch) => !patches.includes(patch));
		if (left.length === this.pending.length) return;
		this.pending = left;
		this.hold(undefined);
		if (!this.unsaved) this.rest();
	}

	/**
	 * Reads the current version.
	 *
	 * @throws SecretStoreError also `KEY_MISMATCH`, `BUNDLE_INVALID` and `BUNDLE_TOO_NEW`
	 */
	async read(): Promise<Bundle> {
		return await this.inTurn(async () => await this.fetch());
	}

	/**
	 * Makes a change, by compare-and-swap: on the last known version, and again on the newest if another writer was first or was overwritten.
	 * What the store does not take is kept or given up as the patch says.
	 *
	 * @returns the bundle with the change in it
	 * @throws SecretStoreError if it could not be written, and whatever the patch throws
	 */
	async update(patch: Patch): Promise<Bundle> {
		this.remember(patch);
		const isKept = patch.keep !== 'no';
		return await this.inTurn(async () => await this.writeOrRetry(isKept ? [] : [patch]));
	}

	/** Keeps a change in memory only. It reaches the store with the next one that is written. */
	remember(patch: Patch): void {
		if (patch.spends !== undefined) this.spend(patch.spends);
		if (patch.keep === 'no') return;
		this.pending = [...this.pending, patch];
		this.refold();
	}

	/** Writes what is kept in memory if nobody else has written since: of processes that keep the like at one moment, one writes. */
	async offer(): Promise<void> {
		await this.inTurn(async () => {
			const base = this.stored;
			if (base === undefined || this.pending.length === 0) return;
			const isWritten = await this.tryWrite(base, this.pending, []);
			if (!isWritten && this.unsaved) await this.writeOrRetry([]);
		});
	}

	/** Writes what must not be lost, now. Without effect if there is nothing. @throws SecretStoreError */
	async flush(): Promise<void> {
		await this.inTurn(async () => {
			if (this.unsaved) await this.writeOrRetry([]);
		});
	}

	/** Writes what must not be lost; if the store refuses it, tries again for so many milliseconds. Never rejects. */
	async flushWithin(milliseconds: number): Promise<void> {
		const { clock } = this.options;
		const until = clock.elapsed() + milliseconds;
		while (this.unsaved && clock.elapsed() < until)
			await this.flush().catch(
				async () => await new Promise<void>((resolve) => clock.after(FIRST_RETRY_MS, resolve)),
			);
	}

	/**
	 * Proves that the last version read could be replaced, without making one: before a refresh token is spent.
	 *
	 * @returns false if another version is current by now
	 * @throws SecretStoreError
	 */
	async assertWritable(): Promise<boolean> {
		return await this.inTurn(async () => {
			const { stored, store, ref } = this;
			if (stored === undefined) return false;
			const { versionId, content } = stored;
			try {
				await store.assertWritable({ secretId: ref.secretId, versionId, content });
				return true;
			} catch (error) {
				if (error instanceof VersionConflictError) return false;
				throw error;
			}
		});
	}

	/** One call of the store at a time, in the order asked for. */
	private inTurn<T>(task: () => Promise<T>): Promise<T> {
		const result = this.queue.then(task, task);
		this.queue = result.catch(() => undefined);
		return result;
	}

	private readonly isSpent = (refreshTokenSha256: string): boolean =>
		this.spent.has(refreshTokenSha256);

	private spend(refreshTokenSha256: string): void {
		this.spent.add(refreshTokenSha256);
		const [oldest] = this.spent;
		if (this.spent.size > MOST_SPENT && oldest !== undefined) this.spent.delete(oldest);
	}

	private fold(bundle: Bundle, patches: readonly Patch[]): Bundle {
		return patches.reduce((newest, patch) => patch.apply(newest, this.isSpent), bundle);
	}

	private refold(): void {
		this.known = this.stored && this.fold(this.stored.bundle, this.pending);
	}

	private hold(stored: Stored | undefined): void {
		this.stored = stored;
		this.refold();
	}

	private async fetch(): Promise<Bundle> {
		this.readAt = this.options.clock.elapsed();
		this.readFailed = true;
		try {
			const version = await this.store.read(this.ref.secretId);
			if (version.versionId !== this.versionId) {
				const { versionId, content } = version;
				this.hold({ versionId, content, bundle: await this.reconcile(version) });
			}
			this.readFailed = false;
		} catch (error) {
			if (error instanceof SecretStoreError && GONE.has(error.code)) this.hold(undefined);
			throw error;
		}
		return this.current();
	}

	/**
	 * Someone may have written an old copy back, in the console or by a rotation function: then the newer tokens are put back on top. The lease
	 * is nobody's to edit: it stays as it was before.
	 */
	private async reconcile(version: SecretVersion): Promise<Bundle> {
		const { known, store, ref } = this;
		const bundle = this.open(version);
		// What is pending comes on top anyway.
		const next = this.fold(bundle, this.pending);
		const { refreshToken } = next;
		const isSpent = refreshToken !== undefined && this.isSpent(sha256(refreshToken));
		if (known !== undefined && isSpent) this.restore(known);
		const isOwn = store.isOwn(version.versionId);
		if (isOwn && this.unanswered?.content !== version.content) return bundle;
		const previous = await store.previous(ref.secretId);
		const before = previous && this.openQuietly(previous);
		if (isOwn) {
			this.putBackUnseen(previous);
			return bundle;
		}
		for (const newer of [known, before])
			if (newer !== undefined && isOldCopy(this.fold(bundle, this.pending), newer))
				this.restore(newer);
		return before === undefined ? bundle : withLease(bundle, before.lease);
	}

	/** A write whose answer was lost has made a version: what it replaced was an edit unless it is what the write started from. */
	private putBackUnseen(previous: SecretVersion | undefined): void {
		const { unanswered, store } = this;
		this.unanswered = undefined;
		if (previous === undefined || unanswered === undefined) return;
		const { base } = unanswered;
		if (previous.versionId === base.versionId || store.isOwn(previous.versionId)) return;
		const edited = this.openQuietly(previous);
		if (edited === undefined) return;
		this.pending = [...this.pending, editPutBack(edited, base.bundle)];
		this.retryLater(undefined);
	}

	private restore(from: Bundle): void {
		this.pending = [...this.pending, tokensRestored(from)];
		this.retryLater(undefined);
	}

	/** What must not be lost is tried again later if the store does not take it now. @throws SecretStoreError */
	private async writeOrRetry(once: readonly Patch[]): Promise<Bundle> {
		try {
			return this.saved(await this.write(once));
		} catch (error) {
			if (this.unsaved) this.retryLater(error);
			throw error;
		}
	}

	/** @throws SecretStoreError */
	private async write(once: readonly Patch[]): Promise<Bundle> {
		for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
			if (this.stored === undefined) await this.fetch();
			const base = this.stored;
			if (base !== undefined && (await this.tryWrite(base, this.pending, once)))
				return this.current();
		}
		throw new SecretStoreError(
			`others change the secret ${this.ref.secretId} faster than it can be written. It is tried again at the next call.`,
			{ code: 'UNAVAILABLE', action: 'write', secretId: this.ref.secretId },
		);
	}

	/** True if the store holds all these changes now and nothing of another writer was lost. */
	private async tryWrite(
		base: Stored,
		kept: readonly Patch[],
		once: readonly Patch[],
	): Promise<boolean> {
		const next = this.fold(base.bundle, [...kept, ...once]);
		if (sameBundle(next, base.bundle)) {
			this.settle(base, kept);
			return true;
		}
		const content = formatBundle(next);
		try {
			const written = await this.store.write(this.ref.secretId, content, base.versionId);
			this.settle({ versionId: written.versionId, content, bundle: next }, kept);
			const edited = written.replaced && this.openQuietly(written.replaced);
			if (edited === undefined) return true;
			this.pending = [...this.pending, editPutBack(edited, base.bundle)];
			this.refold();
			return false;
		} catch (error) {
			if (!(error instanceof VersionConflictError)) {
				if (error instanceof SecretStoreError && error.temporary)
					this.unanswered = { base, content };
				throw error;
			}
			await this.fetch();
			return false;
		}
	}

	private settle(stored: Stored, written: readonly Patch[]): void {
		this.pending = this.pending.filter((patch) => !written.includes(patch));
		this.hold(stored);
		if (written.length > 0) this.options.onWritten?.(written);
	}

	private current(): Bundle {
		if (this.known === undefined) throw new Error('The bundle was not read');
		return this.known;
	}

	private saved(bundle: Bundle): Bundle {
		if (this.unsavedSince !== undefined) this.options.onSaved?.();
		this.rest();
		return bundle;
	}

	private rest(): void {
		this.cancelRetry?.();
		this.unsavedSince = undefined;
		this.retryMs = FIRST_RETRY_MS;
	}

	/** Sees to it that what must not be lost is written although nobody calls. */
	private retryLater(error: unknown): void {
		const { clock, onUnsaved } = this.options;
		this.cancelRetry?.();
		const now = clock.elapsed();
		const isFirst = this.unsavedSince === undefined;
		if (error instanceof SecretStoreError) {
			this.unsavedSince ??= now;
			if (isFirst) onUnsaved?.(error);
		}
		const lasting =
			error instanceof SecretStoreError &&
			!error.temporary &&
			now - (this.unsavedSince ?? now) > LASTING_REFUSAL_MS;
		this.cancelRetry = clock.after(lasting ? LASTING_REFUSAL_RETRY_MS : this.retryMs, () => {
			// What is wrong is reported by the event and by Get Status.
			this.flush().catch(() => undefined);
		});
		this.retryMs = Math.min(LONGEST_RETRY_MS, this.retryMs * 2);
	}

	private openQuietly(version: SecretVersion): Bundle | undefined {
		try {
			return this.open(version);
		} catch {
			// Another connection's, or no bundle at all: nothing in it counts.
			return undefined;
		}
	}

	private open(version: SecretVersion): Bundle {
		const bundle = parseBundle(version.content, this.ref.secretId);
		assertKey(bundle, this.ref);
		return bundle;
	}
}
