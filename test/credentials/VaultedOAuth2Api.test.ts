import { generateKeyPairSync } from 'node:crypto';

import type { ICredentialDataDecryptedObject } from 'n8n-workflow';

import { VaultedOAuth2Api } from '../../credentials/VaultedOAuth2Api.credentials';
import { startAuthorizationServer, type AuthorizationServer } from '../support/authorizationServer';
import { N8nEngine, type EngineRun } from '../support/n8nEngine';
import { requestNode } from '../support/requestNode';
import { startSampleApi, type SampleApi } from '../support/sampleApi';

const TYPE = 'vaultedOAuth2Api';
const SECRET = 'example-client-secret';
const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });

let engine: N8nEngine;
let provider: AuthorizationServer;
let api: SampleApi;
let elsewhere: SampleApi;

beforeAll(async () => {
	engine = await N8nEngine.start({
		nodeTypes: { request: requestNode },
		credentialTypes: [new VaultedOAuth2Api()],
	});
	provider = await startAuthorizationServer({
		clients: [
			{ clientId: 'crm', clientSecret: SECRET },
			{ clientId: 'other', clientSecret: 'another-client-secret' },
			{
				clientId: 'signer',
				authentication: 'private_key_jwt',
				publicKeys: [{ ...keys.publicKey.export({ format: 'jwk' }) }],
			},
		],
	});
	api = await startSampleApi({ isActive: (token) => provider.isActive(token) });
	elsewhere = await startSampleApi({ isActive: () => true });
});
afterAll(async () => {
	await Promise.all([provider.close(), api.close(), elsewhere.close()]);
	await engine.close();
});

/** Each form is a connection of its own: two forms with one label and one secret are one connection to the package. */
let forms = 0;
const form = (changes: ICredentialDataDecryptedObject = {}): ICredentialDataDecryptedObject => ({
	label: `Example CRM ${String((forms += 1))}`,
	grantType: 'clientCredentials',
	tokenUrl: provider.tokenEndpoint,
	clientId: 'crm',
	clientSecret: SECRET,
	scope: 'api:read',
	apiBaseUrl: api.url,
	secretStore: 'localVault',
	...changes,
});
const save = async (
	changes: ICredentialDataDecryptedObject = {},
	id?: string,
): ReturnType<N8nEngine['saveAndTest']> => await engine.saveAndTest(TYPE, form(changes), id);
/** What the editor sends when a stored credential is edited: blanks where secrets were, and what was changed. */
const edit = async (
	id: string,
	changes: ICredentialDataDecryptedObject,
): ReturnType<N8nEngine['saveAndTest']> =>
	await engine.saveAndTest(TYPE, { ...engine.credentials.stored(id), ...changes }, id);
const request = async (
	id: string,
	parameters: { url: string; method?: string; modern?: boolean },
): Promise<EngineRun> =>
	await engine.run([
		{ type: 'request', name: 'Request', parameters, credentials: { [TYPE]: { id, name: TYPE } } },
	]);
const counts = (): { tokens: number; calls: number } => ({
	tokens: provider.countTokenRequests(),
	calls: api.requests.length,
});

