import type { ConnectionRequests } from '../oauth/tokenRequest';
import type { Authorization, Bundle } from '../secrets/bundle';
import { flowKeyMade } from '../secrets/patches';
import { createKey } from '../secrets/pointer';
import type { SealedBundle } from '../secrets/sealedBundle';
import { SingleFlight } from '../tokens/singleFlight';
import { FlowKeys } from './ticket';

/** Options for {@link KeySource}. */
export interface KeySourceOptions {
	readonly bundle: SealedBundle;
	readonly request: Pick<ConnectionRequests, 'newDpopKey'>;
	/** Milliseconds by a clock that is never set back. */
	readonly elapsed: () => number;
}

/** A bundle that was looked at longer ago is read again: what another process changed is in effect within five minutes. */
const FRESH_MS = 280_000;
/** What no known key has signed is tried with the newest one as well; the store is asked no more often than this, whatever arrives. */
const SECOND_LOOK_MS = 10_000;

/**
 * The keys of one connection's flows and sessions. They come from a random value in its bundle, which only the secret store hands out: who
 * knows the pointer in n8n's database, but cannot read the store, makes no link, no state and no session.
 */
export class KeySource {
	private readonly looks = new SingleFlight<Bundle>();
	private last: { readonly key: string; readonly keys: FlowKeys } | undefined;

	constructor(private readonly options: KeySourceOptions) {}

	/** The keys to sign with. A bundle without a key, as version 0.1.0 wrote it, gets one. @throws SecretStoreError, and as {@link ConnectionRequests.newDpopKey} does */
	async toSign(): Promise<FlowKeys> {
		const { bundle, request } = this.options;
		const known = this.keysOf((await this.look()).authorization);
		if (known !== undefined) return known;
		const dpopKey = await request.newDpopKey();
		const { authorization } = await bundle.update(flowKeyMade(createKey(), dpopKey));
		const made = this.keysOf(authorization);
		if (made === undefined) throw new Error('No flow key was made');
		return made;
	}

	/** The keys known now, without asking the store if it was asked lately; undefined if there are none. @throws SecretStoreError */
	async known(oldestMs = FRESH_MS): Promise<FlowKeys | undefined> {
		const { bundle, elapsed } = this.options;
		const { lastKnown } = bundle;
		if (lastKnown !== undefined && elapsed() - bundle.lookedAt < oldestMs)
			return this.keysOf(lastKnown.authorization);
		const newest = await this.look().catch((error: unknown) => {
			// What was known serves while the store is down; a bundle that is gone is known no more.
			if (bundle.lastKnown === undefined) throw error;
			return bundle.lastKnown;
		});
		return this.keysOf(newest.authorization);
	}

	/** What `read` finds with the keys known now, else with the newest ones. @throws SecretStoreError */
	async find<T>(
		read: (keys: FlowKeys) => T | undefined | Promise<T | undefined>,
	): Promise<T | undefined> {
		const known = await this.known();
		const found = known && (await read(known));
		if (found !== undefined) return found;
		const newest = await this.known(SECOND_LOOK_MS);
		return newest === undefined || newest === known ? undefined : await read(newest);
	}

	private async look(): Promise<Bundle> {
		return await this.looks.join(async () => await this.options.bundle.read());
	}

	private keysOf(authorization: Authorization | undefined): FlowKeys | undefined {
		const key = authorization?.flowKey;
		if (key === undefined) return undefined;
		if (this.last?.key !== key) this.last = { key, keys: new FlowKeys(key) };
		return this.last.keys;
	}
}
