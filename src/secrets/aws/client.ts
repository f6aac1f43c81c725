import type * as Sdk from '@aws-sdk/client-secrets-manager';
import type {
	CreateSecretCommandInput,
	DescribeSecretCommandOutput,
	GetSecretValueCommandInput,
	ListSecretsCommandInput,
	ListSecretsCommandOutput,
	ListSecretVersionIdsCommandOutput,
	PutSecretValueCommandInput,
	SecretsManagerClient,
	SecretsManagerClientConfig,
} from '@aws-sdk/client-secrets-manager';

import { ConfigurationError, SecretStoreError } from '../../errors';
import { Concurrency, Rate } from '../../http/limiter';
import type { SecretDescription, SecretList } from '../store';
import {
	DEFAULT_TIMEOUTS,
	usesHostIdentity,
	type AwsCredentials,
	type AwsSecretsManagerOptions,
} from './connection';
import { awsFailure } from './failures';
import { CALLS_AT_ONCE, limited, WRITES } from './limits';
import { SdkTransport } from './sdkTransport';

type Credentials = NonNullable<SecretsManagerClientConfig['credentials']>;

/** Names the calls in CloudTrail. */
const ROLE_SESSION_NAME = 'n8n-vaulted-oauth2';
const MAX_ATTEMPTS = 3;

/** One version as AWS answers it. */
export interface AwsVersion {
	/** Full ARN of the secret. */
	readonly arn: string;
	readonly versionId: string;
	/** `undefined` where the value is binary, and in answers to writes. */
	readonly content: string | undefined;
	/** Staging labels, where the answer tells them. */
	readonly labels: readonly string[] | undefined;
	/** Milliseconds since the epoch, where the answer tells it. */
	readonly createdAt: number | undefined;
}

/** The actions the store needs. Every rejection is an error of this package. */
export interface AwsSecretsClient {
	/** GetSecretValue. `timeoutMs` replaces the time limit of the whole call. */
	get(query: GetSecretValueCommandInput, timeoutMs?: number): Promise<AwsVersion>;
	/** DescribeSecret. */
	describe(secretId: string): Promise<SecretDescription>;
	/** ListSecrets, page by page: secrets whose names begin with `prefix`, `most` of them. */
	list(prefix: string, most: number): Promise<SecretList>;
	/** ListSecretVersionIds: when each version that AWS keeps was made, in milliseconds since the epoch. */
	versionTimes(secretId: string): Promise<readonly number[]>;
	/** PutSecretValue. */
	put(version: PutSecretValueCommandInput): Promise<AwsVersion>;
	/** CreateSecret. */
	create(secret: CreateSecretCommandInput): Promise<AwsVersion>;
}

/**
 * Loads the SDK and makes its client on the first call, not before.
 *
 * At most 25 reads and 25 writes (PutSecretValue, CreateSecret) are under way at once. Writes start 25 times a second at most, after
 * up to 5 at once; repeats by the SDK do not count. Calls beyond that wait in order, and their time limits begin after the wait.
 */
