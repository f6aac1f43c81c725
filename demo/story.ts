import { randomBytes } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import {
	startAuthorizationServer,
	type AuthorizationServer,
	type OAuthClient,
} from '../test/support/authorizationServer.ts';
import { startSampleApi, type SampleApi } from '../test/support/sampleApi.ts';
import { connectAccount, type AccountOutcome } from './account.ts';
import {
	apiRequestNode,
	clientCredentialsConnection,
	CONNECT_PATH,
	httpRequestNode,
	MANUAL_TRIGGER,
} from './connection.ts';
import { installN8n } from './harness/installN8n.ts';
import { installPackage, newUserFolder } from './harness/installPackage.ts';
import { exportCredentials } from './harness/n8nCli.ts';
import { N8nRest, type Execution, type Login } from './harness/n8nRest.ts';
import { portFor } from './harness/ports.ts';
import type { Run } from './harness/run.ts';
import { startN8n, type RunningN8n } from './harness/startN8n.ts';
import { placesWith, vaultFiles } from './leaks.ts';

const N8N_PORT = 5678;
const SERVER_PORT = 5680;
const API_PORT = 5681;
/** Short, so that a refresh is seen: a third of the lifetime at most is refreshed ahead. */
const ACCESS_TOKEN_SECONDS = 15;
const SECONDS_BETWEEN_RUNS = 2;

export interface Outcome {
	/** n8n's version. */
	n8n: string;
	/** What the form shows after Save. */
	saveMessage: string;
	/** No client secret and no token is in n8n's database, and the vault holds a file. */
	sealed: boolean;
	apiCalls: number;
	tokenRequests: number;
	/** Whether the token was replaced before it expired, with no call refused. */
	refreshed: boolean;
	/** An account that a person connected. */
	authorizationCode: AccountOutcome;
}

/** What stays up after the demo for somebody to look at. */
export interface Stage {
	readonly url: string;
	readonly login: Login;
	/** Connects an account; good for one use. */
	readonly connectUrl: string;
}

/** Things to be closed at the end, the last one first. */
export type Closing = (close: () => Promise<unknown>) => void;

interface Scene {
	run: Run;
	client: OAuthClient;
	app: OAuthClient;
	redirectUri: string;
	server: AuthorizationServer;
	api: SampleApi;
	n8n: RunningN8n;
	rest: N8nRest;
	login: Login;
}

/** Tells the whole story once, a line for each step. */
export async function tellStory(
	run: Run,
	closing: Closing,
): Promise<{ outcome: Outcome; stage: Stage }> {
	const version = await installN8n(run);
	const scene = await setScene(run, closing);
	const { server, api, n8n, rest, login } = scene;

	const { credential, test } = await rest.saveCredential(clientCredentialsConnection(scene));
	if (test.status !== 'OK') throw new Error(`The credential was not accepted: ${test.message}`);
	run.report(`Saved the credential: "${test.message}"`);

	const workflowId = await rest.createWorkflow('Call the sample API', [
		MANUAL_TRIGGER,
		apiRequestNode(credential, '/me'),
		httpRequestNode(credential, `${api.url}/me`),
	]);
	const { refreshed, executions } = await runUntilRefreshed(scene, workflowId);
	const { account, link, executions: ofAccount } = await connectAccount(scene);
	const sealed = await isSealed(scene, [...executions, ...ofAccount]);

	const outcome = {
		n8n: version,
		saveMessage: test.message,
		sealed,
		apiCalls: api.countRequests(),
		tokenRequests: server.countTokenRequests(),
		refreshed,
		authorizationCode: account,
	};
	return { outcome, stage: { url: n8n.url, login, connectUrl: link } };
}

