import { createPrivateKey, X509Certificate, type JsonWebKey, type KeyObject } from 'node:crypto';

import { ConfigurationError } from '../errors';
import { FIELD_NAMES, type FieldName } from './fields';

/** JWS algorithms that a client's key can sign with (RFC 7518 §3.1, RFC 8037 §3.1). */
export const SIGNING_ALGORITHMS = ['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const;

/** One of {@link SIGNING_ALGORITHMS}. */
export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number];

/** A client's private key, and what came with it. */
export interface ClientKey {
	readonly privateKey: KeyObject;
	/** What the key can sign with, the usual one first. */
	readonly algorithms: readonly [SigningAlgorithm, ...SigningAlgorithm[]];
	/** PEM, the client's own first, each one issued by the next; empty if there are none. */
	readonly certificates: readonly string[];
	/** `kid` of a JWK. */
	readonly keyId?: string;
	/** The text that was read: a JWK as it was, PEM with the line breaks that a one-line input takes away. */
	readonly text: string;
}

const SMALLEST_RSA_BITS = 2048;
const CURVES: Readonly<Record<string, SigningAlgorithm>> = {
	prime256v1: 'ES256',
	secp384r1: 'ES384',
	secp521r1: 'ES512',
};

type Fail = (text: string) => never;
interface PemBlock {
	readonly label: string;
	readonly content: string;
}
type KeyParts = Pick<ClientKey, 'privateKey' | 'certificates' | 'text'> & {
	readonly jwk?: JsonWebKey;
};

/** PEM (RFC 7468); "\n" may be two characters, as in a JSON string. */
function pemBlocks(text: string): PemBlock[] {
	return [...text.matchAll(/-----BEGIN ([A-Z0-9 ]{1,40})-----([^-]*)-----END/g)].map(
		([, label = '', content = '']) => ({ label, content: content.replaceAll('\\n', '\n') }),
	);
}

