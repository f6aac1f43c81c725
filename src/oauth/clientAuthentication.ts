import { webcrypto, X509Certificate, type KeyObject } from 'node:crypto';
import type { ClientAuth, CryptoKey } from 'openid-client';

import { signingAlgorithm, type ClientKey, type SigningAlgorithm } from '../config/clientKey';
import {
	credentialKindOf,
	type AssertionSettings,
	type ClientAuthenticationMethod,
} from '../config/connection';
import { FIELD_NAMES } from '../config/fields';
import { ConfigurationError } from '../errors';
import type { TlsIdentity } from '../http/egress';
import type { InvalidClient } from './classify';

type OpenIdClient = typeof import('openid-client');

/** Who asks: the client and how it proves that (RFC 6749 §2.3). */
export interface Client {
	readonly clientId: string;
	readonly clientSecret?: string;
	/** For `private_key_jwt` and `tls_client_auth`. */
	readonly clientKey?: ClientKey;
	readonly assertion?: AssertionSettings;
	readonly authentication: ClientAuthenticationMethod;
}

/** What an authorization server expects of a client assertion. */
export interface AssertionTarget {
	/** RFC 7523 §3: how the server identifies itself. */
	readonly audience: string;
	/** Algorithms it says it takes (RFC 8414 `token_endpoint_auth_signing_alg_values_supported`). */
	readonly algorithms: readonly string[];
}

/** Options for {@link authenticate}. */
export interface AuthenticationOptions {
	/** Asked for only if the client signs. */
	readonly target: () => Promise<AssertionTarget>;
	/** Milliseconds since the epoch. */
	readonly now: () => number;
}

/** How one request is authenticated. */
export interface Authentication {
	readonly auth: ClientAuth;
	/** For the connection to the endpoint (RFC 8705 §2). */
	readonly tls?: TlsIdentity;
}

type ImportParameters = Parameters<typeof webcrypto.subtle.importKey>[2];

const IMPORT: Readonly<Record<SigningAlgorithm, ImportParameters>> = {
	RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
	PS256: { name: 'RSA-PSS', hash: 'SHA-256' },
	ES256: { name: 'ECDSA', namedCurve: 'P-256' },
	ES384: { name: 'ECDSA', namedCurve: 'P-384' },
	ES512: { name: 'ECDSA', namedCurve: 'P-521' },
	EdDSA: { name: 'Ed25519' },
};

/** Clocks further apart than this are worth a word: assertions are good for a minute. */
const CLOCK_SKEW_MS = 30_000;

async function forSigning(key: KeyObject, algorithm: SigningAlgorithm): Promise<CryptoKey> {
	const der = key.export({ format: 'der', type: 'pkcs8' });
	return await webcrypto.subtle.importKey('pkcs8', der, IMPORT[algorithm], false, ['sign']);
}

/** RFC 9864 renames EdDSA, and few servers know the new name yet. */
function headerName(algorithm: SigningAlgorithm, offered: readonly string[]): string {
	const isRenamed = algorithm === 'EdDSA' && offered.includes('Ed25519');
	return isRenamed && !offered.includes('EdDSA') ? 'Ed25519' : algorithm;
}

/** RFC 7515 §4.1.8; some providers find the key by it. */
function thumbprint([own]: readonly string[]): { 'x5t#S256'?: string } {
	if (own === undefined) return {};
	const digest = new X509Certificate(own).fingerprint256.replaceAll(':', '');
	return { 'x5t#S256': Buffer.from(digest, 'hex').toString('base64url') };
}

/** A client assertion (RFC 7523 §2.2), made anew for each request. */
async function privateKeyJwt(
	library: OpenIdClient,
	{ clientKey, assertion = {} }: Client,
	{ audience, algorithms: offered }: AssertionTarget,
): Promise<Authentication> {
	if (clientKey === undefined) throw new Error('No private key was given');
	const { keyId = clientKey.keyId, algorithm: chosen } = assertion;
	const algorithm = signingAlgorithm(clientKey, { chosen, offered });
	const auth = library.PrivateKeyJwt(await forSigning(clientKey.privateKey, algorithm), {
		[library.modifyAssertion]: (header, payload) => {
			const parameters = {
				alg: headerName(algorithm, offered),
				typ: 'JWT',
				...(keyId === undefined ? {} : { kid: keyId }),
				...thumbprint(clientKey.certificates),
			};
			Object.assign(header, parameters);
			payload['aud'] = audience;
		},
	});
	return { auth };
}

/**
 * How `client` authenticates its next request.
 *
 * @throws ConfigurationError if its key cannot sign with the chosen algorithm, or its certificate has expired
 */
export async function authenticate(
	library: OpenIdClient,
	client: Client,
	{ target, now }: AuthenticationOptions,
): Promise<Authentication> {
	const { clientId, clientSecret = '', clientKey } = client;
	switch (client.authentication) {
		case 'none':
			return { auth: library.None() };
		case 'client_secret_post':
			return { auth: library.ClientSecretPost(clientSecret) };
		case 'client_secret_basic':
			return { auth: library.ClientSecretBasic(clientSecret) };
		case 'client_secret_basic_unencoded':
			// RFC 6749 §2.3.1 wants both parts form-encoded; servers that do not decode them refuse "-" or "_" in them.
			return {
				auth: (...[, , , headers]) => {
					headers.set(
						'authorization',
						`Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`,
					);
				},
			};
		case 'private_key_jwt':
			return await privateKeyJwt(library, client, await target());
		case 'tls_client_auth':
			return {
				auth: library.TlsClientAuth(),
				...(clientKey === undefined ? {} : { tls: tlsIdentity(clientKey, now()) }),
			};
	}
}

function tlsIdentity({ privateKey, certificates }: ClientKey, now: number): TlsIdentity {
	const end = Date.parse(new X509Certificate(certificates[0] ?? '').validTo);
	if (end < now) {
		throw new ConfigurationError(
			FIELD_NAMES.privateKey,
			`its certificate expired on ${new Date(end).toISOString().slice(0, 10)}. Paste the key with a new one, and register that at the provider.`,
			{ code: 'INVALID_FIELD' },
		);
	}
	return {
		key: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
		cert: certificates.join('\n'),
	};
}

/** What to correct if the provider does not recognise the client; undefined for one with a client secret. */
export function invalidClient({ authentication }: Client): InvalidClient | undefined {
	switch (credentialKindOf(authentication)) {
		case 'key':
			return (clockAheadMs) => ({
				field: FIELD_NAMES.privateKey,
				wayOut:
					Math.abs(clockAheadMs) > CLOCK_SKEW_MS
						? `This machine’s clock is ${Math.round(Math.abs(clockAheadMs) / 1000)} s ${clockAheadMs > 0 ? 'ahead of' : 'behind'} the provider’s: correct it.`
						: 'Check that its public half is registered for this Client ID at the provider, and check Key ID and Signing Algorithm.',
			});
		case 'certificate':
			return () => ({
				field: FIELD_NAMES.privateKey,
				wayOut:
					'Check that the certificate beside it is registered for this Client ID at the provider and has not expired.',
			});
		default:
			return undefined;
	}
}
