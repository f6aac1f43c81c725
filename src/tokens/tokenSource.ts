import { ProviderError, ReconnectError, SecretStoreError, VaultedOAuth2Error } from '../errors';
import type { Bundle, Refused } from '../secrets/bundle';
import type { SealedBundle } from '../secrets/sealedBundle';
import type { VersionBudget } from './budget';
import type { Clock } from './clock';
import { NO_EVENTS, type TokenCounters } from './events';
import { freshness, refreshAt, type RefreshPolicy } from './freshness';
import type { Lease, MayAsk } from './lease';
import { Redemption } from './redemption';
import { Setbacks } from './setbacks';
import type { IssuedTokens, TokenSet } from './tokenSet';

/** Asks the authorization server for tokens with what a bundle holds (RFC 6749 §4.4 or §6). */
export interface TokenRequest {
	/** Asks for tokens; `mayAsk` is called before each token request. @throws VaultedOAuth2Error, and what `mayAsk` rejects with */
	send(bundle: Bundle, mayAsk?: MayAsk): Promise<IssuedTokens>;
	/** True where both bundles lead to the same request, so that repeating it is pointless. */
	same(left: Bundle, right: Bundle): boolean;
	/** Fingerprint of what is asked for; see {@link TokenSet.requestedFor}. */
	readonly requestedFor: string;
	/** True where redeeming spends something that must not be lost: a refresh token. */
	readonly rotates: boolean;
	/** How the bundle's refresh token stands: undefined where it is not known to be refused. */
	refused(bundle: Bundle): { readonly since: number; readonly error: ReconnectError } | undefined;
	/** The mark that the bundle's refresh token is refused for good. */
	markRefused(bundle: Bundle, at: number): Refused | undefined;
}

/** What a {@link TokenSource} works with. */
export interface TokenSourceOptions {
	readonly bundle: SealedBundle;
	readonly request: TokenRequest;
	readonly policy: RefreshPolicy;
	/** Fails where the bundle may not be used for this connection; called for every bundle read. */
	readonly authorize: (bundle: Bundle) => void;
	readonly budget: VersionBudget;
	readonly clock: Clock;
	/** Where several processes share the bundle and redeeming spends a refresh token; else there is nobody to agree with. */
	readonly lease?: Lease;
	readonly emit: (name: keyof TokenCounters, code?: string) => void;
}

/** A connection's token as far as it is known without asking anybody. */
export interface TokenStatus {
	readonly tokenSet: TokenSet | undefined;
	/** Milliseconds since the epoch, or null: no known end. */
	readonly refreshAt: number | null | undefined;
	readonly unsaved: boolean;
	readonly versionId: string | undefined;
	readonly lastError: VaultedOAuth2Error | undefined;
	/** True where a refresh token is stored. */
	readonly refreshable: boolean;
	/** Milliseconds since the epoch from which on the refresh token is known to be refused, here or in another process. */
	readonly refusedSince: number | undefined;
	/** Milliseconds since the epoch at which a person connected the account, and for which scope. */
	readonly connectedAt: number | undefined;
	readonly askedScope: string | undefined;
	/** How often each event happened in this process. */
	readonly counters: TokenCounters;
	/** Versions of the secret that each refresh writes, where it rotates the refresh token. */
	readonly versionsPerRefresh: number;
}

/** While the still valid token serves and another process has the lease, the store is looked at again after this long. */
const LOOK_AGAIN_MS = 5000;
/** An API that refuses even a brand-new token means something else by 401; it leads to one token request in this time at most. */
const REPLACEMENT_MS = 60_000;
interface Flight {
	readonly forced: boolean;
	readonly promise: Promise<TokenSet>;
}

/** Why a flight was started. */
interface Reason {
	/** Get a new token even where the present one looks fresh. */
	readonly force: boolean;
	/** The access token the API refused, where that is the reason. */
	readonly refused?: string;
}

/** How far a refresh came. */
interface Progress {
	/** Another process has the lease. */
	isBusy: boolean;
	/** The store was read and is being written: what fails then is the claim. */
	isUnwritable: boolean;
}

/**
 * Serves a connection's access token: one that will not expire under the request, refreshed once however many ask.
 */
export class TokenSource {
	private flight: Flight | undefined;
	/** The last token that was asked for because its predecessor was refused. */
	private replacement: TokenSet | undefined;
	private readonly counters = { ...NO_EVENTS };
	private readonly setbacks: Setbacks;
	private readonly redemption: Redemption;

