import type { VaultedOAuth2Error } from '../errors';
import type { Bundle } from '../secrets/bundle';
import type { BeforeSend } from './lease';
import type { IssuedTokens, TokenSet } from './tokenSet';

/** A client secret that is kept elsewhere, as read for one token request. */
export interface ReferencedSecret {
	readonly clientSecret: string;
	/** Changes with the secret. */
	readonly versionId: string;
}

/** What a token request needs beside the bundle. */
export interface SendOptions {
	readonly reference?: ReferencedSecret | undefined;
	/** Called before each token request; see {@link BeforeSend}. */
	readonly beforeSend?: BeforeSend | undefined;
}

/** Asks the authorization server for tokens with what a bundle holds (RFC 6749 §4.4 or §6): the port of the token engine. */
export interface TokenRequest {
	/** Asks for tokens. Nothing else is called after the answer. @throws VaultedOAuth2Error, and what `beforeSend` rejects with */
	send(bundle: Bundle, options: SendOptions): Promise<IssuedTokens>;
	/** Reads the client secret that the connection refers to; undefined if it refers to none. @throws VaultedOAuth2Error */
	readReference(): Promise<ReferencedSecret | undefined>;
	/** The end of a token that the server named none for, in milliseconds since the epoch; undefined if it cannot be had. Never rejects. */
	findExpiry(tokenSet: TokenSet, bundle: Bundle, options: SendOptions): Promise<number | undefined>;
	/** SHA-256 of what {@link send} would send: repeating a refused request is pointless. */
	digest(bundle: Bundle): string;
	/** What is missing for a request, if anything is. */
	missing(bundle: Bundle): VaultedOAuth2Error | undefined;
	/** Fingerprint of what is asked for; see {@link TokenSet.requestedFor}. */
	readonly requestedFor: string;
	/** True if a request spends something that must not be lost: a refresh token. */
	readonly usesRefreshToken: boolean;
}
