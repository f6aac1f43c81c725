import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { apiRequestNode, CREDENTIAL_TYPE, MANUAL_TRIGGER } from '../../demo/connection.ts';
import type { N8nRest, WorkflowNode } from '../../demo/harness/n8nRest.ts';
import type { Run } from '../../demo/harness/run.ts';
import type { AuthorizationServer } from '../support/authorizationServer.ts';
import type { SampleApi } from '../support/sampleApi.ts';
import { TEST_IDENTITY, type SecretsManagerServer } from '../support/secretsManagerServer.ts';
import type { Instance } from './cluster.ts';

/** What all scenarios play with. */
export interface Scene {
	readonly run: Run;
	readonly provider: AuthorizationServer;
	readonly api: SampleApi;
	readonly aws: SecretsManagerServer;
}

/** A scene with an n8n in it. */
export interface Played extends Scene {
	readonly n8n: Instance;
}

/** A credential, and the node that calls the API with it. */
export interface Subject {
	readonly name: string;
	readonly node: WorkflowNode;
}

/** A workflow that a webhook starts. */
export interface Published {
	readonly id: string;
	/** Of the webhook, after n8n's address. */
	readonly path: string;
}

/** What happened at provider and API meanwhile. */
export interface Tally {
	readonly redemptions: number;
	/** Token requests that the provider refused: reuse of a refresh token is one. */
	readonly refusedRedemptions: number;
	readonly refusedCalls: number;
	/** Whether the last refresh token that was issued is still good: reuse of one before it would have revoked it. */
	readonly alive: boolean;
}

export type StoreName = 'AWS' | 'local vault';

/** Seconds a token lives that has ended by the time it is used. */
const SHORT_SECONDS = 2;
const LONGEST_MS = 300_000;
const PENDING: ReadonlySet<string> = new Set(['new', 'running', 'waiting']);

/** The client of every connection here that nobody has to connect. */
export const client = {
	clientId: 'queue-client',
	clientSecret: randomBytes(24).toString('base64url'),
};

/** The fields of a credential that say where its secrets are. */
export function storeFields({ aws }: Scene, store: StoreName): Record<string, unknown> {
	if (store === 'local vault') return { secretStore: 'localVault' };
	return {
		secretStore: 'awsSecretsManager',
		awsRegion: aws.region,
		awsCredentials: 'accessKey',
		awsAccessKeyId: TEST_IDENTITY.accessKeyId,
		awsSecretAccessKey: TEST_IDENTITY.secretAccessKey,
		awsEndpoint: aws.url,
	};
}

/** A sealed credential of this package; `seconds` is how long its first token lives. */
export async function ours(
	{ provider, api, n8n, ...scene }: Played,
	store: StoreName,
	seconds: number = SHORT_SECONDS,
): Promise<Subject & { label: string }> {
	const name = `ours, ${store}`;
	const label = `${name} ${randomBytes(3).toString('hex')}`;
	provider.accessTokenSeconds = seconds;
	const { credential, test } = await n8n.rest.saveCredential({
		name,
		type: CREDENTIAL_TYPE,
		data: {
			label,
			grantType: 'refreshToken',
			tokenUrl: provider.tokenEndpoint,
			...client,
			clientAuthentication: 'basic',
			clientSecretSource: 'enter',
			refreshToken: await provider.mintRefreshToken(client.clientId),
			apiBaseUrl: api.url,
			refreshBufferSeconds: 300,
			secretRef: '',
			...storeFields({ provider, api, ...scene }, store),
		},
	});
	provider.accessTokenSeconds = 3600;
	if (test.status !== 'OK') throw new Error(test.message);
	return { name, label, node: apiRequestNode(credential, '/me') };
}

/** Waits until a token that lives for {@link SHORT_SECONDS} has ended. */
export async function untilEnded(): Promise<void> {
	await pause(SHORT_SECONDS * 1000 + 200);
}

/** Publishes a workflow of a webhook and the node. */
export async function publish({ n8n }: Played, { node }: Subject): Promise<Published> {
	const path = randomBytes(6).toString('hex');
	const webhook: WorkflowNode = {
		name: 'Webhook',
		type: 'n8n-nodes-base.webhook',
		typeVersion: 2,
		webhookId: path,
		// Answered at once: what became of an execution is asked of n8n, which now and then loses the message that ends a webhook's wait.
		parameters: { path, responseMode: 'onReceived', options: {} },
	};
	const id = await n8n.rest.createWorkflow(`Queue ${path}`, [webhook, node]);
	await n8n.rest.publishWorkflow(id);
	return { id, path: `/webhook/${path}` };
}

/** A workflow of the node that is started by hand; its id. */
export async function createManual({ n8n }: Played, { node }: Subject): Promise<string> {
	return await n8n.rest.createWorkflow(`By hand ${randomBytes(3).toString('hex')}`, [
		MANUAL_TRIGGER,
		node,
	]);
}

/** Calls a webhook so often at once. */
export async function call({ run }: Scene, address: string, times: number): Promise<void> {
	await Promise.all(
		Array.from({ length: times }, async () => {
			const response = await fetch(address, { signal: run.signal ?? null });
			await response.text();
			if (!response.ok) throw new Error(`The webhook answered ${response.status}`);
		}),
	);
}

/** Waits until so many executions of a workflow have ended; how many failed. */
export async function failedOf(rest: N8nRest, id: string, executions: number): Promise<number> {
	const deadline = Date.now() + LONGEST_MS;
	for (;;) {
		const all = await rest.executionsOf(id);
		const ended = all.filter(({ status }) => !PENDING.has(status));
		if (ended.length >= executions)
			return ended.filter(({ status }) => status !== 'success').length;
		if (Date.now() > deadline) throw new Error(`${ended.length} of ${executions} executions ended`);
		await pause(100);
	}
}

/** What happens at provider and API while `work` runs. */
export async function tallied(
	{ provider, api }: Scene,
	work: () => Promise<unknown>,
): Promise<Tally> {
	const count = () => ({
		redemptions: provider.countTokenRequests({ grant: 'refresh_token' }),
		granted: provider.countTokenRequests({ grant: 'refresh_token', result: 'ok' }),
		refusedCalls: api.countRequests({ status: 401 }),
	});
	const before = count();
	await work();
	const after = count();
	const redemptions = after.redemptions - before.redemptions;
	return {
		redemptions,
		refusedRedemptions: redemptions - (after.granted - before.granted),
		refusedCalls: after.refusedCalls - before.refusedCalls,
		alive: await isAlive(provider),
	};
}

/** True if one redemption served everybody, and nothing was refused. */
export function isClean(tally: Tally): boolean {
	const { redemptions, refusedRedemptions, refusedCalls, alive } = tally;
	return redemptions === 1 && refusedRedemptions === 0 && refusedCalls === 0 && alive;
}

/** The refresh token that was issued last. */
export function newestRefreshToken({ issued }: AuthorizationServer): string {
	return issued.filter(({ kind }) => kind === 'RefreshToken').at(-1)?.value ?? '';
}

async function isAlive(provider: AuthorizationServer): Promise<boolean> {
	const { clientId, clientSecret } = client;
	const response = await fetch(provider.introspectionEndpoint, {
		method: 'POST',
		headers: {
			authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`,
		},
		body: new URLSearchParams({ token: newestRefreshToken(provider) }),
	});
	return ((await response.json()) as { active?: boolean }).active === true;
}