export function awsSecretsClient(options: AwsSecretsManagerOptions): AwsSecretsClient {
	const timeouts = options.timeouts ?? DEFAULT_TIMEOUTS;
	const limits = { calls: new Concurrency(CALLS_AT_ONCE), writes: new Rate(WRITES) };
	let loading: Promise<{ sdk: typeof Sdk; client: SecretsManagerClient }> | undefined;

	const load = async () => {
		requirePermittedIdentity(options);
		loading ??= connect(options);
		try {
			return await loading;
		} catch (error) {
			loading = undefined;
			throw error;
		}
	};

	const sent = async <A>(
		action: string,
		secretId: string,
		send: (sdk: typeof Sdk, client: SecretsManagerClient) => Promise<A>,
	): Promise<A> => {
		try {
			const { sdk, client } = await load();
			const kind = READS.has(action) ? 'read' : 'write';
			return await limited(limits, kind, () => send(sdk, client));
		} catch (error) {
			const { region, endpoint } = options;
			throw awsFailure(error, { action, secretId, region, endpoint });
		}
	};

	/** @throws ConfigurationError `NOT_ALLOWED_BY_OPERATOR`, SecretStoreError */
	const arnOf = (ARN: string | undefined, call: { action: string; secretId: string }): string => {
		if (ARN === undefined) throw notSecretsManager(call);
		assertAccount(ARN, options.allowedAccounts);
		return ARN;
	};

	const call = async <A extends { readonly ARN?: string | undefined }>(
		action: string,
		secretId: string,
		send: (sdk: typeof Sdk, client: SecretsManagerClient) => Promise<A>,
	): Promise<A & { readonly ARN: string }> => {
		const answer = await sent(action, secretId, send);
		return { ...answer, ARN: arnOf(answer.ARN, { action, secretId }) };
	};

	const version = async (
		action: string,
		secretId: string,
		send: (sdk: typeof Sdk, client: SecretsManagerClient) => Promise<Answer>,
	): Promise<AwsVersion> => versionOf(await call(action, secretId, send), { action, secretId });

	return {
		get: (query, timeoutMs = timeouts.call) =>
			version('GetSecretValue', query.SecretId ?? '', (sdk, client) =>
				client.send(new sdk.GetSecretValueCommand(query), limit(timeoutMs)),
			),
		describe: async (secretId) => {
			const { ARN, Tags = [] } = await call<DescribeSecretCommandOutput>(
				'DescribeSecret',
				secretId,
				(sdk, client) =>
					client.send(new sdk.DescribeSecretCommand({ SecretId: secretId }), limit(timeouts.call)),
			);
			const tags = Tags.map(({ Key = '', Value = '' }) => [Key, Value] as const);
			return { secretId: ARN, tags: Object.fromEntries(tags) };
		},
		list: async (prefix, most) => {
			const asked = { action: 'ListSecrets', secretId: `${prefix}*` };
			const secretIds: string[] = [];
			let NextToken: string | undefined;
			for (let pages = 0; pages < MOST_PAGES; pages += 1) {
				const query = { ...namesBeginWith(prefix), ...(NextToken && { NextToken }) };
				const { SecretList = [], NextToken: next } = await sent<ListSecretsCommandOutput>(
					asked.action,
					asked.secretId,
					(sdk, client) => client.send(new sdk.ListSecretsCommand(query), limit(timeouts.call)),
				);
				// An emulator may filter otherwise, or not at all.
				const found = SecretList.filter(({ Name = '' }) => Name.startsWith(prefix));
				secretIds.push(...found.map(({ ARN }) => arnOf(ARN, asked)));
				NextToken = next;
				if (NextToken === undefined || secretIds.length > most) break;
			}
			const isCut = NextToken !== undefined || secretIds.length > most;
			return { secretIds: secretIds.slice(0, most), isCut };
		},
		versionTimes: async (secretId) => {
			const query = { SecretId: secretId, IncludeDeprecated: true, MaxResults: PAGE_SIZE };
			const { Versions = [] } = await call<ListSecretVersionIdsCommandOutput>(
				'ListSecretVersionIds',
				secretId,
				(sdk, client) =>
					client.send(new sdk.ListSecretVersionIdsCommand(query), limit(timeouts.call)),
			);
			return Versions.flatMap(({ CreatedDate }) => CreatedDate?.getTime() ?? []);
		},
		put: (content) =>
			version('PutSecretValue', content.SecretId ?? '', (sdk, client) =>
				client.send(new sdk.PutSecretValueCommand(content), limit(timeouts.call)),
			),
		create: (secret) =>
			version('CreateSecret', secret.Name ?? '', (sdk, client) =>
				client.send(new sdk.CreateSecretCommand(secret), limit(timeouts.call)),
			),
	};
}

const READS: ReadonlySet<string> = new Set([
	'GetSecretValue',
	'DescribeSecret',
	'ListSecrets',
	'ListSecretVersionIds',
]);
/** What AWS gives at most. */
const PAGE_SIZE = 100;
/** Pages may be emptier than asked for, so their number is limited as well. */
const MOST_PAGES = 200;

function namesBeginWith(prefix: string): ListSecretsCommandInput {
	return { Filters: [{ Key: 'name', Values: [prefix] }], MaxResults: PAGE_SIZE };
}

/** @throws ConfigurationError `NOT_ALLOWED_BY_OPERATOR` */
function assertAccount(arn: string, allowed: readonly string[] | undefined): void {
	const account = arn.split(':')[4] ?? '';
	if (allowed === undefined || allowed.includes(account)) return;
	throw new ConfigurationError(
		'AWS Credentials',
		`the operator of this n8n does not allow secrets of the AWS account ${account} (VAULTED_OAUTH2_ALLOWED_AWS_ACCOUNTS). Use an identity of another account, or have this one added to that setting.`,
		{ code: 'NOT_ALLOWED_BY_OPERATOR' },
	);
}

/** The SDK's own time limits end when the answer begins; this one ends a body that never does. */
function limit(timeoutMs: number): { abortSignal: AbortSignal } {
	return { abortSignal: AbortSignal.timeout(timeoutMs) };
}

