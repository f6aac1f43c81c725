import { assertCertificate, readClientKey } from '../config/clientKey';
import { credentialKindOf, type Connection } from '../config/connection';
import { FIELD_NAMES } from '../config/fields';
import { ConfigurationError } from '../errors';
import type { Bundle } from '../secrets/bundle';
import type { ReferencedSecret } from '../tokens/tokenRequest';
import type { Client } from './clientAuthentication';
import { enteredClientSecret } from './clientSecret';

/** The private key in the bundle. @throws ConfigurationError `MISSING_FIELD` */
function enteredPrivateKey({ privateKey }: Bundle): string {
	if (privateKey !== undefined) return privateKey;
	throw new ConfigurationError(FIELD_NAMES.privateKey, 'none is stored. Paste it and save.', {
		code: 'MISSING_FIELD',
	});
}

/**
 * The client of a connection with what it authenticates with: from the reference if there is one, else from the bundle.
 *
 * @throws ConfigurationError naming the field that the credential comes from
 */
export function clientOf(
	connection: Connection,
	bundle: Bundle,
	reference: ReferencedSecret | undefined,
): Omit<Client, 'authentication'> {
	const { clientId, clientAuthentication, assertion } = connection;
	const kind = credentialKindOf(clientAuthentication);
	if (kind === 'none' || kind === 'secret') {
		const clientSecret = reference?.clientSecret ?? enteredClientSecret(connection, bundle);
		return { clientId, ...(clientSecret === undefined ? {} : { clientSecret }) };
	}
	const field =
		reference === undefined ? FIELD_NAMES.privateKey : FIELD_NAMES.clientSecretReference;
	const clientKey = readClientKey(reference?.clientSecret ?? enteredPrivateKey(bundle), field);
	if (kind === 'certificate') assertCertificate(clientKey, field);
	return { clientId, clientKey, ...(assertion === undefined ? {} : { assertion }) };
}
