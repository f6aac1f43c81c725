import type { INodeParameters } from 'n8n-workflow';
import type { EngineRun } from '../support/n8nEngine';
import { useRig, type Rig, type Credential } from './rig';

let rig: Rig;

useRig((started) => {
	rig = started;
});

const POST = { method: 'POST', sendBody: true, specifyBody: 'json', jsonBody: '{"a":1}' };

const run = async (credential: Credential, parameters: INodeParameters): Promise<EngineRun> =>
	await rig.run(credential, { resource: 'apiRequest', ...parameters });

/** The provider revokes the token before its time, as an administrator would. */
function revokeToken(): void {
	rig.provider.revoke(rig.provider.issued.at(-1)!.value);
}

/** What the requests to the sample API and the token requests were since this was called. */
function since(): () => { calls: string[]; tokens: number } {
	const calls = rig.api.requests.length;
	const tokens = rig.provider.countTokenRequests();
	return () => ({
		calls: rig.api.requests
			.slice(calls)
			.map(({ method, path, status }) => `${method} ${path} ${status}`),
		tokens: rig.provider.countTokenRequests() - tokens,
	});
}

describe('a token revoked before its time', () => {
	test('is replaced, and the request sent once more', async () => {
		const credential = await rig.saved();
		revokeToken();
		const happened = since();
		const items = await rig.request(credential, { path: '/me' });
		expect(items).toMatchObject([{ json: { name: 'Test User' } }]);
		expect(happened()).toEqual({ calls: ['GET /me 401', 'GET /me 200'], tokens: 1 });
	});

	test('lets a POST out exactly twice, with the same body', async () => {
		const credential = await rig.saved({ apiBaseUrl: rig.recorder.url });
		let refuse = true;
		rig.recorder.reset();
		rig.recorder.answers = {
			'/x': () => {
				const status = refuse ? 401 : 201;
				refuse = false;
				return { status };
			},
		};
		const query = { sendQuery: true, queryParameters: { parameters: [{ name: 'q', value: '1' }] } };
		await rig.request(credential, { path: '/x', ...POST, ...query });
		expect(rig.recorder.requests).toMatchObject([
			{ method: 'POST', path: '/x?q=1', body: '{"a":1}' },
			{ method: 'POST', path: '/x?q=1', body: '{"a":1}' },
		]);
		const [first, second] = rig.recorder.requests.map(({ headers }) => headers.authorization);
		expect(second).not.toBe(first);
	});

	test('is replaced once for all items that find it refused', async () => {
		const credential = await rig.saved();
		revokeToken();
		const happened = since();
		const items = Array.from({ length: 20 }, (_, id) => ({ id }));
		const output = await rig.request(
			credential,
			{ path: '=/status/200?id={{ $json.id }}' },
			{ items },
		);
		expect(output).toHaveLength(20);
		expect(happened().tokens).toBe(1);
	});

	test('found behind a redirect lets only the last step out again', async () => {
		const credential = await rig.saved({ apiBaseUrl: rig.recorder.url });
		let refuse = true;
		rig.recorder.reset();
		rig.recorder.answers = {
			'/create': { status: 303, headers: { location: '/created' } },
			'/created': () => {
				const status = refuse ? 401 : 200;
				refuse = false;
				return { status };
			},
		};
		await rig.request(credential, { path: '/create', ...POST });
		expect(rig.recorder.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
			'POST /create',
			'GET /created',
			'GET /created',
		]);
	});
});

test('a call is tried again twice at most, however many of its steps are refused', async () => {
	const credential = await rig.saved({ apiBaseUrl: rig.recorder.url });
	let refusals = 0;
	rig.recorder.reset();
	rig.recorder.answers = {
		'/a': () => (refusals++ === 0 ? { status: 401 } : { status: 302, headers: { location: '/b' } }),
		'/b': async () => {
			// Another execution has got a newer token meanwhile, with which one more try would be possible.
			await rig.connection(credential, 'refreshNow');
			return { status: 401 };
		},
	};
	const { error } = await run(credential, { path: '/a' });
	expect(error).toMatchObject({ httpCode: '401' });
	expect(rig.recorder.requests.map(({ path }) => path)).toEqual(['/a', '/a', '/b', '/b']);
});

