import type { IdTokenClaims } from '../oauth/authorizationServer';
import { sha256 } from '../secrets/pointer';

/** What an event says of an account whose owner the provider did not name. */
export const UNKNOWN_SUBJECT = 'unknown';

/**
 * Digest of whom an account belongs to: SHA-256 of `iss`, a space and `sub` of the validated ID token (OpenID Connect Core 1.0 §5.7: the two
 * together identify a person). Undefined without one. Tells two accounts apart and names nobody.
 */
export function subjectOf(claims: IdTokenClaims | undefined): string | undefined {
	if (claims === undefined) return undefined;
	return sha256(`${String(claims['iss'])} ${claims.sub}`);
}
