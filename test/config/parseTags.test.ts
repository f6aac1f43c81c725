import { parseForm } from '../../src/config/parseForm';
import { parseTags } from '../../src/config/parseTags';
import { failureOf } from '../support/failureOf';
import { awsForm } from './fixtures';

it.each([
	['team=crm', { team: 'crm' }],
	['team = crm, cost-center=42,', { team: 'crm', 'cost-center': '42' }],
	['team=crm\r\nurl=https://a.example/?=1+1', undefined],
	['team=crm\nurl=https://a.example/b=c+d', { team: 'crm', url: 'https://a.example/b=c+d' }],
	['empty=', { empty: '' }],
	['{"team":"crm","a=b":"ü"}', { team: 'crm', 'a=b': 'ü' }],
	['{"team":1}', undefined],
	['{"team":null}', undefined],
	['{team', undefined],
	['team', undefined],
	['=crm', undefined],
	['team=a;b', undefined],
	['team=<b>', undefined],
	[`${'k'.repeat(129)}=v`, undefined],
	[`k=${'v'.repeat(257)}`, undefined],
	['aws:team=crm', undefined],
	['AWS:team=crm', undefined],
	['vaulted-oauth2:token-hosts=evil.test', undefined],
	['managed-by=me', undefined],
	['tenant=other', undefined],
	[Array.from({ length: 41 }, (_, n) => `k${n}=v`).join(), undefined],
])('reads the tags %s as %j', (text, expected) => {
	if (expected === undefined) {
		expect(() => parseTags(text)).toThrow(
			expect.objectContaining({ code: 'INVALID_FIELD', field: 'AWS Tags' }) as Error,
		);
	} else {
		expect(parseTags(text)).toEqual(expected);
	}
});

it('hands key and tags of new secrets, session name and source identity to the store', async () => {
	const { connection } = await parseForm(
		awsForm({
			tenantId: 'acme',
			awsCredentials: 'assumeRole',
			awsRoleArn: 'arn:aws:iam::123456789012:role/n8n',
			awsSessionName: 'n8n-{tenantId}',
			awsSourceIdentity: 'n8n@example.com',
			awsKmsKeyId: 'alias/n8n',
			awsTags: 'team=crm',
		}),
	);

	expect(connection.store).toMatchObject({
		credentials: { sessionName: 'n8n-acme', sourceIdentity: 'n8n@example.com' },
		kmsKeyId: 'alias/n8n',
		tags: { team: 'crm' },
	});
});

it.each([
	['AWS Session Name', { awsSessionName: 'with space' }],
	['AWS Session Name', { awsSessionName: 'x' }],
	['AWS Source Identity', { awsSourceIdentity: 'a/b' }],
	['AWS KMS Key', { awsKmsKeyId: 'alias/ü' }],
	['AWS Tags', { awsTags: 'team' }],
	['Tenant ID', { awsSessionName: 'n8n-{tenantId}' }],
])('names %s if it cannot be used: %j', async (field, changes) => {
	await expect(failureOf(parseForm(awsForm(changes)))).resolves.toMatchObject({ field });
});
