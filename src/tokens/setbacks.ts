import {
	ConfigurationError,
	ProviderError,
	ReconnectError,
	SecretStoreError,
	type VaultedOAuth2Error,
} from '../errors';
import type { Bundle } from '../secrets/bundle';
import { Backoff } from './backoff';
import type { TokenSourceOptions } from './tokenSource';

/** While the still valid token serves, the provider is asked again after this long. */
const COOL_DOWN_MS = 30_000;
const LONGEST_BACKOFF_MS = 30_000;
/** The longest wait a provider's `Retry-After` can ask for. */
const LONGEST_RETRY_AFTER_MS = 600_000;
/** A refresh token that was refused for good is tried again after this long, in case that was a mistake of the provider. */
const REFUSED_MS = 600_000;
/**
 * What was refused for good is tried again ever more seldom: after 10 minutes, an hour, 6 hours. Under a lease each try costs every process
 * two versions of the secret, and whoever puts it right needs some too.
 */
const REFUSED_GROWTH = 6;

interface Setback {
	readonly error: VaultedOAuth2Error;
	/** The last known bundle when it happened. */
	readonly bundle: Bundle | undefined;
}

/** What a {@link Setbacks} works with. */
export type SetbacksOptions = Pick<
	TokenSourceOptions,
	'bundle' | 'request' | 'clock' | 'lease' | 'emit'
>;

/** What a connection has met with, and how long provider and store are left alone for it. */
export class Setbacks {
	/** Once no token is left to serve. */
	private readonly backoff = new Backoff(1000, LONGEST_BACKOFF_MS);
	/** A configuration that the provider refused is left alone until then, by the monotonic clock. */
	private refusedUntil = -Infinity;
	private refusedMs = REFUSED_MS;
	/** While the valid token serves: the provider is left alone until then, by the monotonic clock. */
	private coolUntil = -Infinity;
	private setback: Setback | undefined;
	/** When this process last heard from the provider that the refresh token is refused: milliseconds since the epoch. */
	private refusedAt = 0;

	constructor(private readonly options: SetbacksOptions) {}

	/** The last failure since a success. */
	get last(): VaultedOAuth2Error | undefined {
		return this.setback?.error;
	}

	/** The last failure, as long as what led to it is still so: connecting again, or an administrator, may have resolved it. */
	get lasting(): VaultedOAuth2Error | undefined {
		if (this.setback === undefined) return undefined;
		const { error, bundle: before } = this.setback;
		const now = this.options.bundle.lastKnown;
		const unchanged =
			before === now ||
			(before !== undefined &&
				now !== undefined &&
				this.options.request.same(before, now) &&
				before.tokenSet?.accessToken === now.tokenSet?.accessToken);
		return unchanged ? error : undefined;
	}

	/** True while a valid token is to be served without asking anybody. */
	get isCooling(): boolean {
		return this.options.clock.elapsed() < this.coolUntil;
	}

	/** For a while a valid token is served without asking anybody. */
	cool(milliseconds = COOL_DOWN_MS): void {
		this.coolUntil = this.options.clock.elapsed() + milliseconds;
	}

	/** All is well again. */
	succeeded(): void {
		this.coolUntil = -Infinity;
		this.backoff.succeeded();
		this.refusedMs = REFUSED_MS;
		this.setback = undefined;
	}

	/** The provider itself refused the refresh token for good. */
	heardRefusal(): void {
		this.refusedAt = this.options.clock.now();
	}

	/** For callers without a valid token. @throws the last failure, while it is too early to try again */
	assertNotTooEarly(): void {
		const { last } = this;
		if (last !== undefined && this.backoff.waiting(this.options.clock.elapsed())) throw last;
	}

	/** What the provider has refused for good is not offered to it at every call. @throws ReconnectError, ConfigurationError */
	assertWorthAsking(stored: Bundle): void {
		const { request, clock, lease } = this.options;
		const refused = request.refused(stored);
		if (refused !== undefined) {
			const heard = Math.max(refused.since, this.refusedAt);
			const wait = Math.max(REFUSED_MS, (heard - refused.since) * (REFUSED_GROWTH - 1));
			if (Math.abs(clock.now() - heard) < wait) throw refused.error;
		}
		if (lease === undefined || !(this.last instanceof ConfigurationError)) return;
		const sent = this.setback?.bundle;
		const isSame = sent !== undefined && request.same(sent, stored);
		if (isSame && clock.elapsed() < this.refusedUntil) throw this.last;
	}

	/**
	 * Remembers a failure, and says whether the token that is still valid may serve all the same.
	 *
	 * @param claiming true where the store could be read and the lease could not be written: that is no failure yet for who has a token
	 */
	remember(error: VaultedOAuth2Error, isValid: boolean, claiming: boolean): boolean {
		const { clock, bundle, emit } = this.options;
		const before = this.last;
		this.setback = { error, bundle: bundle.lastKnown };
		const ofProvider = error instanceof ProviderError;
		const temporary =
			ofProvider || (error instanceof SecretStoreError && (error.temporary || claiming));
		if (!temporary) {
			if (error instanceof ReconnectError && !(before instanceof ReconnectError))
				emit('reconnect needed', error.code);
			if (error instanceof ConfigurationError && error !== before) {
				this.refusedUntil = clock.elapsed() + this.refusedMs;
				this.refusedMs *= REFUSED_GROWTH;
			}
			return false;
		}
		const asked = ofProvider ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
		const wait = Math.min(asked, LONGEST_RETRY_AFTER_MS);
		if (!isValid) {
			this.backoff.failed(clock.elapsed(), wait);
			return false;
		}
		this.cool(Math.max(wait, COOL_DOWN_MS));
		emit(
			ofProvider ? 'served while the provider is down' : 'served while the secret store is down',
			error.code,
		);
		return true;
	}
}