describe('saving in the editor', () => {
	it('seals a right secret: success, a pointer, and a blank in the database', async () => {
		const { id, test } = await save();
		expect(test).toEqual({ status: 'OK', message: 'Connection successful!' });
		expect(engine.credentials.stored(id)).toMatchObject({
			clientSecret: '',
			secretRef: expect.stringContaining('"localVault"') as string,
		});
		expect(engine.credentials.dump()).not.toContain(SECRET);
	});

	it('is the same for a refresh token', async () => {
		const refreshToken = await provider.mintRefreshToken('crm');
		const { id, test } = await save({ grantType: 'refreshToken', refreshToken, scope: '' });
		expect(test.status).toBe('OK');
		expect(engine.credentials.stored(id)).toMatchObject({ clientSecret: '', refreshToken: '' });
		expect(engine.credentials.dump()).not.toContain(refreshToken);
	});

	it('is the same for a private key, which one line of an input is enough for', async () => {
		const pem = keys.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
		const privateKey = pem.replaceAll('\n', ' ');
		const [secretPart = ''] = /[\w+/]{40}/.exec(pem.slice(60)) ?? [];
		const signer = { clientId: 'signer', clientSecret: '', clientAuthentication: 'privateKeyJwt' };
		const { id, test } = await save({ ...signer, privateKey });
		expect(test.status).toBe('OK');
		expect(engine.credentials.stored(id)).toMatchObject({ privateKey: '', clientSecret: '' });
		const { id: refused, test: failed } = await save({ ...signer, clientId: 'crm', privateKey });
		expect(failed.message).toMatch(/^Fix the configuration – Private Key: .*Key ID/);
		expect(failed.message).not.toContain(secretPart);
		expect(engine.credentials.stored(refused)).toMatchObject({ secretRef: '' });
		const run = await request(id, { url: `${api.url}/me` });
		expect(JSON.stringify(run)).not.toContain(secretPart);
		// The record of a save that failed keeps what was typed.
		const saved = engine.credentials.dump(({ clientId }) => clientId === 'signer');
		expect(saved).toContain('secretRef');
		expect(saved).not.toContain(secretPart);
	});

	it('says in the core’s own words what is wrong, and asks the provider once', async () => {
		const before = counts();
		const { id, test } = await save({
			clientSecret: 'wrong-client-secret',
			clientAuthentication: 'basic',
		});
		expect(test.status).toBe('Error');
		expect(test.message).toMatch(
			/^Fix the configuration – Client Secret: .*invalid_client.* Check Client ID/,
		);
		expect(engine.credentials.stored(id)).toMatchObject({ secretRef: '' });
		expect(counts().tokens - before.tokens).toBe(1);
	});

	it('keeps its own words where n8n would put a general sentence in their place', async () => {
		const { test } = await save({
			tokenUrl: 'http://127.0.0.1:9/token',
			clientSecret: 'never-sealed',
		});
		expect(test.message).toMatch(
			/^Provider temporarily unavailable – 127\.0\.0\.1: ?9 did not answer \(connection refused\).*check Token URL/,
		);
	});

	it('does not mind an API whose base address answers 404', async () => {
		await expect(save({ apiBaseUrl: `${api.url}/nothing-here` })).resolves.toMatchObject({
			test: { status: 'OK' },
		});
	});

	it('fails where the API refuses the token at the Validation Path', async () => {
		await expect(save({ validationPath: '/me' })).resolves.toMatchObject({
			test: { status: 'OK' },
		});
		const { test } = await save({ validationPath: '/status/401' });
		expect(test).toMatchObject({
			status: 'Error',
			message: expect.stringContaining('Validation Path (401)') as string,
		});
	});
});

