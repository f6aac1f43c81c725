import { execFileSync } from 'node:child_process';
import { Agent as HttpsAgent } from 'node:https';
import { join } from 'node:path';

import { ConfigurationError, SecretStoreError } from '../../src/errors';
import type { AwsCredentials } from '../../src/secrets/awsSecretsManager';
import { describeSecretStore } from '../contracts/secretStore';
import {
	accessKey,
	failingLookup,
	rejectionOf,
	startAwsTestBed,
	type AwsTestBed,
} from '../support/awsStore';
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
		const { Agent } = require('node:http');
		const { awsSecretsManager } = require('./src/secrets/awsSecretsManager.ts');
		const loaded = () => Object.keys(require.cache).some((file) => /@(aws-sdk|smithy)/.test(file));
		const httpAgent = new Agent();
		httpAgent.createConnection = (_, connected) => connected(new Error('no network here'));
		const store = awsSecretsManager({
			region: 'eu-central-1', endpoint: 'http://127.0.0.1:9', systemCredentialsAllowed: false,
			credentials: { kind: 'accessKey', accessKeyId: 'a', secretAccessKey: 'b' },
			agents: { httpAgent, httpsAgent: httpAgent },
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

	it('is a role, assumed once by an access key with the external id', async () => {
		await restart({ roles: [{ arn: ROLE, externalId: 'n8n' }] });
		bed.server.perform('CreateSecret', { Name: NAME, SecretString: '{"a":1}' });
		const store = bed.open({ credentials: withBase });

		await store.read(NAME);
		await store.read(NAME);

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

		expect(error).toMatchObject({ field: 'AWS Credentials', code: 'AWS_CREDENTIALS_REFUSED' });
		expect(error.message).toContain('The host has no AWS identity');
	});

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
		bed.agents.httpsAgent = new HttpsAgent({ lookup: failingLookup(hosts) });
		const endpoint = 'https://vpce-0a1b.secretsmanager.eu-central-1.vpce.amazonaws.com';

		const error = await rejectionOf(
			bed.open({ endpoint, credentials: withBase }).read(NAME),
			SecretStoreError,
		);

		expect(new Set(hosts)).toEqual(new Set(['sts.eu-central-1.amazonaws.com']));
		expect(error).toMatchObject({ code: 'UNREACHABLE', action: 'AssumeRole' });
	});
});
