import type { Connection } from '../config/connection';
import { FIELD_NAMES } from '../config/fields';
import { ConfigurationError } from '../errors';
import type { TokenSet } from '../tokens/tokenSet';
import type { ApiNonces } from './apiNonces';
import { dpopProof } from './dpop';

/** A request to the API. */
export interface ApiRequest {
	readonly method: string;
	readonly url: URL;
}

/** What a request to the API is authorized by: the token, and for one that is bound to a key the proof (RFC 6750 §2.1, RFC 9449 §7.1). */
export interface AuthorizationHeaders {
	readonly authorization: string;
	readonly dpop?: string;
}

/** Names of {@link AuthorizationHeaders}, which nobody else sets, and which go to no other origin. */
export const AUTHORIZATION_HEADERS: readonly string[] = ['authorization', 'dpop'];

/** Options for {@link authorizeRequest}. */
export interface AuthorizeOptions {
	readonly connection: Pick<Connection, 'dpop'>;
	readonly nonces: ApiNonces;
	/** Milliseconds since the epoch. */
	readonly now: () => number;
}

/** A connection that wants bound tokens uses no other. @throws ConfigurationError `NOT_BOUND_TO_KEY` */
export function assertBound({ dpop }: Pick<Connection, 'dpop'>, { dpopKey }: TokenSet): void {
	if (dpop !== 'always' || dpopKey !== undefined) return;
	throw new ConfigurationError(
		FIELD_NAMES.dpop,
		'the provider was sent a proof of possession and issued a bearer token all the same, so it does not support DPoP for this client. Turn it on at the provider, or choose If Offered or Never.',
		{ code: 'NOT_BOUND_TO_KEY' },
	);
}

/**
 * The headers that authorize one request to the API. A proof is good for this one alone.
 *
 * @throws ConfigurationError as {@link assertBound} does
 */
export async function authorizeRequest(
	{ connection, nonces, now }: AuthorizeOptions,
	tokenSet: TokenSet,
	{ method, url }: ApiRequest,
): Promise<AuthorizationHeaders> {
	assertBound(connection, tokenSet);
	const { accessToken, dpopKey } = tokenSet;
	if (dpopKey === undefined) return { authorization: `Bearer ${accessToken}` };
	const nonce = nonces.of(url);
	const dpop = await dpopProof(dpopKey, { method, url, accessToken, nonce, now: now() });
	return { authorization: `DPoP ${accessToken}`, dpop };
}
