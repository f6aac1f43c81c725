import type { TokenSet } from './tokenSet';

/**
 * The share of a token's lifetime that the buffer may take. It keeps the 5 minutes for tokens of 15 minutes and more, and stops a token
 * of 5 minutes from being refreshed before every call.
 */
const LARGEST_SHARE = 1 / 3;

/** The share of the buffer over which connections spread, so that those made together do not all refresh in the same second. */
const JITTER_SHARE = 0.1;

/** When a connection wants its tokens replaced. */
export interface RefreshPolicy {
	readonly bufferMs: number;
	/** 0 to 1, constant per connection. */
	readonly jitter: number;
}

/**
 * - `fresh`: use it.
 * - `expiring`: inside the buffer, or its age is unknown because the clock stepped back. Replace it; it still serves if that fails.
 * - `expired`: it must not be used.
 */
export type Freshness = 'fresh' | 'expiring' | 'expired';

/** The buffer in milliseconds that holds for a token of this lifetime (milliseconds). */
export function effectiveBuffer(policy: RefreshPolicy, lifetimeMs: number): number {
	const buffer = Math.min(policy.bufferMs, lifetimeMs * LARGEST_SHARE);
	return buffer + buffer * JITTER_SHARE * policy.jitter;
}

/** The moment (milliseconds since the epoch) from which on a token is replaced, or null where it has no known end. */
export function refreshAt(policy: RefreshPolicy, token: TokenSet): number | null {
	if (token.expiresAt === null) return null;
	return token.expiresAt - effectiveBuffer(policy, token.expiresAt - token.issuedAt);
}

/** How fresh a token is at `now` (milliseconds since the epoch). */
export function freshness(policy: RefreshPolicy, token: TokenSet, now: number): Freshness {
	const due = refreshAt(policy, token);
	if (due === null || token.expiresAt === null) return 'fresh';
	if (now >= token.expiresAt) return 'expired';
	// A clock that is behind by less than the buffer is what the buffer is for; further back, the token's age is unknown.
	const tolerance = token.expiresAt - due;
	if (now < token.issuedAt - tolerance) return 'expiring';
	return now >= due ? 'expiring' : 'fresh';
}
