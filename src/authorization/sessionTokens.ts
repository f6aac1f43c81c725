import type { FlowKeys } from './ticket';

/** What a session token says, and until when. */
export interface Session {
	readonly subject: string;
	/** Not confidential to whoever holds the token's verifier; encrypted on the way. */
	readonly claims: Readonly<Record<string, unknown>>;
	/** Milliseconds since the epoch. */
	readonly issuedAt: number;
	/** Milliseconds since the epoch. */
	readonly expiresAt: number;
}

/** What {@link SessionTokens} works with. */
export interface SessionTokensOptions {
	readonly keys: FlowKeys;
	/** Whom the tokens are for: the connection, by its secret. */
	readonly audience: string;
	/** Milliseconds since the epoch. */
	readonly now: () => number;
}

const ISSUER = 'n8n-nodes-vaulted-oauth2';
const ENCRYPTION = 'A256GCM';

/**
 * Encrypted session tokens (JWE, RFC 7516, of JWT claims, RFC 7519) for whoever signed in. Only this connection can make and read them: the key
 * is derived from its pointer. None of the provider's tokens is in them.
 */
export class SessionTokens {
	constructor(private readonly options: SessionTokensOptions) {}

	/** A token for somebody who has just signed in. `lifetimeMs` in milliseconds. */
	async issue(
		{ subject, claims }: Pick<Session, 'subject' | 'claims'>,
		lifetimeMs: number,
	): Promise<{ token: string; expiresAt: number }> {
		const { EncryptJWT } = await import('jose');
		const { audience, now } = this.options;
		const issuedAt = Math.floor(now() / 1000);
		const expiresAt = issuedAt + Math.floor(lifetimeMs / 1000);
		const token = await new EncryptJWT({ claims })
			.setProtectedHeader({ alg: 'dir', enc: ENCRYPTION, typ: 'JWT' })
			.setIssuer(ISSUER)
			.setAudience(audience)
			.setSubject(subject)
			.setIssuedAt(issuedAt)
			.setExpirationTime(expiresAt)
			.encrypt(this.options.keys.derive('session token'));
		return { token, expiresAt: expiresAt * 1000 };
	}

	/** Who holds the token; undefined where it was not made by this connection, was changed, or has expired. */
	async verify(token: string): Promise<Session | undefined> {
		const { jwtDecrypt } = await import('jose');
		const { audience, keys, now } = this.options;
		try {
			const { payload } = await jwtDecrypt(token, keys.derive('session token'), {
				issuer: ISSUER,
				audience,
				currentDate: new Date(now()),
				keyManagementAlgorithms: ['dir'],
				contentEncryptionAlgorithms: [ENCRYPTION],
				requiredClaims: ['sub', 'iat', 'exp'],
			});
			const { sub = '', iat = 0, exp = 0 } = payload;
			const claims = payload['claims'] as Session['claims'];
			return { subject: sub, claims, issuedAt: iat * 1000, expiresAt: exp * 1000 };
		} catch {
			// Whatever is wrong with it, it says nothing.
			return undefined;
		}
	}
}