function requirePermittedIdentity(options: AwsSecretsManagerOptions): void {
	if (options.systemCredentialsAllowed || !usesHostIdentity(options.credentials)) return;
	throw new ConfigurationError(
		'AWS Credentials',
		"This instance does not let credentials use the host's own AWS identity. Use an access key, or let the administrator of the instance set N8N_AWS_SYSTEM_CREDENTIALS_ACCESS_ENABLED to true.",
		{ code: 'AWS_HOST_IDENTITY_NOT_ALLOWED' },
	);
}

async function connect(
	options: AwsSecretsManagerOptions,
): Promise<{ sdk: typeof Sdk; client: SecretsManagerClient }> {
	const shared = {
		region: options.region,
		maxAttempts: MAX_ATTEMPTS,
		retryMode: 'standard',
		requestHandler: new SdkTransport(options.egress, options.timeouts ?? DEFAULT_TIMEOUTS),
	};
	const credentials = await credentialsOf(options, shared);
	const sdk = await import('@aws-sdk/client-secrets-manager');
	const client = new sdk.SecretsManagerClient({
		...shared,
		...(options.endpoint !== undefined && { endpoint: options.endpoint }),
		...(credentials && { credentials }),
	});
	return { sdk, client };
}

/** `undefined` lets the SDK use its default provider chain. */
async function credentialsOf(
	options: AwsSecretsManagerOptions,
	shared: Pick<SecretsManagerClientConfig, 'requestHandler' | 'maxAttempts'> & { region: string },
): Promise<Credentials | undefined> {
	const { credentials } = options;
	switch (credentials.kind) {
		case 'default':
			return undefined;
		case 'accessKey': {
			const { accessKeyId, secretAccessKey, sessionToken } = credentials;
			return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
		}
		case 'assumeRole':
			return await assumedRole(credentials, options, shared);
	}
}

async function assumedRole(
	{
		roleArn,
		externalId,
		sessionName = ROLE_SESSION_NAME,
		sourceIdentity,
		base,
	}: Extract<AwsCredentials, { kind: 'assumeRole' }>,
	{ region, endpoint }: AwsSecretsManagerOptions,
	shared: Pick<SecretsManagerClientConfig, 'requestHandler' | 'maxAttempts'> & { region: string },
): Promise<Credentials> {
	const { fromTemporaryCredentials } = await import('@aws-sdk/credential-providers');
	const stsEndpoint = endpoint !== undefined && isEmulator(endpoint) ? endpoint : undefined;
	const assume = fromTemporaryCredentials({
		...(base && { masterCredentials: base }),
		params: {
			RoleArn: roleArn,
			RoleSessionName: sessionName,
			...(externalId !== undefined && { ExternalId: externalId }),
			...(sourceIdentity !== undefined && { SourceIdentity: sourceIdentity }),
		},
		clientConfig: { ...shared, ...(stsEndpoint !== undefined && { endpoint: stsEndpoint }) },
	});
	return async (properties) => {
		try {
			return await assume(properties);
		} catch (error) {
			// Told apart here: later it would look like a refusal of the action on the secret.
			throw awsFailure(error, {
				action: 'AssumeRole',
				secretId: roleArn,
				region,
				endpoint: stsEndpoint,
			});
		}
	};
}

/** An emulator answers for STS too; a VPC endpoint of AWS answers for Secrets Manager only. */
function isEmulator(endpoint: string): boolean {
	const host = URL.canParse(endpoint) ? new URL(endpoint).hostname : '';
	return !/(^|\.)(amazonaws\.com(\.cn)?|api\.aws|amazonwebservices\.com\.cn)$/.test(host);
}

interface Answer {
	readonly ARN?: string | undefined;
	readonly VersionId?: string | undefined;
	readonly SecretString?: string | undefined;
	readonly VersionStages?: readonly string[] | undefined;
	readonly CreatedDate?: Date | undefined;
}

function notSecretsManager(call: { action: string; secretId: string }): SecretStoreError {
	return new SecretStoreError(
		`${call.action} on ${call.secretId}: the answer names no secret or no version. What answered is not AWS Secrets Manager; check AWS Endpoint.`,
		{ code: 'INVALID_REQUEST', ...call },
	);
}

function versionOf(
	answer: Answer & { readonly ARN: string },
	call: { action: string; secretId: string },
): AwsVersion {
	if (answer.VersionId === undefined) throw notSecretsManager(call);
	return {
		arn: answer.ARN,
		versionId: answer.VersionId,
		content: answer.SecretString,
		labels: answer.VersionStages,
		createdAt: answer.CreatedDate?.getTime(),
	};
}