describe('editing', () => {
	it('a changed scope with nothing typed keeps the secret and asks for a token of that scope', async () => {
		const { id } = await save();
		const before = engine.credentials.stored(id);
		const { test } = await edit(id, { scope: 'api:read api:write' });
		expect(test.status).toBe('OK');
		expect(engine.credentials.stored(id)).toEqual({ ...before, scope: 'api:read api:write' });
	});

	it('a new secret is sealed and blanked on that save too', async () => {
		const { id } = await save();
		const { secretRef } = engine.credentials.stored(id);
		const { test } = await edit(id, { clientId: 'other', clientSecret: 'another-client-secret' });
		expect(test.status).toBe('OK');
		expect(engine.credentials.stored(id)).toMatchObject({
			clientId: 'other',
			clientSecret: '',
			secretRef,
		});
	});

	it('a wrong secret stays in the form’s record until it is corrected, and the bundle keeps the right one', async () => {
		const { id } = await save();
		const { secretRef } = engine.credentials.stored(id);
		const wrong = await edit(id, { clientSecret: 'wrong-client-secret' });
		expect(wrong.test.message).toContain('invalid_client');
		expect(engine.credentials.stored(id)).toMatchObject({
			clientSecret: 'wrong-client-secret',
			secretRef,
		});
		const corrected = await edit(id, { clientSecret: '' });
		expect(corrected.test.status).toBe('OK');
		expect(engine.credentials.stored(id)).toMatchObject({ clientSecret: '', secretRef });
	});

	it('opening a saved credential requests no token', async () => {
		const { id } = await save();
		const before = counts();
		await expect(engine.testCredential(TYPE, id)).resolves.toMatchObject({ status: 'OK' });
		expect(counts().tokens).toBe(before.tokens);
	});

	it('another address with a blank secret is refused', async () => {
		const { id } = await save();
		const before = elsewhere.requests.length;
		const { test } = await edit(id, { tokenUrl: `${elsewhere.url}/echo` });
		expect(test.message).toContain('sealed for another Token URL');
		const again = await edit(id, { tokenUrl: provider.tokenEndpoint, apiBaseUrl: elsewhere.url });
		expect(again.test.message).toContain('sealed for another API Base URL');
		expect(elsewhere.requests).toHaveLength(before);
	});
});

