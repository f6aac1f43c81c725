import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import { ConfigurationError, SecretStoreError } from '../../src/errors';
import type { AwsCredentials } from '../../src/secrets/awsSecretsManager';
import type { SecretStore, SecretVersion } from '../../src/secrets/store';
import { describeSecretStore } from '../contracts/secretStore';
import {
	accessKey,
	failLookups,
	rejectionOf,
	startAwsTestBed,
	type AwsTestBed,
} from '../support/awsStore';
import { listenOnLoopback } from '../support/loopback';
import { AwsError } from '../support/secretsManager/awsError';
import { TEST_IDENTITY, type SecretsManagerServerOptions } from '../support/secretsManagerServer';

const NAME = 'n8n/vaulted-oauth2/tenant-a/crm-a1b2c3';
const ROLE = 'arn:aws:iam::123456789012:role/vault';

let bed: AwsTestBed;

beforeEach(async () => {
	bed = await startAwsTestBed();
});

afterEach(async () => {
	await bed.close();
});

async function restart(options: SecretsManagerServerOptions): Promise<void> {
	await bed.close();
	bed = await startAwsTestBed(options);
}

describeSecretStore('AWS Secrets Manager', async () => {
	const { open, close } = await startAwsTestBed();
	return { store: open(), secondClient: open(), close };
});

it('states how many versions a day AWS takes', () => {
	expect(bed.open()).toMatchObject({ kind: 'awsSecretsManager', versionsPerDay: 96 });
});

it('loads the AWS SDK on the first call, not before', () => {
	const script = `
		const swc = require('@swc/core');
		require.extensions['.ts'] = (module, file) => module._compile(swc.transformFileSync(file, {
			jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
			module: { type: 'commonjs', ignoreDynamic: true },
		}).code, file);
		const { awsSecretsManager } = require('./src/secrets/awsSecretsManager.ts');
		const loaded = () => Object.keys(require.cache).some((file) => /@(aws-sdk|smithy)/.test(file));
		const store = awsSecretsManager({
			region: 'eu-central-1', endpoint: 'http://127.0.0.1:9', systemCredentialsAllowed: false,
			credentials: { kind: 'accessKey', accessKeyId: 'a', secretAccessKey: 'b' },
			egress: { open: () => Promise.reject(new Error('no network here')) },
		});
		const before = loaded();
		store.read('x').catch(() => undefined).then(() => console.log(JSON.stringify([before, loaded()])));
	`;
	const output = execFileSync(process.execPath, ['--no-warnings', '-e', script], {
		cwd: join(__dirname, '../..'),
		encoding: 'utf8',
	});

	expect(JSON.parse(output)).toEqual([false, true]);
});

describe('create', () => {
	it('keeps description and tags', async () => {
		await bed.open().create(NAME, '{}', { description: 'CRM', tags: { tenant: 'a', by: 'n8n' } });

		expect(bed.server.secret(NAME)).toMatchObject({
			description: 'CRM',
			tags: { tenant: 'a', by: 'n8n' },
			content: '{}',
		});
	});

	it('gives the secret the key and the tags of the form, which replace none of this package’s own', async () => {
		const store = bed.open({
			kmsKeyId: 'alias/n8n-secrets',
			tags: { team: 'crm', 'managed-by': 'someone' },
		});
		await store.create(NAME, '{}', { tags: { 'managed-by': 'n8n-nodes-vaulted-oauth2' } });

		expect(bed.server.secret(NAME)).toMatchObject({
			kmsKeyId: 'alias/n8n-secrets',
			tags: { team: 'crm', 'managed-by': 'n8n-nodes-vaulted-oauth2' },
		});
	});

	it('names the fields that AWS may have refused', async () => {
		bed.server.beforeNext('CreateSecret', () => {
			throw new AwsError('InvalidRequestException', 'The KMS key is not one.');
		});

		const error = await rejectionOf(bed.open().create(NAME, '{}'), SecretStoreError);

		expect(error.message).toContain('AWS KMS Key, AWS Tags');
	});

	it('succeeds although the first answer was lost', async () => {
		bed.server.fail({ action: 'CreateSecret', kind: 'answerLost' });

		const created = await bed.open().create(NAME, '{"a":1}');

		expect(created).toEqual(await bed.open().read(NAME));
		expect(bed.server.calls.map(({ action }) => action)).toEqual([
			'CreateSecret',
			'CreateSecret',
			'GetSecretValue',
		]);
	});
});

