import type { Connection } from '../config/connection';
import type { DpopKey } from '../config/dpopKey';
import { FIELD_NAMES } from '../config/fields';
import { ConfigurationError } from '../errors';
import type { Bundle } from '../secrets/bundle';
import type { AuthorizationServer } from './authorizationServer';
import { createDpopKey, dpopAlgorithm } from './dpop';

/**
 * What a connection's next tokens are to be bound to: the key in its bundle, else a new one. Undefined if it asks for bearer tokens.
 *
 * @throws ConfigurationError if the server takes no algorithm that this package can sign with; ProviderError if discovery fails
 */
export async function dpopKeyFor(
	{ dpop }: Connection,
	bundle: Pick<Bundle, 'dpopKey'>,
	server: Pick<AuthorizationServer, 'dpopAlgorithms'>,
): Promise<DpopKey | undefined> {
	if (dpop === 'never') return undefined;
	if (bundle.dpopKey !== undefined) return bundle.dpopKey;
	const offered = await server.dpopAlgorithms();
	const algorithm = dpopAlgorithm(offered);
	if (dpop === 'ifOffered' && (offered === undefined || algorithm === undefined)) return undefined;
	if (algorithm !== undefined) return await createDpopKey(algorithm);
	throw new ConfigurationError(
		FIELD_NAMES.dpop,
		`the provider takes proofs of possession that are signed with ${offered?.join(', ') ?? ''}, and this package does not. Choose Never, or If Offered.`,
		{ code: 'INVALID_FIELD' },
	);
}

/**
 * Why the refresh token of a bundle is not sent without a proof; undefined if it may be. A public client's is bound to the key that it was
 * issued for (RFC 9449 §5).
 */
export function boundToKey(
	{ dpop, clientAuthentication, authorizationCode }: Connection,
	{ refreshToken, tokenSets: [last] }: Bundle,
): ConfigurationError | undefined {
	const isBound = clientAuthentication === 'none' && last?.dpopKey !== undefined;
	if (dpop !== 'never' || refreshToken === undefined || !isBound) return undefined;
	const again =
		authorizationCode === undefined ? 'type a new Refresh Token' : 'connect the account again';
	return new ConfigurationError(
		FIELD_NAMES.dpop,
		`the refresh token is bound to this connection’s key, and the provider does not take it without. Either choose Always again or ${again}.`,
		{ code: 'BOUND_TO_KEY' },
	);
}
