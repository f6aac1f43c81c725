import { generateKeyPairSync } from 'node:crypto';

import { failureOf } from './support/failureOf';
import { SIGNER, WholeCore, type Form, type StoreKind } from './support/wholeCore';

const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const OTHER_KEY = other.export({ format: 'pem', type: 'pkcs8' }).toString();

/** Says that a referenced secret may be sent to the provider. */
const permitted = ({ provider }: WholeCore): { Key: string; Value: string }[] => [
	{ Key: 'vaulted-oauth2:token-hosts', Value: new URL(provider.tokenEndpoint).host },
];

/** Characters of a key that nothing else contains. */
const body = (pem: string): string => pem.replace(/-----[^-]+-----|\s/g, '').slice(40, 100);

describe.each<StoreKind>(['localVault', 'awsSecretsManager'])('a client that signs, %s', (kind) => {
	let core: WholeCore;

	beforeEach(async () => {
		core = await WholeCore.start(kind);
	});
	afterEach(async () => {
		await core.close();
	});

	const needsSealing = async (form: Form): Promise<boolean> =>
		core.connections.needsSealing(await core.connections.read(form));

	it('is sealed by its private key: a pointer and blanks are left, and the API takes the token', async () => {
		const saved = await core.save(core.signerForm());
		expect(saved).toMatchObject({ privateKey: '', clientSecret: '', refreshToken: '' });
		expect(JSON.stringify(saved)).not.toContain(body(SIGNER.privateKey));
		expect(await core.stored()).toBe(1);
		expect(await core.call(saved)).toBe(200);
		core.wait(3601);
		expect(await core.call(saved, core.process())).toBe(200);
		expect(core.provider.tokenRequests.map(({ result }) => result)).toEqual(['ok', 'ok']);
	});

	it('refreshes with its key', async () => {
		const refreshToken = await core.provider.mintRefreshToken(SIGNER.clientId);
		const saved = await core.save(
			core.signerForm({ grantType: 'refreshToken', refreshToken, scope: '' }),
		);
		core.wait(3601);
		expect(await core.call(saved, core.process())).toBe(200);
	});

	it('keeps its key if nothing is typed, and takes another in its place if that is right', async () => {
		const saved = await core.save(core.signerForm());
		const wrong = { ...saved, privateKey: OTHER_KEY };
		expect(await needsSealing({ ...saved, label: 'Renamed' })).toBe(false);
		expect(await needsSealing(wrong)).toBe(true);
		const failure = await failureOf(core.save(wrong));
		expect(failure).toMatchObject({ code: 'INVALID_CLIENT', field: 'Private Key' });
		expect(failure.message).not.toContain(body(OTHER_KEY));
		core.wait(3601);
		expect(await core.call(saved, core.process())).toBe(200);
		const again = await core.save({ ...saved, privateKey: SIGNER.privateKey });
		expect(again.secretRef).toBe(saved.secretRef);
	});

	it('knows a key that was sealed already, however its lines are broken', async () => {
		const saved = await core.save(core.signerForm());
		const requests = core.provider.countTokenRequests();
		const pasted = { ...saved, privateKey: SIGNER.privateKey.replaceAll('\n', ' ') };
		await core.save(pasted, core.process());
		expect(core.provider.countTokenRequests()).toBe(requests);
	});

	it.each<[string, Form, Record<string, unknown>]>([
		['no key', { privateKey: '' }, { field: 'Private Key', code: 'MISSING_FIELD' }],
		[
			'a client secret in place of the key',
			{ privateKey: '', clientSecret: 'example-client-secret' },
			{ field: 'Private Key', code: 'MISSING_FIELD' },
		],
		['garbage', { privateKey: 'garbage' }, { field: 'Private Key', code: 'INVALID_FIELD' }],
		[
			'a key that cannot sign so',
			{ signingAlgorithm: 'RS256' },
			{ field: 'Signing Algorithm', code: 'INVALID_FIELD' },
		],
		['a wrong key', { privateKey: OTHER_KEY }, { field: 'Private Key', code: 'INVALID_CLIENT' }],
		[
			'no certificate',
			{ clientAuthentication: 'tlsClientCertificate' },
			{ field: 'Private Key', code: 'MISSING_FIELD' },
		],
	])('stores nothing for %s', async (_name, changes, expected) => {
		const failure = await failureOf(core.save(core.signerForm(changes)));
		expect(failure).toMatchObject({ failureClass: 'configuration', ...expected });
		for (const key of [SIGNER.privateKey, OTHER_KEY])
			expect(failure.message).not.toContain(body(key));
		expect(await core.stored()).toBe(0);
	});

	it.each<[string, (c: WholeCore) => Form]>([
		['another Token URL', (c) => ({ tokenUrl: `${c.api.url}/token` })],
		['another Issuer URL', (c) => ({ issuerUrl: c.api.url })],
		['another client', () => ({ clientId: 'crm' })],
		[
			'a certificate in place of the signature',
			() => ({ clientAuthentication: 'tlsClientCertificate' }),
		],
		['no authentication', () => ({ clientAuthentication: 'none' })],
		['a client secret', () => ({ clientAuthentication: 'post' })],
	])('signs nothing for %s', async (_name, changes) => {
		const saved = await core.save(core.signerForm());
		const requests = core.provider.countTokenRequests();
		const forged = { ...saved, ...changes(core) };
		await expect(failureOf(core.call(forged, core.process()))).resolves.toMatchObject({
			code: 'SEALED_FOR_OTHER',
		});
		expect(core.provider.countTokenRequests()).toBe(requests);
		expect(core.api.requests).toEqual([]);
	});
});

