import { FIELD_NAMES } from '../../src/config/fields';
import { parseForm } from '../../src/config/parseForm';
import { failureOf } from '../support/failureOf';
import { awsForm, byCode, form } from './fixtures';

/** From the RFCs, and not from the code's own list: what that loses fails here. */
const OWN = {
	/** RFC 6749 §2.3.1, §4.1.3, §4.4.2 and §6, RFC 7523 §2.2, RFC 7636 §4.5. */
	tokenParameters:
		'grant_type code redirect_uri refresh_token scope client_id client_secret client_assertion client_assertion_type code_verifier',
	/** RFC 6749 §4.1.1, OpenID Connect Core 1.0 §3.1.2.1, RFC 7636 §4.3, RFC 9449 §10, RFC 9101 §5, OAuth 2.0 Multiple Response Types §2.1. */
	authorizationParameters:
		'response_type client_id redirect_uri scope state nonce code_challenge code_challenge_method dpop_jkt request request_uri response_mode client_secret',
} as const;

describe.each(Object.entries(OWN))('%s', (field, names) => {
	const fieldName = FIELD_NAMES[field as keyof typeof OWN];

	it.each(names.split(' '))('take no "%s", which this package sets itself', async (name) => {
		const spellings = [
			`{"${name}":"x"}`,
			{ [name]: 'x' },
			`${name}=x`,
			`a=b&${name}=x`,
			`a=b\n${name}=`,
		];
		for (const value of spellings) {
			await expect(
				failureOf(parseForm(form({ ...byCode, [field]: value }))),
			).resolves.toMatchObject({ code: 'INVALID_FIELD', field: fieldName });
		}
	});

	it.each(['audience', 'prompt', 'scopes', 'Scope', 'resource'])('take "%s"', async (name) => {
		await expect(parseForm(form({ ...byCode, [field]: `${name}=x` }))).resolves.toBeDefined();
	});
});

it.each([
	'http://uploads.example.com',
	'http://10.0.0.1',
	'http://notlocalhost',
	'http://localhost.example.com',
	'https://user:password@uploads.example.com',
	'https://user@uploads.example.com',
	'https://uploads.example.com/#fragment',
	'https://uploads.example.com/path',
	'https://uploads.example.com/?query',
	'ftp://uploads.example.com',
	'uploads.example.com',
	'//uploads.example.com',
])('the token is sent to no origin such as %s', async (origin) => {
	for (const additionalApiOrigins of [origin, `https://files.example.com, ${origin}`]) {
		await expect(failureOf(parseForm(form({ additionalApiOrigins })))).resolves.toMatchObject({
			code: 'INVALID_FIELD',
			field: 'Additional API Origins',
		});
	}
});

/** Names that end or begin like the machine's own. */
const NOT_THIS_MACHINE = [
	'http://notlocalhost/',
	'http://xlocalhost/',
	'http://my-localhost/',
	'http://localhost.example.com/',
	'http://127.0.0.1.example.com/',
	'http://x127.0.0.1/',
	'http://[::2]/',
	'http://128.0.0.1/',
];
const ADDRESSES = {
	issuerUrl: 'Issuer URL',
	tokenUrl: 'Token URL',
	authorizationUrl: 'Authorization URL',
	revocationUrl: 'Revocation URL',
	redirectUri: 'Redirect URI',
	apiBaseUrl: 'API Base URL',
	awsEndpoint: 'AWS Endpoint',
};
it.each(
	Object.entries(ADDRESSES).flatMap(([key, field]) =>
		NOT_THIS_MACHINE.map((url) => [field, url, key] as const),
	),
)('%s: %s is plain http to another machine', async (field, url, key) => {
	await expect(failureOf(parseForm(awsForm({ ...byCode, [key]: url })))).resolves.toMatchObject({
		code: 'INVALID_FIELD',
		field,
	});
});

describe('what is required', () => {
	const always = { label: '', grantType: '', clientId: '', apiBaseUrl: '', tokenUrl: '' };
	it.each([
		...Object.keys(always).map((key) => [key, form()] as const),
		...(['redirectUri', 'scope', 'authorizationUrl'] as const).map(
			(key) => [key, form(byCode)] as const,
		),
		...(['awsRegion', 'awsCredentials', 'awsAccessKeyId', 'awsSecretAccessKey'] as const).map(
			(key) => [key, awsForm()] as const,
		),
		['awsRoleArn', awsForm({ awsCredentials: 'assumeRole', awsRoleArn: 'x' })] as const,
		['clientSecretReference', awsForm({ clientSecretSource: 'reference' })] as const,
	])('%s: empty, blank, null and absent are all reported', async (key, complete) => {
		const { [key]: _absent, ...without } = complete;
		for (const fields of [
			without,
			{ ...complete, [key]: '' },
			{ ...complete, [key]: '\r\n' },
			{ ...complete, [key]: null },
			{ ...complete, [key]: undefined },
		]) {
			const failure = await failureOf(parseForm(fields));
			expect(failure).toMatchObject({ failureClass: 'configuration', code: 'MISSING_FIELD' });
			expect(failure.message).toContain(FIELD_NAMES[key as keyof typeof FIELD_NAMES]);
		}
	});
});
