import {
	accountConnection,
	apiRequestNode,
	connectionNode,
	CONNECT_PATH,
	connectTrigger,
	MANUAL_TRIGGER,
} from '../../demo/connection.ts';
import { Person } from '../../demo/harness/person.ts';
import type { OAuthClient } from '../support/authorizationServer.ts';
import {
	call,
	createManual,
	failedOf,
	isClean,
	newestRefreshToken,
	publish,
	storeFields,
	tallied,
	untilEnded,
	type Played,
	type Tally,
} from './scene.ts';

const EXECUTIONS = 30;
const SHORT_SECONDS = 2;
const LONG_SECONDS = 3600;

/** What came of it: a person connected an account through the webhook processor, and the workers use it. */
export interface Connected extends Tally {
	readonly step: string;
	/** What the page said in the end. */
	readonly page: string;
	/** Status of the trigger's own workflow, which a worker runs. */
	readonly workflow: string;
	/** Executions that failed. */
	readonly failed: number;
}

/** Where the webhook processor on this port waits for people who come back from the provider. */
export function callbackAt(webhookPort: number): string {
	return `http://127.0.0.1:${webhookPort}/webhook/${CONNECT_PATH}/callback`;
}

/**
 * Connects an account, lets all workers use it, and connects it anew with the former consent withdrawn: from then on whoever used what was
 * issued before would be refused.
 */
export async function connectAccounts(
	scene: Played,
	{ app, redirectUri }: { app: OAuthClient; redirectUri: string },
): Promise<{ rounds: Connected[]; violations: string[] }> {
	const { provider, api, n8n, run } = scene;
	const input = accountConnection({ client: app, server: provider, api, redirectUri });
	const { credential, test } = await n8n.rest.saveCredential({
		...input,
		data: { ...input.data, label: 'Queue account', ...storeFields(scene, 'AWS') },
	});
	const triggered = await n8n.rest.createWorkflow('Connect an account', [
		connectTrigger(credential),
		apiRequestNode(credential, '/me'),
	]);
	await n8n.rest.publishWorkflow(triggered);
	const { id, path } = await publish(scene, {
		name: 'account',
		node: apiRequestNode(credential, '/me'),
	});
	const linking = await createManual(scene, {
		name: 'link',
		node: connectionNode(credential, 'getAuthorizationUrl'),
	});

	let connections = 0;
	const connect = async (seconds: number): Promise<Pick<Connected, 'page' | 'workflow'>> => {
		const { nodes } = await n8n.rest.runWorkflow(linking, MANUAL_TRIGGER.name);
		const link = nodes['getAuthorizationUrl']?.items[0]?.['connectUrl'];
		if (typeof link !== 'string') throw new Error(`No link to connect an account: ${test.message}`);
		provider.accessTokenSeconds = seconds;
		const { text } = await new Person().consent(link);
		provider.accessTokenSeconds = LONG_SECONDS;
		connections += 1;
		await failedOf(n8n.rest, triggered, connections);
		const [started] = await n8n.rest.executionsOf(triggered);
		const page = /<h1>([^<]*)/.exec(text)?.[1] ?? 'no page';
		return { page, workflow: started?.status ?? 'none' };
	};
	let executions = 0;
	let connected = { page: '', workflow: '' };
	const rounds: Connected[] = [];
	const use = async (step: string, before?: () => Promise<void>): Promise<void> => {
		let failed = 0;
		const tally = await tallied(scene, async () => {
			await before?.();
			await call(scene, n8n.webhookUrl + path, EXECUTIONS);
			executions += EXECUTIONS;
			failed = await failedOf(n8n.rest, id, executions);
		});
		rounds.push({ step, ...connected, ...tally, failed });
		run.report(JSON.stringify(rounds.at(-1)));
	};

	await use('connected', async () => {
		connected = await connect(SHORT_SECONDS);
		await untilEnded();
	});
	await use('connected again', async () => {
		const former = newestRefreshToken(provider);
		connected = await connect(LONG_SECONDS);
		provider.revokeGrantOf(former);
	});
	await use('and used on');

	const [used, adopted, on] = rounds;
	const isRight =
		used !== undefined &&
		isClean(used) &&
		adopted?.redemptions === 0 &&
		on?.redemptions === 0 &&
		on.refusedCalls === 0 &&
		rounds.every(({ alive, failed, workflow }) => alive && failed === 0 && workflow === 'success');
	return { rounds, violations: isRight ? [] : [`account: ${JSON.stringify(rounds)}`] };
}
