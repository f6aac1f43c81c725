import type { LoopbackServer } from '../support/loopback';
import { listenOnLoopback } from '../support/loopback';
import { failureOf } from '../support/failureOf';
import { CLIENT, WholeCore, type Form } from '../support/wholeCore';

/** A secret of somebody else, which the credential's AWS identity can read. */
const PRODUCTION = 'payments/production';
const PRODUCTION_SECRET = 'example-production-secret';

let core: WholeCore;

beforeEach(async () => {
	core = await WholeCore.start('awsSecretsManager');
	core.aws.perform('CreateSecret', { Name: PRODUCTION, SecretString: PRODUCTION_SECRET });
});
afterEach(async () => {
	await core.close();
});

/** The secret is the client's own after all. */
function holdClientSecret(): void {
	const SecretString = CLIENT.clientSecret;
	core.aws.perform('PutSecretValue', { SecretId: PRODUCTION, SecretString });
}

const hostOf = (address: string): string => new URL(address).host;
const tag = (name: string, key: string, value: string): void => {
	core.aws.perform('TagResource', { SecretId: name, Tags: [{ Key: key, Value: value }] });
};
const reference = (name: string, changes: Form = {}): Form =>
	core.form({
		clientSecretSource: 'reference',
		clientSecretReference: name,
		clientSecret: '',
		clientAuthentication: 'basic',
		...changes,
	});

/** An issuer whose document names a token endpoint elsewhere. */
async function issuerNaming(tokenEndpoint: string): Promise<LoopbackServer> {
	const server = await listenOnLoopback();
	server.serve((_request, response) => {
		response.writeHead(200, { 'content-type': 'application/json' });
		response.end(
			JSON.stringify({
				issuer: server.origin,
				token_endpoint: tokenEndpoint,
				introspection_endpoint: `${server.origin}/introspect`,
			}),
		);
	});
	return server;
}

describe('a secret that a credential refers to', () => {
	it('is not sent to an address of whoever edits the credential', async () => {
		const attempt = core.save(reference(PRODUCTION, { tokenUrl: `${core.api.url}/steal` }));

		await expect(failureOf(attempt)).resolves.toMatchObject({
			failureClass: 'configuration',
			code: 'REFERENCE_NOT_ALLOWED',
			field: 'Client Secret Name or ARN',
		});
		expect(core.api.requests).toEqual([]);
		expect(core.aws.secrets()).toHaveLength(1);
	});

	it('is sent nowhere else when the pointer is cleared and Token URL changed', async () => {
		holdClientSecret();
		tag(PRODUCTION, 'vaulted-oauth2:token-hosts', hostOf(core.provider.tokenEndpoint));
		const saved = await core.save(reference(PRODUCTION));
		expect(await core.call(saved)).toBe(200);

		const moved = { ...saved, secretRef: '', tokenUrl: `${core.api.url}/steal` };
		await expect(failureOf(core.save(moved))).resolves.toMatchObject({
			code: 'REFERENCE_NOT_ALLOWED',
		});
		expect(core.api.requests.map(({ path }) => path)).toEqual(['/me']);
	});

	it('is not sent where an own issuer says that the token endpoint is, nor to that issuer beside a good Token URL', async () => {
		tag(PRODUCTION, 'vaulted-oauth2:token-hosts', hostOf(core.provider.tokenEndpoint));
		const issuer = await issuerNaming(`${core.api.url}/steal`);
		try {
			for (const changes of [
				{ tokenUrl: '', issuerUrl: issuer.origin },
				{ issuerUrl: issuer.origin },
			]) {
				const attempt = core.save(reference(PRODUCTION, changes));
				await expect(failureOf(attempt)).resolves.toMatchObject({ code: 'REFERENCE_NOT_ALLOWED' });
			}
		} finally {
			await issuer.close();
		}
		expect(core.api.requests).toEqual([]);
		expect(core.provider.tokenRequests).toEqual([]);
	});

	it('is not sent to a Revocation URL that its tag does not name', async () => {
		holdClientSecret();
		tag(PRODUCTION, 'vaulted-oauth2:token-hosts', hostOf(core.provider.tokenEndpoint));
		const form = {
			...(await core.refreshForm()),
			clientSecretSource: 'reference',
			clientSecretReference: PRODUCTION,
			clientSecret: '',
			clientAuthentication: 'basic',
		};
		const attempt = core.save({ ...form, revocationUrl: `${core.api.url}/steal` });
		const failure = await failureOf(attempt);
		expect(failure).toMatchObject({ code: 'REFERENCE_NOT_ALLOWED' });
		expect(failure.message).toContain(hostOf(core.api.url));
		expect(core.provider.tokenRequests).toEqual([]);

		const revocationUrl = core.provider.revocationEndpoint;
		const saved = await core.save({ ...form, revocationUrl });
		const { disconnect } = core.connections.open(await core.connections.read(saved));
		await expect(disconnect({ by: { from: 'form' }, evenIfNotRevoked: false })).resolves.toEqual({
			wasConnected: true,
		});
		expect(core.api.requests).toEqual([]);
	});

	it('is sent by the exact tag that the message gives', async () => {
		holdClientSecret();
		const form = reference(PRODUCTION);
		const { message } = await failureOf(core.save(form));
		const [, key = '', value = ''] = /the tag "(.+?)" with the value "(.+?)"/.exec(message) ?? [];
		tag(PRODUCTION, key, value);

		const saved = await core.save(form);
		for (let calls = 0; calls < 3; calls++) expect(await core.call(saved)).toBe(200);
		const described = core.aws.calls.filter(({ action }) => action === 'DescribeSecret');
		// The refused try, the one that was permitted, and the first use of the connection; none for further calls.
		expect(described).toHaveLength(3);
	});

	it('stops being sent within five minutes after its tag was taken away', async () => {
		holdClientSecret();
		tag(PRODUCTION, 'vaulted-oauth2:token-hosts', hostOf(core.provider.tokenEndpoint));
		const saved = await core.save(reference(PRODUCTION));
		tag(PRODUCTION, 'vaulted-oauth2:token-hosts', 'elsewhere.example.com');
		core.wait(3601);

		await expect(failureOf(core.call(saved))).resolves.toMatchObject({
			code: 'REFERENCE_NOT_ALLOWED',
		});
		tag(PRODUCTION, 'vaulted-oauth2:token-hosts', hostOf(core.provider.tokenEndpoint));
		// The gate opens as soon as a look finds that it may be sent.
		core.wait(60);
		expect(await core.call(saved)).toBe(200);
	});

	it.each([
		['lists it', { references: ['payments/*'] }],
		['trusts all editors', { trustEditors: true }],
	])(
		'is sent without a tag, and without DescribeSecret, if the operator %s',
		async (_name, settings) => {
			holdClientSecret();
			core.connections = core.process(settings);

			expect(await core.call(await core.save(reference(PRODUCTION)))).toBe(200);
			expect(core.aws.calls.map(({ action }) => action)).not.toContain('DescribeSecret');
		},
	);

	it('needs DescribeSecret, and the message names it', async () => {
		core.aws.deny('test-access-key', 'DescribeSecret');

		const error = await failureOf(core.save(reference(PRODUCTION)));
		expect(error).toMatchObject({ failureClass: 'secretStore', code: 'ACCESS_DENIED' });
		expect(error.message).toContain('secretsmanager:DescribeSecret');
	});
});