describe('an API that always answers 401', () => {
	test('gets two requests and costs one token request; then its answer is the result', async () => {
		const credential = await rig.saved();
		const happened = since();
		const { error, text } = await run(credential, { path: '/status/401' });
		expect(error).toMatchObject({
			message: 'Authorization failed - please check your credentials',
			httpCode: '401',
		});
		expect(happened()).toEqual({
			calls: ['GET /status/401 401', 'GET /status/401 401'],
			tokens: 1,
		});
		expect(text).not.toContain('Bearer');
	});

	test('is not answered with a token request for each of many calls', async () => {
		const credential = await rig.saved();
		const happened = since();
		await rig.run(
			credential,
			{ resource: 'apiRequest', path: '/status/401' },
			{
				items: Array.from({ length: 30 }, () => ({})),
				node: { onError: 'continueRegularOutput' },
			},
		);
		await run(credential, { path: '/status/401' });
		expect(happened().tokens).toBe(1);
	});

	test('is an item like any other under Never Error', async () => {
		const credential = await rig.saved();
		const options = { response: { response: { neverError: true } } };
		const output = await rig.request(credential, { path: '/status/401', options });
		expect(output).toMatchObject([{ json: { status: 401 } }]);
	});
});

test.each([400, 403, 404, 409, 429, 500, 503])(
	'a POST that is answered %i goes out once, and no token is asked for',
	async (status) => {
		const credential = await rig.saved();
		const happened = since();
		const { error } = await run(credential, { ...POST, path: `/status/${status}` });
		expect(error).toMatchObject({ httpCode: String(status) });
		expect(happened()).toEqual({ calls: [`POST /status/${status} ${status}`], tokens: 0 });
	},
);

test('a 401 from another origin is not taken for a refused token', async () => {
	const credential = await rig.saved({ apiBaseUrl: rig.recorder.url });
	rig.recorder.answers = { '/a': { status: 302, headers: { location: `${rig.elsewhere.url}/x` } } };
	rig.elsewhere.answers = { '/x': { status: 401 } };
	const happened = since();
	const { error } = await run(credential, { path: '/a' });
	expect(error).toMatchObject({ httpCode: '401' });
	expect(rig.elsewhere.requests).toHaveLength(1);
	expect(happened().tokens).toBe(0);
});

describe('a refused token that cannot be replaced', () => {
	test('because the provider is down: the API’s 401 is shown, and why', async () => {
		const credential = await rig.saved();
		revokeToken();
		rig.provider.injectFault({ requests: Infinity, instead: { status: 503, body: 'maintenance' } });
		const happened = since();
		const { error } = await run(credential, { path: '/me' });
		expect(happened().calls).toEqual(['GET /me 401']);
		expect(error).toMatchObject({
			message: 'Authorization failed - please check your credentials',
			httpCode: '401',
			description: expect.stringMatching(
				/^unauthorized – .* cannot be had now: Provider temporarily unavailable – /,
			) as string,
		});
	});

	test('because the consent is gone: that is what is shown', async () => {
		const refreshToken = await rig.provider.mintRefreshToken('crm');
		const credential = await rig.saved({ grantType: 'refreshToken', refreshToken, scope: '' });
		rig.provider.revokeGrantOf(rig.provider.issued.at(-1)!.value);
		const { error, text } = await run(credential, { path: '/me' });
		expect(error).toMatchObject({
			message: expect.stringMatching(/^Reconnect needed – /) as string,
			description: expect.stringMatching(
				/^The refresh token was revoked, .* \(reconnect, INVALID_GRANT\)$/,
			) as string,
			context: { class: 'reconnect', code: 'INVALID_GRANT', itemIndex: 0 },
		});
		expect(text).not.toContain('Bearer');
	});
});

test('a provider that is unreachable keeps its class and its way out in the message', async () => {
	const credential = await rig.saved();
	revokeToken();
	rig.provider.injectFault({ requests: Infinity, loseAnswer: true });
	const { text } = await rig.run(credential, { resource: 'connection', operation: 'refreshNow' });
	expect(text).toContain('Provider temporarily unavailable – ');
	expect(text).not.toContain('perhaps it is offline');
});
