import { execFileSync } from 'node:child_process';
import { createServer, Agent as HttpAgent, type RequestListener } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { AddressInfo, LookupFunction } from 'node:net';
import { join } from 'node:path';
import { inspect } from 'node:util';

import {
	ConfigurationError,
	SecretStoreError,
	VersionConflictError,
	type SecretStoreCode,
} from '../../src/errors';
import { EgressError } from '../../src/http/egress';
import {
	awsSecretsManager,
	type AwsCredentials,
	type AwsSecretsManagerOptions,
} from '../../src/secrets/awsSecretsManager';
import type { SecretStore } from '../../src/secrets/store';
import { describeSecretStore } from '../contracts/secretStore';
import '../support/nodeErrors';
import {
	startSecretsManagerServer,
	TEST_IDENTITY,
	type AwsIdentity,
	type Fault,
	type SecretsManagerServer,
	type SecretsManagerServerOptions,
} from '../support/secretsManagerServer';

const NAME = 'n8n/vaulted-oauth2/tenant-a/crm-a1b2c3';
const ROLE = 'arn:aws:iam::123456789012:role/vault';
const DAY_MS = 24 * 60 * 60 * 1000;
const MARKER = 'content-of-a-secret';

let agents: { httpAgent: HttpAgent; httpsAgent: HttpsAgent };
let server: SecretsManagerServer;
let clock: number;

beforeEach(async () => {
	agents = {
		httpAgent: new HttpAgent({ keepAlive: true }),
		httpsAgent: new HttpsAgent({ keepAlive: true }),
	};
	await start();
});

afterEach(async () => {
	agents.httpAgent.destroy();
	agents.httpsAgent.destroy();
	await server.close();
});

/** The server's clock moves by 1 ms with every look at it, so that no two versions are of one moment. */
async function start(options: SecretsManagerServerOptions = {}): Promise<void> {
	clock = Date.now();
	server = await startSecretsManagerServer({ now: () => (clock += 1), ...options });
}

async function restart(options: SecretsManagerServerOptions): Promise<void> {
	await server.close();
	await start(options);
}

function open(overrides: Partial<AwsSecretsManagerOptions> = {}): SecretStore {
	return awsSecretsManager({
		region: server.region,
		endpoint: server.url,
		credentials: accessKey(TEST_IDENTITY),
		systemCredentialsAllowed: false,
		agents,
		...overrides,
	});
}

function accessKey({ accessKeyId, secretAccessKey, sessionToken }: AwsIdentity): AwsCredentials {
	return {
		kind: 'accessKey',
		accessKeyId,
		secretAccessKey,
		...(sessionToken !== undefined && { sessionToken }),
	};
}

async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
	const [outcome] = await Promise.allSettled([promise]);
	if (outcome.status !== 'rejected') throw new Error('Expected a rejection');
	expect(inspect(outcome.reason, { depth: 10, showHidden: true })).not.toContain(MARKER);
	expect((outcome.reason as Error).cause).toBeUndefined();
	return outcome.reason;
}

async function storeErrorOf(promise: Promise<unknown>): Promise<SecretStoreError> {
	const reason = await rejectionOf(promise);
	if (reason instanceof SecretStoreError) return reason;
	throw new Error(`Expected a SecretStoreError, got ${inspect(reason)}`);
}

async function configurationErrorOf(promise: Promise<unknown>): Promise<ConfigurationError> {
	const reason = await rejectionOf(promise);
	if (reason instanceof ConfigurationError) return reason;
	throw new Error(`Expected a ConfigurationError, got ${inspect(reason)}`);
}

const actions = (): string[] => server.calls.map(({ action }) => action);
const editByHand = (content: string): string =>
	String(server.perform('PutSecretValue', { SecretId: NAME, SecretString: content })['VersionId']);
const moveCurrent = (from: string, to: string) =>
	server.perform('UpdateSecretVersionStage', {
		SecretId: NAME,
		VersionStage: 'AWSCURRENT',
		RemoveFromVersionId: from,
		MoveToVersionId: to,
	});

describeSecretStore('AWS Secrets Manager', async () => {
	const own = await startSecretsManagerServer();
	return {
		store: open({ endpoint: own.url }),
		secondClient: open({ endpoint: own.url }),
		close: () => own.close(),
	};
});

