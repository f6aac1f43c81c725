import type * as Sdk from '@aws-sdk/client-secrets-manager';

import './nodeErrors';
import {
	startSecretsManagerServer,
	TEST_IDENTITY,
	type SecretsManagerServer,
	type SecretsManagerServerOptions,
} from './secretsManagerServer';

const HOUR_MS = 3_600_000;
const NAME = 'n8n/vaulted-oauth2/crm-a1b2c3';
const TOKEN_A = 'a'.repeat(64);
const TOKEN_B = 'b'.repeat(64);

let sdk: typeof Sdk;
let server: SecretsManagerServer;
let client: Sdk.SecretsManagerClient;
let clock: number;

beforeAll(async () => {
	sdk = await import('@aws-sdk/client-secrets-manager');
});

async function start(options: SecretsManagerServerOptions = {}): Promise<void> {
	clock = Date.now();
	server = await startSecretsManagerServer({ now: () => clock, ...options });
	client = clientOf(TEST_IDENTITY);
}

function clientOf(
	credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string },
	region = 'eu-central-1',
): Sdk.SecretsManagerClient {
	return new sdk.SecretsManagerClient({
		region,
		endpoint: server.url,
		credentials,
		maxAttempts: 1,
	});
}

beforeEach(() => start());

afterEach(async () => {
	client.destroy();
	await server.close();
});

const create = (value: string | undefined = 'v0') =>
	client.send(new sdk.CreateSecretCommand({ Name: NAME, ...(value && { SecretString: value }) }));
const put = (value: string, token?: string, stages?: string[]) =>
	client.send(
		new sdk.PutSecretValueCommand({
			SecretId: NAME,
			SecretString: value,
			...(token && { ClientRequestToken: token }),
			...(stages && { VersionStages: stages }),
		}),
	);
const get = (query: Partial<Sdk.GetSecretValueCommandInput> = {}) =>
	client.send(new sdk.GetSecretValueCommand({ SecretId: NAME, ...query }));
const moveLabel = (label: string, from: string | undefined, to: string | undefined) =>
	client.send(
		new sdk.UpdateSecretVersionStageCommand({
			SecretId: NAME,
			VersionStage: label,
			...(from && { RemoveFromVersionId: from }),
			...(to && { MoveToVersionId: to }),
		}),
	);
const describeSecret = () => client.send(new sdk.DescribeSecretCommand({ SecretId: NAME }));

