import { VaultedOAuth2Error } from '../errors';
import type { Bundle } from '../secrets/bundle';
import { Backoff } from './backoff';
import { withTokens, type IssuedTokens, type TokenSet } from './tokenSet';
import type { TokenSourceOptions } from './tokenSource';

const LONGEST_BACKOFF_MS = 30_000;
const SHORTEST_RETRY_MS = 1000;

/** Asks the authorization server for tokens, and sees to it that they reach the store. Runs inside the bundle's exclusive task. */
export class Redemption {
	private readonly backoff = new Backoff(1000, LONGEST_BACKOFF_MS);
	private cancelRetry: (() => void) | undefined;

	constructor(
		private readonly options: Pick<
			TokenSourceOptions,
			'bundle' | 'request' | 'budget' | 'clock' | 'lease' | 'emit'
		>,
	) {}

	/**
	 * Redeems what the bundle holds, and writes before use. Where several processes share the bundle, a refresh token is redeemed under the
	 * lease only.
	 *
	 * @throws VaultedOAuth2Error; then nothing was issued
	 */
	async redeem(from: Bundle): Promise<TokenSet> {
		const { request, lease } = this.options;
		const issued =
			lease === undefined || from.refreshToken === undefined
				? await request.send(from)
				: await lease.during((mayAsk) => request.send(from, mayAsk));
		await this.store(from, issued);
		return issued.tokenSet;
	}

	/** Tries again to write what the store did not take, at the next call and by itself. */
	async saveUnsaved(): Promise<void> {
		const { bundle, clock, emit } = this.options;
		await bundle.exclusive(async () => {
			if (!bundle.unsaved || this.backoff.waiting(clock.elapsed())) return;
			try {
				await bundle.saveUnsaved();
				this.backoff.succeeded();
				emit('saved after all');
			} catch (error) {
				this.notSaved(error);
			}
		});
	}

	/**
	 * A rotated refresh token must reach the store; an access token alone does so within the budget, or with the write that releases the
	 * lease.
	 */
	private async store(from: Bundle, issued: IssuedTokens): Promise<void> {
		const { bundle, budget, clock, lease, emit } = this.options;
		const rotated = issued.refreshToken !== undefined && issued.refreshToken !== from.refreshToken;
		const leased = lease?.isHeld === true;
		const tokens = withTokens(from, issued);
		const next = lease?.without(tokens) ?? tokens;
		lease?.done();
		try {
			if (rotated || bundle.unsaved) {
				await bundle.save(next, from);
			} else {
				bundle.keep(next, from);
				if (leased) await bundle.saveUnsaved();
				else if (budget.take(clock.now())) await bundle.offer();
			}
			budget.wrote(bundle.versionId);
		} catch (error) {
			if (bundle.unsaved) this.notSaved(error);
			else if (error instanceof VaultedOAuth2Error)
				emit('served while the secret store is down', error.code);
			else throw error;
		}
	}

	/** The tokens exist in this process only: say so, and do not wait for somebody to call. */
	private notSaved(error: unknown): void {
		if (!(error instanceof VaultedOAuth2Error)) throw error;
		const { clock, emit } = this.options;
		this.backoff.failed(clock.elapsed());
		emit('rotated but not saved', error.code);
		this.cancelRetry?.();
		this.cancelRetry = clock.after(
			Math.max(SHORTEST_RETRY_MS, this.backoff.next - clock.elapsed()),
			() => {
				// What is wrong is told to whoever calls.
				this.saveUnsaved().catch(() => undefined);
			},
		);
	}
}