describe('an attempt to create a secret', () => {
	const attempt = 'a1'.repeat(32);

	it('is AWS’s ClientRequestToken, which becomes the version id; one of our own if the caller names none', async () => {
		const named = await bed.open().create(NAME, '{}', { attempt });
		const unnamed = await bed.open().create(`${NAME}-2`, '{}');

		expect(named.versionId).toBe(attempt);
		expect(unnamed.versionId).toMatch(/^[0-9a-f]{64}$/);
		expect(bed.server.calls.map(({ clientRequestToken }) => clientRequestToken)).toEqual([
			attempt,
			unnamed.versionId,
		]);
	});

	it('is found again after every answer was lost, by another process too', async () => {
		bed.server.fail({ action: 'CreateSecret', kind: 'answerLost', times: 3 });
		const lost = bed.open().create(NAME, '{"a":1}', { attempt });
		expect((await rejectionOf(lost, SecretStoreError)).code).toBe('UNREACHABLE');

		const created = await bed.open().create(NAME, '{"a":1}', { attempt });

		expect(created).toEqual(await bed.open().read(NAME));
		expect(bed.server.secrets()).toMatchObject([{ versions: [{ id: attempt }] }]);
	});

	describe('if AWS does not ignore the repeat', () => {
		beforeEach(() => {
			bed.server.fail({ action: 'CreateSecret', kind: 'answerLost' });
			bed.server.fail({ action: 'CreateSecret', kind: 'nameTaken' });
		});

		it('is found by its version id and content', async () => {
			const created = await bed.open().create(NAME, '{"a":1}', { attempt });

			expect(created).toEqual(await bed.open().read(NAME));
			expect(created.versionId).toBe(attempt);
		});

		it('is not taken for another one', async () => {
			await bed.open().create(NAME, '{"a":1}', { attempt: 'b2'.repeat(32) });
			bed.server.fail({ action: 'CreateSecret', kind: 'nameTaken' });

			const error = await rejectionOf(
				bed.open().create(NAME, '{"a":1}', { attempt }),
				SecretStoreError,
			);

			expect(error).toMatchObject({ code: 'ALREADY_EXISTS', action: 'CreateSecret' });
		});

		it('counts as a taken name to whoever may create and not read', async () => {
			bed.server.deny(TEST_IDENTITY.accessKeyId, 'GetSecretValue');

			const error = await rejectionOf(
				bed.open().create(NAME, '{"a":1}', { attempt }),
				SecretStoreError,
			);

			expect(error).toMatchObject({ code: 'ALREADY_EXISTS', action: 'CreateSecret' });
		});

		it('stays unknown while the current version cannot be read', async () => {
			bed.server.fail({ action: 'GetSecretValue', kind: 'throttling', times: 3 });

			const error = await rejectionOf(
				bed.open().create(NAME, '{"a":1}', { attempt }),
				SecretStoreError,
			);

			expect(error).toMatchObject({ code: 'THROTTLED', temporary: true });
		});
	});
});

describe('the tags of a secret', () => {
	it('are those AWS has now, by one DescribeSecret', async () => {
		const store = bed.open();
		const { secretId } = await store.create(NAME, '{}', { tags: { a: '1' } });
		bed.server.perform('TagResource', { SecretId: NAME, Tags: [{ Key: 'b', Value: '2' }] });

		expect(await store.describe(NAME)).toEqual({ secretId, tags: { a: '1', b: '2' } });
		expect(bed.server.calls.map(({ action }) => action)).toEqual([
			'CreateSecret',
			'DescribeSecret',
		]);
	});
});

describe('the accounts that the operator allows', () => {
	it('are asserted by the ARN that AWS answers, for every action', async () => {
		const { secretId, versionId } = await bed.open().create(NAME, '{}');
		const elsewhere = bed.open({ allowedAccounts: ['999999999999'] });
		const here = bed.open({ allowedAccounts: ['999999999999', '123456789012'] });

		for (const call of [
			elsewhere.read(secretId),
			elsewhere.describe(secretId),
			elsewhere.create(`${NAME}-2`, '{}'),
			elsewhere.write(secretId, '{"n":1}', versionId),
		]) {
			expect(await rejectionOf(call, ConfigurationError)).toMatchObject({
				code: 'NOT_ALLOWED_BY_OPERATOR',
				field: 'AWS Credentials',
			});
		}
		await expect(here.read(secretId)).resolves.toMatchObject({ content: '{}' });
	});
});

