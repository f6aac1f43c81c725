import { assertAllowedByOperator } from '../../src/config/operatorLimits';
import type { OperatorSettings, SettingName } from '../../src/config/operatorSettings';
import { parseForm } from '../../src/config/parseForm';
import { thrownBy } from '../support/failureOf';
import { awsForm, form } from './fixtures';

const ROLE = { awsCredentials: 'assumeRole', awsRoleArn: 'arn:aws:iam::123456789012:role/n8n' };
const REFRESH = { grantType: 'refreshToken' };
const CODE = {
	grantType: 'authorizationCode',
	redirectUri: 'https://n8n.example.com/callback',
	scope: 'a',
};

type Case = [
	field: string,
	setting: SettingName,
	limit: OperatorSettings,
	allowed: Record<string, unknown>,
	refused: Record<string, unknown>,
];

const CASES: Case[] = [
	[
		'Token URL',
		'VAULTED_OAUTH2_ALLOWED_TOKEN_HOSTS',
		{ allowedTokenHosts: ['login.example.com'] },
		form(),
		form({ tokenUrl: 'https://evil.test/oauth2/token' }),
	],
	[
		'Issuer URL',
		'VAULTED_OAUTH2_ALLOWED_TOKEN_HOSTS',
		{ allowedTokenHosts: ['*.example.com'] },
		form({ issuerUrl: 'https://issuer.example.com' }),
		form({ issuerUrl: 'https://evil.test' }),
	],
	[
		'Authorization URL',
		'VAULTED_OAUTH2_ALLOWED_TOKEN_HOSTS',
		{ allowedTokenHosts: ['login.example.com'] },
		form({ ...CODE, authorizationUrl: 'https://login.example.com/authorize' }),
		form({ ...CODE, authorizationUrl: 'https://evil.test/authorize' }),
	],
	[
		'Revocation URL',
		'VAULTED_OAUTH2_ALLOWED_TOKEN_HOSTS',
		{ allowedTokenHosts: ['login.example.com'] },
		form({ ...REFRESH, revocationUrl: 'https://login.example.com/revoke' }),
		form({ ...REFRESH, revocationUrl: 'https://evil.test/revoke' }),
	],
	[
		'API Base URL',
		'VAULTED_OAUTH2_ALLOWED_API_HOSTS',
		{ allowedApiHosts: ['api.example.com'] },
		form(),
		form({ apiBaseUrl: 'https://api.example.com.evil.test/v1' }),
	],
	[
		'Additional API Origins',
		'VAULTED_OAUTH2_ALLOWED_API_HOSTS',
		{ allowedApiHosts: ['api.example.com', 'uploads.example.com'] },
		form({ additionalApiOrigins: 'https://uploads.example.com' }),
		form({ additionalApiOrigins: 'https://uploads.example.com, https://evil.test' }),
	],
	[
		'AWS Endpoint',
		'VAULTED_OAUTH2_ALLOWED_AWS_HOSTS',
		{ allowedAwsHosts: ['secretsmanager.eu-central-1.amazonaws.com', '*.vpce.amazonaws.com'] },
		awsForm({ awsEndpoint: 'https://vpce-1.secretsmanager.eu-central-1.vpce.amazonaws.com' }),
		awsForm({ awsEndpoint: 'https://evil.test' }),
	],
	[
		'AWS Region',
		'VAULTED_OAUTH2_ALLOWED_AWS_HOSTS',
		{ allowedAwsHosts: ['secretsmanager.eu-central-1.amazonaws.com'] },
		awsForm(),
		awsForm({ awsRegion: 'us-east-1' }),
	],
	[
		'AWS Role ARN',
		'VAULTED_OAUTH2_ALLOWED_AWS_ACCOUNTS',
		{ allowedAwsAccounts: ['123456789012'] },
		awsForm(ROLE),
		awsForm({ ...ROLE, awsRoleArn: 'arn:aws:iam::999999999999:role/n8n' }),
	],
	[
		'Secret Name',
		'VAULTED_OAUTH2_SECRET_PREFIX',
		{ secretPrefix: 'prod/n8n/' },
		awsForm({ secretName: 'prod/n8n/crm' }),
		awsForm({ secretName: 'prod/other' }),
	],
];

