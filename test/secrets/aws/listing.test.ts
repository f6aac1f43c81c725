import { ConfigurationError, SecretStoreError } from '../../../src/errors';
import { rejectionOf, startAwsTestBed, type AwsTestBed } from '../../support/awsStore';
import { TEST_IDENTITY } from '../../support/secretsManagerServer';

const PREFIX = 'n8n/vaulted-oauth2/';

let aws: AwsTestBed;

beforeEach(async () => {
	aws = await startAwsTestBed();
});
afterEach(async () => {
	await aws.close();
});

function create(count: number, prefix = PREFIX): void {
	for (let n = 0; n < count; n += 1)
		aws.server.perform('CreateSecret', { Name: `${prefix}${n}`, SecretString: '{}' });
}

const calls = (action: string): number =>
	aws.server.calls.filter((call) => call.action === action).length;

it('reads page by page, no more of them than needed, and nothing of other names', async () => {
	create(250);
	create(30, 'payments/');
	const store = aws.open();

	const all = await store.list(PREFIX, 1_000);
	expect(new Set(all.secretIds).size).toBe(250);
	expect(all.isCut).toBe(false);
	expect(calls('ListSecrets')).toBe(3);

	expect(await store.list(PREFIX, 50)).toMatchObject({ isCut: true });
	expect(calls('ListSecrets')).toBe(4);
	expect(calls('GetSecretValue')).toBe(0);
});

it('does not name a secret that waits for its deletion', async () => {
	create(2);
	aws.server.perform('DeleteSecret', { SecretId: `${PREFIX}0` });
	expect((await aws.open().list(PREFIX, 10)).secretIds).toHaveLength(1);
});

it('names the action that is missing', async () => {
	aws.server.deny(TEST_IDENTITY.accessKeyId, 'ListSecrets');
	const error = await rejectionOf(aws.open().list(PREFIX, 10), SecretStoreError);
	expect(error).toMatchObject({ code: 'ACCESS_DENIED', action: 'ListSecrets' });
	expect(error.message).toContain('secretsmanager:ListSecrets');
});

it('names no secret of an account that the operator does not allow', async () => {
	create(1);
	const store = aws.open({ allowedAccounts: ['999999999999'] });
	const error = await rejectionOf(store.list(PREFIX, 10), ConfigurationError);
	expect(error.code).toBe('NOT_ALLOWED_BY_OPERATOR');
});

describe('versions left', () => {
	it('are what AWS takes within a day of those that are younger than that', async () => {
		aws.advance(-30 * 3_600_000);
		const store = aws.open();
		const { secretId, versionId } = await store.create(`${PREFIX}crm`, '{"n":0}');
		const { versionId: second } = await store.write(secretId, '{"n":1}', versionId);
		expect(await store.versionsLeft(secretId)).toBe(100);

		aws.advance(30 * 3_600_000);
		await store.write(secretId, '{"n":2}', second);
		expect(await store.versionsLeft(secretId)).toBe(99);
	});

	it('are unknown if they may not be counted', async () => {
		aws.server.deny(TEST_IDENTITY.accessKeyId, 'ListSecretVersionIds');
		const store = aws.open();
		const { secretId } = await store.create(`${PREFIX}crm`, '{}');
		expect(await store.versionsLeft(secretId)).toBeUndefined();
	});
});
