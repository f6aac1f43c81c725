import { randomUUID } from 'node:crypto';

/** All refresh tokens that came from one consent. */
interface Family {
	valid: string;
	isRevoked: boolean;
}

/** What happened at the token endpoint since the last look. */
export interface Tally {
	redeemed: number;
	/** A refresh token that had been redeemed before: it revoked its family. */
	reused: number;
	/** Any token of a revoked family, or one that was never issued. */
	refused: number;
}

/** An answer of a token endpoint. */
export interface TokenAnswer {
	readonly status: number;
	readonly headers?: Readonly<Record<string, string>>;
	/** An object is sent as JSON, a text as it is. */
	readonly body: object | string;
}

const NOTHING: Tally = { redeemed: 0, reused: 0, refused: 0 };

/** What a provider with strict rotation does: a refresh token that comes twice revokes its whole family. Any code is a consent. */
export class StrictRotation {
	/** Seconds; undefined: the answer names none. */
	lifetime: number | undefined = 3600;
	private readonly families = new Map<string, Family>();
	private readonly latest = new Map<Family, string>();
	private tally = { ...NOTHING };

	/** A refresh token somebody has just consented to. */
	mint(): string {
		return this.issue({ valid: '', isRevoked: false });
	}

	/** True if the access token is the last one that its family got. */
	isLatest(accessToken: string): boolean {
		return [...this.latest.values()].includes(accessToken);
	}

	/** True if the refresh token would be redeemed. */
	isValid(refreshToken: string): boolean {
		const family = this.families.get(refreshToken);
		return family !== undefined && !family.isRevoked && family.valid === refreshToken;
	}

	/** The tally, which begins again. */
	take(): Tally {
		const taken = this.tally;
		this.tally = { ...NOTHING };
		return taken;
	}

	/** The answer to a token request (RFC 6749 §4.1.3, §4.4.2 or §6), decided when it arrives. */
	answer(request: URLSearchParams): TokenAnswer {
		switch (request.get('grant_type')) {
			case 'client_credentials':
				return this.tokens();
			case 'authorization_code':
				return this.tokens({ valid: '', isRevoked: false });
			default:
				return this.redeem(request.get('refresh_token') ?? '');
		}
	}

	private redeem(refreshToken: string): TokenAnswer {
		const family = this.families.get(refreshToken);
		if (family === undefined || !this.isValid(refreshToken)) {
			if (family !== undefined && !family.isRevoked) {
				this.tally.reused += 1;
				family.isRevoked = true;
			} else this.tally.refused += 1;
			return { status: 400, body: { error: 'invalid_grant' } };
		}
		this.tally.redeemed += 1;
		return this.tokens(family);
	}

	private tokens(family?: Family): TokenAnswer {
		const accessToken = `at-${randomUUID()}`;
		if (family !== undefined) this.latest.set(family, accessToken);
		return {
			status: 200,
			body: {
				access_token: accessToken,
				token_type: 'Bearer',
				...(family === undefined ? {} : { refresh_token: this.issue(family) }),
				...(this.lifetime === undefined ? {} : { expires_in: this.lifetime }),
			},
		};
	}

	private issue(family: Family): string {
		family.valid = `rt-${randomUUID()}`;
		this.families.set(family.valid, family);
		return family.valid;
	}
}
