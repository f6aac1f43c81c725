import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';

/** Where a sealed text belongs. It is authenticated, so that no file can pass for another secret's or another version's. */
export interface Place {
	readonly name: string;
	readonly version: number;
}

/** A version as it is stored. */
export interface SealedVersion {
	readonly versionId: string;
	/** The text of the file. */
	readonly text: string;
}

/** A version as it is used. */
export interface OpenedVersion {
	readonly version: number;
	readonly versionId: string;
	readonly content: string;
}

const FORMAT = 'n8n-nodes-vaulted-oauth2/local-vault/1';
const ALGORITHM = 'aes-256-gcm';
const KEY_BYTES = 32;
const SALT_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Encrypts `content` for one place: AES-256-GCM under a key of its own (HKDF-SHA256, RFC 5869, with a random salt).
 *
 * `attempt` makes the version id the one that {@link versionIdOfAttempt} gives for a first version; random if absent. The
 * nonce may depend on it because the random salt alone makes each key a new one.
 */
export function seal(
	content: string,
	encryptionKey: string,
	{ attempt, ...place }: Place & { readonly attempt?: string | undefined },
): SealedVersion {
	const salt = randomBytes(SALT_BYTES);
	const nonce = attempt === undefined ? randomBytes(NONCE_BYTES) : nonceOfAttempt(attempt);
	const cipher = createCipheriv(ALGORITHM, deriveKey(encryptionKey, salt), nonce, {
		authTagLength: TAG_BYTES,
	}).setAAD(authenticated(place));
	const sealed = Buffer.concat([
		cipher.update(content, 'utf8'),
		cipher.final(),
		cipher.getAuthTag(),
	]);
	const text = JSON.stringify({
		format: FORMAT,
		name: place.name,
		salt: salt.toString('base64'),
		nonce: nonce.toString('base64'),
		sealed: sealed.toString('base64'),
	});
	return { versionId: versionIdOf(place.version, nonce), text };
}

/**
 * Decrypts what {@link seal} made for the same place.
 *
 * @throws Error if the key or the place is another one, or the text was changed or cut short
 */
function open(text: string, encryptionKey: string, place: Place): OpenedVersion {
	const { format, salt, nonce, sealed } = JSON.parse(text) as Record<string, unknown>;
	if (format !== FORMAT) throw new Error('Not a file of the local vault');
	const nonceBytes = bytes(nonce);
	const sealedBytes = bytes(sealed);
	const tagStart = sealedBytes.length - TAG_BYTES;
	const decipher = createDecipheriv(ALGORITHM, deriveKey(encryptionKey, bytes(salt)), nonceBytes, {
		authTagLength: TAG_BYTES,
	})
		.setAAD(authenticated(place))
		.setAuthTag(sealedBytes.subarray(tagStart));
	const content = Buffer.concat([
		decipher.update(sealedBytes.subarray(0, tagStart)),
		decipher.final(),
	]);
	return {
		version: place.version,
		versionId: versionIdOf(place.version, nonceBytes),
		content: content.toString('utf8'),
	};
}

/** Decrypts with the first of the keys that fits; `undefined` if none does. */
export function openWithAny(
	text: string,
	keys: readonly string[],
	place: Place,
): OpenedVersion | undefined {
	for (const key of keys) {
		try {
			return open(text, key, place);
		} catch {
			// The next one may fit.
		}
	}
	return undefined;
}

/** The name a sealed text says it has, which only opening it proves; `undefined` if it says none. */
export function claimedName(text: string): string | undefined {
	try {
		const { name } = (JSON.parse(text) ?? {}) as { name?: unknown };
		return typeof name === 'string' ? name : undefined;
	} catch {
		return undefined;
	}
}

/** The version number a version id tells, or `undefined` where it is no id of this store. */
export function versionOf(versionId: string): number | undefined {
	const [, digits] = /^([1-9]\d{0,14})-[\w-]+$/.exec(versionId) ?? [];
	return digits === undefined ? undefined : Number(digits);
}

/** The version id of a secret that this attempt created and nobody has written since. */
export function versionIdOfAttempt(attempt: string): string {
	return versionIdOf(1, nonceOfAttempt(attempt));
}

/** The nonce makes the id name this very file: after a restored backup, version 7 need not be the version 7 that was read. */
function versionIdOf(version: number, nonce: Buffer): string {
	return `${version}-${nonce.toString('base64url')}`;
}

function nonceOfAttempt(attempt: string): Buffer {
	return createHash('sha256').update(attempt).digest().subarray(0, NONCE_BYTES);
}

function deriveKey(encryptionKey: string, salt: Buffer): Buffer {
	return Buffer.from(hkdfSync('sha256', encryptionKey, salt, FORMAT, KEY_BYTES));
}

function authenticated({ name, version }: Place): Buffer {
	return Buffer.from(JSON.stringify([FORMAT, name, version]));
}

function bytes(base64: unknown): Buffer {
	if (typeof base64 !== 'string') throw new Error('Not a file of the local vault');
	return Buffer.from(base64, 'base64');
}
