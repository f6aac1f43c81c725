import { createHash, randomUUID } from 'node:crypto';
import type { Configuration, CryptoKey, DPoPHandle } from 'openid-client';

import { DPOP_ALGORITHMS, type DpopAlgorithm, type DpopKey } from '../config/dpopKey';
import type { OpenIdClient } from './clientRequest';

/** Members of a JWK that are public (RFC 7517 §4.1, RFC 7518 §6, RFC 8037 §2). */
const PUBLIC = new Set(['kty', 'crv', 'x', 'y', 'n', 'e']);

interface KeyPair {
	readonly privateKey: CryptoKey;
	readonly publicKey: CryptoKey;
}

/** What a proof for a request with an access token says (RFC 9449 §4.2). */
export interface ProofFor {
	readonly method: string;
	readonly url: URL;
	readonly accessToken: string;
	/** RFC 9449 §9. */
	readonly nonce?: string | undefined;
	/** Milliseconds since the epoch. */
	readonly now: number;
}

/** What to sign with: ES256 if the server takes it or does not say, else the first it takes that this package can; undefined if there is none. */
export function dpopAlgorithm(offered: readonly string[] | undefined): DpopAlgorithm | undefined {
	if (offered?.includes('ES256') ?? true) return 'ES256';
	return offered?.flatMap((name) => DPOP_ALGORITHMS.filter((known) => known === name))[0];
}

/** A new key pair. */
export async function createDpopKey(alg: DpopAlgorithm): Promise<DpopKey> {
	const { calculateJwkThumbprint, exportJWK, generateKeyPair } = await import('jose');
	const { privateKey } = await generateKeyPair(alg, { extractable: true });
	const jwk = await exportJWK(privateKey);
	return { ...jwk, alg, kid: await calculateJwkThumbprint(jwk) } as unknown as DpopKey;
}

function publicJwk(key: DpopKey): Readonly<Record<string, string>> {
	return Object.fromEntries(Object.entries(key).filter(([name]) => PUBLIC.has(name)));
}

async function importPair(key: DpopKey): Promise<KeyPair> {
	const { importJWK } = await import('jose');
	const [privateKey, publicKey] = [
		await importJWK(key, key.alg),
		await importJWK(publicJwk(key), key.alg),
	];
	return { privateKey: privateKey as CryptoKey, publicKey: publicKey as CryptoKey };
}

const pairs = new WeakMap<DpopKey, Promise<KeyPair>>();

async function pairOf(key: DpopKey): Promise<KeyPair> {
	const pair = pairs.get(key) ?? importPair(key);
	pairs.set(key, pair);
	return await pair;
}

/** A proof of possession for one request with an access token (RFC 9449 §4.2, §7). */
export async function dpopProof(
	key: DpopKey,
	{ method, url, accessToken, nonce, now }: ProofFor,
): Promise<string> {
	const { SignJWT } = await import('jose');
	const { privateKey } = await pairOf(key);
	return await new SignJWT({
		jti: randomUUID(),
		htm: method.toUpperCase(),
		htu: `${url.origin}${url.pathname}`,
		ath: createHash('sha256').update(accessToken).digest('base64url'),
		...(nonce === undefined ? {} : { nonce }),
	})
		.setProtectedHeader({ alg: key.alg, typ: 'dpop+jwt', jwk: publicJwk(key) })
		.setIssuedAt(Math.floor(now / 1000))
		.sign(privateKey);
}

/** The library's proofs for the requests to one authorization server. It remembers the server's nonces (RFC 9449 §8). */
export class DpopHandles {
	private last: { readonly kid: string; readonly handle: DPoPHandle } | undefined;

	/** The handle for a key. A connection has one at a time. */
	async of(
		{ getDPoPHandle }: OpenIdClient,
		configuration: Configuration,
		key: DpopKey,
	): Promise<DPoPHandle> {
		if (this.last?.kid !== key.kid)
			this.last = { kid: key.kid, handle: getDPoPHandle(configuration, await pairOf(key)) };
		return this.last.handle;
	}
}
