import { ReconnectError, restoreFailure, storedFailure, VaultedOAuth2Error } from '../errors';
import type { Bundle, Refusal } from '../secrets/bundle';
import { decide, type Decision, type Reason } from './decide';
import type { EventName } from '../events';
import { freshness, type RefreshPolicy } from './freshness';
import { Gate } from './gate';
import { refresh, type Progress, type RefreshParts } from './refresh';
import { SingleFlight } from './singleFlight';
import type { TokenSet } from './tokenSet';

/** What {@link Attempts} work with. */
export interface AttemptsOptions extends RefreshParts {
	readonly policy: RefreshPolicy;
	/** Fails if the bundle may not be used for this connection; called for every bundle read. */
	readonly authorize: (bundle: Bundle) => void;
	/** Limits the refreshes that run at once. Default: no limit. */
	readonly inTurn?: <T>(task: () => Promise<T>) => Promise<T>;
	/** True if other processes use this connection too, so that they should know what was refused. */
	readonly tellsOthers: boolean;
}

/** What an attempt saw in the store. */
interface Seen {
	/** True if there was no token for this connection yet. */
	readonly isFirst: boolean;
	readonly adoptable?: TokenSet | undefined;
	readonly refusal?: Refusal | undefined;
	readonly cause?: VaultedOAuth2Error | undefined;
}

/** While another process has the lease and the valid token serves. */
const BUSY_REST_MS = 5_000;
/** A connection that nobody uses is left to whoever does. */
const IDLE_MS = 600_000;
const MOST_TRIES = 3;
/** A process that is about to end tries for so long to write a rotated refresh token, in front of the call. */
const LAST_WRITE_MS = 10_000;
/** Refused because of what was sent; someone may have replaced it in the store meanwhile. */
const REFUSED_CREDENTIALS: ReadonlySet<string> = new Set(['INVALID_GRANT', 'INVALID_CLIENT']);

/** The attempts of one connection to get a new token, and what came of the last one. */
export class Attempts {
	readonly gate: Gate;
	private readonly flights = new SingleFlight<TokenSet>();
	/** The refusal in the store that this process has waited for. */
	private waitedFor: Refusal | undefined;
	/** Version of the referenced client secret that was used last. */
	private reference: string | undefined;
	private usedAt = -Infinity;
	private cancelRetry: (() => void) | undefined;

	constructor(private readonly options: AttemptsOptions) {
		this.gate = new Gate(options.clock);
	}

	/** The attempt that runs; undefined while none does. */
	get running(): Promise<TokenSet> | undefined {
		return this.flights.running;
	}

	/** Joins the attempt that runs, else begins one. @throws VaultedOAuth2Error */
	async join(reason: Reason): Promise<TokenSet> {
		return await this.flights.join(async () => await this.refresh(reason));
	}

	/** Begins an attempt that did not run yet when it was asked for. @throws VaultedOAuth2Error */
	async next(reason: Reason): Promise<TokenSet> {
		return await this.flights.next(async () => await this.refresh(reason));
	}

	/** The connection is in use: its holder goes on trying. */
	used(): void {
		this.usedAt = this.options.clock.elapsed();
	}

	/** Another version of the referenced client secret was seen. */
	sawReference(versionId: string): void {
		this.reference = versionId;
	}

	/** Opens the gate if what the last failure depended on is no longer so. */
	openIfChanged(): void {
		if (this.gate.cause !== undefined) this.gate.openIfChanged(this.basis());
	}

	/** The known token set. A bundle is shared by all credentials that point at it, so what it may be used for is checked each time. */
	known(): TokenSet | undefined {
		const { bundle, authorize } = this.options;
		if (bundle.lastKnown !== undefined) authorize(bundle.lastKnown);
		return this.usable(bundle.lastKnown);
	}

	/** The bundle's token set that was asked for with just what this connection asks for. */
	usable(bundle: Bundle | undefined): TokenSet | undefined {
		const { requestedFor } = this.options.request;
		return bundle?.tokenSets.find((tokenSet) => tokenSet.requestedFor === requestedFor);
	}

	/** True if it may be used now. */
	isValid(tokenSet: TokenSet | undefined): tokenSet is TokenSet {
		const { policy, clock } = this.options;
		return tokenSet !== undefined && freshness(policy, tokenSet, clock.now()) !== 'expired';
	}

