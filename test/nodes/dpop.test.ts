import { decodeJwt } from 'jose';

import { startDpopApi, type DpopApi } from '../support/dpopApi';
import { Rig, type Credential } from './rig';

let rig: Rig;
let api: DpopApi;
let credential: Credential;

beforeAll(async () => {
	rig = await Rig.start();
	api = await startDpopApi(rig.provider);
	credential = await rig.saved({ apiBaseUrl: api.url, dpop: 'always', validationPath: '/me' });
});
afterAll(async () => {
	await Promise.all([rig.close(), api.close()]);
});
beforeEach(() => {
	api.requests.length = 0;
	api.nonce = undefined;
});
afterEach(() => {
	expect(rig.leaks()).toEqual([]);
	// Proofs are in nothing that n8n keeps, either.
	const places = [...rig.engine.log, ...rig.runs.map(({ text }) => text)];
	const proofs = api.requests.flatMap(({ proof }) => proof ?? []);
	expect(proofs.filter((proof) => places.some((place) => place.includes(proof)))).toEqual([]);
});

const seen = (): string[] =>
	api.requests.map(({ method, path, scheme, status }) =>
		[method, path, scheme ?? 'no token', status].join(' '),
	);

it('was saved only after the API took a request with a proof', async () => {
	const { test } = await rig.engine.saveAndTest(
		'vaultedOAuth2Api',
		rig.form({ apiBaseUrl: api.url, dpop: 'always', validationPath: '/me' }),
	);
	expect(test.status).toBe('OK');
	expect(seen()).toEqual(['GET /me DPoP 200']);
});

it('a request has a proof of its own, for its method and its address without the query', async () => {
	await rig.request(
		credential,
		{ method: 'POST', path: '/items?page=2' },
		{ items: [{ n: 1 }, { n: 2 }] },
	);
	expect(seen()).toEqual(Array(2).fill('POST /items?page=2 DPoP 200'));
	const [first, second] = api.requests.map(({ proof = '' }) => decodeJwt(proof));
	expect(first).toMatchObject({ htm: 'POST', htu: `${api.url}/items` });
	expect(first!.jti).not.toBe(second!.jti);
});

it('each hop of a redirect has its own, and another origin gets none', async () => {
	await rig.request(credential, { path: '/redirect?to=/redirect%3Fto=/there' });
	expect(seen()).toEqual([
		'GET /redirect?to=/redirect%3Fto=/there DPoP 302',
		'GET /redirect?to=/there DPoP 302',
		'GET /there DPoP 200',
	]);
	rig.elsewhere.reset();
	await rig.request(credential, { path: `/redirect?to=${rig.elsewhere.url}/x` });
	expect(rig.elsewhere.requests).toHaveLength(1);
	expect(rig.elsewhere.requests[0]!.headers).not.toHaveProperty('dpop');
	expect(rig.elsewhere.requests[0]!.headers).not.toHaveProperty('authorization');
});

it('an API that wants its nonce gets it at once, and no token is replaced for that', async () => {
	api.nonce = 'n-1';
	const before = rig.provider.countTokenRequests();
	await rig.request(credential, { method: 'POST', path: '/items' });
	expect(seen()).toEqual(['POST /items DPoP 401', 'POST /items DPoP 200']);
	expect(api.requests[0]!.error).toBe('use_dpop_nonce');
	await rig.request(credential, { path: '/items' });
	expect(seen().slice(2)).toEqual(['GET /items DPoP 200']);
	api.nonce = 'n-2';
	await rig.request(credential, { path: '/items' });
	expect(seen().slice(3)).toEqual(['GET /items DPoP 401', 'GET /items DPoP 200']);
	expect(rig.provider.countTokenRequests()).toBe(before);
});

it('an API that is never content is asked twice, and no token is replaced for that', async () => {
	let turn = 0;
	Object.defineProperty(api, 'nonce', {
		configurable: true,
		get: () => `other-${(turn += 1)}`,
	});
	const before = rig.provider.countTokenRequests();
	const run = await rig.run(credential, { resource: 'apiRequest', path: '/items' });
	Object.defineProperty(api, 'nonce', { value: undefined, writable: true });
	expect(run.error?.message).toContain('Authorization failed');
	expect(seen()).toEqual(Array(2).fill('GET /items DPoP 401'));
	expect(rig.provider.countTokenRequests()).toBe(before);
});

it('a token that is revoked is replaced by one with proofs of its own', async () => {
	const other = await rig.saved({ apiBaseUrl: api.url, dpop: 'always' });
	rig.provider.revoke(rig.provider.issued.at(-1)!.value);
	api.requests.length = 0;
	await rig.request(other, { path: '/me' });
	expect(seen()).toEqual(['GET /me DPoP 401', 'GET /me DPoP 200']);
});

it('token and proof are hidden in what the API repeats', async () => {
	const [item] = await rig.request(credential, { path: '/echo' });
	expect(item!.json['headers']).toMatchObject({
		authorization: 'DPoP **hidden**',
		dpop: '**hidden**',
	});
});

it('Get Status says that the token is bound', async () => {
	await expect(rig.connection(credential, 'getStatus')).resolves.toMatchObject({
		tokenType: 'DPoP',
	});
});

it('Validate says that a provider issues bearer tokens although proofs were sent', async () => {
	rig.provider.injectFault({
		alter: (answer) => ({ ...answer, body: { ...(answer.body as object), token_type: 'Bearer' } }),
	});
	const unproven = rig.unsaved({ apiBaseUrl: api.url, dpop: 'always' });
	await expect(rig.connection(unproven, 'validate')).resolves.toMatchObject({
		ok: false,
		steps: expect.arrayContaining([
			expect.objectContaining({ step: 'token', ok: false, code: 'NOT_BOUND_TO_KEY' }),
		]) as unknown,
	});
	expect(api.requests).toEqual([]);
});
