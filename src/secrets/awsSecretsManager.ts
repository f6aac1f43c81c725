import { randomBytes } from 'node:crypto';

import { SecretStoreError } from '../errors';
import { awsSecretsClient, type AwsVersion } from './aws/client';
import { assertWritable, compareAndSwap, isOwnVersionId } from './aws/compareAndSwap';
import type { AwsSecretsManagerOptions } from './aws/connection';
import { unless } from './aws/unless';
import type { CreateOptions, SecretStore, SecretVersion } from './store';

export type { AwsCredentials, AwsSecretsManagerOptions } from './aws/connection';

/** AWS's limit for one value. */
const MAX_CONTENT_BYTES = 65_536;

const DAY_MS = 86_400_000;

/** About what AWS keeps of one secret while none of it is a day old. */
const VERSIONS_KEPT = 100;

/** AWS asks for no more than one new version in 10 minutes, and keeps all of the last 24 hours within a quota of about 100. */
const VERSIONS_PER_DAY = 96;

/**
 * The secret store on AWS Secrets Manager. Nothing of the AWS SDK is loaded before the first call.
 *
 * IAM actions: `GetSecretValue`, `PutSecretValue`, for sealing `CreateSecret` and `TagResource`, and `DescribeSecret` for a client secret that is
 * referenced, `ListSecrets` and `ListSecretVersionIds` for a list of connections.
 *
 * Beside {@link SecretStoreError}, calls reject with ConfigurationError on "AWS Credentials" where AWS does not accept the identity
 * or the instance does not let it be used.
 */
export function awsSecretsManager(options: AwsSecretsManagerOptions): SecretStore {
	const client = awsSecretsClient(options);
	const { kmsKeyId, tags: furtherTags } = options;

	return {
		kind: 'awsSecretsManager',
		versionsPerDay: VERSIONS_PER_DAY,

		async create(name: string, content: string, options: CreateOptions = {}) {
			requireFits(content, { action: 'CreateSecret', secretId: name });
			const { description, attempt = randomBytes(32).toString('hex') } = options;
			// What this package says of a secret is not to be replaced.
			const tags = Object.entries({ ...furtherTags, ...options.tags });
			const creating = client.create({
				Name: name,
				SecretString: content,
				ClientRequestToken: attempt,
				...(description !== undefined && { Description: description }),
				...(kmsKeyId !== undefined && { KmsKeyId: kmsKeyId }),
				...(tags.length > 0 && { Tags: tags.map(([Key, Value]) => ({ Key, Value })) }),
			});
			const { arn, versionId } = await orCreatedBefore(creating, { name, content, attempt });
			return { secretId: arn, versionId, content };
		},

		async read(secretId: string) {
			return readable(await client.get({ SecretId: secretId, VersionStage: 'AWSCURRENT' }));
		},

		describe: (secretId: string) => client.describe(secretId),

		list: (prefix: string, most: number) => client.list(prefix, most),

		async versionsLeft(secretId: string) {
			const times = await unless(['ACCESS_DENIED'], client.versionTimes(secretId));
			if (times === undefined) return undefined;
			const young = times.filter((time) => time > Date.now() - DAY_MS).length;
			return Math.max(0, VERSIONS_KEPT - young);
		},

		async previous(secretId: string, timeoutMs?: number) {
			const previous = await unless(
				['NOT_FOUND', 'ACCESS_DENIED', 'DECRYPTION_FAILED'],
				client.get({ SecretId: secretId, VersionStage: 'AWSPREVIOUS' }, timeoutMs),
			);
			return previous?.content === undefined ? undefined : readable(previous);
		},

		isOwn: isOwnVersionId,

		async write(secretId: string, content: string, expectedVersionId: string) {
			requireFits(content, { action: 'PutSecretValue', secretId });
			return await compareAndSwap(client, { secretId, content, expectedVersionId });
		},

		assertWritable: (version: SecretVersion) => assertWritable(client, version),
	};

	/**
	 * AWS ignores a CreateSecret that repeats name, ClientRequestToken and content. Should it be refused nonetheless because the name
	 * is taken, the current version tells whether this very attempt took it.
	 */
	async function orCreatedBefore(
		creating: Promise<AwsVersion>,
		{ name, content, attempt }: { name: string; content: string; attempt: string },
	): Promise<AwsVersion> {
		const created = await unless(['ALREADY_EXISTS'], creating);
		if (created) return created;
		const current = await unless(
			['NOT_FOUND', 'ACCESS_DENIED', 'DECRYPTION_FAILED'],
			client.get({ SecretId: name, VersionStage: 'AWSCURRENT' }),
		);
		if (current?.versionId === attempt && current.content === content) return current;
		return await creating;
	}
}

function requireFits(content: string, call: { action: string; secretId: string }): void {
	const bytes = Buffer.byteLength(content);
	if (bytes <= MAX_CONTENT_BYTES) return;
	throw new SecretStoreError(
		`${call.action} on ${call.secretId}: ${bytes} bytes are more than the ${MAX_CONTENT_BYTES} AWS Secrets Manager takes. Ask the provider for smaller tokens or less scope.`,
		{ code: 'TOO_LARGE', ...call },
	);
}

function readable({ arn, versionId, content }: AwsVersion): SecretVersion {
	if (content !== undefined) return { secretId: arn, versionId, content };
	throw new SecretStoreError(
		`GetSecretValue: ${arn} holds binary data instead of text. Store a text in it, or choose another secret.`,
		{ code: 'BUNDLE_INVALID', action: 'GetSecretValue', secretId: arn },
	);
}