it.each(CASES)(
	'names %s and %s of what the operator does not allow',
	async (field, setting, limit, allowed, refused) => {
		const { connection } = await parseForm(refused);

		const error = thrownBy(() => assertAllowedByOperator(connection, limit));
		expect(error).toMatchObject({ code: 'NOT_ALLOWED_BY_OPERATOR', field });
		expect(error.message).toContain(setting);

		const permitted = await parseForm(allowed);
		expect(() => assertAllowedByOperator(permitted.connection, limit)).not.toThrow();
	},
);

describe('AWS Endpoint, if the operator has set nothing,', () => {
	const limitsOf = async (awsEndpoint: string, limits: OperatorSettings = {}) => {
		const { connection } = await parseForm(awsForm({ awsEndpoint }));
		return () => assertAllowedByOperator(connection, limits);
	};

	it.each([
		'https://secretsmanager.eu-central-1.amazonaws.com',
		'https://secretsmanager-fips.us-gov-west-1.amazonaws.com',
		'https://secretsmanager.eu-central-1.api.aws',
		'https://secretsmanager.cn-north-1.amazonaws.com.cn',
		'https://secretsmanager.cn-north-1.api.amazonwebservices.com.cn',
		'https://secretsmanager.eusc-de-east-1.amazonaws.eu',
		'https://vpce-0a1b-2c3d.secretsmanager.cn-north-1.vpce.amazonaws.com.cn',
		'https://vpce-0a1b-2c3d.secretsmanager.eusc-de-east-1.vpce.amazonaws.eu',
		'https://vpce-0a1b-2c3d.secretsmanager.eu-central-1.vpce.amazonaws.com',
		'https://vpce-0a1b-2c3d-eu-central-1a.secretsmanager.eu-central-1.vpce.amazonaws.com',
		'https://SecretsManager.EU-central-1.amazonaws.com/',
		'http://127.0.0.1:4566',
		'http://localhost:4566',
	])('may be %s', async (endpoint) => {
		expect(await limitsOf(endpoint)).not.toThrow();
	});

	it.each([
		'https://relay.example.com',
		'https://secretsmanager.eu-central-1.amazonaws.com.evil.test',
		'https://secretsmanager.eu-central-1.evil.test',
		'https://evil.test/secretsmanager.eu-central-1.amazonaws.com',
		'https://xsecretsmanager.eu-central-1.amazonaws.com',
		// Names that customers of AWS choose or get.
		'https://abc123.execute-api.eu-central-1.amazonaws.com',
		'https://secretsmanager.s3.amazonaws.com',
		'https://secretsmanager.s3.eu-central-1.amazonaws.com',
		'https://relay-1.eu-central-1.elb.amazonaws.com',
		'https://vpce-0a1b.execute-api.eu-central-1.vpce.amazonaws.com',
		'https://10.0.0.8',
	])('may not be %s', async (endpoint) => {
		const { host } = new URL(endpoint);
		const error = thrownBy(await limitsOf(endpoint));

		expect(error).toMatchObject({ code: 'NOT_ALLOWED_BY_OPERATOR', field: 'AWS Endpoint' });
		expect(error.message).toContain(`VAULTED_OAUTH2_ALLOWED_AWS_HOSTS=${host}`);
		expect(await limitsOf(endpoint, { allowedAwsHosts: [host] })).not.toThrow();
	});
});

it('asks nothing about AWS of a connection with the local vault', async () => {
	const { connection } = await parseForm(form());

	expect(() =>
		assertAllowedByOperator(connection, {
			allowedAwsHosts: ['vault.example.com'],
			allowedAwsAccounts: ['123456789012'],
			secretPrefix: 'x/',
		}),
	).not.toThrow();
});

it('leaves a secret whose name is not fixed to the prefix it will get', async () => {
	const { connection } = await parseForm(awsForm());

	expect(() => assertAllowedByOperator(connection, { secretPrefix: 'x/' })).not.toThrow();
});
