import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

import { ConfigurationError, SecretStoreError, type SecretStoreCode } from '../../../src/errors';
import { createEgress } from '../../../src/http/createEgress';
import { awsSecretsManager } from '../../../src/secrets/awsSecretsManager';
import type { SecretStore } from '../../../src/secrets/store';
import {
	accessKey,
	failLookups,
	MARKER,
	rejectionOf,
	startAwsTestBed,
	type AwsTestBed,
} from '../../support/awsStore';
import { TEST_IDENTITY, type Fault } from '../../support/secretsManagerServer';

const NAME = 'n8n/vaulted-oauth2/tenant-a/crm-a1b2c3';

let bed: AwsTestBed;

beforeEach(async () => {
	bed = await startAwsTestBed();
});

afterEach(async () => {
	await bed.close();
});

describe('a failure of AWS Secrets Manager', () => {
	let store: SecretStore;
	let arn: string;
	let version: string;

	beforeEach(async () => {
		store = bed.open();
		const created = await store.create(NAME, JSON.stringify({ secret: MARKER }));
		arn = created.secretId;
		version = created.versionId;
	});

	const write = () => store.write(arn, JSON.stringify({ another: MARKER }), version);

	it.each([
		['GetSecretValue', () => store.read(arn)],
		['PutSecretValue', () => write()],
		['CreateSecret', () => store.create(`${NAME}-2`, `"${MARKER}"`)],
		['DescribeSecret', () => store.describe(arn)],
		['TagResource', () => store.create(`${NAME}-2`, `"${MARKER}"`, { tags: { tenant: 'a' } })],
	])('names the IAM action to allow, the secret and the caller: %s', async (action, call) => {
		bed.server.deny(TEST_IDENTITY.accessKeyId, action);

		const error = await rejectionOf(call(), SecretStoreError);

		expect(error).toMatchObject({ code: 'ACCESS_DENIED', action, temporary: false });
		for (const text of [`secretsmanager:${action}`, NAME, TEST_IDENTITY.arn]) {
			expect(error.message).toContain(text);
		}
	});

	it.each<[Fault['kind'], SecretStoreCode, string]>([
		['kmsAccessDenied', 'ACCESS_DENIED', 'kms:Decrypt and kms:GenerateDataKey'],
		['decryptionFailure', 'DECRYPTION_FAILED', 'KMS key'],
	])('tells a KMS fault from a denied secret: %s', async (kind, code, text) => {
		bed.server.fail({ action: 'GetSecretValue', kind });
		const read = await rejectionOf(store.read(arn), SecretStoreError);
		bed.server.fail({ action: 'PutSecretValue', kind });
		const written = await rejectionOf(write(), SecretStoreError);

		expect(read).toMatchObject({ code, action: 'GetSecretValue', secretId: arn });
		expect(written).toMatchObject({ code, action: 'PutSecretValue', secretId: arn });
		for (const { message } of [read, written]) expect(message).toContain(text);
	});

	it('says of a secret marked for deletion that it can be restored', async () => {
		bed.server.perform('DeleteSecret', { SecretId: NAME });

		for (const call of [() => store.read(arn), write, () => store.create(NAME, '{}')]) {
			const error = await rejectionOf(call(), SecretStoreError);
			expect(error.code).toBe('DELETED');
			expect(error.message).toMatch(/Restore it in AWS Secrets Manager.*secrets typed/);
		}
	});

	it('says of a missing secret where it was looked for', async () => {
		const error = await rejectionOf(
			store.read('n8n/vaulted-oauth2/absent-000000'),
			SecretStoreError,
		);

		expect(error).toMatchObject({ code: 'NOT_FOUND', action: 'GetSecretValue' });
		expect(error.message).toContain('eu-central-1');
		expect(error.message).toContain('Secret Name');
	});

	it('does not take a secret without a value for a missing one', async () => {
		bed.server.perform('CreateSecret', { Name: 'empty' });

		expect((await rejectionOf(store.read('empty'), SecretStoreError)).message).toContain(
			'has no such version',
		);
	});

	it('refuses binary values', async () => {
		bed.server.perform('CreateSecret', { Name: 'binary', SecretBinary: 'AAEC' });

		const error = await rejectionOf(store.read('binary'), SecretStoreError);

		expect(error).toMatchObject({ code: 'BUNDLE_INVALID', action: 'GetSecretValue' });
	});

	it('refuses more than 65,536 bytes before it asks AWS', async () => {
		const before = bed.server.calls.length;

		for (const call of [
			() => store.create(`${NAME}-2`, 'ü'.repeat(32_769)),
			() => store.write(arn, 'x'.repeat(65_537), version),
		]) {
			expect((await rejectionOf(call(), SecretStoreError)).code).toBe('TOO_LARGE');
		}
		expect(bed.server.calls).toHaveLength(before);
		await store.write(arn, 'ü'.repeat(32_768), version);
	});

	it('names the version quota', async () => {
		await bed.close();
		bed = await startAwsTestBed({ versionQuota: 1 });
		store = bed.open();
		const created = await store.create(NAME, '{}');

		const error = await rejectionOf(
			store.write(NAME, '{"n":1}', created.versionId),
			SecretStoreError,
		);

		expect(error).toMatchObject({ code: 'LIMIT_EXCEEDED', action: 'PutSecretValue' });
		expect(error.message).toContain('24 hours');
	});

	it('gets over being throttled', async () => {
		bed.server.fail({ action: 'GetSecretValue', kind: 'throttling' });
		expect((await store.read(arn)).versionId).toBe(version);

		bed.server.fail({ action: 'PutSecretValue', kind: 'throttling' });
		const { versionId } = await write();
		expect(bed.server.secret(arn)?.versions.map(({ id }) => id)).toEqual([version, versionId]);
	});

	it.each<[Fault['kind'], SecretStoreCode]>([
		['throttling', 'THROTTLED'],
		['internalError', 'UNAVAILABLE'],
		['connectionReset', 'UNREACHABLE'],
	])('gives up after three attempts, and calls it temporary: %s', async (kind, code) => {
		bed.server.fail({ action: 'GetSecretValue', kind, times: Infinity });
		const before = bed.server.calls.length;

		const error = await rejectionOf(store.read(arn), SecretStoreError);

		expect(error).toMatchObject({ code, action: 'GetSecretValue', secretId: arn, temporary: true });
		expect(bed.server.calls).toHaveLength(before + 3);
	});

	it('gives up on a call that is not answered', async () => {
		bed.server.fail({ action: 'GetSecretValue', kind: 'hang', times: Infinity });
		store = bed.open({ timeouts: { connect: 1000, request: 30, call: 5000 } });

		const error = await rejectionOf(store.read(arn), SecretStoreError);

		expect(error).toMatchObject({ code: 'UNREACHABLE', temporary: true });
		expect(bed.server.calls.filter(({ action }) => action === 'GetSecretValue')).toHaveLength(3);
	});

	it.each([
		['a region without a host', {}, 'in eu-central-1 (ENOTFOUND)'],
		['an unknown endpoint', { endpoint: 'https://vpce.invalid' }, 'at vpce.invalid (ENOTFOUND)'],
	])('names AWS Region and Endpoint where AWS is not found: %s', async (_, endpoint, where) => {
		failLookups();
		store = awsSecretsManager({
			region: 'eu-central-1',
			credentials: accessKey(TEST_IDENTITY),
			systemCredentialsAllowed: false,
			egress: createEgress(undefined, {}),
			...endpoint,
		});

		const error = await rejectionOf(store.read(NAME), SecretStoreError);

		expect(error).toMatchObject({ code: 'UNREACHABLE', temporary: true });
		expect(error.message).toContain(where);
		expect(error.message).toContain('AWS Region and AWS Endpoint');
	});

	it.each([
		['AWS Region', { region: 'not a region' }],
		['AWS Endpoint', { endpoint: 'no address' }],
	])('names the field that cannot be right: %s', async (field, wrong) => {
		const { region, endpoint } = { region: bed.server.region, endpoint: undefined, ...wrong };
		store = awsSecretsManager({
			region,
			...(endpoint !== undefined && { endpoint }),
			credentials: accessKey(TEST_IDENTITY),
			systemCredentialsAllowed: false,
			egress: createEgress(undefined, {}),
		});

		expect((await rejectionOf(store.read(NAME), ConfigurationError)).field).toBe(field);
	});

	it('says that the instance’s policy keeps it from the endpoint', async () => {
		const policy = {
			blockedIpRanges: ['127.0.0.0/8'],
			allowedIpRanges: [],
			blockedHostnames: [],
			allowedHostnames: [],
		};
		const store = bed.open({ egress: createEgress(policy, {}) });

		const error = await rejectionOf(store.read(NAME), ConfigurationError);

		expect(error).toMatchObject({ field: 'AWS Endpoint', code: 'EGRESS_BLOCKED' });
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
			[200, `<html>${MARKER}</html>`, 'Check AWS Endpoint'],
			[404, `<html>${MARKER}</html>`, 'AWS Endpoint'],
			[200, '{}', 'check AWS Endpoint'],
			[400, `{"__type":"<b>${MARKER}</b>","message":"${MARKER}"}`, 'an unknown error (HTTP 400)'],
		])('repeats nothing of the answer: %i %s', async (status, body, text) => {
			const error = await answering(
				(_, response) => response.writeHead(status).end(body),
				(endpoint) => rejectionOf(bed.open({ endpoint }).read(NAME), SecretStoreError),
			);

			expect(error.code).toBe('INVALID_REQUEST');
			expect(error.message).toContain(text);
		});

		it('gives up on an answer that never ends', async () => {
			const timeouts = { connect: 1000, request: 1000, call: 100 };
			const error = await answering(
				(_, response) => response.writeHead(200).write('{"ARN":'),
				(endpoint) => rejectionOf(bed.open({ endpoint, timeouts }).read(NAME), SecretStoreError),
			);

			expect(error.code).toBe('UNREACHABLE');
		});
	});
});
