import { generateKeyPairSync } from 'node:crypto';

import { parseForm } from '../../src/config/parseForm';
import { isSecureUrl } from '../../src/config/secureUrl';
import { selfSigned } from '../http/support/certificate';
import { failureOf, type Failure } from '../support/failureOf';
import { awsForm, form } from './fixtures';

const refusal = async (fields: Record<string, unknown>): Promise<Failure> =>
	await failureOf(parseForm(fields));

it('reads a form into a connection, with nothing in it that was left empty', async () => {
	await expect(parseForm(form())).resolves.toEqual({
		connection: {
			label: 'Example CRM',
			grantType: 'client_credentials',
			accountChangesByWorkflows: false,
			tokenEndpoint: 'https://login.example.com/oauth2/token',
			resources: [],
			sendsApiHeaders: false,
			tokenPlacement: { in: 'header', name: 'authorization', prefix: 'Bearer' },
			expiry: { statusCodes: [401], byChallenge: false },
			clientId: 'crm-client',
			clientAuthentication: 'automatic',
			clientSecretSource: { kind: 'entered' },
			tokenParameters: {},
			apiBaseUrl: 'https://api.example.com/v1',
			apiOrigins: ['https://api.example.com'],
			refreshBufferSeconds: 300,
			defaultLifetimeSeconds: 0,
			dpop: 'never',
			store: { kind: 'localVault' },
		},
		typed: { clientSecret: 'typed-client-secret' },
	});
});

it('has one text for an address, however it is typed', async () => {
	const { connection } = await parseForm(
		awsForm({
			grantType: 'authorizationCode',
			scope: 's',
			issuerUrl: 'https://LOGIN.example.com',
			tokenUrl: 'https://login.example.com:443/a/../token',
			authorizationUrl: 'https://login.example.com/größe',
			redirectUri: 'HTTPS://n8n.Example.com/webhook/./crm/callback',
			apiBaseUrl: 'https://API.example.com/v1/',
			awsEndpoint: 'https://AWS.example.com',
		}),
	);
	expect(connection).toMatchObject({
		issuer: 'https://login.example.com/',
		tokenEndpoint: 'https://login.example.com/token',
		authorizationCode: {
			authorizationEndpoint: 'https://login.example.com/gr%C3%B6%C3%9Fe',
			redirectUri: 'https://n8n.example.com/webhook/crm/callback',
		},
		apiBaseUrl: 'https://api.example.com/v1',
		store: { endpoint: 'https://aws.example.com/' },
	});
});

it('puts the tenant into every address that asks for it', async () => {
	const { connection } = await parseForm(
		form({
			tenantId: 'acme',
			issuerUrl: 'https://{tenantId}.login.example.com',
			tokenUrl: 'https://login.example.com/{tenantId}/token',
			apiBaseUrl: 'https://api.example.com/{tenantId}',
		}),
	);
	expect(connection).toMatchObject({
		issuer: 'https://acme.login.example.com/',
		tokenEndpoint: 'https://login.example.com/acme/token',
		apiBaseUrl: 'https://api.example.com/acme',
		tenantId: 'acme',
	});
});

it('keeps white space that may belong to a secret, but not the line break of a paste', async () => {
	const { typed } = await parseForm(form({ clientSecret: ' a b \r\n' }));
	expect(typed.clientSecret).toBe(' a b ');
});

it('reads the ways to reach AWS', async () => {
	const store = async (changes: Record<string, unknown>): Promise<unknown> =>
		(await parseForm(awsForm(changes))).connection.store;
	await expect(store({})).resolves.toMatchObject({
		kind: 'awsSecretsManager',
		region: 'eu-central-1',
		credentials: { kind: 'accessKey', accessKeyId: 'AKIAEXAMPLE' },
	});
	await expect(store({ awsCredentials: 'default' })).resolves.toMatchObject({
		credentials: { kind: 'default' },
	});
	await expect(
		store({
			awsCredentials: 'assumeRole',
			awsRoleArn: 'arn:aws:iam::123456789012:role/n8n',
			awsExternalId: 'x',
		}),
	).resolves.toMatchObject({
		credentials: { kind: 'assumeRole', externalId: 'x', base: { accessKeyId: 'AKIAEXAMPLE' } },
	});
	await expect(
		store({
			awsCredentials: 'assumeRole',
			awsRoleArn: 'arn:aws:iam::123456789012:role/n8n',
			awsAccessKeyId: '',
		}),
	).resolves.not.toHaveProperty('credentials.base');
});

