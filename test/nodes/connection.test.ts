import { useRig, type Rig, type Credential } from './rig';

let rig: Rig;

useRig((started) => {
	rig = started;
});

const text = expect.any(String) as string;
const iso = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string;
const down = { requests: Infinity, instead: { status: 503, body: 'maintenance' } };

describe('Validate', () => {
	test('reports every step of a connection that works', async () => {
		const credential = await rig.saved({ validationPath: '/me' });
		await expect(rig.connection(credential, 'validate')).resolves.toEqual({
			ok: true,
			steps: [
				{ step: 'fields', ok: true, detail: text },
				{
					step: 'secretStore',
					ok: true,
					detail: text,
					secretStore: 'localVault',
					secretId: expect.stringMatching(/^n8n\/vaulted-oauth2\/example-crm-\d+-/) as string,
					versionId: text,
				},
				{
					step: 'token',
					ok: true,
					detail: text,
					issuedAt: iso,
					expiresAt: iso,
					refreshAt: iso,
					lifetimeSeconds: 3600,
					effectiveBufferSeconds: expect.any(Number) as number,
					tokenType: 'Bearer',
					scope: 'api:read',
				},
				{ step: 'api', ok: true, detail: text, status: 200 },
			],
		});
	});

	test.each([301, 302, 303, 307, 308])(
		'does not take the token to where a Validation Path redirects to with %i',
		async (status) => {
			const to = encodeURIComponent(`${rig.elsewhere.url}/stolen`);
			const validationPath = `/redirect?to=${to}&status=${status}`;
			const before = rig.elsewhere.requests.length;
			await rig.connection(await rig.saved({ validationPath: '/me' }), 'validate');
			const redirected = rig.unsaved({ validationPath });
			await rig.connection(redirected, 'validate');
			for (const { headers } of rig.elsewhere.requests.slice(before))
				expect(headers.authorization).toBeUndefined();
		},
	);

	test('does not ask the API where there is no Validation Path', async () => {
		const credential = await rig.saved();
		const calls = rig.api.requests.length;
		const { ok, steps } = await rig.connection(credential, 'validate');
		expect(ok).toBe(true);
		expect(steps).toHaveLength(3);
		expect(rig.api.requests).toHaveLength(calls);
	});

	test.each([
		['401', 'configuration', 'TOKEN_REFUSED', 'Scope'],
		['403', 'configuration', 'TOKEN_REFUSED', 'Scope'],
		['404', 'configuration', 'NOT_A_VALIDATION_PATH', 'Validation Path'],
		['503', 'provider', 'API_UNAVAILABLE', undefined],
	])('says what an API means that answers %s', async (status, failureClass, code, field) => {
		const unsaved = rig.unsaved({ validationPath: `/status/${status}` });
		const report = await rig.connection(unsaved, 'validate');
		expect(report).toMatchObject({
			ok: false,
			steps: [
				{ step: 'fields', ok: true },
				{ step: 'secretStore', ok: true },
				{ step: 'token', ok: true },
				{ step: 'api', ok: false, status: Number(status), class: failureClass, code },
			],
		});
		expect((report['steps'] as { field?: string }[])[3]!.field).toBe(field);
	});

	test('reports an API that does not answer', async () => {
		const apiBaseUrl = 'http://127.0.0.1:9';
		const report = await rig.connection(
			rig.unsaved({ apiBaseUrl, validationPath: '/' }),
			'validate',
		);
		expect(report).toMatchObject({
			ok: false,
			steps: [
				{},
				{},
				{},
				{
					step: 'api',
					ok: false,
					code: 'API_UNREACHABLE',
					detail: expect.stringContaining('ECONNREFUSED') as string,
				},
			],
		});
	});

	test('stops at a field that is wrong, and the item does not fail', async () => {
		await expect(rig.connection(rig.unsaved({ tokenUrl: '' }), 'validate')).resolves.toEqual({
			ok: false,
			steps: [
				{
					step: 'fields',
					ok: false,
					detail: expect.stringMatching(/^Fix the configuration – Token URL: /) as string,
					class: 'configuration',
					code: 'MISSING_FIELD',
					field: 'Token URL',
					message: text,
				},
			],
		});
	});

	test('stops at a provider that is down', async () => {
		const unsaved = rig.unsaved();
		rig.provider.injectFault(down);
		await expect(rig.connection(unsaved, 'validate')).resolves.toMatchObject({
			ok: false,
			steps: [{ step: 'token', ok: false, class: 'provider' }],
		});
	});

	test('stops at a secret that is gone', async () => {
		const credential = await rig.saved();
		const { rm } = await import('node:fs/promises');
		const vault = `${rig.engine.userFolder}/.n8n/vaulted-oauth2`;
		await rm(vault, { recursive: true });
		await expect(rig.connection(credential, 'validate')).resolves.toMatchObject({
			ok: false,
			steps: [
				{ step: 'fields', ok: true },
				{ step: 'secretStore', ok: false, class: 'secretStore', code: 'NOT_FOUND' },
			],
		});
	});
});

