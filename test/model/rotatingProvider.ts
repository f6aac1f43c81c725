import { ConfigurationError, ReconnectError } from '../../src/errors';

/** What came of the redemption of one refresh token. */
export interface Redemption {
	/** Id of the process that sent it. */
	readonly by: number;
	/** Virtual milliseconds. */
	readonly at: number;
	readonly successor: string;
	/** True if its answer never reached the process. */
	isLost: boolean;
}

/** All tokens that follow from one consent. */
export interface Family {
	readonly id: number;
	newest: string;
	isRevoked: boolean;
}

/** An access token, as the API knows it. */
export interface AccessToken {
	readonly family: Family;
	/** Virtual milliseconds. */
	readonly expiresAt: number;
	isRevoked: boolean;
}

/** Rotates refresh tokens, and takes the second redemption of one for a theft: all that follows from its consent is revoked (RFC 9700 §4.14.2). */
export class RotatingProvider {
	clientSecret = 'cs-0';
	readonly accessTokens = new Map<string, AccessToken>();
	private readonly families = new Map<string, Family>();
	private readonly redeemed = new Map<string, Redemption>();
	private familyCount = 0;
	private tokenCount = 0;

	/** @param onReuse called when a refresh token is redeemed for the second time */
	constructor(
		private readonly lifetimeMs: number,
		private readonly onReuse: (refreshToken: string, first: Redemption, by: number) => void,
	) {}

	/** A person consents: the first refresh token of a family. */
	consent(): Family {
		const id = this.familyCount;
		this.familyCount += 1;
		const family = { id, newest: `rt-${String(id)}-first`, isRevoked: false };
		this.families.set(family.newest, family);
		return family;
	}

	familyOf(refreshToken: string | undefined): Family | undefined {
		return refreshToken === undefined ? undefined : this.families.get(refreshToken);
	}

	redemptionOf(refreshToken: string): Redemption | undefined {
		return this.redeemed.get(refreshToken);
	}

	/** The redemption that issued a refresh token; undefined for the first of a family. */
	redemptionFor(refreshToken: string): Redemption | undefined {
		return [...this.redeemed.values()].find(({ successor }) => successor === refreshToken);
	}

	/** RFC 6749 §6. @throws ConfigurationError `INVALID_CLIENT`, ReconnectError `INVALID_GRANT` */
	redeem(
		{ refreshToken, clientSecret }: { refreshToken: string; clientSecret: string | undefined },
		{ by, at }: { by: number; at: number },
	): { accessToken: string; redemption: Redemption } {
		if (clientSecret !== this.clientSecret)
			throw new ConfigurationError('Client Secret', 'refused', { code: 'INVALID_CLIENT' });
		const family = this.families.get(refreshToken);
		const first = this.redeemed.get(refreshToken);
		if (first !== undefined && family?.isRevoked === false) {
			this.onReuse(refreshToken, first, by);
			this.revoke(family);
		}
		if (family === undefined || family.isRevoked || first !== undefined)
			throw new ReconnectError('revoked', { code: 'INVALID_GRANT' });
		this.tokenCount += 1;
		const successor = `rt-${String(family.id)}-${String(this.tokenCount)}`;
		const redemption = { by, at, successor, isLost: false };
		this.redeemed.set(refreshToken, redemption);
		this.families.set(successor, family);
		family.newest = successor;
		return { accessToken: this.issue(family, at), redemption };
	}

	/** An access token of a family. */
	issue(family: Family, at: number): string {
		this.tokenCount += 1;
		const accessToken = `at-${String(family.id)}-${String(this.tokenCount)}`;
		this.accessTokens.set(accessToken, {
			family,
			expiresAt: at + this.lifetimeMs,
			isRevoked: false,
		});
		return accessToken;
	}

	/** True if the API takes the token. */
	accepts(accessToken: string, at: number): boolean {
		const known = this.accessTokens.get(accessToken);
		return (
			known !== undefined && !known.isRevoked && !known.family.isRevoked && at < known.expiresAt
		);
	}

	private revoke(family: Family): void {
		family.isRevoked = true;
	}
}
