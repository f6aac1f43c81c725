import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import tls from 'node:tls';

/** A certificate that signs itself, made anew for each run: PEM texts as `node:tls` takes them. */
export interface SelfSigned {
	readonly cert: string;
	readonly key: string;
}

const TAG = {
	integer: 0x02,
	bitString: 0x03,
	octetString: 0x04,
	oid: 0x06,
	utf8: 0x0c,
	utcTime: 0x17,
	sequence: 0x30,
	set: 0x31,
	dnsName: 0x82,
	ipAddress: 0x87,
	version: 0xa0,
	extensions: 0xa3,
};
const OID = { commonName: '550403', subjectAltName: '551d11', ecdsaWithSha256: '2a8648ce3d040302' };
const DAY_MS = 24 * 3_600_000;

/** X.509 v3 (RFC 5280 §4.1) for 127.0.0.1 and the given names, valid today. */
export function selfSigned(...names: string[]): SelfSigned {
	const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
	const algorithm = der(TAG.sequence, oid(OID.ecdsaWithSha256));
	const subject = der(
		TAG.sequence,
		der(
			TAG.set,
			der(TAG.sequence, oid(OID.commonName), der(TAG.utf8, Buffer.from(names[0] ?? 'test'))),
		),
	);
	const alternatives = der(
		TAG.sequence,
		...names.map((name) => der(TAG.dnsName, Buffer.from(name))),
		der(TAG.ipAddress, Buffer.from([127, 0, 0, 1])),
	);
	const body = der(
		TAG.sequence,
		der(TAG.version, der(TAG.integer, Buffer.from([2]))),
		der(TAG.integer, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
		algorithm,
		subject,
		der(TAG.sequence, time(Date.now() - DAY_MS), time(Date.now() + DAY_MS)),
		subject,
		publicKey.export({ type: 'spki', format: 'der' }),
		der(
			TAG.extensions,
			der(
				TAG.sequence,
				der(TAG.sequence, oid(OID.subjectAltName), der(TAG.octetString, alternatives)),
			),
		),
	);
	const signature = der(TAG.bitString, Buffer.from([0]), sign('sha256', body, privateKey));
	const base64 = der(TAG.sequence, body, algorithm, signature).toString('base64');
	return {
		cert: `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`,
		key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
	};
}

/** Node 24 has these, the types of Node 20 do not. */
interface DefaultCertificates {
	getCACertificates(type: 'default'): string[];
	setDefaultCACertificates(certificates: readonly string[]): void;
}

/** Trusts the certificate in this process, until what is returned is called. */
export function trust({ cert }: SelfSigned): () => void {
	const defaults = tls as unknown as DefaultCertificates;
	const before = defaults.getCACertificates('default');
	defaults.setDefaultCACertificates([...before, cert]);
	return () => defaults.setDefaultCACertificates(before);
}

function der(tag: number, ...contents: Buffer[]): Buffer {
	const content = Buffer.concat(contents);
	const { length } = content;
	const header =
		length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
	return Buffer.concat([Buffer.from([tag, ...header]), content]);
}

function oid(hex: string): Buffer {
	return der(TAG.oid, Buffer.from(hex, 'hex'));
}

function time(ms: number): Buffer {
	const digits = new Date(ms).toISOString().replace(/\D/g, '').slice(2, 14);
	return der(TAG.utcTime, Buffer.from(`${digits}Z`));
}
