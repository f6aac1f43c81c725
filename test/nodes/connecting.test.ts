import { text } from 'node:stream/consumers';
import type { IDataObject } from 'n8n-workflow';

import { sharedConnections, type OpenConnection } from '../../src';
import { listenOnLoopback } from '../support/loopback';
import { useRig, type Rig, type Credential } from './rig';

let rig: Rig;

useRig((started) => {
	rig = started;
});

const HOUR_MS = 3_600_000;
const iso = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string;

/** A saved credential that nobody has connected yet. */
async function notConnected(changes: IDataObject = {}): Promise<Credential> {
	const form = rig.form({
		...rig.byCode,
		accountChangesByWorkflows: true,
		...(changes as object),
	});
	const { id } = await rig.engine.saveAndTest('vaultedOAuth2Api', form);
	return { id, name: 'Account' };
}

async function open({ id }: Credential): Promise<OpenConnection> {
	const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined };
	const connections = sharedConnections(quiet);
	return connections.open(await connections.read(rig.engine.credentials.stored(id)));
}

/** Connects an account as the trigger does. */
async function connect(credential: Credential): Promise<void> {
	const { authorization } = await open(credential);
	const links = await authorization?.links({ by: { from: 'form' } });
	const link = new URL(links?.connectUrl ?? '').searchParams.get('link') ?? '';
	const { location, cookie } = (await authorization?.connect(link)) ?? {};
	const { searchParams } = await rig.consent(location ?? '');
	await authorization?.callback(searchParams, `${cookie?.name ?? ''}=${cookie?.value ?? ''}`);
}

async function connected(changes: IDataObject = {}): Promise<Credential> {
	const credential = await notConnected(changes);
	await connect(credential);
	return credential;
}

/** Withdraws the consent at the provider; the next refresh is refused. */
async function withdraw(credential: Credential): Promise<void> {
	const { tokens } = await open(credential);
	rig.provider.revokeGrantOf((await tokens.get()).accessToken);
}

async function run(
	credential: Credential,
	parameters: Record<string, string | number | boolean>,
): Promise<IDataObject[]> {
	const ran = await rig.run(credential, { resource: 'connection', ...parameters });
	if (ran.error !== undefined) throw new Error(ran.error.message);
	return ran.output('Node').map(({ json }) => json);
}

describe('Get Authorization URL', () => {
	const operation = 'getAuthorizationUrl';

	test('gives a link for the trigger, and the provider’s own address for pasting', async () => {
		const credential = await notConnected();
		const [links] = await run(credential, { operation });
		expect(links).toEqual({
			label: expect.stringMatching(/^Example CRM/) as string,
			connectUrl: expect.stringMatching(/\/webhook\/crm\/connect\?link=[\w.-]+$/) as string,
			connectUrlExpiresAt: iso,
			authorizationUrl: expect.stringContaining(`${rig.provider.issuer}/auth?`) as string,
			pasteUntil: iso,
			howTo: expect.stringMatching(
				/^Open connectUrl once, .* Open authorizationUrl, .* Authorization Response, and save\.$/,
			) as string,
		});
	});

	test('gives it for as long as is asked', async () => {
		const credential = await notConnected();
		const [links] = await run(credential, { operation, linkMinutes: 60 });
		const left = Date.parse(links?.['connectUrlExpiresAt'] as string) - Date.now();
		expect(left).toBeGreaterThan(0.9 * HOUR_MS);
		expect(left).toBeLessThanOrEqual(HOUR_MS);
		await expect(run(credential, { operation, linkMinutes: 0 })).rejects.toThrow(
			'Link Lifetime (Minutes)',
		);
	});

	test('gives only the provider’s address where Redirect URI is no trigger’s', async () => {
		const credential = await notConnected({ redirectUri: 'http://127.0.0.1:9/elsewhere' });
		const [links] = await run(credential, { operation });
		expect(links).toMatchObject({
			connectUrl: null,
			connectUrlExpiresAt: null,
			howTo: expect.stringMatching(/^Open authorizationUrl, /) as string,
		});
	});

	test.each([
		['default', 'copy the address the browser ends at into'],
		['formPost', 'copy the form data of the browser’s last request'],
	])('says what is pasted, with the response mode %s', async (responseMode, text) => {
		const credential = await notConnected({ responseMode });
		const [links] = await run(credential, { operation });
		expect(links?.['howTo']).toContain(text);
	});

	test('gives none unless the credential says that workflows may make links', async () => {
		for (const accountChangesByWorkflows of [false, undefined]) {
			const credential = await notConnected({ accountChangesByWorkflows });
			await expect(run(credential, { operation })).rejects.toThrow('Account Changes by Workflows');
			expect(await run(credential, { operation: 'keepAlive', addLink: true })).toMatchObject([
				{ state: 'notConnected', connectUrl: null, linkError: { code: 'ONLY_BY_EDITORS' } },
			]);
		}
	});

	test('names Grant Type where nobody connects anything', async () => {
		await expect(run(await rig.saved(), { operation })).rejects.toThrow('Grant Type');
	});
});

