import type { Connection } from '../config/connection';
import { ConfigurationError, VaultedOAuth2Error } from '../errors';
import type { Asker, Emit } from '../events';
import type { ConnectionRequests } from '../oauth/tokenRequest';
import { assertSealedFor } from '../secrets/binding';
import type { Bundle } from '../secrets/bundle';
import { disconnected } from '../secrets/patches';
import type { SealedBundle } from '../secrets/sealedBundle';
import type { Lease } from '../tokens/lease';
import { assertMayChangeAccount } from './permission';
import { UNKNOWN_SUBJECT } from './subject';

interface Revocation {
	readonly bundle: Bundle;
	readonly request: ConnectionRequests;
	readonly emit: Emit;
	/** Whose grant it is. */
	readonly subject: string | undefined;
}

/** Ends a grant at the provider, and reports how that went. Never rejects for an error of this package's: that is returned. */
export async function revokeQuietly({
	bundle,
	request,
	emit,
	subject = UNKNOWN_SUBJECT,
}: Revocation): Promise<VaultedOAuth2Error | undefined> {
	try {
		await request.revoke(bundle);
		emit('grant.revoked', { subject });
		return undefined;
	} catch (error) {
		if (!(error instanceof VaultedOAuth2Error)) throw error;
		const { code, message } = error;
		emit('grant.notRevoked', { subject, code, message });
		return error;
	}
}

/** Options for {@link disconnect}. */
export interface DisconnectOptions {
	readonly connection: Connection;
	readonly bundle: SealedBundle;
	readonly lease: Lease;
	readonly request: ConnectionRequests;
	readonly emit: Emit;
	/** See {@link assertMayChangeAccount}. */
	readonly onlyEditors: boolean;
}

/** What is asked of {@link disconnect}. */
export interface DisconnectRequest {
	readonly by: Asker;
	/** Whether the tokens are removed although the provider did not revoke them. */
	readonly evenIfNotRevoked: boolean;
}

/** What came of it. */
export interface Disconnected {
	/** False if there was no account. */
	readonly wasConnected: boolean;
	/** Why the provider did not end the grant, if it did not. */
	readonly notRevoked?: VaultedOAuth2Error;
}

/**
 * Ends the grant at the provider (RFC 7009), then removes its tokens from the bundle, and with them all links and sessions. In this order: a
 * crash in between leaves tokens that are good for nothing, not a grant that nobody can end.
 *
 * @throws ConfigurationError also `WRONG_GRANT_TYPE`, `ONLY_BY_EDITORS` and `NO_REVOCATION_ENDPOINT`, ProviderError, SecretStoreError
 */
export async function disconnect(
	options: DisconnectOptions,
	{ by, evenIfNotRevoked }: DisconnectRequest,
): Promise<Disconnected> {
	const { connection, bundle, lease, emit } = options;
	if (connection.grantType === 'client_credentials') {
		throw new ConfigurationError(
			'Grant Type',
			'with Client Credentials no account is connected, so there is nothing to disconnect. To end the access, remove the client at the provider.',
			{ code: 'WRONG_GRANT_TYPE' },
		);
	}
	assertMayChangeAccount(by, options);
	let result: Disconnected = { wasConnected: false };
	// Nobody redeems the refresh token meanwhile.
	await lease.whileHeld(async (newest) => {
		assertSealedFor(newest, connection);
		const wasConnected = newest.refreshToken !== undefined || newest.tokenSets.length > 0;
		const subject = newest.authorization?.subjectSha256;
		const notRevoked = wasConnected
			? await revokeQuietly({ ...options, bundle: newest, subject })
			: undefined;
		if (notRevoked !== undefined && !evenIfNotRevoked) throw notRevoked;
		await bundle.update(disconnected(lease.owner));
		if (wasConnected) emit('account.disconnected', { subject: subject ?? UNKNOWN_SUBJECT, ...by });
		result = { wasConnected, ...(notRevoked === undefined ? {} : { notRevoked }) };
	});
	return result;
}
