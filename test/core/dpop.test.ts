import { createPublicKey } from 'node:crypto';

import { ConfigurationError } from '../../src/errors';
import { createEgress } from '../../src/http/createEgress';
import type { Egress } from '../../src/http/egress';
import { accountsOf } from '../authorization/accounts';
import { startAuthorizationServer, type AuthorizationServer } from '../support/authorizationServer';
import { startDpopApi, type DpopApi } from '../support/dpopApi';
import { failureOf } from '../support/failureOf';
import { CLIENT, REDIRECT_URI, SIGNER, WholeCore, type Form } from '../support/wholeCore';

const APP = { clientId: 'app', clientSecret: 'example-app-secret' };

let core: WholeCore;
let api: DpopApi;
/** A provider that wants its nonce in every proof. */
let strict: AuthorizationServer;
/** A provider that has never heard of proofs. */
let plain: AuthorizationServer;
let labels = 0;
const { connect, visit, flowOf } = accountsOf(() => core);

async function start(kind: 'localVault' | 'awsSecretsManager'): Promise<void> {
	core = await WholeCore.start(kind);
	const now = (): number => core.now;
	const clients = [
		CLIENT,
		{ clientId: 'public', authentication: 'none' as const },
		{
			clientId: SIGNER.clientId,
			authentication: 'private_key_jwt' as const,
			publicKeys: [{ ...createPublicKey(SIGNER.privateKey).export({ format: 'jwk' }) }],
		},
		{ ...APP, redirectUris: [REDIRECT_URI] },
	];
	strict = await startAuthorizationServer({ clients, now, loginPages: true, dpop: 'withNonce' });
	plain = await startAuthorizationServer({ clients, now, dpop: 'unknown' });
	const providers = [core.provider, strict, plain];
	api = await startDpopApi(
		{
			isActive: (token) => providers.some((provider) => provider.isActive(token)),
			boundTo: (token) => providers.map((provider) => provider.boundTo(token)).find(Boolean),
		},
		now,
	);
}

async function stop(): Promise<void> {
	await Promise.all([core.close(), strict.close(), plain.close(), api.close()]);
}

/** Saves a form of a label of its own. */
async function saved(changes: Form = {}): Promise<Form> {
	labels += 1;
	return await core.save(core.form({ label: `Bound ${labels}`, dpop: 'always', ...changes }));
}

/** A form of the refresh token grant; a public client's unless it says otherwise. */
async function refreshing(
	{ clientId = 'public', ...changes }: { clientId?: string; dpop?: string } = {},
	provider = core.provider,
): Promise<Form> {
	const isPublic = clientId === 'public';
	return await saved({
		grantType: 'refreshToken',
		clientId,
		...(isPublic ? { clientAuthentication: 'none', clientSecret: '' } : {}),
		refreshToken: await provider.mintRefreshToken(clientId),
		tokenUrl: provider.tokenEndpoint,
		scope: '',
		...changes,
	});
}

/** Calls the API; the status. */
async function call(form: Form, connections = core.connections): Promise<number> {
	const { tokens, authorize, wantsNonce } = connections.open(await connections.read(form));
	const url = new URL(`${api.url}/me?q=1#part`);
	const tokenSet = await tokens.get();
	const { headers } = await authorize(tokenSet, { method: 'get', url });
	const answer = await fetch(url, { headers: { ...headers } });
	wantsNonce(tokenSet, url, { status: answer.status, headers: Object.fromEntries(answer.headers) });
	return answer.status;
}

/** Thumbprint of the key that the connection's token is bound to. */
async function keyOf(form: Form, connections = core.connections): Promise<string | undefined> {
	const { tokens } = connections.open(await connections.read(form));
	return (await tokens.get()).dpopKey?.kid;
}

const lastRequest = () => api.requests.at(-1)!;

