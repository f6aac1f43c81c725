import type { Connection } from '../config/connection';
import { ConfigurationError } from '../errors';
import type { Bundle } from '../secrets/bundle';
import { isBundle } from '../secrets/bundleFormat';
import type { SecretStore } from '../secrets/store';
import type { ReferencedSecret } from '../tokens/tokenRequest';
import type { ReferenceGuard } from './references';

const REFERENCE = 'Client Secret Name or ARN';
const JSON_KEY = 'Client Secret JSON Key';

function readKey(content: string, jsonKey: string): string | undefined {
	try {
		const value = (JSON.parse(content) as Record<string, unknown> | null)?.[jsonKey];
		return typeof value === 'string' && value !== '' ? value : undefined;
	} catch {
		return undefined;
	}
}

/** @throws ConfigurationError naming the reference or the JSON key */
function clientSecretIn(
	content: string,
	{ secretId, jsonKey }: { secretId: string; jsonKey?: string },
): string {
	if (isBundle(content)) {
		throw new ConfigurationError(
			REFERENCE,
			`${secretId} is the sealed bundle of a connection, and those open only for the connection they were sealed for. Name the secret that holds the client secret alone.`,
			{ code: 'NOT_A_CLIENT_SECRET' },
		);
	}
	if (jsonKey === undefined) {
		const isWhole = !content.trimStart().startsWith('{') || readKey(content, 'kty') !== undefined;
		// A JWK (RFC 7517 §4.1) is a private key as a whole.
		if (content.trim() !== '' && isWhole) return content.trim();
		throw new ConfigurationError(
			JSON_KEY,
			`${secretId} holds a JSON object. Enter the key under which the client secret is.`,
			{
				code: 'MISSING_FIELD',
			},
		);
	}
	const value = readKey(content, jsonKey);
	if (value !== undefined) return value;
	throw new ConfigurationError(
		JSON_KEY,
		`${secretId} has no text under the key "${jsonKey}". Correct the key or the secret.`,
		{
			code: 'INVALID_FIELD',
		},
	);
}

/** Where a referenced client secret is read, and who decides whether it may be used. */
export interface ReferenceReading {
	readonly store: SecretStore;
	readonly guard: ReferenceGuard;
	/** The hosts it is going to be sent to. */
	readonly hosts: () => Promise<readonly string[]>;
}

/**
 * A client secret that is kept elsewhere in AWS Secrets Manager, read again for every token request, so that its rotation needs nothing.
 * Undefined for a connection that refers to none.
 *
 * @throws ConfigurationError naming the reference or the JSON key; `REFERENCE_NOT_ALLOWED` if it may not be sent to the connection's provider
 * @throws SecretStoreError
 */
export async function readReference(
	{ clientSecretSource: source, clientAuthentication, clientId }: Connection,
	{ store, guard, hosts }: ReferenceReading,
): Promise<ReferencedSecret | undefined> {
	if (source.kind !== 'reference' || clientAuthentication === 'none') return undefined;
	const { secretId, content, versionId } = await store.read(source.secretId);
	const clientSecret = clientSecretIn(content, source);
	await guard.assertAllowed({ secretId, hosts: await hosts(), clientId });
	return { clientSecret, versionId };
}

/** The client secret in the bundle; undefined for a public client (RFC 6749 §2.1). @throws ConfigurationError `MISSING_FIELD` */
export function enteredClientSecret(
	{ clientAuthentication }: Connection,
	{ clientSecret }: Bundle,
): string | undefined {
	if (clientAuthentication === 'none') return undefined;
	if (clientSecret !== undefined) return clientSecret;
	throw new ConfigurationError(
		'Client Secret',
		'none is stored. Type it and save; for a client without a secret choose None as Client Authentication.',
		{ code: 'MISSING_FIELD' },
	);
}
