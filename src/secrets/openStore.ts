import { join } from 'node:path';

import type { StoreSettings } from '../config/connection';
import type { InstanceSettings } from '../config/instanceSettings';
import type { Egress } from '../http/egress';
import { awsSecretsManager } from './awsSecretsManager';
import { localVault } from './localVault';
import type { SecretStore } from './store';

/** The store a connection names, under the settings of this instance. Nothing is asked of it yet. */
export function openStore(
	store: StoreSettings,
	{ settings, egress }: { settings: InstanceSettings; egress: Egress },
): SecretStore {
	if (store.kind === 'localVault') {
		return localVault({
			folder: join(settings.userFolder, 'vaulted-oauth2'),
			encryptionKey: settings.encryptionKey ?? '',
		});
	}
	return awsSecretsManager({
		region: store.region,
		...(store.endpoint === undefined ? {} : { endpoint: store.endpoint }),
		credentials: store.credentials,
		systemCredentialsAllowed: settings.awsSystemCredentialsAllowed,
		agents: egress.agents,
	});
}