	constructor(private readonly options: TokenSourceOptions) {
		const emit = (name: keyof TokenCounters, code?: string) => this.tell(name, code);
		this.setbacks = new Setbacks({ ...options, emit });
		this.redemption = new Redemption({ ...options, emit });
	}

	/**
	 * A usable token set: the known one while it is fresh, else a newer one from the store, else one from the authorization server.
	 *
	 * @throws VaultedOAuth2Error of any class
	 */
	async get(): Promise<TokenSet> {
		const known = this.known();
		if (known !== undefined && this.freshness(known) === 'fresh') {
			if (this.options.bundle.unsaved) await this.redemption.saveUnsaved();
			return known;
		}
		return await this.join({ force: false });
	}

	/** A new token set from the authorization server, also where the present one is fresh. @throws VaultedOAuth2Error */
	async refreshNow(): Promise<TokenSet> {
		return await this.join({ force: true });
	}

	/**
	 * A token set other than one the API refused with 401 (RFC 6750 §3.1 `invalid_token`): a newer one from memory or the store, else a
	 * new one. Where a token that was issued because of a refusal is refused as well, the API means something else by 401: then nothing
	 * is asked for until a while has passed, and the result is undefined.
	 *
	 * @throws VaultedOAuth2Error
	 */
	async replaceRefused(accessToken: string): Promise<TokenSet | undefined> {
		const known = this.known();
		if (
			known !== undefined &&
			known.accessToken !== accessToken &&
			this.freshness(known) === 'fresh'
		)
			return known;
		const { replacement } = this;
		if (
			replacement?.accessToken === accessToken &&
			this.options.clock.now() - replacement.issuedAt < REPLACEMENT_MS
		) {
			return undefined;
		}
		return await this.join({ force: true, refused: accessToken });
	}

	/** What is known without asking store or provider. */
	status(): TokenStatus {
		const { bundle, policy, request } = this.options;
		const { lastKnown } = bundle;
		const tokenSet = this.usable(lastKnown);
		return {
			tokenSet,
			refreshAt: tokenSet && refreshAt(policy, tokenSet),
			unsaved: bundle.unsaved,
			versionId: bundle.versionId,
			lastError: this.setbacks.lasting,
			refreshable: lastKnown?.refreshToken !== undefined,
			refusedSince: lastKnown && request.refused(lastKnown)?.since,
			connectedAt: lastKnown?.authorization?.connectedAt,
			askedScope: lastKnown?.authorization?.askedScope,
			counters: { ...this.counters },
			versionsPerRefresh: this.options.lease === undefined ? 1 : 2,
		};
	}

	/** Reads the store, so that {@link status} tells what is stored now. @throws VaultedOAuth2Error */
	async load(): Promise<void> {
		this.options.authorize(await this.options.bundle.read());
	}

	/** One flight at a time. Who forces a refresh never joins a flight that began before it was asked for, unless that one is forced too. */
	private async join(reason: Reason): Promise<TokenSet> {
		const running = this.flight;
		if (running !== undefined) {
			if (!reason.force) return await running.promise;
			const before = await running.promise.catch(() => undefined);
			if (
				reason.refused !== undefined &&
				before !== undefined &&
				before.accessToken !== reason.refused
			)
				return before;
			// Several that were waiting for the same flight share the next one.
			const next = this.flight;
			if (next?.forced === true && next !== running) return await next.promise;
		}
		const flight: Flight = {
			forced: reason.force,
			promise: this.fly(reason),
		};
		this.flight = flight;
		try {
			return await flight.promise;
		} finally {
			if (this.flight === flight) this.flight = undefined;
		}
	}

	/** While another process has the lease, waits between looks; outside the exclusive task, so that a save in the editor is not held up. */
	private async fly(reason: Reason): Promise<TokenSet> {
		const { bundle, lease } = this.options;
		let wait: (() => Promise<void>) | undefined;
		for (;;) {
			const tokenSet = await bundle.exclusive(() => this.refresh(reason));
			if (tokenSet !== undefined) return tokenSet;
			if (wait === undefined) this.tell('lease waited for');
			wait ??= lease?.patience();
			try {
				await wait?.();
			} catch (error) {
				return this.failed(error, undefined);
			}
		}
	}