describe('a client that signs', () => {
	const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
	const privateKey = keys.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
	const signer = (changes: Record<string, unknown> = {}): Record<string, unknown> =>
		form({ clientAuthentication: 'privateKeyJwt', privateKey, ...changes });

	it('has a key in place of a secret, and what is said of the key', async () => {
		const { connection, typed } = await parseForm(
			signer({ keyId: ' k-1 ', signingAlgorithm: 'ES256' }),
		);
		expect(connection).toMatchObject({
			clientAuthentication: 'private_key_jwt',
			assertion: { keyId: 'k-1', algorithm: 'ES256' },
		});
		expect(typed).toEqual({ privateKey: privateKey.trim() });
		const automatic = await parseForm(signer({ keyId: '', signingAlgorithm: 'automatic' }));
		expect(automatic.connection.assertion).toEqual({});
	});

	it('is not one with a secret or a certificate', async () => {
		const other = await parseForm(signer({ clientAuthentication: 'post', keyId: 'k-1' }));
		expect(other.typed).toEqual({ clientSecret: 'typed-client-secret' });
		expect(other.connection).not.toHaveProperty('assertion');
		const { cert, key } = selfSigned();
		const certified = await parseForm(
			signer({ clientAuthentication: 'tlsClientCertificate', privateKey: cert + key }),
		);
		expect(certified.connection).toMatchObject({ clientAuthentication: 'tls_client_auth' });
		expect(certified.connection).not.toHaveProperty('assertion');
		expect(certified.typed.privateKey).toContain('CERTIFICATE');
	});

	it.each([
		['an unknown algorithm', { signingAlgorithm: 'HS256' }, 'Signing Algorithm'],
		['an algorithm of another key', { signingAlgorithm: 'RS256' }, 'Signing Algorithm'],
		['a key that is none', { privateKey: 'x' }, 'Private Key'],
		['far too long a key', { privateKey: 'x'.repeat(32_769) }, 'Private Key'],
		['no certificate', { clientAuthentication: 'tlsClientCertificate' }, 'Private Key'],
		[
			'an unknown way to push',
			{ grantType: 'authorizationCode', pushedAuthorizationRequest: 'on' },
			'Pushed Authorization Request',
		],
	])('is refused with %s', async (_name, changes, field) => {
		const known = { redirectUri: 'https://n8n.example.com/callback', scope: 's' };
		const code = { ...known, authorizationUrl: 'https://login.example.com/authorize' };
		await expect(refusal(signer({ ...code, ...changes }))).resolves.toMatchObject({ field });
	});

	it('may leave the key to another secret, or blank to keep it', async () => {
		const kept = await parseForm(signer({ privateKey: '' }));
		expect(kept.typed).toEqual({});
		const referenced = await parseForm(
			awsForm({
				clientAuthentication: 'privateKeyJwt',
				clientSecretSource: 'reference',
				clientSecretReference: 'client-key',
				privateKey,
			}),
		);
		expect(referenced.typed).toEqual({});
	});
});

it('does not take a typed secret that the form does not show', async () => {
	const { typed } = await parseForm(
		form({ clientAuthentication: 'none', refreshToken: 'left over' }),
	);
	expect(typed).toEqual({});
});

it.each([
	['label', form({ label: ' ' }), 'Label', 'MISSING_FIELD'],
	['client ID', form({ clientId: undefined }), 'Client ID', 'MISSING_FIELD'],
	['token URL and issuer', form({ tokenUrl: '' }), 'Token URL', 'MISSING_FIELD'],
	['API base URL', form({ apiBaseUrl: '' }), 'API Base URL', 'MISSING_FIELD'],
	[
		'tenant that an address asks for',
		form({ tokenUrl: 'https://x.example/{tenantId}' }),
		'Tenant ID',
		'MISSING_FIELD',
	],
	['AWS region', awsForm({ awsRegion: '' }), 'AWS Region', 'MISSING_FIELD'],
	['access key', awsForm({ awsSecretAccessKey: '' }), 'AWS Secret Access Key', 'MISSING_FIELD'],
	['role', awsForm({ awsCredentials: 'assumeRole' }), 'AWS Role ARN', 'MISSING_FIELD'],
	[
		'reference',
		awsForm({ clientSecretSource: 'reference' }),
		'Client Secret Name or ARN',
		'MISSING_FIELD',
	],
])('names a missing %s as the form does', async (_name, fields, field, code) => {
	await expect(refusal(fields)).resolves.toMatchObject({ field, code });
});