describe('CreateSecret and GetSecretValue', () => {
	it('finds a secret by name, by full ARN with a random suffix, and by partial ARN', async () => {
		const { ARN = '' } = await create();

		expect(ARN).toMatch(
			/^arn:aws:secretsmanager:eu-central-1:123456789012:secret:n8n\/vaulted-oauth2\/crm-a1b2c3-[A-Za-z0-9]{6}$/,
		);
		for (const SecretId of [NAME, ARN, ARN.slice(0, -7)]) {
			expect(await get({ SecretId })).toMatchObject({
				ARN,
				Name: NAME,
				SecretString: 'v0',
				VersionStages: ['AWSCURRENT'],
			});
		}
	});

	it('keeps description, key and tags', async () => {
		await client.send(
			new sdk.CreateSecretCommand({
				Name: NAME,
				SecretString: 'v0',
				Description: 'CRM',
				KmsKeyId: 'alias/crm',
				Tags: [{ Key: 'tenant', Value: 'a' }],
			}),
		);
		await client.send(
			new sdk.TagResourceCommand({ SecretId: NAME, Tags: [{ Key: 'more', Value: 'b' }] }),
		);

		expect(await describeSecret()).toMatchObject({
			Description: 'CRM',
			KmsKeyId: 'alias/crm',
			Tags: [
				{ Key: 'tenant', Value: 'a' },
				{ Key: 'more', Value: 'b' },
			],
		});
	});

	it('answers ResourceExistsException for a taken name, and success for a repeat with the same token', async () => {
		const first = await client.send(
			new sdk.CreateSecretCommand({ Name: NAME, SecretString: 'v0', ClientRequestToken: TOKEN_A }),
		);
		const again = await client.send(
			new sdk.CreateSecretCommand({ Name: NAME, SecretString: 'v0', ClientRequestToken: TOKEN_A }),
		);

		expect(again).toMatchObject({ ARN: first.ARN, VersionId: TOKEN_A });
		await expect(create('v0')).rejects.toMatchObject({
			name: 'ResourceExistsException',
			message: `The operation failed because the secret ${NAME} already exists.`,
			$metadata: { httpStatusCode: 400 },
		});
	});

	it('has no value until one is put', async () => {
		await client.send(new sdk.CreateSecretCommand({ Name: NAME }));

		await expect(get()).rejects.toMatchObject({
			name: 'ResourceNotFoundException',
			message:
				"Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
		});
		await put('v1', TOKEN_A, ['mine']);
		expect((await get()).VersionStages).toEqual(expect.arrayContaining(['mine', 'AWSCURRENT']));
	});

	it('keeps binary values', async () => {
		await client.send(
			new sdk.CreateSecretCommand({ Name: NAME, SecretBinary: Buffer.from([1, 2, 255]) }),
		);

		const { SecretBinary, SecretString } = await get();
		expect(SecretString).toBeUndefined();
		expect([...(SecretBinary ?? [])]).toEqual([1, 2, 255]);
	});

	it('answers ResourceNotFoundException for an unknown secret', async () => {
		await expect(get()).rejects.toMatchObject({
			name: 'ResourceNotFoundException',
			message: "Secrets Manager can't find the specified secret.",
		});
	});

	it('refuses a VersionId that does not carry the VersionStage', async () => {
		const { VersionId } = await create();
		await put('v1');

		expect(await get({ VersionId, VersionStage: 'AWSPREVIOUS' })).toMatchObject({ VersionId });
		await expect(get({ VersionId, VersionStage: 'AWSCURRENT' })).rejects.toMatchObject({
			name: 'InvalidRequestException',
		});
		await expect(get({ VersionId: TOKEN_B })).rejects.toMatchObject({
			name: 'ResourceNotFoundException',
			message: `Secrets Manager can't find the specified secret value for VersionId: ${TOKEN_B}`,
		});
	});

	it('takes 65,536 bytes and refuses one more', async () => {
		await create('x'.repeat(65_536));

		await expect(put('ü'.repeat(32_768) + 'x')).rejects.toMatchObject({
			name: 'ValidationException',
		});
	});
});

describe('PutSecretValue', () => {
	it('takes the token as version id and moves AWSCURRENT and AWSPREVIOUS', async () => {
		const { VersionId = '' } = await create();

		expect(await put('v1', TOKEN_A)).toMatchObject({
			VersionId: TOKEN_A,
			VersionStages: ['AWSCURRENT'],
		});
		expect((await describeSecret()).VersionIdsToStages).toEqual({
			[VersionId]: ['AWSPREVIOUS'],
			[TOKEN_A]: ['AWSCURRENT'],
		});
		await put('v2', TOKEN_B);
		expect((await describeSecret()).VersionIdsToStages).toEqual({
			[TOKEN_A]: ['AWSPREVIOUS'],
			[TOKEN_B]: ['AWSCURRENT'],
		});
	});

	it('ignores a repeat with the same content, wherever AWSCURRENT is by then', async () => {
		await create();
		await put('v1', TOKEN_A);
		await put('v2', TOKEN_B);

		expect(await put('v1', TOKEN_A)).toMatchObject({ VersionId: TOKEN_A });
		expect((await get()).SecretString).toBe('v2');
	});

	it('ignores a repeat of the current version even at the quota, but not from whoever may not put', async () => {
		await server.close();
		await start({ versionQuota: 2 });
		await create();
		await put('v1', TOKEN_A);
		const before = server.secret(NAME);

		expect(await put('v1', TOKEN_A)).toMatchObject({ VersionStages: ['AWSCURRENT'] });
		server.deny(TEST_IDENTITY.accessKeyId, 'PutSecretValue');
		await expect(put('v1', TOKEN_A)).rejects.toMatchObject({ name: 'AccessDeniedException' });
		expect(server.secret(NAME)).toEqual(before);
	});

	it('answers ResourceExistsException for the same token with other content', async () => {
		await create();
		await put('v1', TOKEN_A);

		await expect(put('other', TOKEN_A)).rejects.toMatchObject({ name: 'ResourceExistsException' });
		expect((await get()).SecretString).toBe('v1');
	});

	it.each([31, 65])('refuses a token of %i characters', async (length) => {
		await create();

		await expect(put('v1', 'a'.repeat(length))).rejects.toMatchObject({
			name: 'InvalidParameterException',
		});
	});

	it('leaves AWSCURRENT where it is when only other labels are asked for', async () => {
		await create();
		await put('lease', TOKEN_A, ['lease']);

		expect((await get()).SecretString).toBe('v0');
		expect((await get({ VersionStage: 'lease' })).SecretString).toBe('lease');
		await put('lease 2', TOKEN_B, ['lease']);
		expect((await get({ VersionStage: 'lease' })).SecretString).toBe('lease 2');
		expect((await get({ VersionId: TOKEN_A })).VersionStages).toEqual([]);
	});
});