describe.each(['localVault', 'awsSecretsManager'] as const)('in %s', (kind) => {
	beforeAll(async () => await start(kind));
	afterAll(stop);

	it('tokens of client credentials are bound to a key, and an API takes them with a proof only', async () => {
		const form = await saved();
		await expect(call(form)).resolves.toBe(200);
		expect(lastRequest()).toMatchObject({ scheme: 'DPoP', status: 200 });
		const { tokens } = core.connections.open(await core.connections.read(form));
		const { accessToken, dpopKey } = await tokens.get();
		expect(core.provider.boundTo(accessToken)).toBe(dpopKey?.kid);
		const stolen = await fetch(`${api.url}/me`, {
			headers: { authorization: `Bearer ${accessToken}` },
		});
		expect(stolen.status).toBe(401);
		// n8n's database gets none of it.
		expect(JSON.stringify(form)).not.toContain(dpopKey?.d);
	});

	it('another process uses the same token with the same key', async () => {
		const form = await saved();
		const before = core.provider.countTokenRequests();
		const other = core.process();
		await expect(call(form, other)).resolves.toBe(200);
		expect(await keyOf(form, other)).toBe(await keyOf(form));
		expect(core.provider.countTokenRequests()).toBe(before);
	});

	it.each(['public', CLIENT.clientId])(
		'the refresh tokens of the client %s rotate, and the key stays, in whatever process',
		async (clientId) => {
			const form = await refreshing({ clientId });
			const key = await keyOf(form);
			expect(key).toMatch(/^[\w-]{43}$/);
			for (let turn = 0; turn < 3; turn += 1) {
				core.wait(3700);
				const process = core.process({ severalProcesses: true });
				await expect(call(form, process)).resolves.toBe(200);
				expect(await keyOf(form, process)).toBe(key);
			}
		},
	);

	it('an account that is connected has its code bound to the key already', async () => {
		labels += 1;
		const form = await core.save(core.codeForm({ label: `Bound ${labels}`, dpop: 'ifOffered' }));
		const { person, response, cookies } = await visit(form);
		const asked = person.visited.find((address) => address.includes('code_challenge=')) ?? '';
		await (await flowOf(form)).callback(response, cookies);
		expect(new URL(asked).searchParams.get('dpop_jkt')).toBe(await keyOf(form));
		await expect(call(form)).resolves.toBe(200);
		core.wait(3700);
		await expect(call(form)).resolves.toBe(200);
		expect(lastRequest().scheme).toBe('DPoP');
	});
});

