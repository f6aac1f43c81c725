// Real n8n in queue mode: many executions at once on an expired token, with a provider that revokes the whole family of a refresh token
// that is used twice. Ours has to come through every round; n8n's built-in OAuth2 credential is measured beside it.
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { apiRequestNode, CREDENTIAL_TYPE } from '../../demo/connection.ts';
import { importCredentials } from '../../demo/harness/n8nCli.ts';
import type { WorkflowNode } from '../../demo/harness/n8nRest.ts';
import type { Run } from '../../demo/harness/run.ts';
import {
	startAuthorizationServer,
	type AuthorizationServer,
} from '../support/authorizationServer.ts';
import { startSampleApi, type SampleApi } from '../support/sampleApi.ts';
import { startSecretsManagerServer, TEST_IDENTITY } from '../support/secretsManagerServer.ts';
import { startCluster, type Cluster } from './cluster.ts';

const EXECUTIONS = 60;
const SHORT_SECONDS = 2;
const LONGEST_ROUND_MS = 120_000;
const PENDING: ReadonlySet<string> = new Set(['new', 'running', 'waiting']);

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop.abort());
const startedAt = Date.now();
const run: Run = {
	root: process.cwd(),
	signal: stop.signal,
	report: (line) => {
		const seconds = ((Date.now() - startedAt) / 1000).toFixed(1).padStart(6);
		process.stderr.write(`${seconds} s  ${line}\n`);
	},
};

interface Scene {
	readonly cluster: Cluster;
	readonly provider: AuthorizationServer;
	readonly api: SampleApi;
}

/** A credential, and the node that calls the API with it. */
interface Subject {
	readonly name: string;
	readonly node: WorkflowNode;
}

/** A workflow that a webhook starts. */
interface Published {
	readonly id: string;
	readonly address: string;
}

interface Round {
	subject: string;
	'provider (s)': number;
	redemptions: number;
	'refused calls': number;
	'failed executions': number;
	alive: boolean;
	'slowest (s)': number;
}

const client = { clientId: 'queue-client', clientSecret: randomBytes(24).toString('base64url') };

function form({ provider, api }: Scene, store: Record<string, unknown>): Record<string, unknown> {
	return {
		grantType: 'refreshToken',
		tokenUrl: provider.tokenEndpoint,
		...client,
		clientAuthentication: 'basic',
		clientSecretSource: 'enter',
		apiBaseUrl: api.url,
		refreshBufferSeconds: 300,
		secretRef: '',
		...store,
	};
}

/** A credential of this package, sealed, whose token ends at once. */
async function ours(scene: Scene, name: string, store: Record<string, unknown>): Promise<Subject> {
	const { cluster, provider } = scene;
	provider.accessTokenSeconds = SHORT_SECONDS;
	const refreshToken = await provider.mintRefreshToken(client.clientId);
	const { credential, test } = await cluster.rest.saveCredential({
		name,
		type: CREDENTIAL_TYPE,
		data: {
			...form(scene, store),
			label: `${name} ${randomBytes(3).toString('hex')}`,
			refreshToken,
		},
	});
	if (test.status !== 'OK') throw new Error(test.message);
	return { name, node: apiRequestNode(credential, '/me') };
}

/** n8n's own OAuth2 credential, with a token that has ended. */
async function builtIn({ cluster, provider, api }: Scene): Promise<Subject> {
	const name = 'built-in OAuth2';
	const id = randomBytes(8).toString('hex');
	const data = {
		grantType: 'authorizationCode',
		authUrl: provider.authorizationEndpoint,
		accessTokenUrl: provider.tokenEndpoint,
		...client,
		scope: '',
		authQueryParameters: '',
		authentication: 'header',
		oauthTokenData: {
			access_token: 'ended',
			token_type: 'Bearer',
			refresh_token: await provider.mintRefreshToken(client.clientId),
		},
	};
	await importCredentials(run, cluster.main, [{ id, name, type: 'oAuth2Api', data }]);
	const node: WorkflowNode = {
		name: 'HTTP Request',
		type: 'n8n-nodes-base.httpRequest',
		typeVersion: 4.2,
		parameters: {
			url: `${api.url}/me`,
			authentication: 'genericCredentialType',
			genericAuthType: 'oAuth2Api',
		},
		credentials: { oAuth2Api: { id, name } },
	};
	return { name, node };
}

async function publish({ cluster }: Scene, { node }: Subject): Promise<Published> {
	const path = randomBytes(6).toString('hex');
	const webhook: WorkflowNode = {
		name: 'Webhook',
		type: 'n8n-nodes-base.webhook',
		typeVersion: 2,
		webhookId: path,
		// Answered at once: what became of an execution is asked of n8n, which now and then loses the message that ends a webhook's wait.
		parameters: { path, responseMode: 'onReceived', options: {} },
	};
	const id = await cluster.rest.createWorkflow(`Queue ${path}`, [webhook, node]);
	await cluster.rest.publishWorkflow(id);
	return { id, address: `${cluster.webhookUrl}/webhook/${path}` };
}

