// Real n8n of many processes, with a provider that revokes the whole family of a refresh token that is used twice. First queue mode: storms of
// executions on a token that has ended, with n8n's built-in OAuth2 credential measured beside ours; an account that is connected through the
// webhook processor; a worker that is ended in the middle of a refresh. Then regular mode: `n8n execute` beside it, a second instance beside
// it, and its end in the middle of a refresh. `npm run test:queue -- --only NAME` plays one scenario: storms, account, worker, execute, beside.
import { parseArgs } from 'node:util';
import { freePort } from '../../demo/harness/ports.ts';
import type { Run } from '../../demo/harness/run.ts';
import { startAuthorizationServer } from '../support/authorizationServer.ts';
import { startSampleApi } from '../support/sampleApi.ts';
import { startSecretsManagerServer } from '../support/secretsManagerServer.ts';
import { callbackAt, connectAccounts } from './account.ts';
import { startCluster, startRegular } from './cluster.ts';
import { executeBeside, regularBeside } from './overlap.ts';
import { client, type Scene } from './scene.ts';
import { endMidRefresh } from './shutdown.ts';
import { storms } from './storm.ts';

const { only } = parseArgs({ options: { only: { type: 'string', multiple: true } } }).values;
const isPlayed = (...names: string[]): boolean =>
	only === undefined || names.some((name) => only.includes(name));

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

const violations: string[] = [];
const closings: (() => Promise<unknown>)[] = [];

function note(outcome: { rounds: readonly object[]; violations: readonly string[] }): void {
	console.table(outcome.rounds);
	violations.push(...outcome.violations);
}

async function playQueueMode(scene: Scene, webhookPort: number): Promise<void> {
	const cluster = await startCluster(run, webhookPort);
	try {
		const played = { ...scene, n8n: cluster };
		if (isPlayed('storms')) note(await storms(played));
		const redirectUri = callbackAt(webhookPort);
		if (isPlayed('account')) note(await connectAccounts(played, { app, redirectUri }));
		const last = cluster.workers.at(-1);
		if (!isPlayed('worker') || last === undefined) return;
		await Promise.all(cluster.workers.slice(0, -1).map((worker) => worker.stop()));
		const { ended, violations } = await endMidRefresh(played, 'worker', last);
		note({ rounds: [ended], violations });
	} finally {
		await cluster.stop();
	}
}

async function playRegularMode(scene: Scene): Promise<void> {
	const regular = await startRegular(run);
	try {
		const played = { ...scene, n8n: regular };
		if (isPlayed('execute')) note(await executeBeside(played));
		if (!isPlayed('beside')) return;
		note(await regularBeside(played, await regular.startBeside()));
		const { ended, violations } = await endMidRefresh(played, 'regular', regular.main);
		note({ rounds: [ended], violations });
	} finally {
		await regular.stop();
	}
}

const webhookPort = await freePort();
const app = {
	clientId: 'queue-app',
	clientSecret: client.clientSecret,
	redirectUris: [callbackAt(webhookPort)],
};
let failure: unknown;
try {
	const provider = await startAuthorizationServer({
		clients: [client, app],
		rotateRefreshTokens: true,
		loginPages: true,
	});
	closings.push(() => provider.close());
	const api = await startSampleApi({ isActive: (token) => provider.isActive(token) });
	closings.push(() => api.close());
	const aws = await startSecretsManagerServer();
	closings.push(() => aws.close());
	const scene: Scene = { run, provider, api, aws };
	if (isPlayed('storms', 'account', 'worker')) await playQueueMode(scene, webhookPort);
	if (isPlayed('execute', 'beside')) await playRegularMode(scene);
} catch (error) {
	failure = error;
} finally {
	for (const close of closings.reverse()) await close().catch(() => undefined);
}
if (failure !== undefined) console.error(failure instanceof Error ? failure.message : failure);
for (const violation of violations) console.error(violation);
process.exit(failure === undefined && violations.length === 0 ? 0 : 1);
