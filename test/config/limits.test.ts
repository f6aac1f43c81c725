import { FIELD_NAMES, type FieldKey } from '../../src/config/fields';
import { parseForm } from '../../src/config/parseForm';
import { failureOf } from '../support/failureOf';
import { awsForm, byCode, form } from './fixtures';

type Fields = Record<string, unknown>;

const assumed = (fields: Fields): Fields =>
	awsForm({
		awsCredentials: 'assumeRole',
		awsRoleArn: 'arn:aws:iam::123456789012:role/n8n',
		...fields,
	});
const code = (fields: Fields): Fields => form({ ...byCode, ...fields });

/** Field, with what else, the last values that are good, the first ones that are not, and words of the rule. */
const LIMITS: readonly [
	FieldKey,
	(fields: Fields) => Fields,
	readonly unknown[],
	readonly unknown[],
	string,
][] = [
	['label', form, ['x', 'x'.repeat(128)], ['x'.repeat(129)], 'at most 128 characters'],
	['scope', form, ['a', 'a:b/c.d ~!#[]', `a${' b'.repeat(50)}`], ['a"b', 'a\\b', 'ä'], 'separated by spaces'],
	['resource', form, ['urn:a', 'https://a.example.com/x?y=1'], ['a', 'https://a.example.com/#x'], 'without "#"'],
	['tenantId', form, ['a', '0', 'A1._-', 'a'.repeat(64)], ['-a', '.a', 'a/b', 'a'.repeat(65)], 'starts with a letter or digit'],
	['refreshBufferSeconds', form, [0, 86_400], [-1, 86_401, 1.5], 'from 0 to 86400'],
	['defaultLifetimeSeconds', form, [0, 31_536_000], [-1, 31_536_001, 0.5], 'from 0 to 31536000'],
	['awsRegion', awsForm, ['eu-central-1', 'us-gov-west-1', 'us-iso-east-1'], ['eu', 'eu-central', 'EU-CENTRAL-1', 'eu-central-1.evil.test'], 'the name of an AWS region'],
	['awsRoleArn', assumed, ['arn:aws:iam::123456789012:role/x', 'arn:aws-us-gov:iam::123456789012:role/a/b', 'arn:aws-cn:iam::123456789012:role/x'], ['arn:aws:iam::12345678901:role/x', 'arn:aws:iam::123456789012:user/x', 'arn:aws:iam::123456789012:role/'], 'the ARN of a role'],
	['awsSessionName', assumed, ['ab', 'a'.repeat(64), 'A_=,.@-1'], ['a', 'a'.repeat(65), 'a b'], '2 to 64 letters'],
	['awsSourceIdentity', assumed, ['ab', 'a'.repeat(64)], ['a', 'a'.repeat(65), 'a/b'], '2 to 64 letters'],
	['awsKmsKeyId', awsForm, ['alias/n8n', 'mrk-1234abcd', 'arn:aws:kms:eu-central-1:123456789012:key/1'], ['alias n8n', 'a.b'], 'alias of a KMS key'],
	['secretName', awsForm, ['a', 'a/b_c+d=e.f@g-h', 'a'.repeat(512)], ['a b', 'a:b', 'a'.repeat(513)], 'letters, digits and'],
	['tokenUrl', form, ['https://a.example.com', 'http://127.0.0.1:1/x'], ['http://a.example.com', 'https://u:p@a.example.com', 'https://a.example.com/#x', 'a.example.com'], 'https:// address'],
	['redirectUri', code, ['http://localhost:5678/x'], ['http://n8n.example.com/x'], 'https:// address'],
	['authorizationResponse', code, ['x'.repeat(16_384)], ['x'.repeat(16_385)], ''],
]; // prettier-ignore

it.each(LIMITS.flatMap(([field, fields, good]) => good.map((value) => ({ field, fields, value }))))(
	'$field can be $value',
	async ({ field, fields, value }) => {
		await expect(parseForm(fields({ [field]: value }))).resolves.toBeDefined();
	},
);

it.each(
	LIMITS.flatMap(([field, fields, , bad, rule]) =>
		bad.map((value) => ({ field, fields, value, rule })),
	),
)('$field cannot be $value', async ({ field, fields, value, rule }) => {
	const error = await failureOf(parseForm(fields({ [field]: value })));
	expect(error).toMatchObject({ code: 'INVALID_FIELD', field: FIELD_NAMES[field] });
	expect(error.message).toContain(rule);
});
