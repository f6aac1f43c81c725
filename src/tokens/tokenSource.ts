import { ProviderError, SecretStoreError, type VaultedOAuth2Error } from '../errors';
import type { Bundle } from '../secrets/bundle';
import { Attempts, type AttemptsOptions } from './attempts';
import { within } from './clock';
import type { Reason } from './decide';
import type { EventCounters } from '../events';
import { refreshAt } from './freshness';
import { Replacements } from './replacements';
import { SingleFlight } from './singleFlight';
import type { TokenSet } from './tokenSet';

/** What a {@link TokenSource} works with. */
export interface TokenSourceOptions extends AttemptsOptions {
	readonly counters: EventCounters;
}

/** A connection's token as far as it is known without asking anyone. */
export interface TokenStatus {
	readonly tokenSet: TokenSet | undefined;
	/** Milliseconds since the epoch, or null: no known end. */
	readonly refreshAt: number | null | undefined;
	readonly unsaved: boolean;
	readonly versionId: string | undefined;
	readonly lastError: VaultedOAuth2Error | undefined;
	/** True if a refresh token is stored. */
	readonly refreshable: boolean;
	/** Milliseconds since the epoch from which on the refresh token is known to be refused, here or in another process. */
	readonly refusedSince: number | undefined;
	/** Milliseconds since the epoch at which a person connected the account, and for which scope. */
	readonly connectedAt: number | undefined;
	readonly askedScope: string | undefined;
	/** How often each event happened in this process. */
	readonly counters: EventCounters;
	/** Versions of the secret that each refresh writes, if it rotates the refresh token. */
	readonly versionsPerRefresh: number;
}

const USE: Reason = { kind: 'use' };
/** A refresh gets this long in front of a call that has a valid token; then it goes on behind it. */
const IN_FRONT_MS = 800;
/** A call without a valid token waits no longer than this; the refresh goes on behind it. */
const PATIENCE_MS = 120_000;
/** It waits this long if the reason why there is none is known. */
const KNOWN_CAUSE_MS = 5_000;
/** A connection in use looks at the store this often: others may have connected, edited or removed something. */
const LOOK_MS = 280_000;
/** Without a valid token: how often the store is looked at for one, or for what would bring one. */
const LOOK_WHILE_REFUSED_MS = 5_000;
const LOOK_WHILE_DOWN_MS = 20_000;
/** How often a referenced client secret is looked at while the provider refuses it. */
const LOOK_AT_REFERENCE_MS = 45_000;
/** A look at the store holds a call up no longer than this. */
const LOOK_PATIENCE_MS = 2_000;

/** Serves a connection's access token: one that won't expire mid-request, refreshed once however many ask. */
export class TokenSource {
	private readonly attempts: Attempts;
	private readonly replacements: Replacements;
	private readonly looks = new SingleFlight<Bundle>();
	private lookedAtReference = -Infinity;

	constructor(private readonly options: TokenSourceOptions) {
		this.attempts = new Attempts(options);
		this.replacements = new Replacements(options.clock);
	}

	/**
	 * A usable token set: the known one while it is valid, else a newer one from the store, else one from the authorization server.
	 *
	 * @throws VaultedOAuth2Error of any class
	 */
	async get(): Promise<TokenSet> {
		this.attempts.used();
		const known = this.attempts.known();
		const decision = this.attempts.decide(known, USE, this.isClosedFor(known));
		switch (decision.act) {
			case 'serve':
				this.lookNowAndThen();
				return decision.tokenSet;
			case 'refresh':
				return decision.tokenSet === undefined
					? await this.withoutToken()
					: await this.inFront(decision.tokenSet);
			case 'refuse':
				return await this.whileClosed();
		}
	}

	/** A new token set from the authorization server, even if the current one is still valid. @throws VaultedOAuth2Error */
	async refreshNow(): Promise<TokenSet> {
		return await this.attempts.next({ kind: 'forced' });
	}

	/**
	 * A token set other than one the API refused with 401 (RFC 6750 §3.1 `invalid_token`): a newer one from memory or the store, else a new one.
	 * Undefined if the API means something else by 401: this endpoint has refused a new token as well.
	 *
	 * @param endpoint path of the address that refused it
	 * @throws VaultedOAuth2Error
	 */
	async replaceRefused(accessToken: string, endpoint = ''): Promise<TokenSet | undefined> {
		const { attempts, replacements } = this;
		const reason: Reason = { kind: 'refused', accessToken };
		const isOther = (tokenSet: TokenSet | undefined): tokenSet is TokenSet =>
			attempts.decide(tokenSet, reason).act === 'serve';
		const known = this.attempts.known();
		if (isOther(known)) return known;
		const running = await attempts.running?.catch(() => undefined);
		if (isOther(running)) return running;
		await this.look(LOOK_PATIENCE_MS);
		const stored = this.attempts.known();
		if (isOther(stored)) return stored;
		if (!replacements.isWorthwhile(endpoint)) return undefined;
		attempts.openIfChanged();
		const { closedBy } = attempts.gate;
		if (closedBy !== undefined) throw closedBy;
		const tokenSet = await attempts.next(reason);
		replacements.replaced(endpoint);
		return tokenSet;
	}