describe('the version before the current one', () => {
	let store: SecretStore;
	let created: SecretVersion;

	beforeEach(async () => {
		store = bed.open();
		created = await store.create(NAME, '{"n":0}');
	});

	const editByHand = (value: Record<string, string>) =>
		String(bed.server.perform('PutSecretValue', { SecretId: NAME, ...value })['VersionId']);

	it('is AWSPREVIOUS, and no own version if an administrator wrote it', async () => {
		const edit = editByHand({ SecretString: '{"by":"hand"}' });
		expect(await store.previous(created.secretId)).toEqual(created);

		await store.write(NAME, '{"n":1}', edit);
		expect(await store.previous(NAME)).toEqual({
			secretId: created.secretId,
			versionId: edit,
			content: '{"by":"hand"}',
		});
		expect([created.versionId, edit].map((each) => store.isOwn(each))).toEqual([true, false]);
	});

	it.each([
		['it may not be read', () => bed.server.deny(TEST_IDENTITY.accessKeyId, 'GetSecretValue')],
		['KMS denies it', () => bed.server.fail({ action: '*', kind: 'kmsAccessDenied' })],
		['it cannot be decrypted', () => bed.server.fail({ action: '*', kind: 'decryptionFailure' })],
	])('is nothing if %s', async (_, breakIt) => {
		editByHand({ SecretString: '{"by":"hand"}' });
		breakIt();

		expect(await store.previous(NAME)).toBeUndefined();
	});

	it('is nothing if it is binary', async () => {
		const edit = editByHand({ SecretBinary: 'AAEC' });
		await store.write(NAME, '{"n":1}', edit);

		expect(await store.previous(NAME)).toBeUndefined();
	});

	it('is an error if AWS cannot tell now', async () => {
		bed.server.fail({ action: 'GetSecretValue', kind: 'internalError', times: 3 });

		const error = await rejectionOf(store.previous(NAME), SecretStoreError);

		expect(error).toMatchObject({ code: 'UNAVAILABLE', temporary: true });
	});

	it('is waited for no longer than asked', async () => {
		bed.server.fail({ action: 'GetSecretValue', kind: 'hang' });

		const error = await rejectionOf(store.previous(NAME, 50), SecretStoreError);

		expect(error).toMatchObject({ code: 'UNREACHABLE', temporary: true });
	});
});

