import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

import { ConfigurationError } from '../errors';
import type { SecretStore } from './store';

/**
 * What n8n's database keeps of a sealed connection: where the bundle is, and a random key that is checked against it. Knowing a
 * secret's name alone opens nothing.
 */
export interface SecretRef {
	readonly store: SecretStore['kind'];
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
export function formatSecretRef(ref: SecretRef): string {
	return JSON.stringify({ v: 1, store: ref.store, secretId: ref.secretId, key: ref.key });
}

function damaged(): ConfigurationError {
	return new ConfigurationError(
		'Secret Reference',
		'the stored pointer to the sealed secret is damaged. Type the secrets again and save.',
		{ code: 'INVALID_SECRET_REF' },
	);
}

/**
 * Reads the hidden field.
 *
 * @param store the store the form names
 * @throws ConfigurationError `INVALID_SECRET_REF` where it is not a pointer of this package, `SEALED_ELSEWHERE` where it points into another store
 */
export function parseSecretRef(text: string, store: SecretStore['kind']): SecretRef {
	let json: Partial<Record<keyof SecretRef | 'v', unknown>>;
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
	if (json.store !== store) {
		throw new ConfigurationError(
			'Secret Store',
			'the stored secret is in the other store. Choose the former store again, or type the secrets again to seal them here.',
			{ code: 'SEALED_ELSEWHERE' },
		);
	}
	return { store, secretId, key };
}