describe('Get Status', () => {
	test('tells everything but the token, and asks for none', async () => {
		const credential = await rig.saved();
		const tokens = rig.provider.countTokenRequests();
		await expect(rig.connection(credential, 'getStatus')).resolves.toEqual({
			healthy: true,
			state: 'healthy',
			label: expect.stringMatching(/^Example CRM \d+$/) as string,
			grantType: 'client_credentials',
			secretStore: 'localVault',
			secretId: text,
			versionId: text,
			issuedAt: iso,
			expiresAt: iso,
			refreshAt: iso,
			lifetimeSeconds: 3600,
			effectiveBufferSeconds: expect.any(Number) as number,
			tokenType: 'Bearer',
			scope: 'api:read',
			unsaved: false,
			lastError: null,
			counters: expect.objectContaining({ adopted: 1, refreshed: 0 }) as object,
		});
		expect(rig.provider.countTokenRequests()).toBe(tokens);
	});

	describe('with Simplify, which nodes have from version 1.1 on', () => {
		const parameters = { resource: 'connection', operation: 'getStatus' };
		const status = async (credential: Credential, node: object, more: object = {}) => {
			const run = await rig.run(credential, { ...parameters, ...more }, { node });
			return run.output('Node')[0]!.json;
		};

		test('tells ten fields', async () => {
			const credential = await rig.saved();
			const simple = await status(credential, { typeVersion: 1.1 });
			expect(simple).toEqual({
				label: expect.stringMatching(/^Example CRM/) as string,
				healthy: true,
				state: 'healthy',
				issuedAt: iso,
				expiresAt: iso,
				refreshAt: iso,
				scope: 'api:read',
				unsaved: false,
				lastError: null,
				warnings: [],
			});
			expect(Object.keys(simple)).toHaveLength(10);
			const raw = await status(credential, { typeVersion: 1.1 }, { simplify: false });
			expect(raw).toEqual(await status(credential, { typeVersion: 1 }));
			expect(raw).toHaveProperty('counters');
		});

		test('has the same fields if nothing is known', async () => {
			const simple = await status(rig.unsaved(), { typeVersion: 1.1 });
			expect(simple).toMatchObject({ label: null, state: 'failing', unsaved: false, warnings: [] });
			expect(Object.keys(simple)).toHaveLength(10);
		});
	});

	test('says when the token is refreshed: the buffer before its end', async () => {
		const status = await rig.connection(await rig.saved(), 'getStatus');
		const [refreshAt, expiresAt] = [status['refreshAt'], status['expiresAt']].map((time) =>
			Date.parse(time as string),
		);
		const buffer = status['effectiveBufferSeconds'] as number;
		expect(Math.round((expiresAt! - refreshAt!) / 1000)).toBe(buffer);
		expect(buffer).toBeGreaterThanOrEqual(300);
		expect(buffer).toBeLessThanOrEqual(330);
	});

	test('does not seal what is not sealed, and says so', async () => {
		const unsaved = rig.unsaved();
		const tokens = rig.provider.countTokenRequests();
		await expect(rig.connection(unsaved, 'getStatus')).resolves.toEqual({
			healthy: false,
			state: 'failing',
			lastError: {
				class: 'configuration',
				code: 'NOT_SEALED',
				field: 'Client Secret',
				message: text,
			},
		});
		expect(rig.provider.countTokenRequests()).toBe(tokens);
	});

	test('tells the last failure of a connection', async () => {
		const credential = await rig.saved();
		rig.provider.injectFault(down);
		const failed = await rig.run(credential, { resource: 'connection', operation: 'refreshNow' });
		expect(failed.error?.message).toMatch(/^Provider temporarily unavailable – /);
		await expect(rig.connection(credential, 'getStatus')).resolves.toMatchObject({
			healthy: false,
			lastError: {
				class: 'provider',
				message: expect.stringContaining(failed.error!.message) as string,
			},
		});
	});

	test('of a store that does not let it in tells what is known', async () => {
		const credential = await rig.saved();
		const stored = rig.engine.credentials.stored(credential.id);
		const forged = JSON.parse(stored['secretRef'] as string) as { key: string };
		forged.key = `${forged.key.slice(0, -4)}AAAA`;
		rig.engine.credentials.save(
			'vaultedOAuth2Api',
			{ ...stored, secretRef: JSON.stringify(forged) },
			credential.id,
		);
		await expect(rig.connection(credential, 'getStatus')).resolves.toMatchObject({
			healthy: false,
			label: text,
			expiresAt: null,
			scope: null,
			lastError: { class: 'secretStore', code: 'KEY_MISMATCH' },
		});
	});

	test('is one output item per input item', async () => {
		const run = await rig.run(
			await rig.saved(),
			{ resource: 'connection', operation: 'getStatus' },
			{ items: [{}, {}, {}] },
		);
		expect(run.output('Node').map(({ pairedItem }) => pairedItem)).toEqual([
			{ item: 0 },
			{ item: 1 },
			{ item: 2 },
		]);
	});
});

