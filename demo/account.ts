import type { AuthorizationServer, OAuthClient } from '../test/support/authorizationServer.ts';
import type { SampleApi } from '../test/support/sampleApi.ts';
import {
	accountConnection,
	apiRequestNode,
	connectionNode,
	connectTrigger,
	MANUAL_TRIGGER,
} from './connection.ts';
import type { Execution, N8nRest } from './harness/n8nRest.ts';
import { Person } from './harness/person.ts';
import type { Run } from './harness/run.ts';

/** What connecting an account needs. */
export interface AccountScene {
	readonly run: Run;
	readonly rest: N8nRest;
	readonly server: AuthorizationServer;
	readonly api: SampleApi;
	/** The client that people connect their accounts to. */
	readonly app: OAuthClient;
	/** The trigger's callback address. */
	readonly redirectUri: string;
}

/** What became of it. */
export interface AccountOutcome {
	/** A person signed in and consented, and the API was called with that account. */
	readonly connected: boolean;
	/** Its tokens were replaced with the refresh token, twice, and no call was refused. */
	readonly refreshed: boolean;
}

async function succeed(rest: N8nRest, workflowId: string): Promise<Execution> {
	const execution = await rest.runWorkflow(workflowId, MANUAL_TRIGGER.name);
	if (execution.status === 'success') return execution;
	const errors = Object.values(execution.nodes).flatMap(({ error }) => error ?? []);
	throw new Error(`A workflow ended with ${execution.status}. ${errors.join(' ')}`);
}

/**
 * Saves a credential that nobody has connected yet, follows its link as a person would, and uses the account.
 *
 * @returns what became of it, another link to try by hand, and the executions
 */
export async function connectAccount(
	scene: AccountScene,
): Promise<{ account: AccountOutcome; link: string; executions: Execution[] }> {
	const { run, rest, server, api, app } = scene;
	const { credential, test } = await rest.saveCredential(
		accountConnection({ ...scene, client: app }),
	);
	const [link] = /http\S+connect\?link=\S+/.exec(test.message) ?? [];
	if (link === undefined) throw new Error(`No link to connect an account: ${test.message}`);
	run.report('Saved a credential for an account; the form shows a link to connect it');

	const workflowId = await rest.createWorkflow('Connect an account', [
		connectTrigger(credential),
		apiRequestNode(credential, '/me'),
	]);
	await rest.publishWorkflow(workflowId);
	const calls = api.countRequests({ authorization: 'accepted' });
	const page = await new Person().consent(link);
	const headline = /<h1>([^<]*)/.exec(page.text)?.[1] ?? 'no page';
	run.report(`Signed in and consented at the provider; the page says "${headline}"`);
	const [started] = await rest.executionsOf(workflowId);
	const first = started && (await rest.finishedExecution(started.id));
	const connected =
		page.status === 200 &&
		first?.status === 'success' &&
		api.countRequests({ authorization: 'accepted' }) > calls;
	run.report(
		connected
			? 'The workflow was started and called the API with the account'
			: 'The account was not connected',
	);

	const refreshes = server.countTokenRequests({ grant: 'refresh_token', result: 'ok' });
	const refused = api.countRequests({ authorization: 'refused' });
	const useId = await rest.createWorkflow('Use the account', [
		MANUAL_TRIGGER,
		connectionNode(credential, 'refreshNow'),
		apiRequestNode(credential, '/me'),
	]);
	const used = [await succeed(rest, useId), await succeed(rest, useId)];
	const refreshed =
		server.countTokenRequests({ grant: 'refresh_token', result: 'ok' }) - refreshes === 2 &&
		api.countRequests({ authorization: 'refused' }) === refused;
	run.report('Refreshed the account’s tokens twice; the provider rotates the refresh token');

	const linkId = await rest.createWorkflow('Get another link', [
		MANUAL_TRIGGER,
		connectionNode(credential, 'getAuthorizationUrl', { linkMinutes: 1440 }),
	]);
	const linked = await succeed(rest, linkId);
	const another = linked.nodes['getAuthorizationUrl']?.items[0]?.['connectUrl'];
	return {
		account: { connected, refreshed },
		link: typeof another === 'string' ? another : '',
		executions: [...(first === undefined ? [] : [first]), ...used],
	};
}