describe('Validate and Get Status tell apart', () => {
	const status = async (credential: Credential) =>
		(await run(credential, { operation: 'getStatus' }))[0];
	const token = async (credential: Credential) =>
		((await run(credential, { operation: 'validate' }))[0]?.['steps'] as IDataObject[]).find(
			({ step }) => step === 'token',
		);

	test('not connected yet', async () => {
		const credential = await notConnected();
		expect(await status(credential)).toMatchObject({
			healthy: false,
			state: 'notConnected',
			connectedAt: null,
			issuedAt: null,
			expiresAt: null,
			refreshAt: null,
			lifetimeSeconds: null,
			effectiveBufferSeconds: null,
			tokenType: null,
			scope: null,
		});
		expect(await token(credential)).toMatchObject({ ok: false, code: 'NOT_CONNECTED' });
	});

	test('healthy', async () => {
		const credential = await connected();
		expect(await status(credential)).toMatchObject({
			healthy: true,
			state: 'healthy',
			connectedAt: iso,
			grantType: 'authorization_code',
		});
		expect(await token(credential)).toMatchObject({ ok: true });
	});

	test('needs to be reconnected, and healthy again after that', async () => {
		const credential = await connected();
		await withdraw(credential);
		await expect(run(credential, { operation: 'refreshNow' })).rejects.toThrow('Reconnect needed');
		expect(await status(credential)).toMatchObject({ healthy: false, state: 'reconnectNeeded' });
		await connect(credential);
		expect(await status(credential)).toMatchObject({
			healthy: true,
			state: 'healthy',
			lastError: null,
		});
	});

	test('another Scope than the one that was asked for: a warning', async () => {
		const credential = await connected();
		const fields = rig.engine.credentials.stored(credential.id);
		const changed = rig.engine.credentials.save('vaultedOAuth2Api', {
			...fields,
			scope: 'openid offline_access api:read api:write',
		});
		expect(await status(changed)).toMatchObject({
			healthy: true,
			warnings: [expect.stringContaining('Connect it again') as string],
		});
	});
});

