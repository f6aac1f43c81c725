import type { Form } from '../../src/config/connection';
import { parseForm } from '../../src/config/parseForm';
import { awsForm, byCode, form } from './fixtures';

type Fields = Record<string, unknown>;

const role: Fields = {
	awsCredentials: 'assumeRole',
	awsRoleArn: 'arn:aws:iam::123456789012:role/n8n',
};
const code = (fields: Fields): Fields => form({ ...byCode, ...fields });
const assumed = (fields: Fields): Fields => awsForm({ ...role, ...fields });
const referring = (fields: Fields): Fields =>
	awsForm({ clientSecretSource: 'reference', clientSecretReference: 'crm/client', ...fields });
const signing = (fields: Fields): Fields =>
	form({ clientAuthentication: 'privateKeyJwt', clientSecret: '', ...fields });
const refreshing = (fields: Fields): Fields => form({ grantType: 'refreshToken', ...fields });

/** Field, what is filled in and with what else, where that is in the form that was read, and as what; last, what is there if it is blank. */
const CARRIED: readonly [string, unknown, (fields: Fields) => Fields, string, unknown, unknown?][] =
	[
		['label', ' Other ', form, 'connection.label', 'Other'],
		['clientId', ' other ', form, 'connection.clientId', 'other'],
		['issuerUrl', 'https://LOGIN.example.com/x', form, 'connection.issuer', 'https://login.example.com/x'], // prettier-ignore
		['scope', ' a  b ', form, 'connection.scope', 'a b'],
		['resource', 'urn:a urn:b', form, 'connection.resources', ['urn:a', 'urn:b'], []],
		['tokenParameters', '{"audience":"x"}', form, 'connection.tokenParameters', { audience: 'x' }, {}], // prettier-ignore
		['tenantId', 'acme', form, 'connection.tenantId', 'acme'],
		['validationPath', '/me', form, 'connection.validationUrl', 'https://api.example.com/v1/me'],
		['refreshBufferSeconds', 60, form, 'connection.refreshBufferSeconds', 60, 300],
		['refreshBufferSeconds', 0, form, 'connection.refreshBufferSeconds', 0, 300],
		['defaultLifetimeSeconds', 900, form, 'connection.defaultLifetimeSeconds', 900, 0],
		['accountChangesByWorkflows', true, form, 'connection.accountChangesByWorkflows', true, false],
		['additionalApiOrigins', 'https://b.example.com, https://a.example.com', form, 'connection.apiOrigins', ['https://api.example.com', 'https://b.example.com', 'https://a.example.com'], ['https://api.example.com']], // prettier-ignore
		['secretRef', 'pointer', form, 'secretRef', 'pointer'],
		['clientSecret', ' typed \n', form, 'typed.clientSecret', ' typed '],
		['refreshToken', 'typed\n', refreshing, 'typed.refreshToken', 'typed'],
		['authorizationResponse', '?code=x', code, 'typed.authorizationResponse', '?code=x'],
		['authorizationParameters', '{"prompt":"consent"}', code, 'connection.authorizationCode.parameters', { prompt: 'consent' }, {}], // prettier-ignore
		['pkce', false, code, 'connection.authorizationCode.pkce', false, true],
		['acceptFewerScopes', true, code, 'connection.authorizationCode.acceptFewerScopes', true, false], // prettier-ignore
		['keyId', 'k1', signing, 'connection.assertion.keyId', 'k1'],
		['clientSecretJsonKey', 'secret', referring, 'connection.clientSecretSource.jsonKey', 'secret'],
		['awsSessionToken', 'session', awsForm, 'connection.store.credentials.sessionToken', 'session'],
		['awsEndpoint', 'https://AWS.example.com', awsForm, 'connection.store.endpoint', 'https://aws.example.com/'], // prettier-ignore
		['secretName', 'crm/a', awsForm, 'connection.store.secretName', 'crm/a'],
		['awsKmsKeyId', 'alias/n8n', awsForm, 'connection.store.kmsKeyId', 'alias/n8n'],
		['awsTags', 'team=crm', awsForm, 'connection.store.tags', { team: 'crm' }],
		['awsExternalId', 'ext', assumed, 'connection.store.credentials.externalId', 'ext'],
		['awsSessionName', 'n8n-crm', assumed, 'connection.store.credentials.sessionName', 'n8n-crm'],
		['awsSourceIdentity', 'crm', assumed, 'connection.store.credentials.sourceIdentity', 'crm'],
	];

function at(read: Form, path: string): unknown {
	return path
		.split('.')
		.reduce<unknown>((value, key) => (value as Fields | undefined)?.[key], read);
}

it.each(CARRIED)('%s: %j is carried', async (field, value, fields, path, expected) => {
	expect(at(await parseForm(fields({ [field]: value })), path)).toEqual(expected);
});

const OPTIONAL = CARRIED.filter(([field]) => !['label', 'clientId'].includes(field));

it.each(
	OPTIONAL.map(([field, value, fields, path, , blank]) => ({ field, value, fields, path, blank })),
)('$field ($value) may be blank', async ({ field, fields, path, blank }) => {
	for (const nothing of ['', undefined])
		expect(at(await parseForm(fields({ [field]: nothing })), path)).toEqual(blank);
});

const ABSENT: readonly [string, unknown, (fields: Fields) => Fields, string][] = [
	['authorizationResponse', '?code=x', form, 'typed.authorizationResponse'],
	['refreshToken', 'typed', form, 'typed.refreshToken'],
	['clientSecret', 'typed', signing, 'typed.clientSecret'],
	['clientSecret', 'typed', referring, 'typed.clientSecret'],
	['privateKey', 'no key', form, 'typed.privateKey'],
	['keyId', 'k1', form, 'connection.assertion'],
	['redirectUri', 'https://n8n.example.com/x', form, 'connection.authorizationCode'],
	['awsSecretAccessKey', 'key', form, 'connection.store.credentials'],
	['awsExternalId', 'ext', awsForm, 'connection.store.credentials.externalId'],
	['awsRoleArn', 'arn:aws:iam::123456789012:role/x', awsForm, 'connection.store.credentials.roleArn'], // prettier-ignore
];

it.each(ABSENT)(
	'%s is not read if the form does not show it',
	async (field, value, fields, path) => {
		expect(at(await parseForm(fields({ [field]: value })), path)).toBeUndefined();
	},
);
