import type { TokenSet } from './tokenSet';
import { freshness, type RefreshPolicy } from './freshness';

/** Why a token is asked for. */
export type Reason =
	/** For a request. */
	| { readonly kind: 'use' }
	/** The API refused this access token with 401 (RFC 6750 §3.1 `invalid_token`). */
	| { readonly kind: 'refused'; readonly accessToken: string }
	/** A person wants a new one. */
	| { readonly kind: 'forced' };

/** What is known when a token is asked for. */
export interface Situation {
	readonly tokenSet: TokenSet | undefined;
	readonly reason: Reason;
	readonly policy: RefreshPolicy;
	/** Milliseconds since the epoch. */
	readonly now: number;
	/** True while the gate is closed. */
	readonly isClosed: boolean;
}

/**
 * - `serve`: `tokenSet` is the answer.
 * - `refresh`: get a new one; `tokenSet`, if there is one, serves meanwhile.
 * - `refuse`: there is none, and it is too early to ask.
 */
export type Decision =
	| { readonly act: 'serve'; readonly tokenSet: TokenSet }
	| { readonly act: 'refresh'; readonly tokenSet?: TokenSet }
	| { readonly act: 'refuse' };

/** What to do about a token. Pure: asks nobody. */
export function decide({ tokenSet, reason, policy, now, isClosed }: Situation): Decision {
	if (reason.kind === 'forced') return { act: 'refresh' };
	const isRefused = reason.kind === 'refused' && tokenSet?.accessToken === reason.accessToken;
	const state = tokenSet === undefined || isRefused ? 'expired' : freshness(policy, tokenSet, now);
	if (tokenSet === undefined || state === 'expired')
		return { act: isClosed ? 'refuse' : 'refresh' };
	return state === 'fresh' || isClosed ? { act: 'serve', tokenSet } : { act: 'refresh', tokenSet };
}