	/** See {@link decide}. */
	decide(tokenSet: TokenSet | undefined, reason: Reason, isClosed = false): Decision {
		const { policy, clock } = this.options;
		return decide({ tokenSet, reason, policy, now: clock.now(), isClosed });
	}

	/** Since when the provider is known to refuse the refresh token. */
	deadSince(bundle: Bundle | undefined): number | undefined {
		const { refusal } = bundle ?? {};
		if (bundle === undefined || refusal?.cause.failureClass !== 'reconnect') return undefined;
		return refusal.requestSha256 === this.options.request.digest(bundle) ? refusal.at : undefined;
	}

	/** Waits for its turn, and for another process if that has the lease and there is nothing to serve meanwhile. */
	private async refresh(reason: Reason): Promise<TokenSet> {
		const { lease, inTurn = async (task) => await task(), emit } = this.options;
		let wait: (() => Promise<void>) | undefined;
		for (let tries = 1; ;) {
			const progress: Progress = { wasSent: false };
			try {
				const found = await lease.exclusively(
					async () => await inTurn(async () => await this.attempt(reason, progress)),
				);
				if (found !== undefined) return found;
				const valid = reason.kind === 'use' ? this.known() : undefined;
				if (this.isValid(valid)) {
					this.gate.rest(BUSY_REST_MS);
					return valid;
				}
				if (wait === undefined) emit('lease.waitedFor');
				wait ??= lease.backoffWait();
				await wait();
			} catch (error) {
				const isRepeated = tries < MOST_TRIES && (await this.hasChangedSince(error, progress));
				tries += 1;
				if (isRepeated) continue;
				const failure = await this.failed(error, progress);
				const valid = reason.kind === 'use' ? this.known() : undefined;
				if (this.isValid(valid)) return valid;
				throw failure;
			}
		}
	}

	/** One look at the store, and a refresh if it is needed; undefined if another process is at it. */
	private async attempt(reason: Reason, progress: Progress): Promise<TokenSet | undefined> {
		const { emit, bundle, lease, phase } = this.options;
		// After a start the store may hold a token that is due: the next call replaces it, this one need not wait for that.
		const isCold = !this.isValid(this.usable(bundle.lastKnown));
		const takesDue = reason.kind === 'use' && isCold && phase() !== 'short';
		const seen: Seen = { isFirst: true };
		const settles = (newest: Bundle): boolean => {
			this.options.authorize(newest);
			Object.assign(seen, this.seenIn(newest, { reason, takesDue }));
			progress.refusal = seen.refusal;
			return seen.adoptable !== undefined || seen.cause !== undefined;
		};
		const found = await refresh(this.options, settles, progress);
		if ('accessToken' in found) {
			this.reference = progress.reference?.versionId;
			this.succeeded();
			emit(seen.isFirst ? 'token.acquired' : 'token.refreshed');
			// Once the call has its answer, nobody may be left to write what is pending.
			if (phase() !== 'running') await bundle.flushWithin(LAST_WRITE_MS);
			return found;
		}
		if (seen.adoptable !== undefined) {
			await lease.release();
			this.succeeded();
			emit('token.adopted');
			return seen.adoptable;
		}
		const cause = seen.cause ?? found.cause;
		if (cause !== undefined) throw cause;
		return undefined;
	}

	/** What the newest bundle says about the need for a request. */
	private seenIn(
		newest: Bundle,
		{ reason, takesDue }: { reason: Reason; takesDue: boolean },
	): Required<Seen> {
		const stored = this.usable(newest);
		const decision = this.decide(stored, reason);
		const mayServe = decision.act === 'serve' || (decision.act === 'refresh' && takesDue);
		const refusal = this.refusedBefore(newest, reason);
		return {
			isFirst: stored === undefined,
			adoptable: mayServe ? decision.tokenSet : undefined,
			refusal,
			cause: this.options.request.missing(newest) ?? (refusal && restoreFailure(refusal.cause)),
		};
	}

	private succeeded(): void {
		this.cancelRetry?.();
		this.gate.open();
		this.waitedFor = undefined;
	}

	/** What another process, or this one before, was refused: each new refusal is waited for once. A person who forces a refresh is let through. */
	private refusedBefore(newest: Bundle, reason: Reason): Refusal | undefined {
		const { refusal } = newest;
		if (reason.kind === 'forced' || refusal === undefined) return undefined;
		const { tries, requestSha256 } = refusal;
		if (requestSha256 !== this.options.request.digest(newest)) return undefined;
		const { waitedFor } = this;
		const isKnown = waitedFor?.tries === tries && waitedFor.requestSha256 === requestSha256;
		return isKnown ? undefined : refusal;
	}

