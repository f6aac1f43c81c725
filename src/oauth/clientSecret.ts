import type { Connection } from '../config/connection';
import { ConfigurationError } from '../errors';
import { isBundle, type Bundle } from '../secrets/bundle';
import type { SecretStore } from '../secrets/store';

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

/**
 * A client secret that somebody else keeps in AWS Secrets Manager, read anew for every token request, so that its rotation needs nothing.
 *
 * @throws ConfigurationError naming the reference or the JSON key
 * @throws SecretStoreError
 */
async function readReference(
	store: SecretStore,
	secretId: string,
	jsonKey: string | undefined,
): Promise<string> {
	const { content } = await store.read(secretId);
	if (isBundle(content)) {
		throw new ConfigurationError(
			REFERENCE,
			`${secretId} is the sealed bundle of a connection, and those open only for the connection they were sealed for. Name the secret that holds the client secret alone.`,
			{ code: 'NOT_A_CLIENT_SECRET' },
		);
	}
	if (jsonKey === undefined) {
		if (content.trim() !== '' && !content.trimStart().startsWith('{')) return content.trim();
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

/** The client secret of a connection; undefined for a public client (RFC 6749 §2.1). @throws ConfigurationError, SecretStoreError */
export async function clientSecretOf(
	connection: Connection,
	bundle: Bundle,
	store: SecretStore,
): Promise<string | undefined> {
	if (connection.clientAuthentication === 'none') return undefined;
	const { clientSecretSource: source } = connection;
	if (source.kind === 'reference')
		return await readReference(store, source.secretId, source.jsonKey);
	if (bundle.clientSecret !== undefined) return bundle.clientSecret;
	throw new ConfigurationError(
		'Client Secret',
		'none is stored. Type it and save; for a client without a secret choose None as Client Authentication.',
		{ code: 'MISSING_FIELD' },
	);
}
