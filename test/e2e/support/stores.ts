import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { localVault } from '../../../src/secrets/localVault';
import {
	startSecretsManagerServer,
	TEST_IDENTITY,
	type SecretsManagerServer,
} from '../../support/secretsManagerServer';
import type { Fields } from './database';
import { HOST_IDENTITY, type Instance } from './instance';

export type StoreKind = 'localVault' | 'awsSecretsManager';

/** A secret store that n8n uses, as its administrator sees it. */
export interface Store {
	readonly kind: StoreKind;
	/** What the credential's form says of it. */
	readonly fields: Fields;
	/** How many secrets it holds. */
	count(): Promise<number>;
	/** The text of a secret. */
	read(secretId: string): Promise<string>;
	/** Makes it refuse a new secret. What is returned ends that. */
	refuseSecrets(): Promise<() => Promise<void>>;
	/** How it says so. */
	readonly refusal: RegExp;
	close(): Promise<void>;
}

/** The encrypted files beside n8n's own. */
export function openLocalVault({ n8n, database }: Instance): Store {
	const folder = join(n8n.userFolder, '.n8n', 'vaulted-oauth2');
	const vault = localVault({ folder, encryptionKey: database.encryptionKey });
	return {
		kind: 'localVault',
		fields: { secretStore: 'localVault' },
		count: async () => (await readdir(folder).catch(() => [])).length,
		read: async (secretId) => (await vault.read(secretId)).content,
		// Permissions would not keep out a user who may do everything; a file where the folder should be does.
		refuseSecrets: async () => {
			await mkdir(folder, { recursive: true });
			await rename(folder, `${folder}.away`);
			await writeFile(folder, '');
			return async () => {
				await rm(folder);
				await rename(`${folder}.away`, folder);
			};
		},
		refusal:
			/^Secret store – The local vault could not (read|create) "n8n\/vaulted-oauth2\/.*Look at the vault folder/,
		close: async () => {},
	};
}

/** An AWS Secrets Manager that n8n reaches as Endpoint, by the real SDK. */
export interface AwsStore extends Store {
	readonly server: SecretsManagerServer;
}

export async function startSecretsManager(): Promise<AwsStore> {
	const server = await startSecretsManagerServer({ identities: [TEST_IDENTITY, HOST_IDENTITY] });
	const { accessKeyId, secretAccessKey } = TEST_IDENTITY;
	return {
		kind: 'awsSecretsManager',
		server,
		fields: {
			secretStore: 'awsSecretsManager',
			awsRegion: server.region,
			awsCredentials: 'accessKey',
			awsAccessKeyId: accessKeyId,
			awsSecretAccessKey: secretAccessKey,
			awsEndpoint: server.url,
		},
		count: async () => server.secrets().length,
		read: async (secretId) => {
			const content = server.secret(secretId)?.content;
			if (content === undefined) throw new Error(`AWS has no secret ${secretId}`);
			return content;
		},
		refuseSecrets: async () => {
			server.deny(accessKeyId, 'CreateSecret');
			return async () => server.allow(accessKeyId, 'CreateSecret');
		},
		refusal:
			/^Secret store – AWS denied CreateSecret on .*tester. Allow secretsmanager:CreateSecret on this secret in its IAM policy/,
		close: () => server.close(),
	};
}