describe('what the operator does not allow', () => {
	it('is asked of nobody: the form’s own hosts', async () => {
		core.connections = core.process({ allowedTokenHosts: ['login.example.com'] });

		await expect(failureOf(core.save(core.form()))).resolves.toMatchObject({
			code: 'NOT_ALLOWED_BY_OPERATOR',
			field: 'Token URL',
		});
		expect(core.provider.tokenRequests).toEqual([]);
		expect(core.aws.calls).toEqual([]);
	});

	it('stops a connection that was sealed before', async () => {
		const saved = await core.save(core.form());
		const limited = core.process({ allowedApiHosts: ['api.example.com'] });

		await expect(failureOf(core.call(saved, limited))).resolves.toMatchObject({
			code: 'NOT_ALLOWED_BY_OPERATOR',
			field: 'API Base URL',
		});
	});

	it('is not reached by what an allowed issuer describes', async () => {
		const issuer = await issuerNaming(`${core.api.url}/token`);
		try {
			core.connections = core.process({ allowedTokenHosts: [hostOf(issuer.origin)] });
			const form = core.form({ tokenUrl: '', issuerUrl: issuer.origin });

			const error = await failureOf(core.save(form));
			expect(error).toMatchObject({ code: 'BLOCKED_BY_INSTANCE', field: 'Issuer URL' });
			expect(error.message).toContain('VAULTED_OAUTH2_ALLOWED_TOKEN_HOSTS');
			expect(core.api.requests).toEqual([]);
		} finally {
			await issuer.close();
		}
	});

	it('is a secret in another account', async () => {
		core.connections = core.process({ allowedAwsAccounts: ['999999999999'] });

		await expect(failureOf(core.save(core.form()))).resolves.toMatchObject({
			code: 'NOT_ALLOWED_BY_OPERATOR',
			field: 'AWS Credentials',
		});
	});

	it('is a name without the prefix, which every new secret gets', async () => {
		core.connections = core.process({ secretPrefix: 'prod/n8n/' });

		const form = core.form({ secretName: 'n8n/crm' });
		await expect(failureOf(core.save(form))).resolves.toMatchObject({
			field: 'Secret Name',
		});
		await core.save(core.form({ tenantId: 'acme' }));
		expect(core.aws.secrets().map(({ name }) => name)).toEqual([
			PRODUCTION,
			expect.stringMatching(/^prod\/n8n\/acme\/example-crm-[0-9a-f]{8}$/),
		]);
	});
});