describe('a change of what the client proves its identity with', () => {
	let core: WholeCore;

	beforeEach(async () => {
		core = await WholeCore.start('awsSecretsManager');
	});
	afterEach(async () => {
		await core.close();
	});

	const content = (): string => core.aws.secrets()[0]?.content ?? '';

	it('keeps nothing: neither the secret that was stored nor the key', async () => {
		const both = {
			clientId: SIGNER.clientId,
			issuerUrl: '',
			tokenUrl: core.provider.tokenEndpoint,
		};
		const saved = await core.save(core.signerForm(both));
		expect(content()).toContain('private_key');
		core.provider.injectFault({
			requests: 2,
			instead: { status: 200, body: { access_token: 'example-token', token_type: 'Bearer' } },
		});
		const secret = { clientAuthentication: 'post', clientSecret: 'example-new-secret' };
		const changed = await core.save({ ...saved, ...secret });
		expect(changed.secretRef).toBe(saved.secretRef);
		expect(content()).toContain('example-new-secret');
		expect(content()).not.toContain('PRIVATE KEY');
		const back = { clientAuthentication: 'privateKeyJwt', privateKey: OTHER_KEY };
		await core.save({ ...changed, ...back });
		expect(content()).toContain('PRIVATE KEY');
		expect(content()).not.toContain('example-new-secret');
	});

	it('does not make a client secret of a key that is kept elsewhere', async () => {
		core.aws.perform('CreateSecret', {
			Name: 'client-key',
			SecretString: SIGNER.privateKey,
			Tags: permitted(core),
		});
		const saved = await core.save(
			core.signerForm({
				clientSecretSource: 'reference',
				clientSecretReference: 'client-key',
				privateKey: '',
			}),
		);
		const requests = core.provider.countTokenRequests();
		const exposed = { ...saved, clientAuthentication: 'post' };
		await expect(failureOf(core.call(exposed, core.process()))).resolves.toMatchObject({
			code: 'SEALED_FOR_OTHER',
			field: 'Client Authentication',
		});
		expect(core.provider.countTokenRequests()).toBe(requests);
	});
});

describe('a key in a secret that somebody else keeps', () => {
	let core: WholeCore;

	beforeEach(async () => {
		core = await WholeCore.start('awsSecretsManager');
	});
	afterEach(async () => {
		await core.close();
	});

	const jwk = JSON.stringify(other.export({ format: 'jwk' }));
	it.each<[string, string, string]>([
		['PEM', SIGNER.privateKey, ''],
		['PEM under a key of a JSON object', JSON.stringify({ pem: SIGNER.privateKey }), 'pem'],
	])('is read from there: %s', async (_name, SecretString, clientSecretJsonKey) => {
		core.aws.perform('CreateSecret', { Name: 'client-key', SecretString, Tags: permitted(core) });
		const form = core.signerForm({
			clientSecretSource: 'reference',
			clientSecretReference: 'client-key',
			clientSecretJsonKey,
			privateKey: '',
		});
		const saved = await core.save(form);
		expect(await core.call(saved)).toBe(200);
		const bundle = core.aws.secrets().find(({ name }) => name !== 'client-key');
		expect(bundle?.content).not.toContain('PRIVATE KEY');
	});

	it('is rotated there: the next token is asked for with the new one', async () => {
		core.aws.perform('CreateSecret', {
			Name: 'client-key',
			SecretString: SIGNER.privateKey,
			Tags: permitted(core),
		});
		const form = core.signerForm({
			clientSecretSource: 'reference',
			clientSecretReference: 'client-key',
			privateKey: '',
		});
		const saved = await core.save(form);
		core.aws.perform('PutSecretValue', { SecretId: 'client-key', SecretString: jwk });
		core.wait(3601);
		await expect(failureOf(core.call(saved))).resolves.toMatchObject({ code: 'INVALID_CLIENT' });
		core.aws.perform('PutSecretValue', {
			SecretId: 'client-key',
			SecretString: SIGNER.privateKey,
		});
		expect(await core.call(saved, core.process())).toBe(200);
	});

	it('is named as what has to be corrected', async () => {
		core.aws.perform('CreateSecret', {
			Name: 'client-key',
			SecretString: 'no-private-key-at-all',
			Tags: permitted(core),
		});
		const failure = await failureOf(
			core.save(
				core.signerForm({
					clientSecretSource: 'reference',
					clientSecretReference: 'client-key',
					privateKey: '',
				}),
			),
		);
		expect(failure).toMatchObject({ field: 'Client Secret Name or ARN', code: 'INVALID_FIELD' });
		expect(failure.message).not.toContain('no-private-key-at-all');
	});
});
