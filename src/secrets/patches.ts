import type { Connection } from '../config/connection';
import type { DpopKey } from '../config/dpopKey';
import type { TokenSet, IssuedTokens } from '../tokens/tokenSet';
import { changedSince, sealedForOf, type KeptSecret } from './binding';
import type { Authorization, Bundle, LeaseClaim, Refusal } from './bundle';
import { sha256 } from './pointer';
import { asObject } from './unknownKeys';

/**
 * One change of a bundle, small enough to be made again on a newer version: the only way a bundle changes.
 *
 * `keep` says what becomes of it if the store does not take it:
 * - `written`: it must not be lost. It stays in memory and is written as soon as the store takes it.
 * - `inMemory`: it stays in memory and is written with the next write.
 * - `no`: it is given up.
 */
export interface Patch {
	readonly name: string;
	readonly keep: 'written' | 'inMemory' | 'no';
	/**
	 * The newest bundle with the change in it, or the newest bundle itself if there is nothing to change any more. May throw for `keep: no`:
	 * then nothing is written.
	 *
	 * @param spent whether a refresh token (by its SHA-256) is known to have been redeemed and replaced by this process
	 */
	apply(newest: Bundle, spent: (refreshTokenSha256: string) => boolean): Bundle;
	/** SHA-256 of the refresh token that was replaced, if one was. */
	readonly spends?: string;
}

/** Token sets kept for the different things one connection asks for. */
const MOST_TOKEN_SETS = 16;
/** Characters of access tokens kept beside the newest: a secret holds 64 KiB, and the refresh token must always fit. */
const MOST_TOKEN_CHARACTERS = 32_768;

/** The token sets with one more; the oldest ones go if there are too many. */
function withTokenSet(tokenSets: readonly TokenSet[], issued: TokenSet): TokenSet[] {
	let characters = 0;
	const others = tokenSets
		.filter(({ requestedFor }) => requestedFor !== issued.requestedFor)
		.slice(0, MOST_TOKEN_SETS - 1)
		.filter(({ accessToken }) => (characters += accessToken.length) <= MOST_TOKEN_CHARACTERS);
	return [issued, ...others];
}

/** The bundle with new tokens in it. The old refresh token stays if no new one came (RFC 6749 §6). */
export function withTokens(bundle: Bundle, issued: IssuedTokens): Bundle {
	const { tokenSet, refreshToken = bundle.refreshToken, clientAuthentication } = issued;
	const { refusal: _resolved, ...rest } = bundle;
	const { dpopKey = bundle.dpopKey } = tokenSet;
	const usable = bundle.tokenSets.filter(
		(other) => other.dpopKey === undefined || other.dpopKey.kid === dpopKey?.kid,
	);
	return {
		...rest,
		tokenSets: withTokenSet(usable, tokenSet),
		...(dpopKey === undefined ? {} : { dpopKey }),
		...(clientAuthentication === undefined ? {} : { clientAuthentication }),
		...(isEditedByHand(bundle) && bundle.refreshToken !== undefined
			? { adoptedSha256: sha256(bundle.refreshToken) }
			: {}),
		...(refreshToken === undefined
			? {}
			: {
					refreshToken,
					issuedSha256: sha256(refreshToken),
					generation: bundle.generation + (refreshToken === bundle.refreshToken ? 0 : 1),
				}),
	};
}

/** The bundle without the lease of `owner`; with anyone else's it stays as it is. */
function withoutLease(bundle: Bundle, owner: string): Bundle {
	if (bundle.lease?.owner !== owner) return bundle;
	const { lease: _released, ...rest } = bundle;
	return rest;
}

/** The bundle with this lease, or with none. */
export function withLease(bundle: Bundle, lease: LeaseClaim | undefined): Bundle {
	const { lease: _theirs, ...rest } = bundle;
	return lease === undefined ? rest : { ...rest, lease };
}

/** True if a person replaced or removed the refresh token that this package wrote. */
function isEditedByHand({ refreshToken, issuedSha256 }: Bundle): boolean {
	if (issuedSha256 === undefined) return false;
	return refreshToken === undefined || sha256(refreshToken) !== issuedSha256;
}

