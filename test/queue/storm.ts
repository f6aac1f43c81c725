import { randomBytes } from 'node:crypto';
import { importCredentials } from '../../demo/harness/n8nCli.ts';
import type { WorkflowNode } from '../../demo/harness/n8nRest.ts';
import {
	call,
	client,
	failedOf,
	isClean,
	ours,
	publish,
	tallied,
	untilEnded,
	type Played,
	type Subject,
	type Tally,
} from './scene.ts';

const EXECUTIONS = 60;

/** One storm: many executions at once on a token that has ended. */
export interface Storm extends Tally {
	readonly subject: string;
	/** Seconds the provider needs for its answer. */
	readonly provider: number;
	readonly failed: number;
	/** Seconds until all executions had ended. */
	readonly slowest: number;
}

/** n8n's own OAuth2 credential, with a token that has ended. */
async function builtIn({ run, n8n, provider, api }: Played): Promise<Subject> {
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
	await importCredentials(run, n8n.main, [{ id, name, type: 'oAuth2Api', data }]);
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

/** The token ends; then everything comes at once, and the provider takes its time. */
async function measure(scene: Played, subject: Subject, seconds: number): Promise<Storm> {
	const { provider, n8n, run } = scene;
	const { id, path } = await publish(scene, subject);
	await untilEnded();
	provider.accessTokenSeconds = 3600;
	provider.injectFault({ requests: Infinity, wait: seconds * 1000 });
	const startedAt = Date.now();
	let failed = 0;
	const tally = await tallied(scene, async () => {
		await call(scene, n8n.webhookUrl + path, EXECUTIONS);
		failed = await failedOf(n8n.rest, id, EXECUTIONS);
	});
	provider.clearFaults();
	const slowest = Math.round((Date.now() - startedAt) / 100) / 10;
	const storm: Storm = { subject: subject.name, provider: seconds, ...tally, failed, slowest };
	run.report(JSON.stringify(storm));
	return storm;
}

/** Ours has to come through every storm; n8n's built-in OAuth2 credential is measured beside it. */
export async function storms(scene: Played): Promise<{ rounds: Storm[]; violations: string[] }> {
	const rounds: Storm[] = [];
	for (const seconds of [0.2, 0.2, 12])
		rounds.push(await measure(scene, await ours(scene, 'AWS'), seconds));
	rounds.push(await measure(scene, await ours(scene, 'local vault'), 0.2));
	const bad = rounds.filter((storm) => !isClean(storm) || storm.failed > 0);
	for (const seconds of [0.2, 12]) rounds.push(await measure(scene, await builtIn(scene), seconds));
	return { rounds, violations: bad.map((storm) => `storm: ${JSON.stringify(storm)}`) };
}