function formatPem({ label, content }: PemBlock): string {
	const base64 = content.replace(/\s/g, '');
	const lines = base64.match(/.{1,64}/g) ?? [];
	return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`].join('\n');
}

function parsePem(text: string, fail: Fail): KeyParts {
	// PKCS #8 says so in the label, the older formats in a header.
	if (text.includes('ENCRYPTED')) {
		fail(
			'it is encrypted with a passphrase. Paste the key without one (openssl pkey -in key.pem); it is sealed in the secret store when you save.',
		);
	}
	const blocks = pemBlocks(text);
	const keys = blocks.filter(({ label }) => label.endsWith('PRIVATE KEY'));
	const [key] = keys;
	if (key === undefined) {
		const isPublic = blocks.some(({ label }) => /PUBLIC KEY|CERTIFICATE/.test(label));
		if (isPublic) fail('it holds only the public half. Paste the private key.');
		fail('it is neither a PEM private key nor a JWK. Paste the whole key.');
	}
	if (keys.length > 1) fail('it holds more than one private key. Paste the one of this client.');
	if (key.label === 'OPENSSH PRIVATE KEY')
		fail('it is in OpenSSH’s own format. Convert it to PKCS #8 (ssh-keygen -p -m PKCS8).');
	const certificates = blocks.filter(({ label }) => label === 'CERTIFICATE').map(formatPem);
	const pem = formatPem(key);
	try {
		return {
			privateKey: createPrivateKey(pem),
			certificates,
			text: [pem, ...certificates].join('\n'),
		};
	} catch {
		return fail('the PEM private key cannot be read. Paste the whole key.');
	}
}

function parseJwk(text: string, fail: Fail): KeyParts {
	let jwk: JsonWebKey;
	try {
		jwk = JSON.parse(text) as JsonWebKey;
	} catch {
		return fail('it is not valid JSON. Paste the whole JWK.');
	}
	if (Array.isArray(jwk['keys'])) fail('it is a set of keys. Paste one key of it.');
	if (jwk.kty === 'oct')
		fail('it is a shared secret, not a private key. Choose another Client Authentication.');
	if (jwk.d === undefined) fail('it holds only the public half. Paste the private key.');
	if (jwk['use'] === 'enc') fail('it is a key for encryption. Paste the one for signatures.');
	const chain: unknown = jwk['x5c'];
	const certificates = (Array.isArray(chain) ? chain : []).map((content) =>
		formatPem({ label: 'CERTIFICATE', content: String(content) }),
	);
	try {
		const privateKey = createPrivateKey({ key: jwk, format: 'jwk' });
		return { privateKey, certificates, text, jwk };
	} catch {
		return fail('the JWK cannot be read. Paste the whole key.');
	}
}

function algorithmsOf({
	asymmetricKeyType,
	asymmetricKeyDetails: { modulusLength = 0, namedCurve = '' } = {},
}: KeyObject): ClientKey['algorithms'] | undefined {
	if (asymmetricKeyType === 'rsa' && modulusLength >= SMALLEST_RSA_BITS) return ['RS256', 'PS256'];
	if (asymmetricKeyType === 'ed25519') return ['EdDSA'];
	const byCurve = CURVES[namedCurve];
	return byCurve && [byCurve];
}

/**
 * What to sign with: the chosen algorithm, else the key's usual one that the provider offers.
 *
 * @param offered by the provider (RFC 8414 `token_endpoint_auth_signing_alg_values_supported`), if it says so
 * @throws ConfigurationError `INVALID_FIELD` if the key cannot sign with the chosen algorithm
 */
export function signingAlgorithm(
	{ algorithms }: Pick<ClientKey, 'algorithms'>,
	{ chosen, offered = [] }: { chosen?: SigningAlgorithm | undefined; offered?: readonly string[] },
): SigningAlgorithm {
	if (chosen === undefined)
		return algorithms.find((name) => offered.includes(name)) ?? algorithms[0];
	if (algorithms.includes(chosen)) return chosen;
	throw new ConfigurationError(
		FIELD_NAMES.signingAlgorithm,
		`the private key cannot sign with ${chosen}, only with ${algorithms.join(' or ')}. Choose Automatic, or use another key.`,
		{ code: 'INVALID_FIELD' },
	);
}

/** @throws ConfigurationError `MISSING_FIELD` if there is no certificate beside the key */
export function assertCertificate(
	{ certificates }: Pick<ClientKey, 'certificates'>,
	field: FieldName = FIELD_NAMES.privateKey,
): void {
	if (certificates.length > 0) return;
	throw new ConfigurationError(
		field,
		'the certificate is missing. Paste it below the key, as PEM too: the client’s own first, then those that issued it.',
		{ code: 'MISSING_FIELD' },
	);
}

/** What a JWK says about itself (RFC 7517 §4.4) is what it may be used for. */
function allowedBy(
	jwk: JsonWebKey | undefined,
	algorithms: ClientKey['algorithms'],
	fail: Fail,
): ClientKey['algorithms'] {
	const alg: unknown = jwk?.['alg'];
	if (alg === undefined) return algorithms;
	const named = algorithms.find((name) => name === (alg === 'Ed25519' ? 'EdDSA' : alg));
	if (named !== undefined) return [named];
	return fail(`its "alg" has to be ${algorithms.join(' or ')}. Correct it, or leave it out.`);
}

function assertFits(certificates: readonly string[], privateKey: KeyObject, fail: Fail): void {
	const [own] = certificates;
	if (own === undefined) return;
	let certificate: X509Certificate;
	try {
		[certificate] = certificates.map((pem) => new X509Certificate(pem)) as [X509Certificate];
	} catch {
		return fail('a certificate beside the key cannot be read. Paste it whole.');
	}
	if (!certificate.checkPrivateKey(privateKey)) {
		fail(
			'the first certificate does not belong to the private key. Paste the client’s own first, then those that issued it.',
		);
	}
}

/**
 * Reads a client's private key: PEM (PKCS #8, PKCS #1, SEC 1; certificates may follow it) or a JWK (RFC 7517). Nothing of the text is repeated.
 *
 * @param field the text comes from, for the message
 * @throws ConfigurationError `INVALID_FIELD`
 */
export function readClientKey(text: string, field: FieldName = FIELD_NAMES.privateKey): ClientKey {
	const fail: Fail = (why) => {
		throw new ConfigurationError(field, why, { code: 'INVALID_FIELD' });
	};
	const { jwk, ...parts } = text.trimStart().startsWith('{')
		? parseJwk(text, fail)
		: parsePem(text, fail);
	const algorithms = algorithmsOf(parts.privateKey);
	if (algorithms === undefined) {
		return fail(
			`it has to be an RSA key of at least ${SMALLEST_RSA_BITS} bits, an EC key on the curve P-256, P-384 or P-521, or an Ed25519 key.`,
		);
	}
	assertFits(parts.certificates, parts.privateKey, fail);
	const keyId: unknown = jwk?.['kid'];
	return {
		...parts,
		algorithms: allowedBy(jwk, algorithms, fail),
		...(typeof keyId === 'string' && keyId !== '' ? { keyId } : {}),
	};
}
