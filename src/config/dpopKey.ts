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

/** The value as such a key; undefined if it is none. Whether its parts fit together shows when it signs. */
export function asDpopKey(value: unknown): DpopKey | undefined {
	if (typeof value !== 'object' || value === null) return undefined;
	const entries: [string, unknown][] = Object.entries(value);
	const isText = entries.every(([, part]) => typeof part === 'string' && part !== '');
	const key = value as Partial<DpopKey>;
	const isKnown = DPOP_ALGORITHMS.some((name) => name === key.alg);
	return isText && isKnown && key.kid !== undefined && key.d !== undefined
		? (key as DpopKey)
		: undefined;
}