it.each([
	['a plain http token URL', form({ tokenUrl: 'http://login.example.com/token' }), 'Token URL'],
	[
		'a token URL with a password',
		form({ tokenUrl: 'https://a:b@login.example.com/token' }),
		'Token URL',
	],
	['something that is no address', form({ apiBaseUrl: 'api.example.com' }), 'API Base URL'],
	['a query in the base', form({ apiBaseUrl: 'https://api.example.com/?a=b' }), 'API Base URL'],
	['a plain http API', form({ apiBaseUrl: 'http://10.0.0.1/' }), 'API Base URL'],
	['an unknown grant', form({ grantType: 'password' }), 'Grant Type'],
	['a scope with quotes', form({ scope: 'a "b"' }), 'Scope'],
	['a tenant that would change the host', form({ tenantId: 'evil.example/' }), 'Tenant ID'],
	['a negative buffer', form({ refreshBufferSeconds: -1 }), 'Refresh Buffer (Seconds)'],
	['a region that is none', awsForm({ awsRegion: 'evil.example/x' }), 'AWS Region'],
	[
		'an endpoint without TLS',
		awsForm({ awsEndpoint: 'http://secrets.example.com' }),
		'AWS Endpoint',
	],
	[
		'a role that is none',
		awsForm({ awsCredentials: 'assumeRole', awsRoleArn: 'n8n' }),
		'AWS Role ARN',
	],
	[
		'a reference with the local vault',
		form({ clientSecretSource: 'reference' }),
		'Client Secret Source',
	],
	['a validation path elsewhere', form({ validationPath: '//evil.example/me' }), 'Validation Path'],
	[
		'an origin with a path',
		form({ additionalApiOrigins: 'https://a.example/x' }),
		'Additional API Origins',
	],
	[
		'parameters that are neither JSON nor pairs',
		form({ tokenParameters: '{audience: x}' }),
		'Additional Token Parameters',
	],
	[
		'parameters that have a field',
		form({ tokenParameters: '{"client_secret":"x"}' }),
		'Additional Token Parameters',
	],
	[
		'parameters that are no texts',
		form({ tokenParameters: '{"a":{"b":1}}' }),
		'Additional Token Parameters',
	],
])('refuses %s', async (_name, fields, field) => {
	await expect(refusal(fields)).resolves.toMatchObject({ field });
});

it('names every field that is wrong, and repeats no secret', async () => {
	const { message } = await refusal(form({ label: '', clientId: '', clientSecret: 'do-not-tell' }));
	expect(message).toContain('Label: it is missing');
	expect(message).toContain('Client ID: it is missing');
	expect(message).not.toContain('do-not-tell');
});

it('takes plain http only to this machine itself', () => {
	expect(['http://127.0.0.1:1/x', 'http://localhost/x', 'http://[::1]:2/'].every(isSecureUrl)).toBe(
		true,
	);
	expect(
		[
			'http://127.0.0.1.evil.example/',
			'http://localhost.evil.example/',
			'http://2130706433.example/',
			'ftp://localhost/',
		].some(isSecureUrl),
	).toBe(false);
});

