import { generateKeyPairSync, type KeyObject } from 'node:crypto';

import {
	assertCertificate,
	readClientKey,
	signingAlgorithm,
	type SigningAlgorithm,
} from '../../src/config/clientKey';
import { ConfigurationError } from '../../src/errors';
import { selfSigned } from '../http/support/certificate';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed25519 = generateKeyPairSync('ed25519');

type PemType = 'pkcs8' | 'pkcs1' | 'sec1';
const pem = (key: KeyObject, type: PemType = 'pkcs8'): string =>
	key.export({ format: 'pem', type: type }).toString();
const jwk = (key: KeyObject, more: object = {}): string =>
	JSON.stringify({ ...key.export({ format: 'jwk' }), ...more });

function refusal(read: () => unknown): ConfigurationError {
	try {
		read();
	} catch (error) {
		return error as ConfigurationError;
	}
	throw new Error('it was taken');
}

describe('a private key', () => {
	it.each<[string, string, SigningAlgorithm[]]>([
		['PKCS #8, RSA', pem(rsa.privateKey), ['RS256', 'PS256']],
		['PKCS #1, RSA', pem(rsa.privateKey, 'pkcs1'), ['RS256', 'PS256']],
		['PKCS #8, EC', pem(ec.privateKey), ['ES256']],
		['SEC 1, EC', pem(ec.privateKey, 'sec1'), ['ES256']],
		['P-384', pem(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey), ['ES384']],
		['P-521', pem(generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey), ['ES512']],
		['Ed25519', pem(ed25519.privateKey), ['EdDSA']],
		['a JWK, RSA', jwk(rsa.privateKey), ['RS256', 'PS256']],
		['a JWK that names its algorithm', jwk(rsa.privateKey, { alg: 'PS256' }), ['PS256']],
		['a JWK, EC', jwk(ec.privateKey), ['ES256']],
		['a JWK, Ed25519 by its newer name', jwk(ed25519.privateKey, { alg: 'Ed25519' }), ['EdDSA']],
	])('is read as %s', (_name, text, algorithms) => {
		const key = readClientKey(text);
		expect(key.algorithms).toEqual(algorithms);
		expect(key.privateKey.type).toBe('private');
		expect(readClientKey(key.text).privateKey.equals(key.privateKey)).toBe(true);
	});

	it.each([
		['without line breaks', (text: string) => text.replaceAll('\n', '')],
		['with spaces in place of line breaks', (text: string) => text.replaceAll('\n', ' ')],
		['with \\n as in JSON', (text: string) => text.replaceAll('\n', '\\n')],
		['of Windows', (text: string) => text.replaceAll('\n', '\r\n')],
		['with words around it', (text: string) => `Bag Attributes\n  friendlyName: n8n\n${text}\nend`],
		[
			'after the parameters of its curve',
			(text: string) =>
				`-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${text}`,
		],
	])('is read %s', (_name, damage) => {
		const original = pem(ec.privateKey);
		const key = readClientKey(damage(original));
		expect(key.privateKey.equals(ec.privateKey)).toBe(true);
		expect(key.text).toBe(original.trim());
	});

	it('brings the key ID of a JWK', () => {
		expect(readClientKey(jwk(ec.privateKey, { kid: 'k-1' })).keyId).toBe('k-1');
		expect(readClientKey(jwk(ec.privateKey))).not.toHaveProperty('keyId');
	});

	it('brings the certificates that stand beside it', () => {
		const own = selfSigned();
		const issuer = selfSigned();
		const { certificates, text } = readClientKey(`${own.cert}${own.key}${issuer.cert}`);
		expect(certificates).toEqual([own.cert.trim(), issuer.cert.trim()]);
		expect(text).toBe([own.key, own.cert, issuer.cert].map((part) => part.trim()).join('\n'));
	});

	const own = selfSigned();
	const encrypted = ec.privateKey
		.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'p' })
		.toString();
	const legacy = rsa.privateKey
		.export({ format: 'pem', type: 'pkcs1', cipher: 'aes-256-cbc', passphrase: 'p' })
		.toString();
	const publicPem = ec.publicKey.export({ format: 'pem', type: 'spki' }).toString();
	const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;

	it.each<[string, string, RegExp]>([
		['a public key', publicPem, /only the public half/],
		['a certificate alone', own.cert, /only the public half/],
		['a public JWK', jwk(ec.publicKey), /only the public half/],
		['an encrypted key', encrypted, /encrypted with a passphrase.*openssl pkey/],
		['a key encrypted the old way', legacy, /encrypted with a passphrase/],
		['two keys', pem(ec.privateKey) + pem(rsa.privateKey), /more than one/],
		[
			'a key of OpenSSH',
			'-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz\n-----END OPENSSH PRIVATE KEY-----',
			/ssh-keygen/,
		],
		['a cut-off key', pem(ec.privateKey).slice(0, 90), /neither a PEM private key nor a JWK/],
		['a damaged key', pem(ec.privateKey).replace(/\n.{20}/, '\n'), /cannot be read/],
		['a word', 'hunter2-hunter2', /neither a PEM private key nor a JWK/],
		['a set of keys', JSON.stringify({ keys: [JSON.parse(jwk(ec.privateKey))] }), /set of keys/],
		['a shared secret', '{"kty":"oct","k":"aHVudGVyMg"}', /shared secret/],
		['a JWK for encryption', jwk(rsa.privateKey, { use: 'enc' }), /encryption/],
		['a JWK of an unknown type', '{"kty":"XYZ","d":"aHVudGVyMg"}', /JWK cannot be read/],
		['broken JSON', '{"kty":"EC","d":"aHVudGVyMg"', /not valid JSON/],
		['a JWK for another algorithm', jwk(ec.privateKey, { alg: 'ES512' }), /has to be ES256/],
		['a short RSA key', pem(small), /at least 2048 bits/],
		['a curve without an algorithm', pem(generateKeyPairSync('ed448').privateKey), /Ed25519/],
		['a certificate of another key', selfSigned().cert + own.key, /does not belong/],
		[
			'a damaged certificate',
			`${own.key}-----BEGIN CERTIFICATE-----\naHVudGVyMg==\n-----END CERTIFICATE-----`,
			/certificate beside the key cannot be read/,
		],
	])('is refused, and not repeated: %s', (_name, text, why) => {
		const error = refusal(() => readClientKey(text));
		expect(error).toBeInstanceOf(ConfigurationError);
		expect(error).toMatchObject({ field: 'Private Key', code: 'INVALID_FIELD' });
		expect(error.message).toMatch(why);
		expect(error.cause).toBeUndefined();
		for (const part of text.match(/[A-Za-z0-9_/+-]{12,}/g) ?? [])
			if (!part.startsWith('-----')) expect(error.message).not.toContain(part);
	});

	it('is named by the field it comes from', () => {
		const field = 'Client Secret Name or ARN';
		expect(refusal(() => readClientKey('x', field))).toMatchObject({ field });
	});

	it('is looked for in time that grows with the text, whatever the text is', () => {
		const begun = performance.now();
		for (const part of ['-----BEGIN A-----', '-----BEGIN PRIVATE KEY-----x', '-', '\\n'])
			refusal(() => readClientKey(part.repeat(32_768 / part.length)));
		expect(performance.now() - begun).toBeLessThan(200);
	});
});

