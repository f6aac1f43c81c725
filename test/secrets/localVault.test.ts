import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { localVault } from '../../src/secrets/localVault';
import { describeSecretStore } from '../contracts/secretStore';

describeSecretStore('the local vault', async () => {
	const folder = await mkdtemp(join(tmpdir(), 'vault-'));
	const options = { folder: join(folder, 'vaulted-oauth2'), encryptionKey: 'key-of-this-test' };
	return {
		store: localVault(options),
		secondClient: localVault(options),
		close: () => rm(folder, { recursive: true }),
	};
});