describe.each([{ modern: false }, { modern: true }])(
	'a request of another node (modern helper: $modern)',
	({ modern }) => {
		it('carries the token, and replaces no other header', async () => {
			const { id } = await save();
			const run = await request(id, { url: `${api.url}/me`, modern });
			expect(run.output('Request')[0]?.json).toMatchObject({ id: 'user-1' });
		});

		it('seals a credential that was never tested, once', async () => {
			const { id } = engine.credentials.save(TYPE, form());
			const run = await request(id, { url: `${api.url}/me`, modern });
			expect(run.output('Request')[0]?.json).toMatchObject({ id: 'user-1' });
			expect(engine.credentials.stored(id)).toMatchObject({ clientSecret: '' });
		});

		it('to another origin is refused, and no header was sent', async () => {
			const { id } = await save();
			const before = elsewhere.requests.length;
			const run = await request(id, { url: `${elsewhere.url}/echo`, modern });
			expect(run.error?.message).toContain('token is sent only to');
			expect(elsewhere.requests.length).toBe(before);
		});

		it('that is redirected to another origin goes there without the token', async () => {
			const { id } = await save();
			await request(id, {
				url: `${api.url}/redirect?to=${encodeURIComponent(`${elsewhere.url}/echo`)}`,
				modern,
			});
			expect(elsewhere.requests.at(-1)).toMatchObject({ authorization: 'none' });
		});

		it.each([404, 500])(
			'that gets %i is never sent twice, with a Validation Path neither',
			async (status) => {
				for (const validationPath of ['', '/me']) {
					const { id } = await save({ validationPath });
					const posts = (): number =>
						api.countRequests({ method: 'POST', path: `/status/${String(status)}` });
					const before = posts();
					const run = await request(id, {
						url: `${api.url}/status/${String(status)}`,
						method: 'POST',
						modern,
					});
					expect(run.status).toBe('error');
					expect(posts() - before).toBe(1);
				}
			},
		);

		it('that failed asks the Validation Path alone, not where that redirects to', async () => {
			const to = encodeURIComponent(`${elsewhere.url}/echo`);
			const { id } = await save();
			await edit(id, { validationPath: `/redirect?to=${to}` });
			const before = elsewhere.requests.length;
			const run = await request(id, { url: `${api.url}/status/401`, modern });
			expect(run.status).toBe('error');
			expect(api.countRequests({ path: `/redirect?to=${to}` })).toBeGreaterThan(0);
			expect(elsewhere.requests).toHaveLength(before);
		});

		it('heals where the token was revoked before its time and a Validation Path is set', async () => {
			const { id } = await save({ validationPath: '/me' });
			const { accessToken } = await lastToken();
			provider.revoke(accessToken);
			const before = counts();
			const run = await request(id, { url: `${api.url}/echo`, method: 'POST', modern });
			expect(run.status).toBe('success');
			expect(counts().tokens - before.tokens).toBe(1);
		});

		it('heals without a Validation Path if the answer itself says that the token has expired', async () => {
			const { id } = await save();
			provider.revoke((await lastToken()).accessToken);
			const before = counts();
			const run = await request(id, { url: `${api.url}/echo`, method: 'POST', modern });
			expect(run.status).toBe('success');
			expect(counts().tokens - before.tokens).toBe(1);
		});

		it('is sent twice at most, and not again for an address that refuses every token', async () => {
			const { id } = await save();
			const before = counts();
			for (let round = 0; round < 5; round += 1) {
				const run = await request(id, { url: `${api.url}/status/401`, modern });
				expect(run.status).toBe('error');
			}
			// After a 401 httpRequestWithAuthentication sends again whatever preAuthentication says.
			expect(counts()).toEqual({
				tokens: before.tokens + 1,
				calls: before.calls + (modern ? 10 : 6),
			});
		});

		it('takes no 401 of another origin for a refused token', async () => {
			const { id } = await save();
			const before = counts();
			const to = encodeURIComponent(`${elsewhere.url}/status/401`);
			const run = await request(id, { url: `${api.url}/redirect?to=${to}`, modern });
			expect(run.status).toBe('error');
			expect(counts().tokens).toBe(before.tokens);
		});

		it.each([
			[403, { tokenExpiredStatusCodes: '403' }, 2],
			[403, {}, 1],
			[400, { tokenExpiredRule: 'body', tokenExpiredPath: 'status', tokenExpiredValue: '400' }, 2],
		])(
			'that gets %i with %j goes out %i times, as far as n8n lets it',
			async (status, fields, times) => {
				const { id } = await save(fields);
				const before = counts();
				await request(id, { url: `${api.url}/status/${String(status)}`, modern });
				// httpRequestWithAuthentication goes by 401 alone.
				expect(counts().calls - before.calls).toBe(modern ? 1 : times);
			},
		);

		it('heals again and again, each time with one token request', async () => {
			const { id } = await save({ validationPath: '/me' });
			for (let round = 0; round < 5; round += 1) {
				provider.revoke((await lastToken()).accessToken);
				const before = counts();
				const run = await request(id, { url: `${api.url}/echo`, method: 'POST', modern });
				expect(run.status).toBe('success');
				expect(counts().tokens - before.tokens).toBe(1);
			}
		});

		it('tells a failure of the credential in the core’s own words, and tries nothing twice', async () => {
			const { id } = await save();
			provider.revoke((await lastToken()).accessToken);
			const { id: broken } = engine.credentials.save(TYPE, {
				...engine.credentials.stored(id),
				scope: 'api:write',
			});
			provider.injectFault({ requests: 2, instead: { status: 503, body: 'busy' } });
			const before = counts();
			const run = await request(broken, { url: `${api.url}/me`, modern });
			provider.clearFaults();
			expect(run.error?.message).toMatch(
				/^Provider temporarily unavailable – 127\.0\.0\.1:\d+ answered 503/,
			);
			expect(counts().tokens - before.tokens).toBe(1);
		});
	},
);

async function lastToken(): Promise<{ accessToken: string }> {
	const token = provider.issued
		.filter(({ kind }) => kind === 'AccessToken' || kind === 'ClientCredentials')
		.at(-1);
	return await Promise.resolve({ accessToken: token?.value ?? '' });
}

it('leaves no secret and no token in what was stored, logged or put out', async () => {
	const { id } = await save();
	const run = await request(id, { url: `${api.url}/echo`, modern: true });
	const everything = [engine.credentials.dump(), run.text, ...engine.log].join('\n');
	expect(provider.confidential().filter((secret) => everything.includes(secret))).toEqual([]);
});