describe('the signing algorithm', () => {
	const key = readClientKey(pem(rsa.privateKey));

	it.each<[string, Parameters<typeof signingAlgorithm>[1], SigningAlgorithm]>([
		['the usual one of the key', {}, 'RS256'],
		['the usual one if the provider offers it', { offered: ['PS256', 'RS256'] }, 'RS256'],
		['the one that the provider offers', { offered: ['ES256', 'PS256'] }, 'PS256'],
		['the usual one if none is in common', { offered: ['ES256'] }, 'RS256'],
		['the chosen one', { chosen: 'PS256', offered: ['RS256'] }, 'PS256'],
	])('is %s', (_name, options, expected) => {
		expect(signingAlgorithm(key, options)).toBe(expected);
	});

	it('has to fit the key', () => {
		const error = refusal(() => signingAlgorithm(key, { chosen: 'ES256' }));
		expect(error).toMatchObject({ field: 'Signing Algorithm', code: 'INVALID_FIELD' });
		expect(error.message).toContain('RS256 or PS256');
	});
});

it('misses a certificate where one is needed', () => {
	const { cert, key } = selfSigned();
	expect(() => assertCertificate(readClientKey(key + cert))).not.toThrow();
	expect(refusal(() => assertCertificate(readClientKey(key)))).toMatchObject({
		field: 'Private Key',
		code: 'MISSING_FIELD',
	});
});