	/** One look, and a refresh where it is needed; undefined where another process is at it and there is nothing to serve meanwhile. */
	private async refresh(reason: Reason): Promise<TokenSet | undefined> {
		const { bundle } = this.options;
		const valid = reason.refused === undefined ? this.validNow(bundle.lastKnown) : undefined;
		if (!reason.force) {
			if (valid === undefined) this.setbacks.assertNotTooEarly();
			else if (this.setbacks.isCooling) return valid;
		}
		const progress: Progress = { isBusy: false, isUnwritable: false };
		try {
			const stored = await this.look(reason, progress);
			const adopted = this.adoptable(stored, reason);
			if (adopted !== undefined) {
				this.succeeded('adopted');
				return adopted;
			}
			if (progress.isBusy) return this.servedMeanwhile(reason);
			const serving = reason.force ? undefined : this.validNow(stored);
			if (serving !== undefined && this.isUnrefreshable(stored)) {
				// Nothing can be done about its end; until then it serves.
				this.setbacks.cool();
				return serving;
			}
			const isFirst = this.usable(stored) === undefined;
			const tokenSet = await this.redeem(stored, reason);
			if (reason.refused !== undefined) this.replacement = tokenSet;
			this.succeeded(isFirst ? 'acquired' : 'refreshed');
			return tokenSet;
		} catch (error) {
			if (error instanceof ProviderError && error.code === 'LEASE_BUSY')
				return this.servedMeanwhile(reason);
			await this.afterFailure(error);
			// What the store was just found to hold counts as well.
			const serving = reason.force ? undefined : this.validNow(bundle.lastKnown);
			return this.failed(error, serving, progress.isUnwritable);
		}
	}

	/** While another process has the lease: the valid token, where there is one. */
	private servedMeanwhile(reason: Reason): TokenSet | undefined {
		const serving = reason.force ? undefined : this.validNow(this.options.bundle.lastKnown);
		if (serving !== undefined) this.setbacks.cool(LOOK_AGAIN_MS);
		return serving;
	}

	/** What the store holds, with the lease on it where it is needed and to be had. */
	private async look(reason: Reason, progress: Progress): Promise<Bundle> {
		const { bundle, lease, authorize } = this.options;
		if (lease === undefined) {
			const valid = reason.refused === undefined ? this.validNow(bundle.lastKnown) : undefined;
			const stored = await this.readStore(valid, reason);
			if (this.adoptable(stored, reason) === undefined) this.assertWorthAsking(stored, reason);
			return stored;
		}
		const claimed = await lease.claim((newest) => {
			progress.isUnwritable = false;
			authorize(newest);
			if (this.adoptable(newest, reason) !== undefined || this.isUnrefreshable(newest)) return true;
			this.assertWorthAsking(newest, reason);
			progress.isUnwritable = true;
			return false;
		});
		progress.isUnwritable = false;
		progress.isBusy = claimed.outcome === 'busy';
		if (claimed.takenOver) this.tell('lease taken over');
		return claimed.bundle;
	}

	/** A token set that makes asking the provider needless. */
	private adoptable(stored: Bundle, reason: Reason): TokenSet | undefined {
		if (reason.force && reason.refused === undefined) return undefined;
		const tokenSet = this.usable(stored);
		return tokenSet !== undefined &&
			tokenSet.accessToken !== reason.refused &&
			this.freshness(tokenSet) === 'fresh'
			? tokenSet
			: undefined;
	}

	/** True where a refresh token is needed and there is none. */
	private isUnrefreshable({ refreshToken }: Bundle): boolean {
		return this.options.request.rotates && refreshToken === undefined;
	}

	/**
	 * Another process may have stored a newer token, an administrator another secret. Where the store does not answer, a grant that has
	 * nothing to lose goes on with what is known; a refresh token is not spent when its successor might have no place.
	 */
	private async readStore(valid: TokenSet | undefined, reason: Reason): Promise<Bundle> {
		const { bundle, request, budget, clock, authorize } = this.options;
		try {
			const stored = await bundle.read();
			budget.saw(bundle.versionId, clock.now());
			authorize(stored);
			return stored;
		} catch (error) {
			const known = bundle.lastKnown;
			const goesOn =
				error instanceof SecretStoreError &&
				error.temporary &&
				!request.rotates &&
				known !== undefined;
			if (!goesOn || (valid !== undefined && !reason.force)) throw error;
			this.tell('served while the secret store is down', error.code);
			return known;
		}
	}

