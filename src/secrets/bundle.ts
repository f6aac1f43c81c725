import type { ClientAuthenticationMethod } from '../config/connection';
import type { DpopKey } from '../config/dpopKey';
import { SecretStoreError, type StoredFailure } from '../errors';
import type { TokenSet } from '../tokens/tokenSet';
import type { KeptSecret, SealedFor } from './binding';
import { sameDigest, sha256, type SecretRef } from './pointer';
import { actionOn } from './store';
import type { Json } from './unknownKeys';

/** A claim on something only one writer may have: a refresh, a link, an authorization response. */
export interface Claim {
	/** Random, so that of two writers who claim the same thing in the same moment one loses the compare-and-swap. */
	readonly owner: string;
	/** Milliseconds since the epoch. */
	readonly until: number;
}

/** A claim on the redemption of the refresh token, see src/tokens/lease.ts. */
export interface LeaseClaim extends Claim {
	/** How long it lasts. Clocks differ from host to host, so `until` alone means something to its owner only. */
	readonly seconds: number;
	/** Why the holder has no new token yet; absent while it has not failed. */
	readonly cause?: StoredFailure;
}

/** A request that the authorization server refused for good. */
export interface Refusal {
	/** Milliseconds since the epoch of the first time. */
	readonly at: number;
	/** SHA-256 of what was sent: another request is not meant. */
	readonly requestSha256: string;
	/** How often it was refused: whoever sees another number waits again. */
	readonly tries: number;
	readonly cause: StoredFailure;
}

/** What is remembered of the authorization code flow (RFC 6749 §4.1). */
export interface Authorization {
	/** Milliseconds since the epoch at which a person last connected the account. */
	readonly connectedAt?: number;
	/** Id of the flow that did. */
	readonly connectedBy?: string;
	/** The scope that was asked for then. */
	readonly askedScope?: string;
	/** Digest of whom the account is known to belong to, see src/authorization/subject.ts; absent if the provider did not say. */
	readonly subjectSha256?: string;
	/** Links that were used, by their id, until they are forgotten: each is good for one use. */
	readonly used: Readonly<Record<string, Claim>>;
	/** Milliseconds since the epoch. A link that would be forgotten at this time or before counts as used. */
	readonly usedUntil?: number;
	/** 256 random bits, base64url: signs links, states and sessions. Made when it is first needed if it is not there yet. */
	readonly flowKey?: string;
}

/** The sealed secrets of one connection: the content of one secret of the store. */
export interface Bundle {
	readonly label: string;
	/** SHA-256 of the pointer's key. */
	readonly keySha256: string;
	readonly sealedFor: SealedFor;
	readonly clientSecret?: string;
	/** PEM or JWK, for a client that authenticates without a shared secret. */
	readonly privateKey?: string;
	/** Headers of the requests to the API, see `parseApiHeaders`. */
	readonly apiHeaders?: string;
	/** Client authentication that was found to work. */
	readonly clientAuthentication?: ClientAuthenticationMethod;
	readonly refreshToken?: string;
	/** What tokens are bound to (RFC 9449). A public client's refresh token is too, so it stays as long as that. */
	readonly dpopKey?: DpopKey;
	/** One for each thing that was asked for ({@link TokenSet.requestedFor}), the last one issued first. */
	readonly tokenSets: readonly TokenSet[];
	/** SHA-256 of what was typed when it was sealed: tells a secret that is already sealed from a new one. */
	readonly typedSha256: Readonly<Partial<Record<KeptSecret, string>>>;
	readonly authorization?: Authorization;
	readonly refusal?: Refusal;
	/** Who is redeeming the refresh token at present. */
	readonly lease?: LeaseClaim;
	/** Rises by one with every refresh token: tells an old copy that was written back. */
	readonly generation: number;
	/** SHA-256 of the refresh token that this package wrote; a person wrote any other. */
	readonly issuedSha256?: string;
	/** SHA-256 of the refresh token that a person wrote and this package redeemed: a copy that holds it is an old one. */
	readonly adoptedSha256?: string;
	/** Keys this package does not know, kept at every depth: administrators, rotation functions and newer versions write as well. */
	readonly other: Json;
}

/**
 * The capability check: whoever points at a bundle must know the random key it was sealed with.
 *
 * @throws SecretStoreError `KEY_MISMATCH`
 */
export function assertKey(bundle: Bundle, ref: SecretRef): void {
	if (sameDigest(bundle.keySha256, sha256(ref.key))) return;
	const action = actionOn(ref.secretId, 'read');
	throw new SecretStoreError(
		`${action}: the secret ${ref.secretId} belongs to another connection: the pointer's key does not open it. Create a new credential and type its secrets.`,
		{ code: 'KEY_MISMATCH', action, secretId: ref.secretId },
	);
}