describe('the authorization code grant', () => {
	const byCode = (changes: Record<string, unknown> = {}) =>
		form({
			grantType: 'authorizationCode',
			authorizationUrl: 'https://login.example.com/authorize',
			redirectUri: 'https://n8n.example.com/webhook/crm/callback',
			scope: 'openid  offline_access',
			...changes,
		});
	const parsed = async (changes: Record<string, unknown> = {}) =>
		(await parseForm(byCode(changes))).connection;

	it('reads what it needs, with PKCE unless that is switched off', async () => {
		await expect(parsed()).resolves.toMatchObject({
			grantType: 'authorization_code',
			scope: 'openid offline_access',
			authorizationCode: {
				authorizationEndpoint: 'https://login.example.com/authorize',
				redirectUri: 'https://n8n.example.com/webhook/crm/callback',
				scope: 'openid offline_access',
				parameters: {},
				pkce: true,
				acceptFewerScopes: false,
			},
		});
		await expect(parsed({ pkce: false, acceptFewerScopes: true })).resolves.toMatchObject({
			authorizationCode: { pkce: false, acceptFewerScopes: true },
		});
	});

	it('reads where the grant is ended, in its canonical text, if there is one', async () => {
		const changes = { revocationUrl: 'HTTPS://Login.example.com:443/{tenantId}/x/../revoke' };
		const revocationEndpoint = 'https://login.example.com/acme/revoke';
		await expect(parsed({ ...changes, tenantId: 'acme' })).resolves.toMatchObject({
			revocationEndpoint,
		});
		const client = await parseForm(form({ ...changes, tenantId: 'acme' }));
		expect(client.connection).not.toHaveProperty('revocationEndpoint');
		expect(await parsed()).not.toHaveProperty('revocationEndpoint');
	});

	it('needs PKCE for a client without a secret', async () => {
		await expect(
			refusal(byCode({ clientAuthentication: 'none', pkce: false })),
		).resolves.toMatchObject({ code: 'INVALID_FIELD', field: 'PKCE' });
		await expect(parsed({ clientAuthentication: 'none' })).resolves.toMatchObject({
			authorizationCode: { pkce: true },
		});
	});

	it('leaves its fields alone for other grants', async () => {
		const { connection, typed } = await parseForm(
			form({ redirectUri: 'nonsense', authorizationUrl: 'x', authorizationResponse: '?code=c' }),
		);
		expect(connection.authorizationCode).toBeUndefined();
		expect(typed).not.toHaveProperty('authorizationResponse');
	});

	it.each([
		['an object', { access_type: 'offline', prompt: 'consent' }],
		['JSON', '{"access_type":"offline","prompt":"consent"}'],
		['pairs', 'access_type=offline&prompt=consent'],
		['pairs, one a line', ' access_type=offline\nprompt=consent \n'],
	])('takes further parameters as %s', async (_name, authorizationParameters) => {
		await expect(parsed({ authorizationParameters })).resolves.toMatchObject({
			authorizationCode: { parameters: { access_type: 'offline', prompt: 'consent' } },
		});
	});

	it('takes several resources, and {tenantId} in the Authorization URL', async () => {
		await expect(
			parsed({
				resource: 'https://a.example.com urn:example:b',
				authorizationUrl: 'https://login.example.com/{tenantId}/authorize',
				tenantId: 'acme',
			}),
		).resolves.toMatchObject({
			resources: ['https://a.example.com', 'urn:example:b'],
			authorizationCode: { authorizationEndpoint: 'https://login.example.com/acme/authorize' },
		});
	});

	it.each([
		['no Redirect URI', { redirectUri: '' }, 'Redirect URI'],
		[
			'a Redirect URI that is plain http',
			{ redirectUri: 'http://n8n.example.com/c' },
			'Redirect URI',
		],
		[
			'a Redirect URI with a query',
			{ redirectUri: 'https://n8n.example.com/c?x=1' },
			'Redirect URI',
		],
		['no Scope', { scope: ' ' }, 'Scope'],
		['neither Authorization URL nor Issuer URL', { authorizationUrl: '' }, 'Authorization URL'],
		[
			'a parameter that the flow sets',
			{ authorizationParameters: 'state=x' },
			'Additional Authorization Parameters',
		],
		[
			'parameters that are no texts',
			{ authorizationParameters: '[1]' },
			'Additional Authorization Parameters',
		],
		['a resource with a fragment', { resource: 'https://a.example.com/#x' }, 'Resource'],
		['a resource that is no address', { resource: 'a' }, 'Resource'],
	])('refuses %s', async (_name, changes, field) => {
		await expect(refusal(byCode(changes))).resolves.toMatchObject({ field });
	});

	it('finds both addresses by the issuer', async () => {
		await expect(
			parsed({ authorizationUrl: '', tokenUrl: '', issuerUrl: 'https://login.example.com' }),
		).resolves.toMatchObject({ issuer: 'https://login.example.com/' });
	});
});
