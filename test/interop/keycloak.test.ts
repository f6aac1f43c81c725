import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Person, type Page } from '../../demo/harness/person';
import { Connections, type OpenConnection } from '../../src/connections';
import { createEgress } from '../../src/http/createEgress';
import { failureOf } from '../support/failureOf';
import { freePort, OwnServer } from './server';

const CALLBACK = 'http://127.0.0.1:9/webhook/crm/callback';
const SECRET = 'example-client-secret';
const MINUTE_MS = 60_000;

let folder: string;
let keycloak: OwnServer;
let issuer: string;
let connections: Connections;
let now = Date.now();

beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), 'vaulted-keycloak-'));
	const home = process.env['KEYCLOAK_HOME'] ?? '';
	await mkdir(join(home, 'data', 'import'), { recursive: true });
	await rm(join(home, 'data', 'h2'), { recursive: true, force: true });
	await copyFile(join(__dirname, 'realm.json'), join(home, 'data', 'import', 'books-realm.json'));
	const port = await freePort();
	issuer = `http://127.0.0.1:${port}/realms/books`;
	keycloak = await OwnServer.start(
		[
			join(home, 'bin', 'kc.sh'),
			'start-dev',
			'--import-realm',
			'--http-host=127.0.0.1',
			`--http-port=${port}`,
		],
		{
			address: `${issuer}/.well-known/openid-configuration`,
			env: { JAVA_OPTS_APPEND: '-Xmx512m' },
			seconds: 170,
		},
	);
	connections = newProcess();
}, 180_000);
afterAll(async () => {
	await keycloak.stop();
	await rm(folder, { recursive: true, force: true });
});

/** Connections with a memory of their own, as another process would have them. */
function newProcess(): Connections {
	return new Connections({
		settings: {
			userFolder: folder,
			encryptionKey: 'key of a test instance',
			awsSystemCredentialsAllowed: false,
			egressPolicy: undefined,
			severalProcesses: false,
			endsAfterRun: false,
			lease: 'automatic',
			shutdownMs: 30_000,
		},
		egress: createEgress(undefined, {}),
		now: () => now,
		emit: () => undefined,
	});
}

let forms = 0;

function form(changes: Record<string, unknown>): Record<string, unknown> {
	forms += 1;
	return {
		label: `Books ${forms}`,
		issuerUrl: issuer,
		clientId: 'confidential',
		clientSecret: SECRET,
		apiBaseUrl: `${issuer}/protocol/openid-connect`,
		secretStore: 'localVault',
		...changes,
	};
}

const byCode = (changes: Record<string, unknown> = {}) =>
	form({
		grantType: 'authorizationCode',
		redirectUri: CALLBACK,
		scope: 'openid offline_access email',
		...changes,
	});

async function save(fields: Record<string, unknown>): Promise<Record<string, unknown>> {
	return { ...fields, ...(await connections.seal(await connections.read(fields))) };
}

async function open(fields: Record<string, unknown>): Promise<OpenConnection> {
	return connections.open(await connections.read(fields));
}

async function tokenOf(fields: Record<string, unknown>): Promise<string> {
	return (await (await open(fields)).tokens.get()).accessToken;
}

/** What the store holds. */
async function refreshTokenIn(fields: Record<string, unknown>): Promise<string> {
	const { store, secretRef } = await open(fields);
	const { content } = await store.read(secretRef.secretId);
	return (JSON.parse(content) as { refresh_token: string }).refresh_token;
}

/** Who the token speaks for, at the provider itself. */
async function userOf(accessToken: string): Promise<unknown> {
	const headers = { authorization: `Bearer ${accessToken}` };
	const response = await fetch(`${issuer}/protocol/openid-connect/userinfo`, { headers });
	return response.ok ? await response.json() : response.status;
}

/** Signs in on Keycloak's own pages, and consents where it asks. */
async function consent(address: string): Promise<URL> {
	const person = new Person(({ href }) => href.startsWith(CALLBACK));
	let page: Page = await person.open(address);
	for (let step = 0; step < 4 && page.status === 200; step += 1) {
		const isLogin = page.text.includes('kc-form-login');
		page = await person.submit(
			page,
			isLogin ? { username: 'alex', password: 'example-password' } : { accept: 'Yes' },
		);
	}
	return page.url;
}

