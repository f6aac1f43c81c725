import { createEgress } from '../../src/http/createEgress';
import { awsSecretsManager } from '../../src/secrets/awsSecretsManager';
import type { SecretStore } from '../../src/secrets/store';
import { describeSecretStore } from '../contracts/secretStore';
import { freePort, OwnServer } from './server';

const egress = createEgress(undefined, {});
let moto: OwnServer;
let endpoint: string;

beforeAll(async () => {
	const port = await freePort();
	endpoint = `http://127.0.0.1:${port}`;
	moto = await OwnServer.start(
		[
			process.env['MOTO_PYTHON'] ?? 'python3',
			'-m',
			'moto.server',
			'-H',
			'127.0.0.1',
			'-p',
			String(port),
		],
		{ address: `${endpoint}/moto-api/`, seconds: 60 },
	);
});
afterAll(async () => {
	await moto.stop();
});

/** Each test has an account of its own; moto tells them apart by the access key. */
let accounts = 100_000_000_000;

function open(account: number): SecretStore {
	return awsSecretsManager({
		region: 'eu-central-1',
		endpoint,
		credentials: { kind: 'accessKey', accessKeyId: String(account), secretAccessKey: 'example' },
		systemCredentialsAllowed: false,
		egress,
	});
}

describeSecretStore('moto', async () => {
	await fetch(`${endpoint}/moto-api/reset`, { method: 'POST' });
	accounts += 1;
	return { store: open(accounts), secondClient: open(accounts), close: () => Promise.resolve() };
});

/** Where moto is not as AWS is. Each is asserted: one that is mended there has to be taken out of this list, and what relied on it looked at. */
describe('moto deviates from AWS', () => {
	let sdk: typeof import('@aws-sdk/client-secrets-manager');
	let client: import('@aws-sdk/client-secrets-manager').SecretsManagerClient;
	const Name = 'deviations';

	beforeAll(async () => {
		sdk = await import('@aws-sdk/client-secrets-manager');
		client = new sdk.SecretsManagerClient({
			region: 'eu-central-1',
			endpoint,
			credentials: { accessKeyId: 'example', secretAccessKey: 'example' },
			maxAttempts: 1,
		});
	});
	beforeEach(async () => {
		await fetch(`${endpoint}/moto-api/reset`, { method: 'POST' });
		await client.send(new sdk.CreateSecretCommand({ Name, SecretString: '0' }));
	});
	afterAll(() => client.destroy());

	const put = async (SecretString: string) =>
		await client.send(new sdk.PutSecretValueCommand({ SecretId: Name, SecretString }));
	const versions = async () =>
		(await client.send(new sdk.DescribeSecretCommand({ SecretId: Name }))).VersionIdsToStages ?? {};

	it('takes more than 64 KiB', async () => {
		await expect(put('x'.repeat(70_000))).resolves.toHaveProperty('VersionId');
	});

	it('keeps more than 100 versions, and forgets none', async () => {
		for (let index = 0; index < 110; index += 1) await put(String(index));
		expect(Object.keys(await versions()).length).toBe(111);
	});

	it('leaves AWSCURRENT at two versions where one was moved back by hand and another one is put', async () => {
		const [first] = Object.keys(await versions());
		const second = await put('1');
		await client.send(
			new sdk.UpdateSecretVersionStageCommand({
				SecretId: Name,
				VersionStage: 'AWSCURRENT',
				MoveToVersionId: first,
				RemoveFromVersionId: second.VersionId,
			}),
		);
		await put('2');
		const current = Object.values(await versions()).filter((stages) =>
			stages.includes('AWSCURRENT'),
		);
		expect(current).toHaveLength(2);
	});

	it('writes to a secret that waits for its deletion', async () => {
		await client.send(new sdk.DeleteSecretCommand({ SecretId: Name }));
		await expect(put('1')).resolves.toHaveProperty('VersionId');
	});

	it('takes names that AWS refuses', async () => {
		const spaced = new sdk.CreateSecretCommand({ Name: 'a b', SecretString: '0' });
		await expect(client.send(spaced)).resolves.toHaveProperty('ARN');
	});
});