describe('Keep Alive', () => {
	const operation = 'keepAlive';

	test('refreshes a connection that was not used for so long, and leaves the others alone', async () => {
		const credential = await connected();
		const refreshes = rig.provider.countTokenRequests({ grant: 'refresh_token' });
		expect(await run(credential, { operation })).toMatchObject([
			{ state: 'healthy', needsPerson: false, refreshed: false, lastError: null },
		]);
		expect(await run(credential, { operation, refreshAfterHours: 0 })).toMatchObject([
			{ state: 'healthy', refreshed: true, grantType: 'authorization_code', expiresAt: iso },
		]);
		expect(rig.provider.countTokenRequests({ grant: 'refresh_token' })).toBe(refreshes + 1);
	});

	test('tells of a connection that needs a person, without failing; with a link where that is asked for', async () => {
		const never = await notConnected();
		expect(await run(never, { operation })).toMatchObject([
			{ state: 'notConnected', needsPerson: true, refreshed: false },
		]);
		const credential = await connected();
		await withdraw(credential);
		const [item] = await run(credential, { operation, refreshAfterHours: 0 });
		expect(item).toMatchObject({
			state: 'reconnectNeeded',
			needsPerson: true,
			lastError: { class: 'reconnect', code: 'INVALID_GRANT' },
		});
		expect(item).not.toHaveProperty('connectUrl');
		const [linked] = await run(credential, { operation, addLink: true });
		expect(linked).toMatchObject({
			state: 'reconnectNeeded',
			connectUrl: expect.stringContaining('connect?link=') as string,
		});
	});

	test('a dead refresh token is offered to the provider once', async () => {
		const credential = await connected();
		await withdraw(credential);
		await run(credential, { operation, refreshAfterHours: 0 });
		const requests = rig.provider.countTokenRequests();
		for (let day = 0; day < 3; day += 1) await run(credential, { operation, refreshAfterHours: 0 });
		expect(rig.provider.countTokenRequests()).toBe(requests);
	});

	test('a provider that is down needs no person', async () => {
		const credential = await connected();
		rig.provider.injectFault({
			requests: Infinity,
			instead: { status: 503, body: 'maintenance' },
		});
		try {
			expect(await run(credential, { operation, refreshAfterHours: 0 })).toMatchObject([
				{ state: 'failing', needsPerson: false, lastError: { class: 'provider' } },
			]);
			expect(
				await run(credential, { operation, refreshAfterHours: 0, onlyNeedsPerson: true }),
			).toEqual([]);
		} finally {
			rig.provider.clearFaults();
		}
	});

	test('puts out only what needs a person where that is asked for', async () => {
		expect(await run(await connected(), { operation, onlyNeedsPerson: true })).toEqual([]);
		expect(await run(await notConnected(), { operation, onlyNeedsPerson: true })).toHaveLength(1);
	});

	test('has nothing to do for Client Credentials', async () => {
		const credential = await rig.saved();
		const requests = rig.provider.countTokenRequests();
		expect(await run(credential, { operation, refreshAfterHours: 0 })).toMatchObject([
			{ state: 'healthy', refreshed: false, needsPerson: false },
		]);
		expect(rig.provider.countTokenRequests()).toBe(requests);
	});
});

describe('Session: Verify', () => {
	const verify = async (credential: Credential, sessionToken: string) => {
		const ran = await rig.run(credential, {
			resource: 'session',
			operation: 'verify',
			sessionToken,
		});
		if (ran.error !== undefined) throw new Error(ran.error.message);
		return ran.output('Node')[0]?.json;
	};

	test('says who holds a token of the trigger', async () => {
		const credential = await connected();
		const { sessions } = await open(credential);
		const { token } = (await sessions?.issue(
			{ subject: 'alex', claims: { name: 'Alex' } },
			HOUR_MS,
		)) ?? { token: '' };
		const held = { valid: true, subject: 'alex', claims: { name: 'Alex' } };
		await expect(verify(credential, token)).resolves.toMatchObject(held);
		await expect(verify(credential, ` Bearer ${token}`.trim())).resolves.toMatchObject(held);
		await expect(verify(await connected(), token)).resolves.toEqual({ valid: false });
	});

	test('is no error for any other text', async () => {
		const credential = await connected();
		for (const text of ['x', 'Bearer ', 'a.b.c.d.e']) {
			await expect(verify(credential, text)).resolves.toEqual({ valid: false });
		}
	});

	test('names Grant Type where there are no sessions', async () => {
		await expect(verify(await rig.saved(), 'x')).rejects.toThrow('Grant Type');
	});
});