	/** A person who forces a refresh is let through. @throws ReconnectError, ConfigurationError */
	private assertWorthAsking(stored: Bundle, reason: Reason): void {
		if (reason.force && reason.refused === undefined) return;
		this.setbacks.assertWorthAsking(stored);
	}

	/** Writes down that the refresh token is dead, so that every process knows that a person is needed, and lets the lease go. */
	private async afterFailure(error: unknown): Promise<void> {
		const { bundle, request, clock, lease } = this.options;
		const known = bundle.lastKnown;
		const isDead = error instanceof ReconnectError && error.code === 'INVALID_GRANT';
		const isNew = isDead && known !== undefined && request.refused(known) === undefined;
		const mark = (newest: Bundle): Bundle => {
			if (!isNew || !request.same(newest, known)) return newest;
			const refused = request.markRefused(newest, clock.now());
			return refused === undefined ? newest : { ...newest, refused };
		};
		if (lease?.isHeld === true) {
			if (!this.keepsLease(lease, error)) await lease.release(mark);
		} else if (isNew && !bundle.unsaved) {
			// The refusal itself is what has to be told.
			await bundle.change(mark).catch(() => undefined);
		}
	}

	/**
	 * A first failure of the provider may be over at once, so others may try. Where it goes on failing, the lease is left to run out: that
	 * bounds the versions of the secret that an outage costs, and the calls of all processes together.
	 */
	private keepsLease(lease: Lease, error: unknown): boolean {
		return (
			lease.growsUnreleased &&
			error instanceof ProviderError &&
			this.setbacks.last instanceof ProviderError
		);
	}

	/** Asks the authorization server; where it refuses, the store may hold something newer. */
	private async redeem(stored: Bundle, reason: Reason): Promise<TokenSet> {
		const { bundle, request, lease, authorize } = this.options;
		try {
			return await this.redemption.redeem(stored);
		} catch (error) {
			if (
				!(error instanceof VaultedOAuth2Error) ||
				!['INVALID_GRANT', 'INVALID_CLIENT'].includes(error.code)
			)
				throw error;
			const reread = await bundle.read();
			authorize(reread);
			if (request.same(stored, reread)) {
				if (error instanceof ReconnectError) this.setbacks.heardRefusal();
				throw error;
			}
			const newer = this.adoptable(reread, reason);
			if (newer === undefined) return await this.redemption.redeem(reread);
			if (lease?.isHeld === true) await lease.release();
			return newer;
		}
	}

	private tell(name: keyof TokenCounters, code?: string): void {
		this.counters[name] += 1;
		this.options.emit(name, code);
	}

	private succeeded(name: keyof TokenCounters): void {
		this.setbacks.succeeded();
		this.tell(name);
	}

	/** A temporary failure is no failure while the token is valid; everything else is told at once. */
	private failed(error: unknown, valid: TokenSet | undefined, claiming = false): TokenSet {
		if (!(error instanceof VaultedOAuth2Error)) throw error;
		const isValid = valid !== undefined && this.freshness(valid) !== 'expired';
		if (this.setbacks.remember(error, isValid, claiming) && isValid) return valid;
		throw error;
	}

	/** The known token set. A bundle is shared by all credentials that point at it, so what it may be used for is checked each time. */
	private known(): TokenSet | undefined {
		const { bundle, authorize } = this.options;
		if (bundle.lastKnown !== undefined) authorize(bundle.lastKnown);
		return this.usable(bundle.lastKnown);
	}

	/** The bundle's token set, where it was asked for with just what this connection asks for. */
	private usable(bundle: Bundle | undefined): TokenSet | undefined {
		const tokenSet = bundle?.tokenSet;
		return tokenSet?.requestedFor === this.options.request.requestedFor ? tokenSet : undefined;
	}

	private validNow(bundle: Bundle | undefined): TokenSet | undefined {
		const tokenSet = this.usable(bundle);
		return tokenSet !== undefined && this.freshness(tokenSet) !== 'expired' ? tokenSet : undefined;
	}

	private freshness(tokenSet: TokenSet): ReturnType<typeof freshness> {
		return freshness(this.options.policy, tokenSet, this.options.clock.now());
	}
}
