import { createPrivateKey } from 'node:crypto';

/** JWS algorithms that proofs of possession are signed with (RFC 9449 §4.2, RFC 7518 §3.1, RFC 9864 §2.2), the usual one first. */
export const DPOP_ALGORITHMS = ['ES256', 'ES384', 'ES512', 'Ed25519', 'PS256', 'RS256'] as const;

/** One of {@link DPOP_ALGORITHMS}. */
export type DpopAlgorithm = (typeof DPOP_ALGORITHMS)[number];

/** A private key that tokens are bound to, as a JWK (RFC 7517). Confidential. */
export type DpopKey = Readonly<Record<string, string>> & {
	readonly alg: DpopAlgorithm;
	/** Its thumbprint (RFC 7638), which is what tokens are bound to: `jkt`. */
	readonly kid: string;
	readonly d: string;
};

/** Kind and curve of the keys for an algorithm. */
const KINDS: Readonly<Record<DpopAlgorithm, readonly [kty: string, crv?: string]>> = {
	ES256: ['EC', 'P-256'],
	ES384: ['EC', 'P-384'],
	ES512: ['EC', 'P-521'],
	Ed25519: ['OKP', 'Ed25519'],
	PS256: ['RSA'],
	RS256: ['RSA'],
};

function isReadable(jwk: Readonly<Record<string, string>>): boolean {
	try {
		createPrivateKey({ key: jwk, format: 'jwk' });
		return true;
	} catch {
		return false;
	}
}

/** The value as such a key; undefined if it is none, or cannot sign. */
export function asDpopKey(value: unknown): DpopKey | undefined {
	if (typeof value !== 'object' || value === null) return undefined;
	const entries: [string, unknown][] = Object.entries(value);
	if (entries.some(([, part]) => typeof part !== 'string' || part === '')) return undefined;
	const key = value as Readonly<Partial<Record<string, string>>>;
	const alg = DPOP_ALGORITHMS.find((name) => name === key['alg']);
	const [kty, crv] = alg === undefined ? [] : KINDS[alg];
	const fits = kty !== undefined && key['kty'] === kty && key['crv'] === crv;
	return fits && key['kid'] !== undefined && isReadable(value as Record<string, string>)
		? (value as DpopKey)
		: undefined;
}