	/** True if the store holds something else by now than what was refused. */
	private async hasChangedSince(error: unknown, progress: Progress): Promise<boolean> {
		const { digest, reference, wasSent } = progress;
		if (!(error instanceof VaultedOAuth2Error) || !wasSent) return false;
		if (!REFUSED_CREDENTIALS.has(error.code)) return false;
		const { request, bundle } = this.options;
		await bundle.read().catch(() => undefined);
		if (bundle.lastKnown !== undefined && request.digest(bundle.lastKnown) !== digest) return true;
		if (reference === undefined) return false;
		const now = await request.readReference().catch(() => reference);
		return now?.versionId !== reference.versionId;
	}

	/** Closes the gate, gives the lease back or keeps it, and lets other processes know. */
	private async failed(error: unknown, progress: Progress): Promise<unknown> {
		const { lease, emit, bundle, phase } = this.options;
		if (!(error instanceof VaultedOAuth2Error)) {
			await lease.release();
			return error;
		}
		const isRefused = progress.wasSent && !error.temporary;
		const refusal = isRefused ? this.refusalFor(error) : progress.refusal;
		if (refusal !== undefined) this.waitedFor = refusal;
		this.reference = progress.reference?.versionId;
		const before = this.gate.cause;
		const isServed = this.isValid(this.usable(bundle.lastKnown));
		this.gate.close(error, { isServed, basis: this.basis(), tries: refusal?.tries });
		if (error instanceof ReconnectError && !(before instanceof ReconnectError))
			emit('account.reconnectNeeded', { code: error.code });
		if (isServed && error.temporary) emit(servedWhileDown(error), { code: error.code });
		const goesOn = error.failureClass === 'provider' && phase() === 'running';
		if (goesOn && lease.isHeld) await this.goOnTrying(error);
		else
			await lease.release(isRefused && this.isWorthTelling(error, refusal) ? refusal : undefined);
		return error;
	}

	/** What the provider has refused, once more than before. */
	private refusalFor(error: VaultedOAuth2Error): Refusal | undefined {
		const { bundle, request, clock } = this.options;
		const cause = storedFailure(error);
		if (bundle.lastKnown === undefined || cause === undefined) return undefined;
		const requestSha256 = request.digest(bundle.lastKnown);
		const before = [bundle.lastKnown.refusal, this.waitedFor].find(
			(refusal) => refusal?.requestSha256 === requestSha256,
		);
		return {
			at: before?.at ?? clock.now(),
			tries: (before?.tries ?? 0) + 1,
			requestSha256,
			cause,
		};
	}

	/** A version of the secret is worth: a dead refresh token once, and every refusal that others would run into as well. */
	private isWorthTelling(error: VaultedOAuth2Error, refusal: Refusal | undefined): boolean {
		const { lease, tellsOthers } = this.options;
		const isDead = error instanceof ReconnectError && refusal?.tries === 1;
		return isDead || tellsOthers || lease.isHeld;
	}

	/** The provider is down and the lease is ours: this process goes on trying, whether anyone calls it or not. */
	private async goOnTrying(error: VaultedOAuth2Error): Promise<void> {
		const { lease, clock, phase } = this.options;
		const waitMs = Math.max(1000, this.gate.left);
		await lease.keep(error, waitMs);
		this.cancelRetry?.();
		this.cancelRetry = clock.after(waitMs, () => {
			if (!lease.isHeld) return;
			const isIdle = clock.elapsed() - this.usedAt > IDLE_MS;
			if (isIdle || phase() === 'ending') void lease.release();
			else this.join({ kind: 'use' }).catch(() => undefined);
		});
	}

	/** What the next request depends on. */
	private basis(): string {
		const { bundle, request } = this.options;
		const { lastKnown, way } = bundle;
		const digest = lastKnown === undefined ? '' : request.digest(lastKnown);
		return [digest, way, this.reference ?? ''].join(' ');
	}
}

function servedWhileDown({ failureClass }: VaultedOAuth2Error): EventName {
	return failureClass === 'provider'
		? 'token.servedWhileProviderDown'
		: 'token.servedWhileStoreDown';
}
