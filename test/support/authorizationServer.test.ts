import {
	startAuthorizationServer,
	type AuthorizationServer,
	type AuthorizationServerOptions,
} from './authorizationServer';

const CLIENT = { clientId: 'basic client', clientSecret: 'a%20b+c:d' };

interface Answer {
	status: number;
	body: Record<string, unknown>;
}

describe('authorization server of the test support', () => {
	let server: AuthorizationServer;
	let now: number;

	async function start(options: Partial<AuthorizationServerOptions> = {}): Promise<void> {
		server = await startAuthorizationServer({ clients: [CLIENT], now: () => now, ...options });
	}

	function basic(encode: (text: string) => string): Record<string, string> {
		const credentials = [CLIENT.clientId, CLIENT.clientSecret].map(encode).join(':');
		return { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` };
	}

	async function post(
		params: Record<string, string>,
		headers = basic(encodeURIComponent),
	): Promise<Response> {
		const body = new URLSearchParams(params);
		return await fetch(server.tokenEndpoint, { method: 'POST', headers, body });
	}

	async function token(params: Record<string, string>): Promise<Answer> {
		const response = await post(params);
		return { status: response.status, body: (await response.json()) as Answer['body'] };
	}

	const clientCredentials = async () => await token({ grant_type: 'client_credentials' });
	const refresh = async (value: unknown) =>
		await token({ grant_type: 'refresh_token', refresh_token: String(value) });

	beforeEach(() => {
		now = Date.now();
	});

	afterEach(async () => {
		await server.close();
	});

	it('issues tokens that are active for exactly their lifetime', async () => {
		await start({ accessTokenSeconds: 60 });
		const { body } = await clientCredentials();
		const accessToken = String(body['access_token']);

		expect(body['expires_in']).toBe(60);
		now += 59_999;
		expect(server.isActive(accessToken)).toBe(true);
		now += 1;
		expect(server.isActive(accessToken)).toBe(false);
	});

	it('takes a new lifetime for the tokens that follow', async () => {
		await start();
		server.accessTokenSeconds = 7;
		expect((await clientCredentials()).body['expires_in']).toBe(7);
	});

	it('does not take what it never issued, a refresh token or a revoked token for an access token', async () => {
		await start();
		const accessToken = String((await clientCredentials()).body['access_token']);
		server.revoke(accessToken);

		const refreshToken = await server.mintRefreshToken(CLIENT.clientId);
		const active = [accessToken, refreshToken, 'unknown'].map((value) => server.isActive(value));
		expect(active).toEqual([false, false, false]);
	});

	it('rotates refresh tokens, and kills the whole family where one is used twice', async () => {
		await start();
		const first = await server.mintRefreshToken(CLIENT.clientId);
		const second = (await refresh(first)).body;
		expect(second['refresh_token']).not.toBe(first);

		expect(await refresh(first)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
		expect(server.isActive(String(second['access_token']))).toBe(false);
		expect((await refresh(second['refresh_token'])).body['error']).toBe('invalid_grant');
	});

	it('notices reuse also where requests come at the same moment', async () => {
		await start();
		const first = await server.mintRefreshToken(CLIENT.clientId);
		let letGo: (() => void) | undefined;
		server.injectFault({ requests: 5, wait: new Promise<void>((resolve) => (letGo = resolve)) });
		const answers = Promise.all(Array.from({ length: 5 }, async () => await refresh(first)));
		await clientCredentials();
		letGo?.();
		const statuses = (await answers).map(({ status }) => status);
		expect(statuses.sort()).toEqual([200, 400, 400, 400, 400]);
	});

	it('keeps the refresh token where rotation is off', async () => {
		await start({ rotateRefreshTokens: false });
		const first = await server.mintRefreshToken(CLIENT.clientId);
		expect((await refresh(first)).body['refresh_token']).toBe(first);
		expect((await refresh(first)).status).toBe(200);
	});

	it('refuses a refresh after the consent was withdrawn', async () => {
		await start();
		const first = await server.mintRefreshToken(CLIENT.clientId);
		const accessToken = String((await refresh(first)).body['access_token']);
		server.revokeGrantOf(accessToken);
		expect(server.isActive(accessToken)).toBe(false);
		expect((await refresh(first)).body['error']).toBe('invalid_grant');
	});

	it('refuses a scope that the client may not ask for', async () => {
		await start({ clients: [{ ...CLIENT, scope: 'api:read' }] });
		const answer = await token({ grant_type: 'client_credentials', scope: 'api:write' });
		expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_scope' } });
	});

	it('takes only the new secret once a client was given another', async () => {
		await start();
		await server.changeClientSecret(CLIENT.clientId, 'another-secret');
		const params = { grant_type: 'client_credentials', scope: 'api:read' };
		const [former, present] = [CLIENT.clientSecret, 'another-secret'].map((clientSecret) => {
			const credentials = [CLIENT.clientId, clientSecret].map(encodeURIComponent).join(':');
			return { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` };
		});
		expect((await post(params, former)).status).toBe(401);
		expect((await post(params, present)).status).toBe(200);
		expect(server.confidential()).toEqual(
			expect.arrayContaining([CLIENT.clientSecret, 'another-secret']),
		);
	});

	it('answers in place of the provider as often as told', async () => {
		await start();
		server.injectFault({ requests: 2, instead: { status: 503, body: '<h1>Busy</h1>' } });
		const first = await post({ grant_type: 'client_credentials' });
		expect([first.status, first.headers.get('content-type'), await first.text()]).toEqual([
			503,
			'text/html; charset=utf-8',
			'<h1>Busy</h1>',
		]);
		expect((await post({ grant_type: 'client_credentials' })).status).toBe(503);
		expect((await clientCredentials()).status).toBe(200);
		expect(server.countTokenRequests({ grant: 'client_credentials' })).toBe(3);
		expect(server.countTokenRequests({ result: 'instead 503' })).toBe(2);
		expect(server.issued).toHaveLength(1);
	});

	it('alters an answer after the provider acted', async () => {
		await start();
		server.injectFault({
			alter: ({ body }) => ({ status: 201, body: { ...(body as object), expires_in: null } }),
		});
		expect(await clientCredentials()).toMatchObject({ status: 201, body: { expires_in: null } });
		expect(server.issued).toHaveLength(1);
	});

	it('loses an answer after the refresh token was used up', async () => {
		await start();
		const first = await server.mintRefreshToken(CLIENT.clientId);
		server.injectFault({ loseAnswer: true });
		await expect(refresh(first)).rejects.toThrow('fetch failed');
		expect(server.tokenRequests.at(-1)).toMatchObject({ result: 'lost', refreshToken: first });
		expect((await refresh(first)).body['error']).toBe('invalid_grant');
	});

	it('holds a request back until it is let go', async () => {
		await start();
		let letGo: (() => void) | undefined;
		server.injectFault({ wait: new Promise<void>((resolve) => (letGo = resolve)) });
		const held = clientCredentials();
		const other = await clientCredentials();
		expect([other.status, server.countTokenRequests()]).toEqual([200, 1]);
		letGo?.();
		expect((await held).status).toBe(200);
	});

	it('lists everything confidential: client secrets, tokens of every kind', async () => {
		await start();
		const first = await server.mintRefreshToken(CLIENT.clientId);
		const { body } = await refresh(first);
		const machine = await clientCredentials();
		expect(server.confidential().sort()).toEqual(
			[
				CLIENT.clientSecret,
				first,
				body['access_token'],
				body['refresh_token'],
				body['id_token'],
				machine.body['access_token'],
			].sort(),
		);
	});

	it('publishes the endpoints it names', async () => {
		await start();
		const response = await fetch(`${server.issuer}/.well-known/openid-configuration`);
		expect(await response.json()).toMatchObject({
			issuer: server.issuer,
			authorization_endpoint: server.authorizationEndpoint,
			token_endpoint: server.tokenEndpoint,
			introspection_endpoint: server.introspectionEndpoint,
			revocation_endpoint: server.revocationEndpoint,
			userinfo_endpoint: server.userinfoEndpoint,
		});
	});

	it.each([
		['client_secret_basic', [200, 401]],
		['client_secret_post', [401, 200]],
	] as const)(
		'takes no other client authentication than %s where the client has that one',
		async (authentication, expected) => {
			await start({ clients: [{ ...CLIENT, authentication }] });
			const params = { grant_type: 'client_credentials' };
			const byHeader = await post(params);
			const byBody = await post(
				{ ...params, client_id: CLIENT.clientId, client_secret: CLIENT.clientSecret },
				{},
			);
			expect([byHeader.status, byBody.status]).toEqual(expected);
		},
	);

	it.each([
		[false, [200, 401]],
		[true, [401, 200]],
	])(
		'takes Basic authentication without percent-encoding only where told: %p',
		async (unencodedBasic, expected) => {
			await start({ unencodedBasic });
			const params = { grant_type: 'client_credentials' };
			const encoded = await post(params);
			const plain = await post(
				params,
				basic((text) => text),
			);
			expect([encoded.status, plain.status]).toEqual(expected);
		},
	);
});