it('states how many versions a day AWS takes', () => {
	expect(open()).toMatchObject({ kind: 'awsSecretsManager', versionsPerDay: 96 });
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

describe('identity', () => {
	const environment = { ...process.env };

	beforeEach(() => {
		server.perform('CreateSecret', { Name: NAME, SecretString: '{"a":1}' });
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
		server.addIdentity(temporary);

		await open({ credentials: accessKey(temporary) }).read(NAME);

		expect(server.calls[0]?.accessKeyId).toBe('temporary');
	});

	it('is a role, assumed once by an access key with the external id', async () => {
		await restart({ roles: [{ arn: ROLE, externalId: 'n8n' }] });
		server.perform('CreateSecret', { Name: NAME, SecretString: '{"a":1}' });
		const store = open({ credentials: withBase });

		await store.read(NAME);
		await store.read(NAME);

		expect(server.calls.map(({ action, accessKeyId }) => [action, accessKeyId])).toEqual([
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
		server.perform('CreateSecret', { Name: NAME, SecretString: '{"a":1}' });
		giveHostAnIdentity();

		const store = open({ credentials, systemCredentialsAllowed: true });

		expect((await store.read(NAME)).content).toBe('{"a":1}');
		expect(server.calls[0]?.accessKeyId).toBe(TEST_IDENTITY.accessKeyId);
	});

	it.each([
		['default', { kind: 'default' } as const],
		['a role assumed by the host', withoutBase],
	])('is never the host’s own where the instance does not allow it: %s', async (_, credentials) => {
		giveHostAnIdentity();
		const store = open({ credentials });

		for (const call of [
			store.read(NAME),
			store.create('other', '{}'),
			store.write(NAME, '{}', 'a'.repeat(36)),
		]) {
			const error = await configurationErrorOf(call);
			expect(error).toMatchObject({
				field: 'AWS Credentials',
				code: 'AWS_HOST_IDENTITY_NOT_ALLOWED',
			});
			expect(error.message).toContain('N8N_AWS_SYSTEM_CREDENTIALS_ACCESS_ENABLED');
			expect(error.message).toContain('access key');
		}
		expect(server.calls).toEqual([]);
	});

	it('ignores the host’s identity where an access key is given', async () => {
		process.env['AWS_ACCESS_KEY_ID'] = 'of-the-host';
		process.env['AWS_SECRET_ACCESS_KEY'] = 'of-the-host';
		process.env['AWS_SESSION_TOKEN'] = 'of-the-host';

		await open({ systemCredentialsAllowed: true }).read(NAME);

		expect(server.calls[0]?.accessKeyId).toBe(TEST_IDENTITY.accessKeyId);
	});

	it('is missed where the host has none', async () => {
		const store = open({ credentials: { kind: 'default' }, systemCredentialsAllowed: true });

		const error = await configurationErrorOf(store.read(NAME));

		expect(error).toMatchObject({ field: 'AWS Credentials', code: 'AWS_CREDENTIALS_REFUSED' });
		expect(error.message).toContain('The host has no AWS identity');
	});

	it.each([
		['unknown key', { accessKeyId: 'unknown' }, 'Check the access key id'],
		['wrong secret', { secretAccessKey: 'wrong' }, 'Check the secret access key'],
		['unknown session token', { sessionToken: 'wrong' }, 'the session token'],
	])('is refused as a matter of AWS Credentials: %s', async (_, wrong, text) => {
		const store = open({ credentials: accessKey({ ...TEST_IDENTITY, ...wrong }) });

		const error = await configurationErrorOf(store.read(NAME));

		expect(error).toMatchObject({ field: 'AWS Credentials', code: 'AWS_CREDENTIALS_REFUSED' });
		expect(error.message).toContain(text);
	});

	it('is refused when its session token has expired', async () => {
		const expired = { ...TEST_IDENTITY, accessKeyId: 'old', sessionToken: 'old', expiresAt: 1 };
		server.addIdentity(expired);

		const error = await configurationErrorOf(open({ credentials: accessKey(expired) }).read(NAME));

		expect(error.field).toBe('AWS Credentials');
		expect(error.message).toContain('has expired');
	});

	it('is refused in another region than the endpoint’s', async () => {
		const error = await configurationErrorOf(open({ region: 'us-east-1' }).read(NAME));

		expect(error.message).toContain('AWS Region');
	});

	it.each([
		['another external id', { ...withBase, externalId: 'other' }],
		['a role that does not trust the caller', { ...withBase, roleArn: `${ROLE}-other` }],
	])('names role and caller where AssumeRole is denied: %s', async (_, credentials) => {
		await restart({ roles: [{ arn: ROLE, externalId: 'n8n' }] });

		const error = await storeErrorOf(open({ credentials }).read(NAME));

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

		const error = await configurationErrorOf(open({ credentials }).read(NAME));

		expect(error.field).toBe('AWS Credentials');
	});

	it('asks AWS’s own STS where the endpoint is one of AWS for Secrets Manager', async () => {
		const hosts: string[] = [];
		agents.httpsAgent = new HttpsAgent({ lookup: failingLookup(hosts) });
		const endpoint = 'https://vpce-0a1b.secretsmanager.eu-central-1.vpce.amazonaws.com';

		const error = await storeErrorOf(open({ endpoint, credentials: withBase }).read(NAME));

		expect(new Set(hosts)).toEqual(new Set(['sts.eu-central-1.amazonaws.com']));
		expect(error).toMatchObject({ code: 'UNREACHABLE', action: 'AssumeRole' });
	});
});

function failingLookup(hosts: string[] = []): LookupFunction {
	return (hostname, _, callback) => {
		hosts.push(hostname);
		const error = Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), {
			code: 'ENOTFOUND',
		});
		callback(error, []);
	};
}

describe('failures', () => {
	let store: SecretStore;
	let arn: string;
	let version: string;

	beforeEach(async () => {
		store = open();
		const created = await store.create(NAME, JSON.stringify({ secret: MARKER }));
		arn = created.secretId;
		version = created.versionId;
	});

	const write = () => store.write(arn, JSON.stringify({ another: MARKER }), version);

	it.each([
		['GetSecretValue', () => store.read(arn)],
		['PutSecretValue', () => write()],
		['CreateSecret', () => store.create(`${NAME}-2`, `"${MARKER}"`)],
		['TagResource', () => store.create(`${NAME}-2`, `"${MARKER}"`, { tags: { tenant: 'a' } })],
	])('names the IAM action to allow, the secret and the caller: %s', async (action, call) => {
		server.deny(TEST_IDENTITY.accessKeyId, action);

		const error = await storeErrorOf(call());

		expect(error).toMatchObject({ code: 'ACCESS_DENIED', action, temporary: false });
		for (const text of [`secretsmanager:${action}`, NAME, TEST_IDENTITY.arn]) {
			expect(error.message).toContain(text);
		}
	});

	it.each<[Fault['kind'], SecretStoreCode, string]>([
		['kmsAccessDenied', 'ACCESS_DENIED', 'kms:Decrypt and kms:GenerateDataKey'],
		['decryptionFailure', 'DECRYPTION_FAILED', 'KMS key'],
	])('tells a KMS fault from a denied secret: %s', async (kind, code, text) => {
		server.fail({ action: 'GetSecretValue', kind });
		const read = await storeErrorOf(store.read(arn));
		server.fail({ action: 'PutSecretValue', kind });
		const written = await storeErrorOf(write());

		expect(read).toMatchObject({ code, action: 'GetSecretValue', secretId: arn });
		expect(written).toMatchObject({ code, action: 'PutSecretValue', secretId: arn });
		for (const { message } of [read, written]) expect(message).toContain(text);
	});

	it('says of a secret marked for deletion that it can be restored', async () => {
		server.perform('DeleteSecret', { SecretId: NAME });

		for (const call of [store.read(arn), write(), store.create(NAME, '{}')]) {
			const error = await storeErrorOf(call);
			expect(error.code).toBe<SecretStoreCode>('DELETED');
			expect(error.message).toMatch(/Restore it in AWS Secrets Manager.*secrets typed/);
		}
	});

	it('says of a missing secret where it was looked for', async () => {
		const error = await storeErrorOf(store.read('n8n/vaulted-oauth2/absent-000000'));

		expect(error).toMatchObject({ code: 'NOT_FOUND', action: 'GetSecretValue' });
		expect(error.message).toContain('eu-central-1');
		expect(error.message).toContain('Secret Name');
	});

	it('does not take a secret without a value for a missing one', async () => {
		server.perform('CreateSecret', { Name: 'empty' });

		expect((await storeErrorOf(store.read('empty'))).message).toContain('has no such version');
	});

	it('refuses binary values', async () => {
		server.perform('CreateSecret', { Name: 'binary', SecretBinary: 'AAEC' });

		const error = await storeErrorOf(store.read('binary'));

		expect(error).toMatchObject({ code: 'BUNDLE_INVALID', action: 'GetSecretValue' });
	});

	it('refuses more than 65,536 bytes before it asks AWS', async () => {
		const before = server.calls.length;

		for (const call of [
			store.create(`${NAME}-2`, 'ü'.repeat(32_769)),
			store.write(arn, 'x'.repeat(65_537), version),
		]) {
			expect((await storeErrorOf(call)).code).toBe<SecretStoreCode>('TOO_LARGE');
		}
		expect(server.calls).toHaveLength(before);
		await store.write(arn, 'ü'.repeat(32_768), version);
	});

	it('names the version quota', async () => {
		await restart({ versionQuota: 1 });
		store = open();
		const created = await store.create(NAME, '{}');

		const error = await storeErrorOf(store.write(NAME, '{"n":1}', created.versionId));

		expect(error).toMatchObject({ code: 'LIMIT_EXCEEDED', action: 'PutSecretValue' });
		expect(error.message).toContain('24 hours');
	});

	it('gets over being throttled', async () => {
		server.fail({ action: 'GetSecretValue', kind: 'throttling' });
		expect((await store.read(arn)).versionId).toBe(version);

		server.fail({ action: 'PutSecretValue', kind: 'throttling' });
		const { versionId } = await write();
		expect(server.secret(arn)?.versions.map(({ id }) => id)).toEqual([version, versionId]);
	});

	it.each<[Fault['kind'], SecretStoreCode]>([
		['throttling', 'THROTTLED'],
		['internalError', 'UNAVAILABLE'],
		['connectionReset', 'UNREACHABLE'],
	])('gives up after three attempts, and calls it temporary: %s', async (kind, code) => {
		server.fail({ action: 'GetSecretValue', kind, times: Infinity });
		const before = server.calls.length;

		const error = await storeErrorOf(store.read(arn));

		expect(error).toMatchObject({ code, action: 'GetSecretValue', secretId: arn, temporary: true });
		expect(server.calls).toHaveLength(before + 3);
	});

	it('gives up on a call that is not answered', async () => {
		server.fail({ action: 'GetSecretValue', kind: 'hang', times: Infinity });
		store = open({ timeouts: { connect: 1000, request: 30, call: 5000 } });

		const error = await storeErrorOf(store.read(arn));

		expect(error).toMatchObject({ code: 'UNREACHABLE', temporary: true });
		expect(actions().filter((action) => action === 'GetSecretValue')).toHaveLength(3);
	});

	it.each([
		['a region without a host', {}, 'in eu-central-1 (ENOTFOUND)'],
		['an unknown endpoint', { endpoint: 'https://vpce.invalid' }, 'at vpce.invalid (ENOTFOUND)'],
	])('names AWS Region and Endpoint where AWS is not found: %s', async (_, endpoint, where) => {
		agents.httpsAgent = new HttpsAgent({ lookup: failingLookup() });
		store = awsSecretsManager({
			region: 'eu-central-1',
			credentials: accessKey(TEST_IDENTITY),
			systemCredentialsAllowed: false,
			agents,
			...endpoint,
		});

		const error = await storeErrorOf(store.read(NAME));

		expect(error).toMatchObject({ code: 'UNREACHABLE', temporary: true });
		expect(error.message).toContain(where);
		expect(error.message).toContain('AWS Region and Endpoint');
	});

	it.each([
		['AWS Region', { region: 'not a region' }],
		['Endpoint', { endpoint: 'no address' }],
	])('names the field that cannot be right: %s', async (field, wrong) => {
		const { region, endpoint } = { region: server.region, endpoint: undefined, ...wrong };
		store = awsSecretsManager({
			region,
			...(endpoint !== undefined && { endpoint }),
			credentials: accessKey(TEST_IDENTITY),
			systemCredentialsAllowed: false,
			agents,
		});

		expect((await configurationErrorOf(store.read(NAME))).field).toBe(field);
	});

	it('says that the instance’s policy keeps it from the endpoint', async () => {
		agents.httpAgent.createConnection = (_, connected) => {
			connected?.(new EgressError('BLOCKED', 'address 127.0.0.1', '127.0.0.1'), undefined as never);
			return undefined;
		};
		agents.httpAgent.destroy();

		const error = await configurationErrorOf(open().read(NAME));

		expect(error).toMatchObject({ field: 'Endpoint', code: 'EGRESS_BLOCKED' });
		expect(error.message).toContain('N8N_SSRF_ALLOWED_HOSTNAMES');
	});

	describe('at an endpoint that is something else', () => {
		async function answering<T>(listener: RequestListener, use: (url: string) => Promise<T>) {
			const other = createServer(listener);
			await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
			try {
				return await use(`http://127.0.0.1:${(other.address() as AddressInfo).port}`);
			} finally {
				other.closeAllConnections();
				await new Promise((resolve) => other.close(resolve));
			}
		}

		it.each([
			[200, `<html>${MARKER}</html>`, 'Check Endpoint'],
			[404, `<html>${MARKER}</html>`, 'Endpoint'],
			[200, '{}', 'check Endpoint'],
			[400, `{"__type":"<b>${MARKER}</b>","message":"${MARKER}"}`, 'an unknown error (HTTP 400)'],
		])('repeats nothing of the answer: %i %s', async (status, body, text) => {
			const error = await answering(
				(_, response) => response.writeHead(status).end(body),
				(endpoint) => storeErrorOf(open({ endpoint }).read(NAME)),
			);

			expect(error.code).toBe<SecretStoreCode>('INVALID_REQUEST');
			expect(error.message).toContain(text);
		});

		it('gives up on an answer that never ends', async () => {
			const timeouts = { connect: 1000, request: 1000, call: 100 };
			const error = await answering(
				(_, response) => response.writeHead(200).write('{"ARN":'),
				(endpoint) => storeErrorOf(open({ endpoint, timeouts }).read(NAME)),
			);

			expect(error.code).toBe<SecretStoreCode>('UNREACHABLE');
		});
	});
});

describe('create', () => {
	it('keeps description and tags', async () => {
		await open().create(NAME, '{}', { description: 'CRM', tags: { tenant: 'a', by: 'n8n' } });

		expect(server.secret(NAME)).toMatchObject({
			description: 'CRM',
			tags: { tenant: 'a', by: 'n8n' },
			content: '{}',
		});
	});

	it('succeeds although the first answer was lost', async () => {
		server.fail({ action: 'CreateSecret', kind: 'answerLost' });

		const created = await open().create(NAME, '{"a":1}');

		expect(created).toEqual(await open().read(NAME));
		expect(actions()).toEqual(['CreateSecret', 'CreateSecret', 'GetSecretValue']);
	});
});

describe('write', () => {
	let store: SecretStore;
	let first: string;

	beforeEach(async () => {
		store = open();
		first = (await store.create(NAME, '{"n":0}')).versionId;
	});

	const current = () => server.secret(NAME)?.content;

	it('reads AWSCURRENT, and writes by full ARN', async () => {
		await store.read(NAME);
		await store.write(NAME, '{"n":1}', first);

		const arn = server.secret(NAME)?.arn;
		expect(
			server.calls
				.slice(1)
				.map(({ action, secretId, versionStage }) => [action, secretId === arn, versionStage]),
		).toEqual([
			['GetSecretValue', false, 'AWSCURRENT'],
			['GetSecretValue', false, 'AWSCURRENT'],
			['PutSecretValue', true, undefined],
			['GetSecretValue', true, 'AWSPREVIOUS'],
		]);
	});

	it('keeps the token of a put over its attempts, so that one version comes of it', async () => {
		server.fail({ action: 'PutSecretValue', kind: 'connectionReset' });
		server.fail({ action: 'PutSecretValue', kind: 'answerLost' });

		const { versionId } = await store.write(NAME, '{"n":1}', first);

		const puts = server.calls.filter(({ action }) => action === 'PutSecretValue');
		expect(puts.map(({ clientRequestToken }) => clientRequestToken)).toEqual(
			Array(3).fill(versionId),
		);
		expect(versionId).toMatch(/^[0-9a-f]{64}$/);
		expect(server.secret(NAME)?.versions).toHaveLength(2);
	});

	it('finds its own write again after every answer was lost', async () => {
		server.fail({ action: 'PutSecretValue', kind: 'answerLost', times: 3 });
		expect((await storeErrorOf(store.write(NAME, '{"n":1}', first))).code).toBe<SecretStoreCode>(
			'UNREACHABLE',
		);

		const { versionId, replaced } = await open().write(NAME, '{"n":1}', first);

		expect(replaced).toBeUndefined();
		expect(server.secret(NAME)?.versions.map(({ id }) => id)).toEqual([first, versionId]);
	});

	it('conflicts with an administrator’s edit that came before it', async () => {
		editByHand('{"by":"hand"}');

		expect(await rejectionOf(store.write(NAME, '{"n":1}', first))).toBeInstanceOf(
			VersionConflictError,
		);
		expect(current()).toBe('{"by":"hand"}');
	});

	it('conflicts where two other writers slip in just before it', async () => {
		server.beforeNext('PutSecretValue', async () => {
			const second = await open().write(NAME, '{"by":"second"}', first);
			await open().write(NAME, '{"by":"third"}', second.versionId);
		});

		expect(await rejectionOf(store.write(NAME, '{"n":1}', first))).toBeInstanceOf(
			VersionConflictError,
		);
		expect(current()).toBe('{"by":"third"}');
	});

	describe('where an administrator’s edit slips in just before it', () => {
		it('reports the edit, so that it can be merged', async () => {
			let edit = '';
			server.beforeNext('PutSecretValue', () => (edit = editByHand('{"by":"hand"}')));

			const { versionId, replaced } = await store.write(NAME, '{"n":1}', first);

			expect(replaced).toEqual({
				secretId: server.secret(NAME)?.arn,
				versionId: edit,
				content: '{"by":"hand"}',
			});
			const merged = await store.write(NAME, '{"n":1,"by":"hand"}', versionId);
			expect(merged.replaced).toBeUndefined();
			expect(current()).toBe('{"n":1,"by":"hand"}');
		});

		it('reports the edit also when the write is repeated', async () => {
			server.beforeNext('PutSecretValue', () => editByHand('{"by":"hand"}'));
			server.fail({ action: 'PutSecretValue', kind: 'answerLost', times: 3 });
			await storeErrorOf(store.write(NAME, '{"n":1}', first));

			for (const client of [store, open()]) {
				const again = await client.write(NAME, '{"n":1}', first);
				expect(again.replaced?.content).toBe('{"by":"hand"}');
			}
		});

		it('reports no binary edit, which nobody can merge', async () => {
			server.beforeNext('PutSecretValue', () => {
				server.perform('PutSecretValue', { SecretId: NAME, SecretBinary: 'AAEC' });
			});

			expect((await store.write(NAME, '{"n":1}', first)).replaced).toBeUndefined();
			expect(current()).toBe('{"n":1}');
		});

		it('succeeds although it cannot look for edits', async () => {
			server.fail({ action: 'GetSecretValue', kind: 'kmsAccessDenied', after: 1 });

			expect((await store.write(NAME, '{"n":1}', first)).replaced).toBeUndefined();
			expect(current()).toBe('{"n":1}');
		});
	});

	describe('after an administrator moved AWSCURRENT back', () => {
		it('writes on from that version, each time', async () => {
			for (const n of [1, 2, 3]) {
				const { versionId, replaced } = await store.write(NAME, `{"n":${n}}`, first);
				expect(replaced).toBeUndefined();
				expect(current()).toBe(`{"n":${n}}`);
				const next = await store.write(NAME, `{"next":${n}}`, versionId);
				moveCurrent(next.versionId, first);
			}
			expect(server.secret(NAME)?.versions).toHaveLength(7);
		});

		it('writes also what was written from that version before', async () => {
			const before = await store.write(NAME, '{"n":1}', first);
			moveCurrent(before.versionId, first);

			const after = await store.write(NAME, '{"n":1}', first);

			expect(after.versionId).not.toBe(before.versionId);
			expect(after.replaced).toBeUndefined();
			expect(current()).toBe('{"n":1}');
			expect(await store.write(NAME, '{"n":1}', first)).toEqual(after);
		});

		it('still lets exactly one of many writers win', async () => {
			const { versionId } = await store.write(NAME, '{"n":1}', first);
			moveCurrent(versionId, first);

			const outcomes = await Promise.allSettled(
				Array.from({ length: 10 }, (_, n) => open().write(NAME, `{"again":${n}}`, first)),
			);

			const winners = outcomes.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
			expect(winners).toHaveLength(1);
			expect(winners[0]?.replaced).toBeUndefined();
			expect(server.secret(NAME)?.versions).toHaveLength(3);
		});

		it('says so when it happened too often to one version', async () => {
			for (let round = 0; round < 16; round += 1) {
				const { versionId } = await store.write(NAME, `{"round":${round}}`, first);
				moveCurrent(versionId, first);
			}

			const error = await storeErrorOf(store.write(NAME, '{"once":"more"}', first));

			expect(error).toMatchObject({ code: 'LIMIT_EXCEEDED', action: 'PutSecretValue' });
			expect(current()).toBe('{"n":0}');
		});
	});

	describe('where reads are stale', () => {
		const staleReads = (times: number, after = 0) =>
			server.fail({ action: 'GetSecretValue', kind: 'stale', times, after });

		it.each([1, 2, 3, 4])(
			'never overwrites another writer’s version: %i stale reads',
			async (n) => {
				await open().write(NAME, '{"by":"other"}', first);
				staleReads(n);

				expect(await rejectionOf(store.write(NAME, '{"n":1}', first))).toBeInstanceOf(
					VersionConflictError,
				);
				expect(current()).toBe('{"by":"other"}');
				expect(server.secret(NAME)?.versions).toHaveLength(2);
			},
		);

		it('never overwrites a later version: stale read of a base whose successor is no longer current', async () => {
			const second = await open().write(NAME, '{"by":"other"}', first);
			await open().write(NAME, '{"by":"third"}', second.versionId);
			staleReads(4);

			expect(await rejectionOf(store.write(NAME, '{"n":1}', second.versionId))).toBeInstanceOf(
				VersionConflictError,
			);
			expect(current()).toBe('{"by":"third"}');
		});

		it('conflicts where the labels of the other version cannot be read', async () => {
			await open().write(NAME, '{"by":"other"}', first);
			staleReads(1);
			server.fail({ action: 'GetSecretValue', kind: 'kmsAccessDenied', after: 0 });

			expect(await rejectionOf(store.write(NAME, '{"n":1}', first))).toBeInstanceOf(
				VersionConflictError,
			);
		});

		it('conflicts with a base that is read too late, and goes on after a fresh read', async () => {
			await open().write(NAME, '{"by":"other"}', first);
			staleReads(1);
			const stale = await store.read(NAME);
			expect(stale.versionId).toBe(first);
			expect(await rejectionOf(store.write(NAME, '{"n":1}', stale.versionId))).toBeInstanceOf(
				VersionConflictError,
			);

			await store.write(NAME, '{"n":1}', (await store.read(NAME)).versionId);
			expect(current()).toBe('{"n":1}');
		});

		it('takes no older version for an edit that slipped in', async () => {
			const second = await store.write(NAME, '{"n":1}', first);
			const third = await store.write(NAME, '{"n":2}', second.versionId);
			staleReads(1, 1);

			const { replaced } = await store.write(NAME, '{"n":3}', third.versionId);

			expect(replaced).toBeUndefined();
			expect(actions().slice(-3)).toEqual(['GetSecretValue', 'PutSecretValue', 'GetSecretValue']);
		});
	});

	it('conflicts with a base so old that AWS has removed its successors', async () => {
		await restart({ versionQuota: 4 });
		store = open();
		let base = await store.create(NAME, '{"day":0}');
		const old = base.versionId;
		for (let day = 1; day <= 6; day += 1) {
			clock += 2 * DAY_MS;
			await store.write(NAME, `{"day":${day}}`, base.versionId);
			base = await store.read(NAME);
		}
		expect(server.secret(NAME)?.versions).toHaveLength(4);

		expect(await rejectionOf(store.write(NAME, '{"late":true}', old))).toBeInstanceOf(
			VersionConflictError,
		);
		expect(current()).toBe('{"day":6}');
	});
});
