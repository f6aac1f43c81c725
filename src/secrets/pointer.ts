import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

import { ConfigurationError } from '../errors';
import { changedAddress } from './binding';
import type { StoreAddress } from './storeAddress';

/**
 * What n8n's database keeps of a sealed connection: where the bundle is, and a random key that is checked against it. Knowing a
 * secret's name alone opens nothing.
 */
export interface SecretRef {
	readonly store: StoreAddress;
	/** Full ARN, or the local vault's name. */
	readonly secretId: string;
	/** 256 random bits, base64url. The bundle holds only its SHA-256. */
	readonly key: string;
}

/** 256 random bits, base64url. */
export function createKey(): string {
	return randomBytes(32).toString('base64url');
}

/** SHA-256, hexadecimal. */
export function sha256(text: string): string {
	return createHash('sha256').update(text).digest('hex');
}

/** Compares two digests of {@link sha256} without telling by its duration how much of them is alike. */
export function sameDigest(left: string, right: string): boolean {
	const a = Buffer.from(left);
	const b = Buffer.from(right);
	return a.length === b.length && timingSafeEqual(a, b);
}

/** The pointer as the text of the hidden field `secretRef`. */
export function formatSecretRef({ store, secretId, key }: SecretRef): string {
	const { kind, ...at } = store;
	return JSON.stringify({ v: 1, store: kind, secretId, key, at });
}

function damaged(): ConfigurationError {
	return new ConfigurationError(
		'Secret Reference',
		'the stored pointer to the sealed secret is damaged. Type the secrets again and save.',
		{ code: 'INVALID_SECRET_REF' },
	);
}

/** Where the pointer says that the bundle is. Those of version 0.1.0 name the kind of store only: then it is where the form says. */
function addressIn(
	{ store: kind, at }: { readonly store?: unknown; readonly at?: unknown },
	wanted: StoreAddress,
): StoreAddress {
	if (kind !== 'awsSecretsManager' && kind !== 'localVault') throw damaged();
	if (at === undefined) return { ...(kind === wanted.kind ? wanted : {}), kind };
	if (typeof at !== 'object' || at === null) throw damaged();
	const { region, endpoint } = at as Record<string, unknown>;
	return {
		kind,
		...(typeof region === 'string' ? { region } : {}),
		...(typeof endpoint === 'string' ? { endpoint } : {}),
	};
}

/**
 * Reads the hidden field. The store is compared before it is asked for anything: what the bundle says of it would come too late.
 *
 * @param store the store the form names
 * @throws ConfigurationError `INVALID_SECRET_REF` if it is not a pointer of this package, `SEALED_ELSEWHERE` if it points into another store
 */
export function parseSecretRef(text: string, store: StoreAddress): SecretRef {
	let json: Partial<Record<keyof SecretRef | 'v' | 'at', unknown>>;
	try {
		json = (JSON.parse(text) ?? {}) as typeof json;
	} catch {
		throw damaged();
	}
	const { v, secretId, key } = json;
	if (
		v !== 1 ||
		typeof secretId !== 'string' ||
		secretId === '' ||
		typeof key !== 'string' ||
		key.length < 43
	) {
		throw damaged();
	}
	const [first, ...others] = changedAddress(addressIn(json, store), store);
	if (first !== undefined) {
		throw new ConfigurationError(
			first,
			`the stored secret is in a store with another ${[first, ...others].join(', ')}. Restore the former value, or type the secrets again to seal them here.`,
			{ code: 'SEALED_ELSEWHERE' },
		);
	}
	return { store, secretId, key };
}
