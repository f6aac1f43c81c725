import type { IDataObject } from 'n8n-workflow';

import { sharedConnections, type OpenConnection } from '../../src';
import { startRecorder, type Recorder } from './recorder';
import { Rig, type Credential } from './rig';

let rig: Rig;
let issuer: Recorder;

beforeAll(async () => {
	rig = await Rig.start();
	issuer = await startRecorder();
});
afterAll(async () => {
	await issuer.close();
	await rig.close();
});
afterEach(() => {
	expect(rig.leaks()).toEqual([]);
});

const iso = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string;
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined };

async function open({ id }: Credential): Promise<OpenConnection> {
	const connections = sharedConnections(quiet);
	return connections.open(await connections.read(rig.engine.credentials.stored(id)));
}

/** A credential behind which a person has connected an account. */
async function connected(changes: IDataObject = {}): Promise<Credential> {
	const form = rig.form({ ...rig.byCode, ...(changes as object) });
	const { id } = await rig.engine.saveAndTest('vaultedOAuth2Api', form);
	const credential = { id, name: 'Account' };
	const { authorization } = await open(credential);
	const links = await authorization?.links({ by: { from: 'form' } });
	const link = new URL(links?.connectUrl ?? '').searchParams.get('link') ?? '';
	const { location, cookie } = (await authorization?.connect(link)) ?? {};
	const { searchParams } = await rig.consent(location ?? '');
	await authorization?.callback(searchParams, `${cookie?.name ?? ''}=${cookie?.value ?? ''}`);
	return credential;
}

async function run(
	credential: Credential,
	operation: string,
	parameters: IDataObject = {},
): Promise<IDataObject> {
	const ran = await rig.run(credential, {
		resource: 'connection',
		operation,
		...(parameters as object),
	});
	if (ran.error !== undefined)
		throw new Error(`${ran.error.message} ${ran.error.description ?? ''}`);
	return ran.output('Node')[0]!.json;
}

describe('Introspect', () => {
	test('tells what the provider says of the access token, and asks for no new one', async () => {
		const credential = await rig.saved({ tokenUrl: '', issuerUrl: rig.provider.issuer });
		const tokens = rig.provider.countTokenRequests();
		await expect(run(credential, 'introspect')).resolves.toMatchObject({
			label: expect.stringMatching(/^Example CRM/) as string,
			token: 'access_token',
			active: true,
			scope: 'api:read',
			client_id: 'crm',
			exp: expect.any(Number) as number,
			iat: expect.any(Number) as number,
			issuedAt: iso,
			expiresAt: iso,
		});
		expect(rig.provider.countTokenRequests()).toBe(tokens);
	});

	test('says that a token that was revoked is not active, and nothing else of it', async () => {
		const credential = await rig.saved({ tokenUrl: '', issuerUrl: rig.provider.issuer });
		rig.provider.revoke((await (await open(credential)).tokens.get()).accessToken);
		await expect(run(credential, 'introspect')).resolves.toEqual({
			label: expect.any(String) as string,
			token: 'access_token',
			active: false,
		});
	});

	test('tells of the refresh token where that is chosen', async () => {
		const credential = await connected();
		await expect(run(credential, 'introspect', { token: 'refresh_token' })).resolves.toMatchObject({
			token: 'refresh_token',
			active: true,
			client_id: 'app',
		});
		const clients = await rig.saved({ tokenUrl: '', issuerUrl: rig.provider.issuer });
		await expect(run(clients, 'introspect', { token: 'refresh_token' })).rejects.toThrow(
			/Grant Type: .*no refresh token\. .*Choose Access Token/,
		);
	});

	test('names Issuer URL and the way out if no introspection endpoint is known', async () => {
		await expect(run(await rig.saved(), 'introspect')).rejects.toThrow(
			/Issuer URL: it is empty, .*introspection endpoint \(RFC 7662\) is not known\. .*Fill it in.*NO_INTROSPECTION_ENDPOINT/,
		);
	});

	test('shows neither the token nor the client’s secret, whatever the provider repeats', async () => {
		issuer.answers = {
			'/.well-known/openid-configuration': {
				body: JSON.stringify({
					issuer: issuer.url,
					token_endpoint: rig.provider.tokenEndpoint,
					introspection_endpoint: `${issuer.url}/introspect`,
				}),
			},
			'/introspect': ({ body, headers }) => ({
				body: JSON.stringify({
					active: true,
					exp: 1e300,
					echo: { body, headers, again: [new URLSearchParams(body).get('token')] },
				}),
			}),
		};
		const credential = await rig.saved({ tokenUrl: '', issuerUrl: issuer.url });
		const said = await run(credential, 'introspect');
		expect(said).toMatchObject({ active: true, expiresAt: null, issuedAt: null });
		expect(JSON.stringify(said)).toContain('**hidden**');
	});

	test('quotes the provider’s refusal as one of the client', async () => {
		const credential = await rig.saved({ tokenUrl: '', issuerUrl: rig.provider.issuer });
		await rig.provider.changeClientSecret('crm', 'another-example-secret');
		try {
			await expect(run(credential, 'introspect')).rejects.toThrow(
				/Client Secret: .*answered "invalid_client/,
			);
		} finally {
			await rig.provider.changeClientSecret('crm', 'example-client-secret');
		}
	});
});

describe('Get User Info', () => {
	test('tells whom the account belongs to: the person of the ID token', async () => {
		await expect(run(await connected(), 'getUserInfo')).resolves.toEqual({
			label: expect.stringMatching(/^Example CRM/) as string,
			subject: expect.any(String) as string,
			subjectVerified: true,
			claims: expect.objectContaining({
				sub: expect.any(String) as string,
				name: 'Test User',
			}) as object,
		});
	});

	test('replaces a token that was revoked, once', async () => {
		const credential = await connected();
		rig.provider.revoke((await (await open(credential)).tokens.get()).accessToken);
		const refreshes = rig.provider.countTokenRequests({ grant: 'refresh_token' });
		await expect(run(credential, 'getUserInfo')).resolves.toMatchObject({ subjectVerified: true });
		expect(rig.provider.countTokenRequests({ grant: 'refresh_token' })).toBe(refreshes + 1);
	});

	test('works with tokens that are bound to a key', async () => {
		const credential = await connected({ dpop: 'always' });
		await expect(run(credential, 'getUserInfo')).resolves.toMatchObject({ subjectVerified: true });
	});

	test('names Scope if the token is not for that', async () => {
		const credential = await connected({ scope: 'offline_access api:read' });
		await expect(run(credential, 'getUserInfo')).rejects.toThrow(
			/Scope: .*answered 403.*Add openid/,
		);
	});

	test('names Issuer URL if no UserInfo endpoint is known, and Grant Type if there is no person', async () => {
		const refreshToken = await rig.provider.mintRefreshToken('crm');
		const typed = await rig.saved({ grantType: 'refreshToken', refreshToken, scope: '' });
		await expect(run(typed, 'getUserInfo')).rejects.toThrow(/Issuer URL: .*NO_USERINFO_ENDPOINT/);
		await expect(run(await rig.saved(), 'getUserInfo')).rejects.toThrow('Grant Type');
	});

	test('says that nothing vouches for the person behind a refresh token that was typed', async () => {
		const refreshToken = await rig.provider.mintRefreshToken('crm');
		const typed = await rig.saved({
			grantType: 'refreshToken',
			refreshToken,
			scope: '',
			tokenUrl: '',
			issuerUrl: rig.provider.issuer,
		});
		await expect(run(typed, 'getUserInfo')).resolves.toMatchObject({
			subject: 'test-user',
			subjectVerified: false,
		});
	});
});