/** True if a person put tokens into `bundle` that `other` does not come from. */
function hasTypedTokens(bundle: Bundle, other: Bundle): boolean {
	const { refreshToken } = bundle;
	const isAdopted = refreshToken !== undefined && sha256(refreshToken) === other.adoptedSha256;
	return isEditedByHand(bundle) && !isAdopted;
}

/** True if `bundle` is an older copy of `other` that someone wrote back: other edits in it count, its tokens do not. */
export function isOldCopy(bundle: Bundle, other: Bundle): boolean {
	return (
		other.generation > bundle.generation &&
		!hasTypedTokens(bundle, other) &&
		JSON.stringify(other.sealedFor) === JSON.stringify(bundle.sealedFor)
	);
}

/** `bundle` with the tokens of `from` and what belongs to them. */
function withTokensOf(bundle: Bundle, from: Bundle): Bundle {
	const {
		refreshToken: _r,
		refusal: _f,
		issuedSha256: _i,
		adoptedSha256: _a,
		dpopKey: _k,
		authorization: theirs,
		...rest
	} = bundle;
	const { refreshToken, refusal, issuedSha256, adoptedSha256, dpopKey, authorization } = from;
	const { refreshToken: _t, ...typedSha256 } = bundle.typedSha256;
	const typedRefreshToken = from.typedSha256.refreshToken;
	return {
		...rest,
		tokenSets: from.tokenSets,
		generation: from.generation,
		...(refreshToken === undefined ? {} : { refreshToken }),
		...(refusal === undefined ? {} : { refusal }),
		...(issuedSha256 === undefined ? {} : { issuedSha256 }),
		...(adoptedSha256 === undefined ? {} : { adoptedSha256 }),
		...(dpopKey === undefined ? {} : { dpopKey }),
		typedSha256: {
			...typedSha256,
			...(typedRefreshToken === undefined ? {} : { refreshToken: typedRefreshToken }),
		},
		...(authorization === undefined && theirs === undefined
			? {}
			: {
					authorization: {
						...authorization,
						used: { ...theirs?.used, ...authorization?.used },
					},
				}),
	};
}

/** Tokens that were issued for the redemption of one refresh token (RFC 6749 §6), or without any (§4.4). */
export interface Redemption {
	/** The refresh token that was sent; undefined for Client Credentials. */
	readonly redeemed: string | undefined;
	readonly issued: IssuedTokens;
	/** The owner of the lease that this write releases. */
	readonly owner: string;
}

/**
 * Tokens for the redemption of a refresh token. They apply only while the bundle holds that refresh token, or one known to be spent: a person
 * or an administrator put any other there, and theirs stays. Times of two hosts are never compared.
 */
export function tokensIssued({ redeemed, issued, owner }: Redemption): Patch {
	const sent = redeemed === undefined ? undefined : sha256(redeemed);
	const isRotated = issued.refreshToken !== undefined && issued.refreshToken !== redeemed;
	return {
		name: 'tokens issued',
		keep: isRotated ? 'written' : 'inMemory',
		...(isRotated && sent !== undefined ? { spends: sent } : {}),
		apply(newest, spent) {
			const free = withoutLease(newest, owner);
			if (sent !== undefined) {
				const stored = newest.refreshToken === undefined ? '' : sha256(newest.refreshToken);
				if (stored !== sent && !spent(stored)) return free;
			}
			return withTokens(free, issued);
		},
	};
}

/** What a person's consent brought, see src/authorization/authorizationFlow.ts. */
export interface Consent {
	readonly issued: IssuedTokens;
	readonly connectedAt: number;
	/** Id of the flow. */
	readonly connectedBy: string;
	readonly askedScope: string;
	/** See {@link Authorization.subjectSha256}. */
	readonly subjectSha256?: string;
	/** Id of the flow that had connected the account before, as known when the code was redeemed. */
	readonly insteadOf: string | undefined;
}

/** What is kept of the flows of a connection whoever connects it. */
function flowsOf(authorization: Authorization | undefined): Authorization {
	const { used = {}, usedUntil, flowKey } = authorization ?? {};
	return {
		used,
		...(usedUntil === undefined ? {} : { usedUntil }),
		...(flowKey === undefined ? {} : { flowKey }),
	};
}

