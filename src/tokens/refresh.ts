import { SecretStoreError, VaultedOAuth2Error } from '../errors';
import type { Bundle, Refusal } from '../secrets/bundle';
import { tokensIssued } from '../secrets/patches';
import type { SealedBundle } from '../secrets/sealedBundle';
import type { VersionBudget } from './budget';
import { within, type Clock } from './clock';
import type { Emit } from '../events';
import { isLost, type Claimed, type Lease } from './lease';
import type { ReferencedSecret, TokenRequest } from './tokenRequest';
import type { IssuedTokens, TokenSet } from './tokenSet';

/**
 * - `running`: a refresh may go on behind a call.
 * - `short`: the process ends right after its run, so that every refresh is finished in front of the call.
 * - `ending`: no refresh is begun that is not needed.
 */
export type Phase = 'running' | 'short' | 'ending';

/** What a refresh works with. */
export interface RefreshParts {
	readonly bundle: SealedBundle;
	readonly request: TokenRequest;
	readonly lease: Lease;
	readonly budget: VersionBudget;
	readonly clock: Clock;
	readonly phase: () => Phase;
	readonly emit: Emit;
}

/** How far a refresh came. */
export interface Progress {
	/** True once a token request may have been sent. */
	wasSent: boolean;
	/** {@link TokenRequest.digest} of what was sent. */
	digest?: string;
	reference?: ReferencedSecret | undefined;
	/** Set if the request was not sent because it had been refused before. */
	refusal?: Refusal | undefined;
}

/** A store that hangs does not keep a token back that must be written: it is pending, and written as soon as the store answers. */
const WRITE_PATIENCE_MS = 5_000;

/**
 * One refresh: claim → send → write → everything else. Runs within {@link Lease.exclusively}.
 *
 * @param settles whether the newest bundle makes it needless
 * @returns the new token set, or what the claim found instead
 * @throws VaultedOAuth2Error; then no tokens were issued. The lease may be held still
 */
export async function refresh(
	parts: RefreshParts,
	settles: (newest: Bundle) => boolean,
	progress: Progress,
): Promise<TokenSet | Claimed> {
	const { request, lease, emit } = parts;
	progress.reference = await request.readReference();
	const claimed = await claim(parts, settles);
	if (claimed.outcome === 'settled' || claimed.outcome === 'busy') return claimed;
	if (claimed.takenOver) emit('lease.takenOver');

	const { reference } = progress;
	progress.digest = request.digest(claimed.bundle);
	const issued = await lease
		.during(async (assertHeld) => {
			const beforeSend = async (): Promise<void> => {
				await assertHeld();
				progress.wasSent = true;
			};
			return await request.send(claimed.bundle, { reference, beforeSend });
		})
		.catch((error: unknown) => {
			if (!isLost(error)) throw error;
			return undefined;
		});
	if (issued === undefined) return { ...claimed, outcome: 'busy' };
	await write(parts, claimed.bundle, issued);
	void findExpiry(parts, issued, reference);
	return issued.tokenSet;
}

/** A grant that has nothing to lose goes on with what is known while the store does not answer. */
async function claim(
	{ bundle, request, lease, budget, clock, emit }: RefreshParts,
	settles: (newest: Bundle) => boolean,
): Promise<Claimed> {
	try {
		const claimed = await lease.claim(settles);
		budget.saw(bundle.versionId, clock.now());
		return claimed;
	} catch (error) {
		const known = bundle.lastKnown;
		const goesOn =
			error instanceof SecretStoreError && error.temporary && !request.usesRefreshToken;
		if (!goesOn || known === undefined) throw error;
		emit('token.servedWhileStoreDown', { code: error.code });
		return { outcome: 'unshared', bundle: known, takenOver: false };
	}
}

/**
 * A rotated refresh token must reach the store, and so must the release of a lease; an access token alone does so within the budget.
 */
async function write(parts: RefreshParts, from: Bundle, issued: IssuedTokens): Promise<void> {
	const { bundle, lease, budget, clock, phase, emit } = parts;
	const redeemed = parts.request.usesRefreshToken ? from.refreshToken : undefined;
	const patch = tokensIssued({ redeemed, issued, owner: lease.owner });
	const isWritten = patch.keep === 'written' || lease.isHeld || bundle.unsaved;
	lease.markReleased();
	if (!isWritten) {
		bundle.remember(patch);
		if (!budget.take(clock.now())) return;
	}
	const writing = (isWritten ? bundle.update(patch) : bundle.offer())
		.then(() => budget.wrote(bundle.versionId))
		.catch((error: unknown) => {
			if (!(error instanceof VaultedOAuth2Error)) throw error;
			// What must not be lost raises an alarm of its own.
			if (patch.keep !== 'written') emit('token.servedWhileStoreDown', { code: error.code });
		});
	await (phase() === 'short' ? writing : within(clock, WRITE_PATIENCE_MS, writing));
}

/** A token whose end nobody named is used until it is refused, unless its end can be found. */
async function findExpiry(
	{ bundle, request }: RefreshParts,
	issued: IssuedTokens,
	reference: ReferencedSecret | undefined,
): Promise<void> {
	const { tokenSet } = issued;
	const known = bundle.lastKnown;
	if (tokenSet.expiresAt !== null || known === undefined) return;
	const expiresAt = await request.findExpiry(tokenSet, known, { reference });
	if (expiresAt === undefined) return;
	bundle.remember({
		name: 'expiry found',
		keep: 'inMemory',
		apply: (newest) => ({
			...newest,
			tokenSets: newest.tokenSets.map((other) =>
				other.accessToken === tokenSet.accessToken ? { ...other, expiresAt } : other,
			),
		}),
	});
}
