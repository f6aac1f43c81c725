import { ProviderError, ReconnectError, SecretStoreError, VaultedOAuth2Error } from '../errors';
import type { Bundle, Refused } from '../secrets/bundle';
import type { SealedBundle } from '../secrets/sealedBundle';
import { Backoff } from './backoff';
import type { VersionBudget } from './budget';
import type { TokenEventName } from './events';
import { freshness, refreshAt, type RefreshPolicy } from './freshness';
import { withTokens, type IssuedTokens, type TokenSet } from './tokenSet';

/** Asks the authorization server for tokens with what a bundle holds (RFC 6749 §4.4 or §6). */
export interface TokenRequest {
	/** Sends one token request. @throws VaultedOAuth2Error */
	send(bundle: Bundle): Promise<IssuedTokens>;
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
	/** Milliseconds since the epoch. */
	readonly now: () => number;
	readonly emit: (name: TokenEventName, code?: string) => void;
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
}

/** While the still valid token serves, the provider is asked again after this long. */
const COOL_DOWN_MS = 30_000;
const LONGEST_BACKOFF_MS = 30_000;
/** The longest wait a provider's `Retry-After` can ask for. */
const LONGEST_RETRY_AFTER_MS = 600_000;
/** An API that refuses even a brand-new token means something else by 401; it leads to one token request in this time at most. */
const REPLACEMENT_MS = 60_000;
/** A refresh token that was refused for good is tried again after this long, in case that was a mistake of the provider. */
const REFUSED_MS = 600_000;

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

/**
 * Serves a connection's access token: one that will not expire under the request, refreshed once however many ask.
 */
export class TokenSource {
	private flight: Flight | undefined;
	/** While the valid token serves: milliseconds since the epoch before which the provider is left alone. */
	private coolUntil = 0;
	/** Once no token is left to serve. */
	private readonly backoff = new Backoff(1000, LONGEST_BACKOFF_MS);
	private readonly saveBackoff = new Backoff(1000, LONGEST_BACKOFF_MS);
	/** The last token that was asked for because its predecessor was refused. */
	private replacement: TokenSet | undefined;
	private lastFailure: { error: VaultedOAuth2Error; bundle: Bundle | undefined } | undefined;
	/** When this process last heard that the refresh token is refused. */
	private refusedAt = 0;

	constructor(private readonly options: TokenSourceOptions) {}

	/**
	 * A usable token set: the known one while it is fresh, else a newer one from the store, else one from the authorization server.
	 *
	 * @throws VaultedOAuth2Error of any class
	 */
	async get(): Promise<TokenSet> {
		const known = this.known();
		if (known !== undefined && this.freshness(known) === 'fresh') {
			if (this.options.bundle.unsaved) await this.saveUnsaved();
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
			this.options.now() - replacement.issuedAt < REPLACEMENT_MS
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
			lastError: this.lastError,
			refreshable: lastKnown?.refreshToken !== undefined,
			refusedSince: lastKnown && request.refused(lastKnown)?.since,
			connectedAt: lastKnown?.authorization?.connectedAt,
			askedScope: lastKnown?.authorization?.askedScope,
		};
	}