/** A person connected an account: this ends the former consent with all its tokens. Whoever connected first meanwhile stays connected. */
export function consented(consent: Consent): Patch {
	const { issued, insteadOf, ...connection } = consent;
	return {
		name: 'consent',
		keep: 'written',
		apply(newest) {
			if (newest.authorization?.connectedBy !== insteadOf) return newest;
			// The refresh token of an earlier consent may be another account's, and its key is needed no more.
			const { refreshToken: _former, issuedSha256: _digest, dpopKey: _key, ...rest } = newest;
			const connected = withTokens({ ...rest, tokenSets: [] }, issued);
			return {
				...connected,
				generation: newest.generation + 1,
				authorization: {
					...connection,
					...flowsOf(newest.authorization),
				},
			};
		},
	};
}

/** What was typed into the form, tried at the provider and now to be sealed. */
export interface TypedSecrets {
	readonly connection: Connection;
	/** What was typed and is not sealed yet. */
	readonly typed: Pick<Bundle, KeptSecret>;
	readonly typedSha256: Bundle['typedSha256'];
	/** What the provider issued; undefined if nothing was asked. */
	readonly issued: IssuedTokens | undefined;
	/** The stored refresh token, if that was redeemed for it. */
	readonly redeemed: string | undefined;
	/** True if nothing may be kept of what was typed, issued or consented to before: it was for another purpose. */
	readonly keepsNothing: boolean;
	readonly owner: string;
}

/** The bundle without anything that was typed, issued or consented to. */
function withoutSecrets(bundle: Bundle): Bundle {
	const { label, keySha256, sealedFor, lease, generation, other } = bundle;
	return {
		label,
		keySha256,
		sealedFor,
		...(lease === undefined ? {} : { lease }),
		generation,
		other,
		tokenSets: [],
		typedSha256: {},
	};
}

/** True if the authorization server has nothing to do with what was typed. */
export function isForApiAlone({ apiHeaders, ...others }: Pick<Bundle, KeptSecret>): boolean {
	return apiHeaders !== undefined && Object.keys(others).length === 0;
}

/**
 * The bundle in which typed secrets take the place of the former ones. What was found out with those goes; the key that tokens are bound to
 * stays with an account that is connected, or about to be: its refresh token may be bound to it.
 */
export function withTyped(bundle: Bundle, typed: Pick<Bundle, KeptSecret>): Bundle {
	if (isForApiAlone(typed)) return { ...bundle, ...typed };
	const { clientAuthentication: _found, dpopKey, ...former } = bundle;
	const isNew = typed.refreshToken !== undefined;
	const hasGrant = bundle.refreshToken !== undefined || bundle.authorization !== undefined;
	const isKept = dpopKey !== undefined && !isNew && hasGrant;
	const tokenSets = isKept ? bundle.tokenSets : bundle.tokenSets.filter((token) => !token.dpopKey);
	return {
		...former,
		...(isKept ? { dpopKey } : {}),
		tokenSets: isNew ? [] : tokenSets,
		...typed,
	};
}

/** Secrets that a person typed: they win over all tokens of the former ones. */
export function typedSecrets(options: TypedSecrets): Patch {
	const { connection, typed, typedSha256, issued, redeemed, keepsNothing, owner } = options;
	const tokens = issued && tokensIssued({ redeemed, issued, owner });
	return {
		name: 'typed secrets',
		keep: tokens?.keep === 'written' ? 'written' : 'no',
		...(tokens?.spends === undefined ? {} : { spends: tokens.spends }),
		apply(newest, spent) {
			const isSealed =
				typed.refreshToken !== undefined &&
				newest.typedSha256.refreshToken === typedSha256.refreshToken &&
				changedSince(newest.sealedFor, connection).length === 0;
			// Written before, and the answer was lost: by now its refresh token may have a successor.
			if (isSealed) return withoutLease(newest, owner);
			const former = withoutLease(newest, owner);
			const isNew = typed.refreshToken !== undefined;
			const next: Bundle = {
				...withTyped(keepsNothing ? withoutSecrets(former) : former, typed),
				label: connection.label,
				sealedFor: sealedForOf(connection),
				typedSha256: { ...(keepsNothing ? {} : newest.typedSha256), ...typedSha256 },
				generation: newest.generation + (keepsNothing || isNew ? 1 : 0),
			};
			return tokens?.apply(next, spent) ?? next;
		},
	};
}