/** Starts everything: the authorization server, the API, and n8n with the package and a first user. */
async function setScene(run: Run, closing: Closing): Promise<Scene> {
	const nodes = await installPackage(run);

	const newSecret = () => randomBytes(24).toString('base64url');
	const client = { clientId: 'demo-client', clientSecret: newSecret() };
	const app = { clientId: 'demo-app', clientSecret: newSecret() };
	const n8nPort = await portFor(run, 'n8n', N8N_PORT);
	const redirectUri = `http://127.0.0.1:${n8nPort}/webhook/${CONNECT_PATH}/callback`;
	const server = await startAuthorizationServer({
		port: await portFor(run, 'the authorization server', SERVER_PORT),
		clients: [client, { ...app, redirectUris: [redirectUri] }],
		loginPages: true,
		accessTokenSeconds: ACCESS_TOKEN_SECONDS,
	});
	closing(() => server.close());
	run.report(
		`Authorization server at ${server.issuer}; access tokens live ${ACCESS_TOKEN_SECONDS} s`,
	);

	const api = await startSampleApi({
		port: await portFor(run, 'the sample API', API_PORT),
		isActive: (token) => server.isActive(token),
	});
	closing(() => api.close());
	run.report(`Sample API at ${api.url}; every call needs a good token`);

	const userFolder = await newUserFolder(nodes);
	closing(() => rm(userFolder, { recursive: true, force: true }));
	const n8n = await startN8n(run, { userFolder, port: n8nPort });
	closing(() => n8n.stop());
	run.report(`n8n is ready at ${n8n.url}`);

	const rest = new N8nRest(n8n.url, run.signal);
	const password = `Demo-1-${randomBytes(9).toString('base64url')}`;
	const login = { email: 'owner@example.com', password };
	await rest.setUpOwner(login);
	return { run, client, app, redirectUri, server, api, n8n, rest, login };
}

async function runOnce({ rest }: Scene, workflowId: string): Promise<Execution> {
	const execution = await rest.runWorkflow(workflowId, MANUAL_TRIGGER.name);
	if (execution.status === 'success') return execution;
	const errors = Object.entries(execution.nodes).flatMap(([name, { error }]) =>
		error ? `${name}: ${error}` : [],
	);
	throw new Error(`The workflow ended with ${execution.status}. ${errors.join(' ')}`);
}

/** Runs the workflow again and again while the token gets older, until it is replaced. */
async function runUntilRefreshed(
	scene: Scene,
	workflowId: string,
): Promise<{ refreshed: boolean; executions: Execution[] }> {
	const { run, server, api } = scene;
	const executions = [await runOnce(scene, workflowId)];
	const first = server.issued.at(-1);
	if (!first) throw new Error('The workflow ran without a token');
	run.report('Ran the workflow: both nodes called the API');

	while (server.issued.at(-1) === first) {
		const left = Math.ceil((first.expiresAt - Date.now()) / 1000);
		if (left < -SECONDS_BETWEEN_RUNS)
			throw new Error('The token expired and nobody asked for another one');
		run.report(`The token is good for ${left} s`);
		await pause(SECONDS_BETWEEN_RUNS * 1000, undefined, run.signal ? { signal: run.signal } : {});
		executions.push(await runOnce(scene, workflowId));
	}

	const early = Math.round((first.expiresAt - (server.issued.at(-1)?.issuedAt ?? 0)) / 1000);
	const refused = api.countRequests({ authorization: 'refused' });
	run.report(`The token was replaced ${early} s before its end; ${refused} calls were refused`);
	return { refreshed: early > 0 && refused === 0, executions };
}

/** Looks for everything confidential in what n8n stored and logged, and for the vault. */
async function isSealed(scene: Scene, executions: readonly Execution[]): Promise<boolean> {
	const { run, server, n8n } = scene;
	const secrets = server.confidential();
	const vault = await vaultFiles(n8n.userFolder);
	const places = {
		"n8n's database": JSON.stringify(await exportCredentials(run, n8n)),
		"n8n's executions": executions.map(({ raw }) => raw).join('\n'),
		"n8n's log": await readFile(n8n.logFile, 'utf8'),
		...vault,
	};
	const leaks = placesWith(secrets, places);
	if (leaks.length > 0) throw new Error(`A secret or token was found in ${leaks.join(', ')}`);

	const files = Object.keys(vault).length;
	run.report(`None of ${secrets.length} secrets and tokens in n8n's database, executions or log`);
	run.report(
		files > 0 ? `The vault holds them, encrypted, in ${files} files` : 'The vault is empty',
	);
	return files > 0;
}