describe('UpdateSecretVersionStage', () => {
	it('moves AWSCURRENT where RemoveFromVersionId matches, and AWSPREVIOUS to where it was', async () => {
		const { VersionId = '' } = await create();
		await put('v1', TOKEN_A);

		await moveLabel('AWSCURRENT', TOKEN_A, VersionId);

		expect((await describeSecret()).VersionIdsToStages).toEqual({
			[VersionId]: ['AWSCURRENT'],
			[TOKEN_A]: ['AWSPREVIOUS'],
		});
	});

	it('refuses to move a label from a version that does not carry it', async () => {
		const { VersionId = '' } = await create();
		await put('v1', TOKEN_A);

		for (const from of [undefined, VersionId]) {
			await expect(moveLabel('AWSCURRENT', from, VersionId)).rejects.toMatchObject({
				name: 'InvalidParameterException',
			});
		}
		await expect(moveLabel('AWSCURRENT', TOKEN_A, undefined)).rejects.toMatchObject({
			name: 'InvalidParameterException',
		});
		expect((await get()).VersionId).toBe(TOKEN_A);
	});

	it('attaches and removes labels of one’s own', async () => {
		const { VersionId = '' } = await create();

		await moveLabel('mine', undefined, VersionId);
		expect((await get()).VersionStages).toContain('mine');
		await moveLabel('mine', VersionId, undefined);
		expect((await get()).VersionStages).not.toContain('mine');
	});
});

describe('versions', () => {
	it('reaches the quota within 24 hours; later the oldest versions without labels make room', async () => {
		await server.close();
		await start({ versionQuota: 4 });
		const { VersionId = '' } = await create();
		await moveLabel('keep', undefined, VersionId);
		for (const value of ['v1', 'v2', 'v3']) await put(value);
		const before = server.secret(NAME)?.versions.map(({ content }) => content);
		expect(before).toEqual(['v0', 'v1', 'v2', 'v3']);

		clock += 24 * HOUR_MS;
		await expect(put('v4')).rejects.toMatchObject({ name: 'LimitExceededException' });
		clock += 1;
		await put('v4');

		const after = server.secret(NAME)?.versions.map(({ content }) => content);
		expect(after).toEqual(['v0', 'v2', 'v3', 'v4']);
	});

	it('lists versions, those without labels only on request', async () => {
		await create();
		await put('v1', TOKEN_A);
		await put('v2', TOKEN_B);
		const list = async (IncludeDeprecated: boolean) =>
			(
				await client.send(
					new sdk.ListSecretVersionIdsCommand({ SecretId: NAME, IncludeDeprecated }),
				)
			).Versions?.length;

		expect(await list(false)).toBe(2);
		expect(await list(true)).toBe(3);
	});
});

describe('DeleteSecret and RestoreSecret', () => {
	it('keeps a deleted secret unreadable and its name taken until it is restored', async () => {
		await create();
		await client.send(new sdk.DeleteSecretCommand({ SecretId: NAME, RecoveryWindowInDays: 7 }));

		for (const refused of [() => get(), () => put('v1'), () => create()]) {
			await expect(refused()).rejects.toMatchObject({ name: 'InvalidRequestException' });
		}
		expect((await describeSecret()).DeletedDate).toBeInstanceOf(Date);
		expect((await client.send(new sdk.ListSecretsCommand({}))).SecretList).toEqual([]);

		await client.send(new sdk.RestoreSecretCommand({ SecretId: NAME }));
		expect((await get()).SecretString).toBe('v0');
	});

	it('is gone after the recovery window, or at once when forced', async () => {
		await create();
		await client.send(new sdk.DeleteSecretCommand({ SecretId: NAME, RecoveryWindowInDays: 7 }));
		clock += 7 * 24 * HOUR_MS;
		await expect(get()).rejects.toMatchObject({ name: 'ResourceNotFoundException' });

		await create('again');
		await client.send(
			new sdk.DeleteSecretCommand({ SecretId: NAME, ForceDeleteWithoutRecovery: true }),
		);
		await expect(get()).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
	});
});