/** Starts so many executions at once, and waits until all have ended; how many failed. */
async function runAtOnce({ cluster }: Scene, { id, address }: Published): Promise<number> {
	await Promise.all(
		Array.from({ length: EXECUTIONS }, async () => {
			const response = await fetch(address, { signal: stop.signal });
			await response.text();
			if (!response.ok) throw new Error(`The webhook answered ${response.status}`);
		}),
	);
	const deadline = Date.now() + LONGEST_ROUND_MS;
	for (;;) {
		const executions = await cluster.rest.executionsOf(id);
		const ended = executions.filter(({ status }) => !PENDING.has(status));
		if (ended.length >= EXECUTIONS)
			return ended.filter(({ status }) => status !== 'success').length;
		if (Date.now() > deadline) throw new Error(`${ended.length} of ${EXECUTIONS} executions ended`);
		await pause(100);
	}
}

/** The token ends; then everything comes at once, and the provider takes its time. */
async function measure(scene: Scene, subject: Subject, providerSeconds: number): Promise<Round> {
	const { provider, api } = scene;
	const published = await publish(scene, subject);
	await pause(SHORT_SECONDS * 1000 + 200);
	provider.accessTokenSeconds = 3600;
	const redemptions = provider.countTokenRequests({ grant: 'refresh_token' });
	const refused = api.countRequests({ status: 401 });
	provider.injectFault({ requests: Infinity, wait: providerSeconds * 1000 });
	const began = Date.now();
	const failed = await runAtOnce(scene, published);
	const slowest = (Date.now() - began) / 1000;
	provider.clearFaults();
	const round: Round = {
		subject: subject.name,
		'provider (s)': providerSeconds,
		redemptions: provider.countTokenRequests({ grant: 'refresh_token' }) - redemptions,
		'refused calls': api.countRequests({ status: 401 }) - refused,
		'failed executions': failed,
		alive: await isAlive(scene),
		'slowest (s)': Math.round(slowest * 10) / 10,
	};
	run.report(JSON.stringify(round));
	return round;
}

/** Whether the last refresh token that was issued is still good: reuse of one before it would have revoked it. */
async function isAlive({ provider }: Scene): Promise<boolean> {
	const last = provider.issued.filter(({ kind }) => kind === 'RefreshToken').at(-1);
	const { clientId, clientSecret } = client;
	const response = await fetch(provider.introspectionEndpoint, {
		method: 'POST',
		headers: {
			authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`,
		},
		body: new URLSearchParams({ token: last?.value ?? '' }),
	});
	return ((await response.json()) as { active?: boolean }).active === true;
}

function cameThrough(round: Round): boolean {
	return (
		round.redemptions === 1 &&
		round['refused calls'] === 0 &&
		round['failed executions'] === 0 &&
		round.alive
	);
}

const closings: (() => Promise<unknown>)[] = [];
const rounds: Round[] = [];
let failure: unknown;
try {
	const provider = await startAuthorizationServer({ clients: [client], rotateRefreshTokens: true });
	closings.push(() => provider.close());
	const api = await startSampleApi({ isActive: (token) => provider.isActive(token) });
	closings.push(() => api.close());
	const aws = await startSecretsManagerServer();
	closings.push(() => aws.close());
	const cluster = await startCluster(run);
	closings.push(() => cluster.stop());
	const scene: Scene = { cluster, provider, api };

	const awsStore = {
		secretStore: 'awsSecretsManager',
		awsRegion: aws.region,
		awsCredentials: 'accessKey',
		awsAccessKeyId: TEST_IDENTITY.accessKeyId,
		awsSecretAccessKey: TEST_IDENTITY.secretAccessKey,
		awsEndpoint: aws.url,
	};
	for (const seconds of [0.2, 0.2, 0.2, 12, 12])
		rounds.push(await measure(scene, await ours(scene, 'ours, AWS', awsStore), seconds));
	for (const seconds of [0.2, 12]) {
		const subject = await ours(scene, 'ours, local vault', { secretStore: 'localVault' });
		rounds.push(await measure(scene, subject, seconds));
	}
	for (const seconds of [0.2, 12]) rounds.push(await measure(scene, await builtIn(scene), seconds));
} catch (error) {
	failure = error;
} finally {
	for (const close of closings.reverse()) await close().catch(() => undefined);
}
console.table(rounds);
const bad = rounds.filter((round) => round.subject.startsWith('ours') && !cameThrough(round));
if (failure !== undefined) console.error(failure instanceof Error ? failure.message : failure);
if (bad.length > 0) console.error(`${bad.length} rounds of ours did not come through`);
process.exit(failure === undefined && bad.length === 0 ? 0 : 1);