describe('Revoke and Disconnect', () => {
	const operation = 'revoke';

	test('ends the grant at the provider and removes the tokens; the account can be connected again', async () => {
		const credential = await connected();
		const { tokens } = await open(credential);
		const { accessToken } = await tokens.get();
		expect(rig.provider.isActive(accessToken)).toBe(true);
		expect(await run(credential, { operation })).toEqual([
			{
				label: expect.stringMatching(/^Example CRM/) as string,
				disconnected: true,
				revoked: true,
				lastError: null,
			},
		]);
		expect(rig.provider.isActive(accessToken)).toBe(false);
		expect(await run(credential, { operation: 'getStatus' })).toMatchObject([
			{ state: 'notConnected' },
		]);
		expect(await run(credential, { operation })).toMatchObject([{ disconnected: false }]);
		await connect(credential);
		expect(await run(credential, { operation: 'getStatus' })).toMatchObject([{ state: 'healthy' }]);
	});

	test('changes nothing if the provider offers no revocation, unless that is accepted', async () => {
		const issuer = rig.provider.issuer;
		const credential = await connected({
			issuerUrl: '',
			authorizationUrl: `${issuer}/auth`,
			tokenUrl: rig.provider.tokenEndpoint,
			scope: 'offline_access api:read',
		});
		await expect(run(credential, { operation })).rejects.toThrow('no revocation endpoint');
		expect(await run(credential, { operation: 'getStatus' })).toMatchObject([{ state: 'healthy' }]);
		expect(await run(credential, { operation, evenIfNotRevoked: true })).toMatchObject([
			{ disconnected: true, revoked: false, lastError: { code: 'NO_REVOCATION_ENDPOINT' } },
		]);
		expect(await run(credential, { operation: 'getStatus' })).toMatchObject([
			{ state: 'notConnected' },
		]);
	});

	test('ends the grant at the Revocation URL of a provider without discovery', async () => {
		const { issuer, tokenEndpoint, revocationEndpoint } = rig.provider;
		const credential = await connected({
			issuerUrl: '',
			authorizationUrl: `${issuer}/auth`,
			tokenUrl: tokenEndpoint,
			revocationUrl: revocationEndpoint,
			scope: 'offline_access api:read',
		});
		const { tokens } = await open(credential);
		const { accessToken } = await tokens.get();
		expect(await run(credential, { operation })).toMatchObject([
			{ disconnected: true, revoked: true, lastError: null },
		]);
		expect(rig.provider.isActive(accessToken)).toBe(false);
	});

	test('is done if the provider takes refresh tokens, but no access tokens', async () => {
		const hints: (string | null)[] = [];
		const revocation = await listenOnLoopback();
		revocation.serve((request, response) => {
			void text(request).then((body) => {
				const hint = new URLSearchParams(body).get('token_type_hint');
				hints.push(hint);
				if (hint === 'refresh_token') response.end();
				else response.writeHead(400).end('{"error":"unsupported_token_type"}');
			});
		});
		try {
			const credential = await connected({
				issuerUrl: rig.provider.issuer,
				revocationUrl: `${revocation.origin}/revoke`,
			});
			expect(await run(credential, { operation })).toMatchObject([
				{ disconnected: true, revoked: true, lastError: null },
			]);
			expect(hints).toEqual(['refresh_token', 'access_token']);
		} finally {
			await revocation.close();
		}
	});

	test('names the Revocation URL if nothing answers there', async () => {
		const { issuer, revocationEndpoint } = rig.provider;
		const credential = await connected({
			issuerUrl: issuer,
			revocationUrl: `${revocationEndpoint}-x`,
		});
		await expect(run(credential, { operation })).rejects.toThrow(/Revocation URL: .* answered 404/);
		expect(await run(credential, { operation: 'getStatus' })).toMatchObject([{ state: 'healthy' }]);
	});

	test('quotes why the provider does not revoke the token, and keeps the account', async () => {
		const body = JSON.stringify({ error: 'unsupported_token_type' });
		rig.elsewhere.answers = { '/revoke': { status: 400, body } };
		const credential = await connected({ revocationUrl: `${rig.elsewhere.url}/revoke` });
		await expect(run(credential, { operation })).rejects.toThrow(
			/Revocation URL: .* "unsupported_token_type"/,
		);
		expect(await run(credential, { operation: 'getStatus' })).toMatchObject([{ state: 'healthy' }]);
	});

	test('is for workflows only if the credential says so, and not for Client Credentials', async () => {
		const credential = await connected({ accountChangesByWorkflows: false });
		await expect(run(credential, { operation })).rejects.toThrow('Account Changes by Workflows');
		expect(await run(credential, { operation: 'getStatus' })).toMatchObject([{ state: 'healthy' }]);
		await expect(run(await rig.saved(), { operation })).rejects.toThrow('Grant Type');
	});
});