it('lists secrets by name prefix, page by page', async () => {
	for (const Name of ['a/1', 'a/2', 'b/1'])
		await client.send(new sdk.CreateSecretCommand({ Name }));
	const Filters: Sdk.Filter[] = [{ Key: 'name', Values: ['a/'] }];

	const first = await client.send(new sdk.ListSecretsCommand({ Filters, MaxResults: 1 }));
	const second = await client.send(
		new sdk.ListSecretsCommand({ Filters, MaxResults: 1, NextToken: first.NextToken }),
	);

	expect([first, second].map(({ SecretList }) => SecretList?.[0]?.Name)).toEqual(['a/1', 'a/2']);
	expect(second.NextToken).toBeUndefined();
});

describe('callers', () => {
	const attempt = async (
		credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string },
		region?: string,
	): Promise<unknown> => {
		const caller = clientOf(credentials, region);
		try {
			return await caller.send(new sdk.ListSecretsCommand({}));
		} finally {
			caller.destroy();
		}
	};

	it('knows only its access keys, with their secrets, in its region', async () => {
		await expect(attempt({ accessKeyId: 'unknown', secretAccessKey: 'x' })).rejects.toMatchObject({
			name: 'UnrecognizedClientException',
			message: 'The security token included in the request is invalid.',
		});
		await expect(
			attempt({ ...TEST_IDENTITY, secretAccessKey: 'another-secret' }),
		).rejects.toMatchObject({ name: 'InvalidSignatureException' });
		await expect(attempt(TEST_IDENTITY, 'us-east-1')).rejects.toMatchObject({
			name: 'InvalidSignatureException',
		});
		const unsigned = await fetch(server.url, {
			method: 'POST',
			headers: { 'x-amz-target': 'secretsmanager.ListSecrets' },
			body: '{}',
		});
		expect([unsigned.status, unsigned.headers.get('x-amzn-errortype')]).toEqual([
			400,
			'MissingAuthenticationTokenException',
		]);
	});

	it('denies actions in the words of AWS', async () => {
		const { ARN } = await create();
		server.deny(TEST_IDENTITY.accessKeyId, 'GetSecretValue');

		await expect(get()).rejects.toMatchObject({
			name: 'AccessDeniedException',
			message: `User: ${TEST_IDENTITY.arn} is not authorized to perform: secretsmanager:GetSecretValue on resource: ${ARN} because no identity-based policy allows the secretsmanager:GetSecretValue action`,
		});
		server.allow(TEST_IDENTITY.accessKeyId, 'GetSecretValue');
		expect((await get()).SecretString).toBe('v0');
	});

	it('needs TagResource to create a secret with tags', async () => {
		server.deny(TEST_IDENTITY.accessKeyId, 'TagResource');

		await expect(
			client.send(
				new sdk.CreateSecretCommand({ Name: NAME, Tags: [{ Key: 'tenant', Value: 'a' }] }),
			),
		).rejects.toMatchObject({ name: 'AccessDeniedException' });
		expect(server.secret(NAME)).toBeUndefined();
	});

	it('gives temporary keys for a role, which expire', async () => {
		const arn = 'arn:aws:iam::123456789012:role/vault';
		await server.close();
		await start({ roles: [{ arn, externalId: 'n8n' }] });
		const { fromTemporaryCredentials } = await import('@aws-sdk/credential-providers');
		const assume = (ExternalId: string) =>
			fromTemporaryCredentials({
				masterCredentials: TEST_IDENTITY,
				params: { RoleArn: arn, RoleSessionName: 'session', ExternalId },
				clientConfig: { region: 'eu-central-1', endpoint: server.url, maxAttempts: 1 },
			})();

		await expect(assume('other')).rejects.toMatchObject({
			name: 'AccessDenied',
			message: `User: ${TEST_IDENTITY.arn} is not authorized to perform: sts:AssumeRole on resource: ${arn}`,
		});
		const temporary = await assume('n8n');
		await attempt(temporary);
		const { sessionToken, ...withoutToken } = temporary;
		expect(sessionToken).toBeDefined();
		await expect(attempt(withoutToken)).rejects.toMatchObject({
			name: 'UnrecognizedClientException',
		});
		clock += HOUR_MS;
		await expect(attempt(temporary)).rejects.toMatchObject({ name: 'ExpiredTokenException' });
	});
});

