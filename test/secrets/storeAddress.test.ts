import type { StoreSettings } from '../../src/config/connection';
import { storeAddressOf } from '../../src/secrets/storeAddress';

type Aws = Extract<StoreSettings, { kind: 'awsSecretsManager' }>;

const KEY = { kind: 'accessKey', accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'example' } as const;
const aws = (changes: Partial<Aws> = {}): Aws => ({
	kind: 'awsSecretsManager',
	region: 'eu-central-1',
	credentials: KEY,
	...changes,
});
const VPC = 'https://vpce-1.secretsmanager.eu-central-1.vpce.amazonaws.com';

it('is one for all local vaults of the instance', () => {
	expect(storeAddressOf({ kind: 'localVault' })).toEqual({ kind: 'localVault' });
});

it.each<[string, Partial<Aws>, Partial<Aws>]>([
	[
		'letters of the host',
		{ endpoint: VPC },
		{ endpoint: VPC.toUpperCase().replace('HTTPS', 'https') },
	],
	['the default port', { endpoint: VPC }, { endpoint: `${VPC}:443` }],
	['a slash at the end', { endpoint: VPC }, { endpoint: `${VPC}/` }],
	['AWS’s own address', {}, { endpoint: 'https://secretsmanager.eu-central-1.amazonaws.com/' }],
	['the access key', {}, { credentials: { ...KEY, accessKeyId: 'AKIAOTHER' } }],
	['what only new secrets get', {}, { secretName: 'x', kmsKeyId: 'alias/x', tags: { a: 'b' } }],
])('is the same whatever %s', (_name, left, right) => {
	expect(storeAddressOf(aws(right))).toEqual(storeAddressOf(aws(left)));
});

it.each<[string, Partial<Aws>]>([
	['an endpoint', { endpoint: VPC }],
	['another region', { region: 'us-east-1' }],
	['the address of another region', { endpoint: 'https://secretsmanager.us-east-1.amazonaws.com' }],
	['plain http', { endpoint: 'http://secretsmanager.eu-central-1.amazonaws.com' }],
	['another port', { endpoint: 'https://secretsmanager.eu-central-1.amazonaws.com:8443' }],
	['a path', { endpoint: 'https://secretsmanager.eu-central-1.amazonaws.com/relay' }],
])('is another one with %s', (_name, changes) => {
	expect(storeAddressOf(aws(changes))).not.toEqual(storeAddressOf(aws()));
});

it('is AWS’s own in China too', () => {
	const endpoint = 'https://secretsmanager.cn-north-1.amazonaws.com.cn';

	expect(storeAddressOf(aws({ region: 'cn-north-1', endpoint }))).not.toHaveProperty('endpoint');
});