describe('with DPoP', () => {
	beforeAll(async () => await start('localVault'));
	afterAll(stop);
	beforeEach(() => {
		api.requests.length = 0;
		api.nonce = undefined;
	});

	const strictly = (): Form => ({ tokenUrl: strict.tokenEndpoint });

	it('calls that run at once have proofs of their own', async () => {
		const form = await saved();
		const statuses = await Promise.all(Array.from({ length: 20 }, async () => await call(form)));
		expect(new Set(statuses)).toEqual(new Set([200]));
		expect(new Set(api.requests.map(({ proof }) => proof)).size).toBe(20);
	});

	it('a pushed request binds the code as well', async () => {
		labels += 1;
		const form = await core.save(
			core.codeForm({ label: `Bound ${labels}`, dpop: 'always', clientId: 'pushing' }),
		);
		const pushing = { ...form, pushedAuthorizationRequest: 'always' };
		const { location } = await (
			await flowOf(pushing)
		).connect(
			new URL(
				(await (await flowOf(pushing)).links({ by: { from: 'form' } })).connectUrl ?? '',
			).searchParams.get('link') ?? '',
		);
		expect(location).not.toContain('dpop_jkt');
		await connect(pushing);
		await expect(call(pushing)).resolves.toBe(200);
	});

	it.each<[string, () => Promise<Form>]>([
		['client credentials', async () => await saved(strictly())],
		['a refresh token', async () => await refreshing({}, strict)],
		[
			'a client that signs: each try has an assertion of its own',
			async () =>
				await saved({
					...SIGNER,
					...strictly(),
					clientAuthentication: 'privateKeyJwt',
					clientSecret: '',
				}),
		],
		[
			'an authorization code',
			async () => {
				labels += 1;
				const form = await core.save(
					core.codeForm({
						...{ label: `Bound ${labels}`, dpop: 'always', issuerUrl: strict.issuer },
					}),
				);
				await connect(form);
				return form;
			},
		],
	])('a provider that wants its nonce gets it, once: %s', async (_name, make) => {
		const before = strict.tokenRequests.length;
		const form = await make();
		const results = strict.tokenRequests.slice(before).map(({ result }) => result);
		expect(results).toEqual(['use_dpop_nonce', 'ok']);
		await expect(call(form)).resolves.toBe(200);
		// Each refresh of an open connection begins with the nonce it knows.
		core.wait(3700);
		await expect(call(form)).resolves.toBe(200);
		const known = strict.tokenRequests.length;
		core.wait(3700);
		await expect(call(form)).resolves.toBe(200);
		expect(strict.tokenRequests.slice(known).map(({ result }) => result)).toEqual(['ok']);
		const { tokens } = core.connections.open(await core.connections.read(form));
		expect(tokens.status().lastError).toBeUndefined();
	});

	it('a provider that is never content with its nonce is a temporary failure, after two tries', async () => {
		const refusal = {
			status: 400,
			headers: { 'dpop-nonce': 'n-1' },
			body: { error: 'use_dpop_nonce' },
		};
		core.provider.injectFault({ instead: refusal, requests: 2 });
		const before = core.provider.tokenRequests.length;
		await expect(failureOf(saved())).resolves.toMatchObject({ failureClass: 'provider' });
		expect(core.provider.tokenRequests).toHaveLength(before + 2);
	});

	it.each([
		['ifOffered', true, 'DPoP'],
		['ifOffered', false, 'Bearer'],
		['always', true, 'DPoP'],
		['never', true, 'Bearer'],
	])('%s, with metadata that offers it (%s): %s', async (dpop, isOffered, scheme) => {
		const issuerUrl = isOffered ? core.provider.issuer : plain.issuer;
		const form = await saved({ dpop, issuerUrl, tokenUrl: '' });
		await expect(call(form)).resolves.toBe(200);
		expect(lastRequest().scheme).toBe(scheme);
	});

	it('If Offered without metadata asks for a bearer token', async () => {
		const form = await saved({ dpop: 'ifOffered' });
		await expect(call(form)).resolves.toBe(200);
		expect(lastRequest().scheme).toBe('Bearer');
	});

	describe('a provider that issues a bearer token all the same', () => {
		it('serves with If Offered', async () => {
			const egress = offering(['ES256']);
			const connections = core.process({ egress });
			labels += 1;
			const form = await core.save(
				core.form({
					...{ label: `Bound ${labels}`, dpop: 'ifOffered' },
					...{ issuerUrl: plain.issuer, tokenUrl: '' },
				}),
				connections,
			);
			await expect(call(form, connections)).resolves.toBe(200);
			expect(lastRequest().scheme).toBe('Bearer');
		});

		it('is refused with Always, and costs no refresh token', async () => {
			const form = await refreshing({}, plain);
			await expect(failureOf(call(form))).resolves.toMatchObject({
				code: 'NOT_BOUND_TO_KEY',
				field: 'DPoP',
			});
			expect(api.requests).toEqual([]);
			await expect(call({ ...form, dpop: 'never' })).resolves.toBe(200);
			core.wait(3700);
			await expect(call({ ...form, dpop: 'never' })).resolves.toBe(200);
		});
	});

	/** An egress that lets a provider's metadata offer other algorithms. */
	function offering(algorithms: readonly string[]): Egress {
		const egress = createEgress(undefined, {});
		return {
			...egress,
			request: async (url, request) => {
				const answer = await egress.request(url, request);
				if (!url.includes('/.well-known/')) return answer;
				const metadata = JSON.parse(answer.body) as object;
				const body = { ...metadata, dpop_signing_alg_values_supported: algorithms };
				return { ...answer, body: JSON.stringify(body) };
			},
		};
	}

	it('a provider that takes only what this package cannot sign is named, or gets no proof', async () => {
		const connections = core.process({ egress: offering(['ES256K']) });
		const place = { issuerUrl: plain.issuer, tokenUrl: '' };
		const form = (dpop: string) => core.form({ label: `Bound ${(labels += 1)}`, dpop, ...place });
		const failure = await failureOf(core.save(form('always'), connections));
		expect(failure).toMatchObject({ code: 'INVALID_FIELD', field: 'DPoP' });
		expect(failure.message).toContain('ES256K');
		const other = await core.save(form('ifOffered'), connections);
		await expect(call(other, connections)).resolves.toBe(200);
	});

	it('a token that needs proofs although none was sent is not used', async () => {
		core.provider.injectFault({
			alter: (answer) => ({
				...answer,
				body: { ...(answer.body as object), token_type: 'DPoP' },
			}),
		});
		await expect(failureOf(saved({ dpop: 'never' }))).resolves.toMatchObject({
			code: 'DPOP_REQUIRED',
			field: 'DPoP',
		});
	});

	it('a proof that the provider refuses names the field', async () => {
		const body = { error: 'invalid_dpop_proof', error_description: 'iat is not recent' };
		core.provider.injectFault({ instead: { status: 400, body } });
		const failure = await failureOf(saved());
		expect(failure).toBeInstanceOf(ConfigurationError);
		expect(failure).toMatchObject({ code: 'INVALID_DPOP_PROOF', field: 'DPoP' });
		expect(failure.message).toContain('iat is not recent');
	});

	describe('is switched', () => {
		it.each(['public', CLIENT.clientId])(
			'on for a connected account of the client %s: the next refresh is bound, and nothing is lost',
			async (clientId) => {
				const form = await refreshing({ clientId, dpop: 'never' });
				await expect(call(form)).resolves.toBe(200);
				expect(lastRequest().scheme).toBe('Bearer');
				const on = { ...form, dpop: 'always' };
				await expect(call(on)).resolves.toBe(200);
				expect(lastRequest().scheme).toBe('DPoP');
				core.wait(3700);
				await expect(call(on)).resolves.toBe(200);
			},
		);

		it('on for an account that a person connected before', async () => {
			labels += 1;
			const form = await core.save(core.codeForm({ label: `Bound ${labels}` }));
			await connect(form);
			const on = { ...form, dpop: 'always' };
			await expect(call(on)).resolves.toBe(200);
			expect(lastRequest().scheme).toBe('DPoP');
			await connect(on);
			await expect(call(on)).resolves.toBe(200);
		});

		it('off for a confidential client: the next refresh brings a bearer token', async () => {
			const form = await refreshing({ clientId: CLIENT.clientId });
			const off = { ...form, dpop: 'never' };
			await expect(call(off)).resolves.toBe(200);
			expect(lastRequest().scheme).toBe('Bearer');
			core.wait(3700);
			await expect(call(off)).resolves.toBe(200);
		});

		it('off for a public client: its refresh token is bound, is not sent without a proof, and serves again once that is undone', async () => {
			const form = await refreshing();
			await call(form);
			const before = core.provider.tokenRequests.length;
			const failure = await failureOf(call({ ...form, dpop: 'never' }));
			expect(failure).toMatchObject({ code: 'BOUND_TO_KEY', field: 'DPoP' });
			expect(failure.message).toContain('type a new Refresh Token');
			expect(core.provider.tokenRequests).toHaveLength(before);
			core.wait(3700);
			await expect(failureOf(call({ ...form, dpop: 'never' }))).resolves.toBeDefined();
			expect(core.provider.tokenRequests).toHaveLength(before);
			await expect(call(form)).resolves.toBe(200);
		});

		it('off in a form that is still open, while the address of the API is corrected: the bound refresh token is not sent', async () => {
			const refreshToken = await core.provider.mintRefreshToken('public');
			const open = core.form({
				...{ label: `Bound ${(labels += 1)}`, dpop: 'always', scope: '', refreshToken },
				...{ grantType: 'refreshToken', clientId: 'public' },
				...{ clientAuthentication: 'none', clientSecret: '' },
			});
			const form = await core.save(open);
			const before = core.provider.tokenRequests.length;
			const corrected = { ...open, dpop: 'never', apiBaseUrl: api.url };
			await expect(failureOf(core.save(corrected))).resolves.toMatchObject({
				code: 'BOUND_TO_KEY',
			});
			expect(core.provider.tokenRequests).toHaveLength(before);
			await expect(call(form)).resolves.toBe(200);
		});

		it('off for a public client, with a new refresh token', async () => {
			const form = await refreshing();
			const refreshToken = await core.provider.mintRefreshToken('public');
			const off = await core.save({ ...form, dpop: 'never', refreshToken });
			await expect(call(off)).resolves.toBe(200);
			expect(lastRequest().scheme).toBe('Bearer');
		});
	});

	describe('the key', () => {
		it('is a new one for client credentials if the client secret is typed again', async () => {
			const form = await saved();
			const before = await keyOf(form);
			const clientSecret = 'another-client-secret';
			await core.provider.changeClientSecret(CLIENT.clientId, clientSecret);
			try {
				const again = await core.save({ ...form, clientSecret });
				await expect(call(again)).resolves.toBe(200);
				expect(await keyOf(again)).not.toBe(before);
			} finally {
				await core.provider.changeClientSecret(CLIENT.clientId, CLIENT.clientSecret);
			}
		});

		it('is a new one for a new refresh token', async () => {
			const form = await refreshing();
			const before = await keyOf(form);
			const refreshToken = await core.provider.mintRefreshToken('public');
			const again = await core.save({ ...form, refreshToken });
			expect(await keyOf(again)).not.toBe(before);
		});

		it('stays with the refresh token if only the client secret is typed again', async () => {
			const form = await refreshing({ clientId: CLIENT.clientId });
			const before = await keyOf(form);
			const clientSecret = 'another-client-secret';
			await core.provider.changeClientSecret(CLIENT.clientId, clientSecret);
			try {
				const again = await core.save({ ...form, clientSecret });
				expect(await keyOf(again)).toBe(before);
			} finally {
				await core.provider.changeClientSecret(CLIENT.clientId, CLIENT.clientSecret);
			}
		});

		it('is a new one if it was damaged: its tokens are not used as bearer tokens', async () => {
			const form = await saved();
			const before = await keyOf(form);
			const { store, secretRef } = core.connections.open(await core.connections.read(form));
			const { secretId } = secretRef;
			const { content, versionId } = await store.read(secretId);
			const bundle = JSON.parse(content) as { dpop_key: object };
			const damaged = { ...bundle, dpop_key: { ...bundle.dpop_key, d: '' } };
			await store.write(secretId, JSON.stringify(damaged), versionId);
			const other = core.process();
			await expect(call(form, other)).resolves.toBe(200);
			expect(lastRequest().scheme).toBe('DPoP');
			expect(await keyOf(form, other)).not.toBe(before);
		});

		it('goes with the account, and the next one has its code bound to its own', async () => {
			labels += 1;
			const form = await core.save(
				core.codeForm({
					label: `Bound ${labels}`,
					dpop: 'always',
					accountChangesByWorkflows: true,
				}),
			);
			await connect(form);
			const before = await keyOf(form);
			const { disconnect } = core.connections.open(await core.connections.read(form));
			await disconnect({ by: { from: 'form' }, evenIfNotRevoked: false });
			const { person, response, cookies } = await visit(form);
			await (await flowOf(form)).callback(response, cookies);
			const asked = person.visited.find((address) => address.includes('code_challenge=')) ?? '';
			const after = await keyOf(form);
			expect(after).not.toBe(before);
			expect(new URL(asked).searchParams.get('dpop_jkt')).toBe(after);
		});
	});
});