describe('faults and inspection', () => {
	it.each([
		['throttling', { name: 'ThrottlingException', message: 'Rate exceeded' }],
		['kmsAccessDenied', { name: 'AccessDeniedException', message: 'Access to KMS is not allowed' }],
		['decryptionFailure', { name: 'DecryptionFailure' }],
		['nameTaken', { name: 'ResourceExistsException' }],
		['internalError', { name: 'InternalServiceError', $metadata: { httpStatusCode: 500 } }],
		['connectionReset', { code: 'ECONNRESET' }],
	] as const)('fails by %s as often as asked, for that action', async (kind, expected) => {
		await create();
		server.fail({ action: 'GetSecretValue', kind, times: 2, after: 1 });

		await get();
		await expect(get()).rejects.toMatchObject(expected);
		await describeSecret();
		await expect(get()).rejects.toMatchObject(expected);
		expect((await get()).SecretString).toBe('v0');
	});

	it('loses the answer of a call that was performed', async () => {
		await create();
		server.fail({ action: 'PutSecretValue', kind: 'answerLost' });

		await expect(put('v1', TOKEN_A)).rejects.toMatchObject({ code: 'ECONNRESET' });
		expect(server.secret(NAME)?.content).toBe('v1');
	});

	it('loses the answer of a secret that was created, and ignores the repeat', async () => {
		server.fail({ action: 'CreateSecret', kind: 'answerLost' });
		const createOnce = () =>
			client.send(
				new sdk.CreateSecretCommand({
					Name: NAME,
					SecretString: 'v0',
					ClientRequestToken: TOKEN_A,
				}),
			);

		await expect(createOnce()).rejects.toMatchObject({ code: 'ECONNRESET' });
		expect(await createOnce()).toMatchObject({ VersionId: TOKEN_A });
		expect(server.secrets()).toMatchObject([{ versions: [{ id: TOKEN_A, content: 'v0' }] }]);
	});

	it('never answers a call that hangs', async () => {
		await create();
		server.fail({ action: 'GetSecretValue', kind: 'hang' });
		const abort = new AbortController();

		const answer = client.send(new sdk.GetSecretValueCommand({ SecretId: NAME }), {
			abortSignal: abort.signal,
		});
		while (server.calls.length < 2) await new Promise(setImmediate);
		abort.abort();

		await expect(answer).rejects.toMatchObject({ name: 'AbortError' });
	});

	it('answers stale reads as before AWSCURRENT last moved', async () => {
		const { VersionId } = await create();
		await put('v1', TOKEN_A);
		server.fail({ action: 'GetSecretValue', kind: 'stale', times: 3 });

		expect(await get()).toMatchObject({ VersionId, VersionStages: ['AWSCURRENT'] });
		await expect(get({ VersionId: TOKEN_A })).rejects.toMatchObject({
			name: 'ResourceNotFoundException',
		});
		await expect(get({ VersionStage: 'AWSPREVIOUS' })).rejects.toMatchObject({
			name: 'ResourceNotFoundException',
		});
		expect((await get()).VersionId).toBe(TOKEN_A);
	});

	it('runs a callback just before an action, once', async () => {
		await create();
		server.beforeNext('GetSecretValue', () => {
			server.perform('PutSecretValue', { SecretId: NAME, SecretString: 'by hand' });
		});

		expect((await get()).SecretString).toBe('by hand');
		await put('v2');
		expect((await get()).SecretString).toBe('v2');
	});

	it('records calls without content', async () => {
		await create('very-secret');
		await put('very-secret-too', TOKEN_A);

		expect(
			server.calls.map(({ action, secretId, accessKeyId }) => [action, secretId, accessKeyId]),
		).toEqual([
			['CreateSecret', NAME, TEST_IDENTITY.accessKeyId],
			['PutSecretValue', NAME, TEST_IDENTITY.accessKeyId],
		]);
		expect(server.calls[1]?.clientRequestToken).toBe(TOKEN_A);
		expect(JSON.stringify(server.calls)).not.toContain('very-secret');
	});
});
