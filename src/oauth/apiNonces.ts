import { RecentlyUsed } from '../recentlyUsed';

/** An answer of an API, with lower-case names of headers. */
export interface NonceAnswer {
	readonly status: unknown;
	readonly headers: unknown;
}

/** APIs whose nonces are remembered. */
const LIMIT = 1000;
/** RFC 9449 §8.1 `nonce`: NQCHAR (RFC 6749 appendix A), of a length that fits into a header. */
const NONCE = /^[\x21\x23-\x5b\x5d-\x7e]{1,1000}$/;

function header(headers: unknown, name: string): string {
	const value = (headers as Readonly<Record<string, unknown>> | null | undefined)?.[name];
	return typeof value === 'string' ? value : '';
}

/** The nonces that APIs want in proofs of possession (RFC 9449 §9): the last one of each origin, whichever connection learned it. */
export class ApiNonces {
	private readonly byOrigin = new RecentlyUsed<{ nonce: string }>(LIMIT);

	/** The nonce for the next request to the origin of `url`. */
	of({ origin }: URL): string | undefined {
		return this.byOrigin.find(origin)?.nonce;
	}

	/**
	 * Remembers the nonce in an answer, if there is one.
	 *
	 * @returns true if the request was refused for the want of it (`use_dpop_nonce`): the token was not looked at
	 */
	learn({ origin }: URL, { status, headers }: NonceAnswer): boolean {
		const nonce = header(headers, 'dpop-nonce');
		if (!NONCE.test(nonce)) return false;
		this.byOrigin.get(origin, () => ({ nonce })).nonce = nonce;
		return status === 401 && header(headers, 'www-authenticate').includes('use_dpop_nonce');
	}
}
