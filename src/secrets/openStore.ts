import { join } from 'node:path';

import type { StoreSettings } from '../config/connection';
import type { InstanceSettings } from '../config/instanceSettings';
import type { Egress } from '../http/egress';
import { awsSecretsManager } from './awsSecretsManager';
import { localVault } from './localVault';
import type { SecretStore } from './store';

/** Where the local vault is. */
export function vaultFolderOf({ userFolder }: Pick<InstanceSettings, 'userFolder'>): string {
	return join(userFolder, 'vaulted-oauth2');
}

/** The store a connection names, under the settings of this instance. Nothing is asked of it yet. */
export function openStore(
	store: StoreSettings,
	{ settings, egress }: { settings: InstanceSettings; egress: Egress },
): SecretStore {
	if (store.kind === 'localVault') {
		return localVault({
			folder: vaultFolderOf(settings),
			encryptionKey: settings.encryptionKey ?? '',
			previousKey: settings.previousEncryptionKey,
		});
	}
	const { kind: _kind, secretName: _secretName, ...options } = store;
	return awsSecretsManager({
		...options,
		systemCredentialsAllowed: settings.awsSystemCredentialsAllowed,
		egress,
		allowedAccounts: settings.allowedAwsAccounts,
	});
}
