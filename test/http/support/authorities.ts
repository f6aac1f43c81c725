import tls from 'node:tls';

/** Node 24 has these, the types of Node 20 do not. */
interface DefaultCertificates {
	getCACertificates(type: 'default'): string[];
	setDefaultCACertificates(certificates: readonly string[]): void;
}

/** The certificates of the authorities this process trusts, PEM. */
export function defaultCertificates(): string[] {
	return (tls as unknown as DefaultCertificates).getCACertificates('default');
}

/** Makes this process trust these and no others. */
export function setDefaultCertificates(certificates: readonly string[]): void {
	(tls as unknown as DefaultCertificates).setDefaultCACertificates(certificates);
}