describe('Refresh Now', () => {
	test('replaces a token that is still good, and tells how things are then', async () => {
		const credential = await rig.saved();
		const before = rig.provider.issued.at(-1)!;
		const tokens = rig.provider.countTokenRequests();
		const status = await rig.connection(credential, 'refreshNow');
		expect(rig.provider.countTokenRequests() - tokens).toBe(1);
		expect(rig.provider.issued.at(-1)!.value).not.toBe(before.value);
		expect(status).toMatchObject({ healthy: true, lifetimeSeconds: 3600 });
		expect(Date.parse(status['issuedAt'] as string)).toBeGreaterThanOrEqual(before.issuedAt);
	});

	test('keeps a rotated refresh token', async () => {
		const refreshToken = await rig.provider.mintRefreshToken('crm');
		const credential = await rig.saved({ grantType: 'refreshToken', refreshToken, scope: '' });
		for (let times = 0; times < 3; times += 1) {
			await expect(rig.connection(credential, 'refreshNow')).resolves.toMatchObject({
				healthy: true,
				grantType: 'refresh_token',
				unsaved: false,
			});
		}
	});

	test('is one refresh or two, not one per item, for many items at once', async () => {
		const credential = await rig.saved();
		const tokens = rig.provider.countTokenRequests();
		await rig.run(
			credential,
			{ resource: 'connection', operation: 'refreshNow' },
			{ items: Array.from({ length: 40 }, () => ({})) },
		);
		expect(rig.provider.countTokenRequests() - tokens).toBeLessThanOrEqual(2);
	});

	test('that fails is an error of the item', async () => {
		const credential = await rig.saved();
		rig.provider.injectFault(down);
		const run = await rig.run(credential, { resource: 'connection', operation: 'refreshNow' });
		expect(run.error).toMatchObject({
			description: expect.stringContaining('Nothing is lost;') as string,
			context: { class: 'provider' },
		});
	});
});