describe('identity', () => {
	const environment = { ...process.env };

	beforeEach(() => {
		bed.server.perform('CreateSecret', { Name: NAME, SecretString: '{"a":1}' });
		for (const name of Object.keys(process.env)) {
			if (name.startsWith('AWS_')) Reflect.deleteProperty(process.env, name);
		}
		process.env['AWS_SHARED_CREDENTIALS_FILE'] = '/nonexistent/credentials';
		process.env['AWS_CONFIG_FILE'] = '/nonexistent/config';
		process.env['AWS_EC2_METADATA_DISABLED'] = 'true';
	});

	afterEach(() => {
		process.env = { ...environment };
	});

	function giveHostAnIdentity(): void {
		process.env['AWS_ACCESS_KEY_ID'] = TEST_IDENTITY.accessKeyId;
		process.env['AWS_SECRET_ACCESS_KEY'] = TEST_IDENTITY.secretAccessKey;
	}

	/** As a program can tell it from a refused key: it may pass. */
	const noHostIdentity = { field: 'AWS Credentials', code: 'AWS_HOST_IDENTITY_UNAVAILABLE' };

	/** What the metadata service of EC2 answers: a session token, the name of the role, its keys. */
	function metadataAnswer(path: string): string {
		if (path.endsWith('/token')) return 'metadata-session';
		if (path.endsWith('/security-credentials/')) return 'role-of-the-host';
		return JSON.stringify({
			Code: 'Success',
			AccessKeyId: TEST_IDENTITY.accessKeyId,
			SecretAccessKey: TEST_IDENTITY.secretAccessKey,
			Token: 'session',
			Expiration: new Date(Date.now() + 3_600_000).toISOString(),
		});
	}

	const withBase: AwsCredentials = {
		kind: 'assumeRole',
		roleArn: ROLE,
		externalId: 'n8n',
		base: TEST_IDENTITY,
	};
	const withoutBase: AwsCredentials = { kind: 'assumeRole', roleArn: ROLE, externalId: 'n8n' };

	it('is an access key, with its session token where it has one', async () => {
		const temporary = { ...TEST_IDENTITY, accessKeyId: 'temporary', sessionToken: 'session' };
		bed.server.addIdentity(temporary);

		await bed.open({ credentials: accessKey(temporary) }).read(NAME);

		expect(bed.server.calls[0]?.accessKeyId).toBe('temporary');
	});

	it('is shown to CloudTrail by session name and source identity', async () => {
		await restart({ roles: [{ arn: ROLE, externalId: 'n8n' }] });
		bed.server.perform('CreateSecret', { Name: NAME, SecretString: '{"a":1}' });
		const credentials = { ...withBase, sessionName: 'n8n-acme', sourceIdentity: 'n8n@example.com' };

		await bed.open({ credentials }).read(NAME);

		expect(bed.server.calls[0]).toMatchObject({
			action: 'AssumeRole',
			roleSessionName: 'n8n-acme',
			sourceIdentity: 'n8n@example.com',
		});
	});

	it('is a role, assumed once by an access key with the external id', async () => {
		await restart({ roles: [{ arn: ROLE, externalId: 'n8n' }] });
		bed.server.perform('CreateSecret', { Name: NAME, SecretString: '{"a":1}' });
		const store = bed.open({ credentials: withBase });

		await store.read(NAME);
		await store.read(NAME);

		expect(bed.server.calls[0]).toMatchObject({
			roleSessionName: 'n8n-vaulted-oauth2',
			sourceIdentity: undefined,
		});
		expect(bed.server.calls.map(({ action, accessKeyId }) => [action, accessKeyId])).toEqual([
			['AssumeRole', TEST_IDENTITY.accessKeyId],
			['GetSecretValue', 'temporary-key-1'],
			['GetSecretValue', 'temporary-key-1'],
		]);
	});

	it.each([
		['default', { kind: 'default' } as const],
		['a role assumed by the host', withoutBase],
	])('is the host’s own where the instance allows it: %s', async (_, credentials) => {
		await restart({ roles: [{ arn: ROLE, externalId: 'n8n' }] });
		bed.server.perform('CreateSecret', { Name: NAME, SecretString: '{"a":1}' });
		giveHostAnIdentity();

		const store = bed.open({ credentials, systemCredentialsAllowed: true });

		expect((await store.read(NAME)).content).toBe('{"a":1}');
		expect(bed.server.calls[0]?.accessKeyId).toBe(TEST_IDENTITY.accessKeyId);
	});

	it.each([
		['default', { kind: 'default' } as const],
		['a role assumed by the host', withoutBase],
	])('is never the host’s own where the instance does not allow it: %s', async (_, credentials) => {
		giveHostAnIdentity();
		const store = bed.open({ credentials });

		for (const call of [
			() => store.read(NAME),
			() => store.create('other', '{}'),
			() => store.write(NAME, '{}', 'a'.repeat(36)),
		]) {
			const error = await rejectionOf(call(), ConfigurationError);
			expect(error).toMatchObject({
				field: 'AWS Credentials',
				code: 'AWS_HOST_IDENTITY_NOT_ALLOWED',
			});
			expect(error.message).toContain('N8N_AWS_SYSTEM_CREDENTIALS_ACCESS_ENABLED');
			expect(error.message).toContain('access key');
		}
		expect(bed.server.calls).toEqual([]);
	});

	it('ignores the host’s identity where an access key is given', async () => {
		process.env['AWS_ACCESS_KEY_ID'] = 'of-the-host';
		process.env['AWS_SECRET_ACCESS_KEY'] = 'of-the-host';
		process.env['AWS_SESSION_TOKEN'] = 'of-the-host';

		await bed.open({ systemCredentialsAllowed: true }).read(NAME);

		expect(bed.server.calls[0]?.accessKeyId).toBe(TEST_IDENTITY.accessKeyId);
	});

	it('is missed where the host has none', async () => {
		const store = bed.open({ credentials: { kind: 'default' }, systemCredentialsAllowed: true });

		const error = await rejectionOf(store.read(NAME), ConfigurationError);

		expect(error).toMatchObject(noHostIdentity);
		expect(error.message).toContain('The host has no AWS identity');
	});

	it.each([
		['answers with an error', { kind: 'default' } as const, 503],
		['answers with an error, and a role is to be assumed', withoutBase, 503],
		['cuts the connection', { kind: 'default' } as const, undefined],
	])(
		'is missed, and found again, while the host’s metadata service %s',
		async (_, credentials, status) => {
			await restart({ roles: [{ arn: ROLE, externalId: 'n8n' }] });
			bed.server.perform('CreateSecret', { Name: NAME, SecretString: '{"a":1}' });
			bed.server.addIdentity({ ...TEST_IDENTITY, sessionToken: 'session' });
			const metadata = await listenOnLoopback();
			let isBroken = true;
			metadata.serve((request, response) => {
				if (!isBroken) response.end(metadataAnswer(request.url ?? ''));
				else if (status === undefined) response.destroy();
				else response.writeHead(status).end();
			});
			Reflect.deleteProperty(process.env, 'AWS_EC2_METADATA_DISABLED');
			process.env['AWS_EC2_METADATA_SERVICE_ENDPOINT'] = metadata.origin;
			try {
				const store = bed.open({ credentials, systemCredentialsAllowed: true });

				expect(await rejectionOf(store.read(NAME), ConfigurationError)).toMatchObject(
					noHostIdentity,
				);
				isBroken = false;
				expect((await store.read(NAME)).content).toBe('{"a":1}');
			} finally {
				await metadata.close();
			}
		},
	);

	it.each([
		['unknown key', { accessKeyId: 'unknown' }, 'Check the access key id'],
		['wrong secret', { secretAccessKey: 'wrong' }, 'Check the secret access key'],
		['unknown session token', { sessionToken: 'wrong' }, 'the session token'],
	])('is refused as a matter of AWS Credentials: %s', async (_, wrong, text) => {
		const store = bed.open({ credentials: accessKey({ ...TEST_IDENTITY, ...wrong }) });

		const error = await rejectionOf(store.read(NAME), ConfigurationError);

		expect(error).toMatchObject({ field: 'AWS Credentials', code: 'AWS_CREDENTIALS_REFUSED' });
		expect(error.message).toContain(text);
	});

	it('is refused when its session token has expired', async () => {
		const expired = { ...TEST_IDENTITY, accessKeyId: 'old', sessionToken: 'old', expiresAt: 1 };
		bed.server.addIdentity(expired);

		const error = await rejectionOf(
			bed.open({ credentials: accessKey(expired) }).read(NAME),
			ConfigurationError,
		);

		expect(error.field).toBe('AWS Credentials');
		expect(error.message).toContain('has expired');
	});

	it('is refused in another region than the endpoint’s', async () => {
		const error = await rejectionOf(
			bed.open({ region: 'us-east-1' }).read(NAME),
			ConfigurationError,
		);

		expect(error.message).toContain('AWS Region');
	});

	it.each([
		['another external id', { ...withBase, externalId: 'other' }],
		['a role that does not trust the caller', { ...withBase, roleArn: `${ROLE}-other` }],
	])('names role and caller where AssumeRole is denied: %s', async (_, credentials) => {
		await restart({ roles: [{ arn: ROLE, externalId: 'n8n' }] });

		const error = await rejectionOf(bed.open({ credentials }).read(NAME), SecretStoreError);

		expect(error).toMatchObject({
			code: 'ACCESS_DENIED',
			action: 'AssumeRole',
			secretId: credentials.roleArn,
		});
		for (const text of [credentials.roleArn, TEST_IDENTITY.arn, 'trust policy', 'external id']) {
			expect(error.message).toContain(text);
		}
	});

	it('tells a refused access key from a denied role', async () => {
		const credentials = { ...withBase, base: { ...TEST_IDENTITY, secretAccessKey: 'wrong' } };

		const error = await rejectionOf(bed.open({ credentials }).read(NAME), ConfigurationError);

		expect(error.field).toBe('AWS Credentials');
	});

	it('asks AWS’s own STS where the endpoint is one of AWS for Secrets Manager', async () => {
		const hosts: string[] = [];
		failLookups(hosts);
		const endpoint = 'https://vpce-0a1b.secretsmanager.eu-central-1.vpce.amazonaws.com';

		const error = await rejectionOf(
			bed.open({ endpoint, credentials: withBase }).read(NAME),
			SecretStoreError,
		);

		expect(new Set(hosts)).toEqual(new Set(['sts.eu-central-1.amazonaws.com']));
		expect(error).toMatchObject({ code: 'UNREACHABLE', action: 'AssumeRole' });
	});
});
