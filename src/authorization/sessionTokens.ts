import type { KeySource } from './keySource';
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

/** Options for {@link SessionTokens}. */
export interface SessionTokensOptions {
	readonly keys: KeySource;
	/** Whom the tokens are for: the connection, by its secret. */
	readonly audience: string;
	/** Milliseconds since the epoch. */
	readonly now: () => number;
}

const ISSUER = 'n8n-nodes-vaulted-oauth2';
const ENCRYPTION = 'A256GCM';
const PURPOSE = 'session token';

/** The longest lifetime of a session token: it cannot be withdrawn. */
export const LONGEST_SESSION_MS = 86_400_000;
/** How far the clocks of two hosts of one n8n may differ. */
const CLOCK_SKEW_MS = 60_000;

/**
 * Encrypted session tokens (JWE, RFC 7516, of JWT claims, RFC 7519) for who signed in. Only this connection can make and read them: the key is
 * derived from a random value in its bundle. None of the provider's tokens is in them.
 */
export class SessionTokens {
	constructor(private readonly options: SessionTokensOptions) {}

	/** A token for somebody who has just signed in. `lifetimeMs` in milliseconds, at most a day. @throws SecretStoreError */
	async issue(
		{ subject, claims }: Pick<Session, 'subject' | 'claims'>,
		lifetimeMs: number,
	): Promise<{ token: string; expiresAt: number }> {
		const { EncryptJWT } = await import('jose');
		const { audience, keys, now } = this.options;
		const key = (await keys.known()) ?? (await keys.toSign());
		const issuedAt = Math.floor(now() / 1000);
		const expiresAt = issuedAt + Math.floor(Math.min(lifetimeMs, LONGEST_SESSION_MS) / 1000);
		const token = await new EncryptJWT({ claims })
			.setProtectedHeader({ alg: 'dir', enc: ENCRYPTION, typ: 'JWT' })
			.setIssuer(ISSUER)
			.setAudience(audience)
			.setSubject(subject)
			.setIssuedAt(issuedAt)
			.setExpirationTime(expiresAt)
			.encrypt(key.derive(PURPOSE));
		return { token, expiresAt: expiresAt * 1000 };
	}

	/**
	 * Who holds the token; undefined if it was not made by this connection, was changed, has expired, or claims to live longer than one may.
	 *
	 * @throws SecretStoreError if the store cannot be read and its key is not known yet
	 */
	async verify(token: string): Promise<Session | undefined> {
		const session = await this.options.keys.find(async (keys) => await this.open(token, keys));
		return session !== undefined && this.isBounded(session) ? session : undefined;
	}

	private isBounded({ issuedAt, expiresAt }: Session): boolean {
		return (
			expiresAt - issuedAt <= LONGEST_SESSION_MS && issuedAt <= this.options.now() + CLOCK_SKEW_MS
		);
	}

	private async open(token: string, keys: FlowKeys): Promise<Session | undefined> {
		const { jwtDecrypt } = await import('jose');
		const { audience, now } = this.options;
		try {
			const { payload } = await jwtDecrypt(token, keys.derive(PURPOSE), {
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