/** Gives back the lease of `owner`, with what the provider refused meanwhile if it did. */
export function released(owner: string, refusal?: Refusal): Patch {
	return {
		name: 'lease released',
		keep: 'no',
		apply(newest) {
			const free = withoutLease(newest, owner);
			return refusal === undefined ? free : { ...free, refusal };
		},
	};
}

/** A link that was used, by an authorization response. `claim` throws if it may not be. */
export function ticketUsed(claim: (newest: Bundle) => Authorization): Patch {
	return {
		name: 'ticket used',
		keep: 'no',
		apply: (newest) => ({ ...newest, authorization: claim(newest) }),
	};
}

/**
 * The key of a bundle's flows and sessions, for one that has none yet.
 *
 * @param dpopKey what the tokens that such a flow brings are going to be bound to, if they are
 */
export function flowKeyMade(flowKey: string, dpopKey?: DpopKey): Patch {
	return {
		name: 'flow key made',
		keep: 'no',
		apply(newest) {
			const { authorization } = newest;
			if (authorization?.flowKey !== undefined) return newest;
			return {
				...newest,
				...(newest.dpopKey === undefined && dpopKey !== undefined ? { dpopKey } : {}),
				authorization: { used: {}, ...authorization, flowKey },
			};
		},
	};
}

/**
 * The account is disconnected: its tokens go, and with the flow key all links, sign-ins under way and sessions.
 *
 * @param owner of the lease that this write releases
 */
export function disconnected(owner: string): Patch {
	return {
		name: 'disconnected',
		keep: 'no',
		apply(newest) {
			const {
				refreshToken: _t,
				issuedSha256: _i,
				refusal: _f,
				authorization: _a,
				dpopKey: _k,
				...rest
			} = withoutLease(newest, owner);
			return { ...rest, tokenSets: [], generation: newest.generation + 1 };
		},
	};
}

/** Tokens of `from` that someone replaced by an older copy of the bundle. */
export function tokensRestored(from: Bundle): Patch {
	return {
		name: 'tokens restored',
		keep: 'written',
		apply(newest, spent) {
			const { refreshToken } = newest;
			const isSpent = refreshToken !== undefined && spent(sha256(refreshToken));
			return isSpent || isOldCopy(newest, from) ? withTokensOf(newest, from) : newest;
		},
	};
}

/** `newest` with everything that `edited` changed in `base`, at every depth. */
function withChanges(newest: unknown, edited: unknown, base: unknown): unknown {
	if (JSON.stringify(edited) === JSON.stringify(base)) return newest;
	const [ours, theirs, before] = [asObject(newest), asObject(edited), asObject(base)];
	if (ours === undefined || theirs === undefined || before === undefined) return edited;
	const keys = new Set([...Object.keys(ours), ...Object.keys(theirs)]);
	const entries = [...keys].map((key) => [key, withChanges(ours[key], theirs[key], before[key])]);
	return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/** An edit of `base` that a write of ours has replaced: everything in it counts, but for older tokens. */
export function editPutBack(edited: Bundle, base: Bundle): Patch {
	const isTyped = edited.refreshToken !== base.refreshToken && hasTypedTokens(edited, base);
	const isOld = edited.generation < base.generation;
	return {
		name: 'edit put back',
		keep: 'written',
		apply(newest, spent) {
			const next = withLease(withChanges(newest, edited, base) as Bundle, newest.lease);
			const used = { ...edited.authorization?.used, ...newest.authorization?.used };
			// Someone may have typed yet another one since.
			const isOvertaken = newest.refreshToken !== base.refreshToken && isEditedByHand(newest);
			if (isTyped && !isOvertaken && !spent(sha256(edited.refreshToken ?? '')))
				return {
					...next,
					generation: Math.max(edited.generation, newest.generation),
					...(edited.authorization && { authorization: { ...edited.authorization, used } }),
				};
			const isSame = JSON.stringify(newest.tokenSets) === JSON.stringify(base.tokenSets);
			const { tokenSets } = isSame && !isOld ? edited : newest;
			return { ...withTokensOf(next, newest), tokenSets };
		},
	};
}