async function connect(fields: Record<string, unknown>): Promise<void> {
	const { authorization } = await open(fields);
	const { connectUrl = '' } = (await authorization?.links()) ?? {};
	const link = new URL(connectUrl).searchParams.get('link') ?? '';
	const { location = '', cookie } = (await authorization?.connect(link)) ?? {};
	const { searchParams } = await consent(location);
	await authorization?.callback(searchParams, `${cookie?.name ?? ''}=${cookie?.value ?? ''}`);
}

it('Client Credentials: finds the token endpoint by discovery and gets tokens of 300 seconds', async () => {
	const fields = await save(form({ grantType: 'clientCredentials', scope: 'openid' }));
	const { tokens } = await open(fields);
	const { issuedAt, expiresAt } = await tokens.get();
	const seconds = ((expiresAt ?? 0) - issuedAt) / 1000;
	// Keycloak counts whole seconds, and sometimes one fewer.
	expect(seconds).toBeLessThanOrEqual(300);
	expect(seconds).toBeGreaterThanOrEqual(298);
});

it('names a wrong client secret', async () => {
	const wrong = form({ grantType: 'clientCredentials', clientSecret: 'wrong' });
	await expect(failureOf(connections.seal(await connections.read(wrong)))).resolves.toMatchObject({
		failureClass: 'configuration',
		code: 'INVALID_CLIENT',
	});
});

it('Authorization Code: sign-in, consent, an ID token that is verified, tokens that work', async () => {
	const fields = await save(byCode());
	await connect(fields);
	await expect(tokenOf(fields).then(userOf)).resolves.toMatchObject({ email: 'alex@example.com' });
});

it('Authorization Code without a client secret: PKCE is what Keycloak insists on', async () => {
	const fields = await save(
		byCode({ clientId: 'public', clientSecret: '', clientAuthentication: 'none' }),
	);
	await connect(fields);
	await expect(tokenOf(fields).then(userOf)).resolves.toMatchObject({ email: 'alex@example.com' });
});

it('an hour of 300-second tokens, rotated each time: a bounded number of token requests, and the chain holds', async () => {
	const fields = await save(byCode());
	await connect(fields);
	const seen = new Set<string>();
	for (let elapsed = 0; elapsed < 60 * MINUTE_MS; elapsed += 10_000) {
		seen.add(await tokenOf(fields));
		now += 10_000;
	}
	// Refreshed with a third of the lifetime left, and up to 10 % of that before.
	expect(seen.size).toBeGreaterThanOrEqual(18);
	expect(seen.size).toBeLessThanOrEqual(20);
	connections = newProcess();
	await expect(tokenOf(fields).then(userOf)).resolves.toMatchObject({ email: 'alex@example.com' });
});

it('Refresh Token: goes on with a refresh token from elsewhere, and keeps its successors', async () => {
	const source = await save(byCode());
	await connect(source);
	const refreshToken = await refreshTokenIn(source);
	const fields = await save(form({ grantType: 'refreshToken', refreshToken }));
	for (let turn = 0; turn < 3; turn += 1) {
		await (await open(fields)).tokens.refreshNow();
		await expect(tokenOf(fields).then(userOf)).resolves.toMatchObject({
			email: 'alex@example.com',
		});
	}
});

it('revocation: the connection says that a person is needed, and works again after that', async () => {
	const fields = await save(byCode());
	await connect(fields);
	const token = await refreshTokenIn(fields);
	const response = await fetch(`${issuer}/protocol/openid-connect/revoke`, {
		method: 'POST',
		body: new URLSearchParams({ token, client_id: 'confidential', client_secret: SECRET }),
	});
	expect(response.status).toBe(200);
	now += 10 * MINUTE_MS;
	await expect(failureOf(tokenOf(fields))).resolves.toMatchObject({ code: 'INVALID_GRANT' });
	await connect(fields);
	await expect(tokenOf(fields).then(userOf)).resolves.toMatchObject({ email: 'alex@example.com' });
});