	/** The last failure, as long as what led to it is still so: connecting again, or an administrator, may have resolved it. */
	private get lastError(): VaultedOAuth2Error | undefined {
		if (this.lastFailure === undefined) return undefined;
		const { error, bundle: before } = this.lastFailure;
		const now = this.options.bundle.lastKnown;
		const unchanged =
			before === now ||
			(before !== undefined &&
				now !== undefined &&
				this.options.request.same(before, now) &&
				before.tokenSet?.accessToken === now.tokenSet?.accessToken);
		return unchanged ? error : undefined;
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
			promise: this.options.bundle.exclusive(() => this.refresh(reason)),
		};
		this.flight = flight;
		try {
			return await flight.promise;
		} finally {
			if (this.flight === flight) this.flight = undefined;
		}
	}

	private async refresh(reason: Reason): Promise<TokenSet> {
		const { bundle, request, now } = this.options;
		const valid = reason.refused === undefined ? this.validNow(bundle.lastKnown) : undefined;
		if (!reason.force) {
			if (valid !== undefined && now() < this.coolUntil) return valid;
			if (valid === undefined && this.lastFailure !== undefined && this.backoff.waiting(now()))
				throw this.lastFailure.error;
		}
		try {
			const stored = await this.readStore(valid, reason);
			const adopted =
				reason.force && reason.refused === undefined ? undefined : this.usable(stored);
			if (
				adopted !== undefined &&
				adopted.accessToken !== reason.refused &&
				this.freshness(adopted) === 'fresh'
			) {
				this.succeeded('adopted');
				return adopted;
			}
			if (
				valid !== undefined &&
				!reason.force &&
				request.rotates &&
				stored.refreshToken === undefined
			) {
				// Nothing can be done about its end; until then it serves.
				this.coolUntil = now() + COOL_DOWN_MS;
				return valid;
			}
			this.assertNotRefused(stored, reason);
			const tokenSet = await this.redeem(stored, reason);
			if (reason.refused !== undefined) this.replacement = tokenSet;
			this.succeeded('acquired');
			return tokenSet;
		} catch (error) {
			await this.rememberRefusal(error);
			// What the store was just found to hold counts as well.
			return this.failed(error, reason.force ? undefined : this.validNow(bundle.lastKnown));
		}
	}

	/**
	 * Another process may have stored a newer token, an administrator another secret. Where the store does not answer, a grant that has
	 * nothing to lose goes on with what is known; a refresh token is not spent when its successor might have no place.
	 */
	private async readStore(valid: TokenSet | undefined, reason: Reason): Promise<Bundle> {
		const { bundle, request, authorize, emit } = this.options;
		try {
			const stored = await bundle.read();
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
			emit('served while the secret store is down', error.code);
			return known;
		}
	}

	/** A dead refresh token is not offered to the provider at every call; who forces a refresh is let through. @throws ReconnectError */
	private assertNotRefused(stored: Bundle, reason: Reason): void {
		const { request, now } = this.options;
		const refused = request.refused(stored);
		if (refused === undefined || (reason.force && reason.refused === undefined)) return;
		const heard = Math.max(refused.since, this.refusedAt);
		if (Math.abs(now() - heard) < REFUSED_MS) throw refused.error;
	}

	/** Writes down that the refresh token is dead, so that every process knows that a person is needed. */
	private async rememberRefusal(error: unknown): Promise<void> {
		if (!(error instanceof ReconnectError) || error.code !== 'INVALID_GRANT') return;
		const { bundle, request, now } = this.options;
		const known = bundle.lastKnown;
		if (known === undefined || bundle.unsaved) return;
		this.refusedAt = now();
		if (request.refused(known) !== undefined) return;
		await bundle
			.change((newest) => {
				const refused = request.same(newest, known)
					? request.markRefused(newest, now())
					: undefined;
				return refused === undefined ? newest : { ...newest, refused };
			})
			// The refusal itself is what has to be told.
			.catch(() => undefined);
	}

	/** Asks the authorization server; where it refuses, the store may hold something newer. */
	private async redeem(stored: Bundle, reason: Reason): Promise<TokenSet> {
		const { bundle, request, authorize } = this.options;
		try {
			return await this.store(stored, await request.send(stored));
		} catch (error) {
			if (
				!(error instanceof VaultedOAuth2Error) ||
				!['INVALID_GRANT', 'INVALID_CLIENT'].includes(error.code)
			)
				throw error;
			const reread = await bundle.read();
			authorize(reread);
			if (request.same(stored, reread)) throw error;
			const newer = this.usable(reread);
			if (
				newer !== undefined &&
				newer.accessToken !== reason.refused &&
				this.freshness(newer) === 'fresh'
			)
				return newer;
			return await this.store(reread, await request.send(reread));
		}
	}

	/** Writes before use. A rotated refresh token must reach the store; an access token alone does so within the budget. */
	private async store(from: Bundle, issued: IssuedTokens): Promise<TokenSet> {
		const { bundle, budget, now, emit } = this.options;
		const rotated = issued.refreshToken !== undefined && issued.refreshToken !== from.refreshToken;
		const next = withTokens(from, issued);
		bundle.keep(next);
		if (!rotated && !bundle.unsaved && !budget.take(now())) return issued.tokenSet;
		try {
			if (rotated || bundle.unsaved) await bundle.save(next);
			else await bundle.saveUnsaved();
		} catch (error) {
			if (!(error instanceof VaultedOAuth2Error)) throw error;
			if (bundle.unsaved) {
				this.saveBackoff.failed(now());
				emit('rotated but not saved', error.code);
			} else {
				emit('served while the secret store is down', error.code);
			}
		}
		return issued.tokenSet;
	}

	private async saveUnsaved(): Promise<void> {
		const { bundle, now, emit } = this.options;
		await bundle.exclusive(async () => {
			if (!bundle.unsaved || this.saveBackoff.waiting(now())) return;
			try {
				await bundle.saveUnsaved();
				this.saveBackoff.succeeded();
				emit('saved after all');
			} catch (error) {
				if (!(error instanceof VaultedOAuth2Error)) throw error;
				this.saveBackoff.failed(now());
				emit('rotated but not saved', error.code);
			}
		});
	}

	private succeeded(name: TokenEventName): void {
		this.coolUntil = 0;
		this.backoff.succeeded();
		this.lastFailure = undefined;
		this.options.emit(name);
	}

	/** A temporary failure is no failure while the token is valid; everything else is told at once. */
	private failed(error: unknown, valid: TokenSet | undefined): TokenSet {
		if (!(error instanceof VaultedOAuth2Error)) throw error;
		const { now, emit, bundle } = this.options;
		this.lastFailure = { error, bundle: bundle.lastKnown };
		const temporary =
			error instanceof ProviderError || (error instanceof SecretStoreError && error.temporary);
		if (!temporary) {
			if (error instanceof ReconnectError) emit('reconnect needed', error.code);
			throw error;
		}
		const asked = error instanceof ProviderError ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
		const wait = Math.min(asked, LONGEST_RETRY_AFTER_MS);
		if (valid === undefined || this.freshness(valid) === 'expired') {
			this.backoff.failed(now(), wait);
			throw error;
		}
		this.coolUntil = now() + Math.max(wait, COOL_DOWN_MS);
		emit(
			error instanceof ProviderError
				? 'served while the provider is down'
				: 'served while the secret store is down',
			error.code,
		);
		return valid;
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
		return freshness(this.options.policy, tokenSet, this.options.now());
	}
}
