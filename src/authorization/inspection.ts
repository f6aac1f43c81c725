import type { Connection } from '../config/connection';
import { ConfigurationError, ReconnectError } from '../errors';
import type { IdTokenClaims, TokenKind } from '../oauth/authorizationServer';
import { CONNECT_AGAIN } from '../oauth/classify';
import type { Introspection, UserInfo } from '../oauth/tokenInformation';
import type { ConnectionRequests } from '../oauth/tokenRequest';
import type { Bundle } from '../secrets/bundle';
import type { SealedBundle } from '../secrets/sealedBundle';
import type { TokenSource } from '../tokens/tokenSource';
import { subjectOf } from './subject';

/** Options for {@link introspect} and {@link userInfo}. */
export interface InspectionOptions {
	readonly connection: Connection;
	readonly bundle: SealedBundle;
	readonly tokens: TokenSource;
	readonly request: ConnectionRequests;
}

/** Whom the account belongs to. */
export interface Person {
	readonly claims: IdTokenClaims;
	/** True if it is who connected the account, by the ID token of then; false if the provider gave none. */
	readonly isVerified: boolean;
}

/** What {@link TokenSource.replaceRefused} knows the UserInfo endpoint by. */
const USERINFO = 'userinfo_endpoint';

/** The bundle that the connection's tokens are from. */
function opened(bundle: SealedBundle): Bundle {
	if (bundle.lastKnown === undefined) throw new Error('The bundle was not read');
	return bundle.lastKnown;
}

/**
 * What the provider says of a token of the connection (RFC 7662): of the access token that is in use, expired or not, or of the refresh token. A
 * connection without an access token gets one first.
 *
 * @throws VaultedOAuth2Error also `NO_INTROSPECTION_ENDPOINT`
 */
export async function introspect(
	{ bundle, tokens, request }: InspectionOptions,
	hint: TokenKind,
): Promise<Introspection> {
	await tokens.load();
	if (hint === 'access_token') {
		const { accessToken } = tokens.status().tokenSet ?? (await tokens.get());
		return await request.introspect(opened(bundle), { token: accessToken, hint });
	}
	const newest = opened(bundle);
	const { refreshToken } = newest;
	if (refreshToken === undefined) {
		throw (
			request.missing(newest) ??
			new ConfigurationError(
				'Grant Type',
				'with Client Credentials there is no refresh token. Choose Access Token in this node.',
				{ code: 'WRONG_GRANT_TYPE' },
			)
		);
	}
	return await request.introspect(newest, { token: refreshToken, hint });
}

/** Asks with the token that is in use, and once more with another one if that is refused. */
async function asked({ bundle, tokens, request }: InspectionOptions): Promise<UserInfo> {
	const tokenSet = await tokens.get();
	const answer = await request.userInfo(opened(bundle), tokenSet);
	if (answer !== undefined) return answer;
	const replaced = await tokens.replaceRefused(tokenSet.accessToken, USERINFO);
	const again = replaced && (await request.userInfo(opened(bundle), replaced));
	if (again !== undefined) return again;
	throw new ConfigurationError(
		'Scope',
		'the provider’s UserInfo endpoint does not take this connection’s tokens. Add openid to Scope, and remove Resource and Audience if they make tokens for the API alone.',
		{ code: 'INVALID_SCOPE' },
	);
}

/**
 * Whom the account belongs to, as the provider says now (OpenID Connect Core 1.0 §5.3). An answer about another subject than that of the ID
 * token is not used (§5.3.2).
 *
 * @throws VaultedOAuth2Error also `NO_USERINFO_ENDPOINT`, `OTHER_SUBJECT` and `WRONG_GRANT_TYPE`
 */
export async function userInfo(options: InspectionOptions): Promise<Person> {
	const { connection, bundle } = options;
	if (connection.grantType === 'client_credentials') {
		throw new ConfigurationError(
			'Grant Type',
			'with Client Credentials no person is behind the connection. Choose Authorization Code or Refresh Token.',
			{ code: 'WRONG_GRANT_TYPE' },
		);
	}
	const { issuer, claims } = await asked(options);
	const expected = opened(bundle).authorization?.subjectSha256;
	if (expected !== undefined && subjectOf({ ...claims, iss: issuer }) !== expected) {
		throw new ReconnectError(
			`the provider answers for another person than the one who connected the account, so the answer is not used. ${CONNECT_AGAIN}`,
			{ code: 'OTHER_SUBJECT', title: 'Another person' },
		);
	}
	return { claims, isVerified: expected !== undefined };
}