	/** The API took a token at this address: a later 401 there is about the token. */
	accepted(endpoint: string): void {
		this.replacements.accepted(endpoint);
	}

	/** What is known without asking store or provider. */
	status(): TokenStatus {
		const { attempts } = this;
		const { bundle, policy, request, lease, counters } = this.options;
		const { lastKnown } = bundle;
		const tokenSet = attempts.usable(lastKnown);
		attempts.openIfChanged();
		const isLeased = lastKnown !== undefined && lease.isShared(lastKnown);
		return {
			tokenSet,
			refreshAt: tokenSet && refreshAt(policy, tokenSet),
			unsaved: bundle.unsaved,
			versionId: bundle.versionId,
			lastError: attempts.gate.cause,
			refreshable: lastKnown?.refreshToken !== undefined,
			refusedSince: attempts.deadSince(lastKnown),
			connectedAt: lastKnown?.authorization?.connectedAt,
			askedScope: lastKnown?.authorization?.askedScope,
			counters: { ...counters },
			versionsPerRefresh: request.usesRefreshToken && isLeased ? 2 : 1,
		};
	}

	/** Reads the store, so that {@link status} reports what is stored now. @throws VaultedOAuth2Error */
	async load(): Promise<void> {
		this.options.authorize(await this.looks.join(async () => await this.options.bundle.read()));
	}

	/** There is a valid token: nobody waits longer than a moment for the next one. */
	private async inFront(valid: TokenSet): Promise<TokenSet> {
		const { attempts } = this;
		const { clock, phase } = this.options;
		if (attempts.running !== undefined || phase() === 'ending') return valid;
		const attempt = attempts.join(USE).catch(() => valid);
		// A process that ends right after its run finishes what it began.
		const isShort = phase() === 'short';
		const tokenSet = await (isShort ? attempt : within(clock, IN_FRONT_MS, attempt));
		return attempts.isValid(tokenSet) ? tokenSet : await this.stillValid(valid);
	}

	private async stillValid(tokenSet: TokenSet): Promise<TokenSet> {
		return this.attempts.isValid(tokenSet) ? tokenSet : await this.get();
	}

	/** There is none: wait for one, but not long if it is known why there is none. */
	private async withoutToken(): Promise<TokenSet> {
		const { cause } = this.attempts.gate;
		const patienceMs = cause === undefined ? PATIENCE_MS : KNOWN_CAUSE_MS;
		const tokenSet = await within(this.options.clock, patienceMs, this.attempts.join(USE));
		if (tokenSet === undefined) throw cause ?? pending();
		return tokenSet;
	}

	/** It is too early to ask, unless something has changed since. */
	private async whileClosed(): Promise<TokenSet> {
		const { bundle, clock } = this.options;
		const { gate } = this.attempts;
		const { cause } = gate;
		if (bundle.isReadable && !(cause instanceof SecretStoreError)) {
			const every = cause?.temporary === true ? LOOK_WHILE_DOWN_MS : LOOK_WHILE_REFUSED_MS;
			if (clock.elapsed() - bundle.lookedAt >= every) await this.look(LOOK_PATIENCE_MS);
		}
		if (cause?.temporary === false) await this.lookAtReference();
		const known = this.attempts.known();
		if (!this.isClosedFor(known) || this.attempts.isValid(known)) return await this.get();
		throw gate.closedBy ?? cause ?? pending();
	}

	/** Without a cause it is closed only for those who have a valid token. */
	private isClosedFor(tokenSet: TokenSet | undefined): boolean {
		const { attempts } = this;
		attempts.openIfChanged();
		const { left, cause } = attempts.gate;
		return left > 0 && (cause !== undefined || attempts.isValid(tokenSet));
	}

	private lookNowAndThen(): void {
		const { bundle, clock, phase } = this.options;
		const isDue = clock.elapsed() - bundle.lookedAt >= LOOK_MS;
		if (isDue && phase() === 'running') void this.look(LOOK_PATIENCE_MS);
	}

	/** Reads the store. What is wrong with it is reported to whoever needs it. */
	private async look(patienceMs: number): Promise<void> {
		const { bundle, clock } = this.options;
		const look = this.looks.join(async () => await bundle.read()).catch(() => undefined);
		await within(clock, patienceMs, look);
	}

	/** A referenced client secret may have been mended. */
	private async lookAtReference(): Promise<void> {
		const { request, clock } = this.options;
		if (clock.elapsed() - this.lookedAtReference < LOOK_AT_REFERENCE_MS) return;
		this.lookedAtReference = clock.elapsed();
		const reading = request.readReference().catch(() => undefined);
		const reference = await within(clock, LOOK_PATIENCE_MS, reading);
		if (reference !== undefined) this.attempts.sawReference(reference.versionId);
	}
}

function pending(): ProviderError {
	return new ProviderError(
		'a new token was asked for and is not there yet; many others may be in front of it. Nothing is lost; try again in a while.',
		{ code: 'REFRESH_PENDING' },
	);
}
