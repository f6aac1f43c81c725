import type { INodePropertyOptions } from 'n8n-workflow';

import { properties } from '../../credentials/properties';
import type { Connection } from '../../src/config/connection';
import { parseForm } from '../../src/config/parseForm';
import { failureOf } from '../support/failureOf';
import { awsForm, byCode, form } from './fixtures';

type Fields = Record<string, unknown>;

const signing: Fields = { clientAuthentication: 'privateKeyJwt', clientSecret: '' };

/** For each list of the form: what else is filled in, where the meaning is, and what each choice means. */
const LISTS: Record<
	string,
	readonly [
		fields: (choice: Fields) => Fields,
		meaning: (connection: Connection) => unknown,
		means: Record<string, unknown>,
	]
> = {
	grantType: [
		(choice) => form({ ...byCode, ...choice }),
		({ grantType }) => grantType,
		{
			clientCredentials: 'client_credentials',
			authorizationCode: 'authorization_code',
			refreshToken: 'refresh_token',
		},
	],
	clientAuthentication: [
		(choice) => form(choice),
		({ clientAuthentication }) => clientAuthentication,
		{
			automatic: 'automatic',
			basic: 'client_secret_basic',
			basicUnencoded: 'client_secret_basic_unencoded',
			post: 'client_secret_post',
			privateKeyJwt: 'private_key_jwt',
			tlsClientCertificate: 'tls_client_auth',
			none: 'none',
		},
	],
	secretStore: [
		(choice) => awsForm(choice),
		({ store }) => store.kind,
		{ awsSecretsManager: 'awsSecretsManager', localVault: 'localVault' },
	],
	awsCredentials: [
		(choice) => awsForm({ awsRoleArn: 'arn:aws:iam::123456789012:role/n8n', ...choice }),
		({ store }) => 'credentials' in store && store.credentials.kind,
		{ accessKey: 'accessKey', assumeRole: 'assumeRole', default: 'default' },
	],
	clientSecretSource: [
		(choice) => awsForm({ clientSecretReference: 'crm/client', ...choice }),
		({ clientSecretSource }) => clientSecretSource.kind,
		{ enter: 'entered', reference: 'reference' },
	],
	signingAlgorithm: [
		(choice) => form({ ...signing, ...choice }),
		({ assertion }) => assertion?.algorithm,
		{
			automatic: undefined,
			...Object.fromEntries(
				['EdDSA', 'ES256', 'ES384', 'ES512', 'PS256', 'RS256'].map((name) => [name, name]),
			),
		},
	],
	pushedAuthorizationRequest: [
		(choice) => form({ ...byCode, ...choice }),
		({ authorizationCode }) => authorizationCode?.pushed,
		{ always: 'always', ifOffered: 'ifOffered', ifRequired: 'ifRequired', never: 'never' },
	],
	responseMode: [
		(choice) => form({ ...byCode, ...choice }),
		({ authorizationCode }) => authorizationCode?.formPost,
		{ default: false, formPost: true },
	],
	tokenExpiredRule: [
		(choice) => form({ tokenExpiredValue: 'x', ...choice }),
		({ expiry }) => `${String(expiry.byChallenge)} ${expiry.bodyRule?.value ?? ''}`,
		{ none: 'false ', challenge: 'true ', body: 'false x' },
	],
	tokenExpiredComparison: [
		(choice) => form({ tokenExpiredRule: 'body', tokenExpiredValue: 'x', ...choice }),
		({ expiry }) => expiry.bodyRule?.comparison,
		{ contains: 'contains', equals: 'equals' },
	],
	tokenPlacement: [
		(choice) => form(choice),
		({ tokenPlacement }) => tokenPlacement.in,
		{ cookie: 'cookie', header: 'header', query: 'query' },
	],
	dpop: [
		(choice) => form(choice),
		({ dpop }) => dpop,
		{ always: 'always', ifOffered: 'ifOffered', never: 'never' },
	],
};

const lists = properties
	.filter(({ type }) => type === 'options')
	.map(({ name, options = [] }): [string, string[]] => [
		name,
		(options as INodePropertyOptions[]).map(({ value }) => String(value)),
	]);

it('covers every list of the form', () => {
	expect(lists.map(([name]) => name).sort()).toEqual(Object.keys(LISTS).sort());
});

describe.each(lists)('%s', (name, choices) => {
	const none: (typeof LISTS)[string] = [form, () => undefined, {}];
	const [fields, meaning, means] = LISTS[name] ?? none;

	it('offers what is understood', () => {
		expect([...choices].sort()).toEqual(Object.keys(means).sort());
	});

	it.each(choices)('can be %s', async (choice) => {
		const { connection } = await parseForm(fields({ [name]: choice }));
		expect(meaning(connection)).toBe(means[choice]);
	});

	it('can be nothing else', async () => {
		await expect(failureOf(parseForm(fields({ [name]: 'unheard-of' })))).resolves.toMatchObject({
			code: 'INVALID_FIELD',
		});
	});
});
