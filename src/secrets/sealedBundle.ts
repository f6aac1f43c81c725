import { SecretStoreError, VersionConflictError } from '../errors';
import { assertKey, formatBundle, parseBundle, type Bundle } from './bundle';
import { mergeBundles, sameBundle } from './mergeBundles';
import type { SecretRef } from './pointer';
import type { SecretStore, SecretVersion } from './store';

interface Stored {
	readonly versionId: string;
	readonly bundle: Bundle;
}

/** Far above the writers one connection ever has at once, so that a faulty store cannot keep a call in a loop. */
const ATTEMPTS = 8;

/**
 * One connection's bundle in its store: read with the capability check, changed by compare-and-swap.
 *
 * What the store did not take is kept here and merged into every later read, so that a refresh token that exists nowhere else is not lost
 * while the process lives.
 */
export class SealedBundle {
	private stored: Stored | undefined;
	/** Differs from what is stored; undefined where nothing does. */
	private ours: Bundle | undefined;
	private mustSave = false;
	private queue: Promise<unknown> = Promise.resolve();
	/** The version that each bundle handed out was made from. */
	private readonly origins = new WeakMap<Bundle, Stored>();

	constructor(
		private store: SecretStore,
		readonly ref: SecretRef,
	) {}

	/** The last known bundle, without asking the store. */
	get lastKnown(): Bundle | undefined {
		return this.ours ?? this.stored?.bundle;
	}

	/** Version id of the last version read or written. */
	get versionId(): string | undefined {
		return this.stored?.versionId;
	}

	/** True while a change that must be stored is not: the alarm "rotated but not saved". */
	get unsaved(): boolean {
		return this.ours !== undefined && this.mustSave;
	}

	/** Goes on with another way to the same secret: corrected access keys, another endpoint. */
	use(store: SecretStore): void {
		this.store = store;
	}

	/** Runs one task at a time, in the order asked for: two redemptions of one refresh token must never overlap. */
	exclusive<T>(task: () => Promise<T>): Promise<T> {
		const result = this.queue.then(task, task);
		this.queue = result.catch(() => undefined);
		return result;
	}

	/**
	 * Reads the current version.
	 *
	 * @throws SecretStoreError also `KEY_MISMATCH` and `BUNDLE_INVALID`
	 */
	async read(): Promise<Bundle> {
		const version = await this.store.read(this.ref.secretId);
		const theirs = this.open(version);
		if (this.ours !== undefined && this.stored !== undefined) {
			const merged = mergeBundles(this.stored.bundle, this.ours, theirs);
			this.ours = sameBundle(merged, theirs) ? undefined : merged;
		}
		const stored = { versionId: version.versionId, bundle: theirs };
		this.stored = stored;
		const newest = this.ours ?? theirs;
		this.origins.set(newest, stored);
		return newest;
	}

	/**
	 * Keeps a bundle in memory only. It reaches the store with the next change that is saved.
	 *
	 * @param from the bundle it was made from, where another version may have been read or written since: what that changed is kept
	 */
	keep(bundle: Bundle, from?: Bundle): void {
		const base = from && this.origins.get(from);
		const { stored } = this;
		this.ours =
			base === undefined || stored === undefined || base.versionId === stored.versionId
				? bundle
				: mergeBundles(base.bundle, bundle, stored.bundle);
	}

	/**
	 * Makes `bundle` the stored one; edits other writers made since the last read, or since `from` was read, are kept. What the store does not
	 * take is kept in memory for {@link saveUnsaved}.
	 *
	 * @throws SecretStoreError where the store does not take it
	 */
	async save(bundle: Bundle, from?: Bundle): Promise<void> {
		this.keep(bundle, from);
		this.mustSave = true;
		await this.saveUnsaved();
	}

	/** Tries again to write what could not be written. @throws SecretStoreError */
	async saveUnsaved(): Promise<void> {
		for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
			if (this.stored === undefined) await this.read();
			else if (this.ours === undefined || (await this.tryWrite(this.ours, this.stored))) {
				this.ours = undefined;
				this.mustSave = false;
				return;
			}
		}
		throw this.contended();
	}

	/**
	 * Writes what is only kept, where nobody else has written since: among processes that keep the like at the same moment, one writes.
	 *
	 * @throws SecretStoreError
	 */
	async offer(): Promise<void> {
		if (this.ours === undefined || this.stored === undefined) return;
		if (await this.tryWrite(this.ours, this.stored)) this.ours = undefined;
		else if (this.mustSave) await this.saveUnsaved();
	}

	/**
	 * Changes the stored bundle by compare-and-swap: `change` sees the newest version, and sees it again where another writer was first. What
	 * it throws ends the attempt with nothing written. Changes that two processes make at the same moment must differ in their text, so that
	 * one of them loses: whoever claims something writes a random owner with it.
	 *
	 * @throws SecretStoreError, and whatever `change` throws
	 */
	async change(change: (bundle: Bundle) => Bundle): Promise<Bundle> {
		for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
			const newest = await this.read();
			const pending = this.ours;
			// Somebody else in this process may have read since.
			const base = this.origins.get(newest);
			const next = change(newest);
			if (base === undefined || sameBundle(next, base.bundle)) return newest;
			if (await this.tryWrite(next, base)) {
				this.settle(pending, { base: base.bundle, written: next });
				return next;
			}
		}
		throw this.contended();
	}

	/** True where the store holds `ours` now and nothing of another writer was lost. */
	private async tryWrite(ours: Bundle, base: Stored): Promise<boolean> {
		try {
			const { versionId, replaced } = await this.store.write(
				this.ref.secretId,
				formatBundle(ours),
				base.versionId,
			);
			this.stored = { versionId, bundle: ours };
			this.origins.set(ours, this.stored);
			if (replaced === undefined) return true;
			// Somebody's edit was overwritten between read and write: it has to be put back, whatever we wanted.
			this.ours = mergeBundles(base.bundle, ours, this.open(replaced));
			const same = sameBundle(this.ours, ours);
			this.mustSave ||= !same;
			return same;
		} catch (error) {
			if (!(error instanceof VersionConflictError)) throw error;
			await this.read();
			return false;
		}
	}

	/** What was pending is stored now. What was kept since is pending still, on top of that. */
	private settle(
		pending: Bundle | undefined,
		{ base, written }: { base: Bundle; written: Bundle },
	): void {
		if (this.ours === undefined || this.ours === pending) {
			this.ours = undefined;
			this.mustSave = false;
		} else {
			this.ours = mergeBundles(base, this.ours, written);
		}
	}

	private contended(): SecretStoreError {
		return new SecretStoreError(
			`the secret ${this.ref.secretId} is changed by others faster than it can be written. It is tried again at the next call.`,
			{ code: 'UNAVAILABLE', action: 'write', secretId: this.ref.secretId },
		);
	}

	private open(version: SecretVersion): Bundle {
		const bundle = parseBundle(version.content, this.ref.secretId);
		assertKey(bundle, this.ref);
		return bundle;
	}
}
