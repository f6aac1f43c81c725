import type { ClientAuthenticationMethod } from '../config/connection';
import type { DpopKey } from '../config/dpopKey';

/** What an authorization server issued (RFC 6749 §5.1), with times instead of a duration. */
export interface TokenSet {
	readonly accessToken: string;
	/** The scope granted, if the server said so (RFC 6749 §3.3). */
	readonly scope?: string;
	/** Milliseconds since the epoch at which the token request was sent; the lifetime counts from then. */
	readonly issuedAt: number;
	/** Milliseconds since the epoch, or null: use it until it is refused. */
	readonly expiresAt: number | null;
	/** Fingerprint of what was asked for: client, endpoint, scope, parameters. A token never serves a connection that asks for something else. */
	readonly requestedFor: string;
	/** The key that the token is bound to (RFC 9449); absent: it is a bearer token (RFC 6750). */
	readonly dpopKey?: DpopKey;
}

/** A token set fresh from the server, and the refresh token that came with it. */
export interface IssuedTokens {
	readonly tokenSet: TokenSet;
	/** Absent: the server sent none, the old one stays (RFC 6749 §6). */
	readonly refreshToken?: string;
	/** Client authentication that worked, if it was found by trying. */
	readonly clientAuthentication?: ClientAuthenticationMethod;
}
