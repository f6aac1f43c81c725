// What a run of 1,000 requests takes in a real n8n: this package's node, and n8n's HTTP Request node with this credential, with n8n's own
// OAuth2 credential and with none or a fixed header. All ways in turn, several rounds, in one run of n8n.
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
	apiRequestNode,
	clientCredentialsConnection,
	httpRequestNode,
	MANUAL_TRIGGER,
} from '../../demo/connection.ts';
import { installN8n } from '../../demo/harness/installN8n.ts';
import { installPackage, newUserFolder } from '../../demo/harness/installPackage.ts';
import { N8nRest, type WorkflowNode } from '../../demo/harness/n8nRest.ts';
import type { Run } from '../../demo/harness/run.ts';
import { startN8n } from '../../demo/harness/startN8n.ts';
import { selfSigned } from '../../test/http/support/certificate.ts';
import { startAuthorizationServer } from '../../test/support/authorizationServer.ts';
import { startRelay } from './relay.mts';

const ITEMS = 1000;
const ROUND_TRIP_MS = 40;
const CLIENT = { clientId: 'bench-client', clientSecret: 'not-a-real-bench-secret' };

/** One way to send the requests. */
export interface Way {
	readonly name: string;
	/** Milliseconds of the node, by round. */
	readonly milliseconds: number[];
	/** Connections that the API saw, by round: over TLS each is a handshake. */
	readonly connections: number[];
}

/** The ways over one kind of connection. */
export interface Table {
	readonly title: string;
	readonly ways: readonly Way[];
}

interface Api {
	readonly url: string;
	/** Connections since this was asked the last time. */
	takeConnections(): number;
}

/** Closes what was opened, the last first. */
type Closing = (close: () => Promise<unknown>) => void;

function portOf(server: Server): number {
	return (server.address() as AddressInfo).port;
}

/** Answers `/list` with as many items as there are requests to be sent, and everything else with one small object. */
async function startApi(closing: Closing, tls?: { cert: string; key: string }): Promise<Api> {
	const list = JSON.stringify(Array.from({ length: ITEMS }, (_, id) => ({ id })));
	const answer: Parameters<typeof createServer>[1] = ({ url }, response) => {
		const body = url === '/list' ? list : '{"id":"user-1","name":"Test User"}';
		response.writeHead(200, { 'content-type': 'application/json' }).end(body);
	};
	const server = tls === undefined ? createServer(answer) : createTlsServer(tls, answer);
	let connections = 0;
	server.on(tls === undefined ? 'connection' : 'secureConnection', () => (connections += 1));
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	closing(async () => {
		server.closeAllConnections();
		server.close();
		await once(server, 'close');
	});
	const relay = tls && (await startRelay(portOf(server), ROUND_TRIP_MS));
	if (relay !== undefined) closing(() => relay.close());
	return {
		url:
			relay === undefined
				? `http://127.0.0.1:${portOf(server)}`
				: `https://127.0.0.1:${relay.port}`,
		takeConnections: () => {
			const seen = connections;
			connections = 0;
			return seen;
		},
	};
}

/** How each way is called and what its node is. */
async function nodesFor(
	rest: N8nRest,
	api: Api,
	server: Awaited<ReturnType<typeof startAuthorizationServer>>,
): Promise<Record<string, WorkflowNode>> {
	const save = async (type: string, data: Record<string, unknown>) =>
		await rest.request<{ id: string; name: string }>('POST', '/credentials', {
			name: `${type} ${api.url}`,
			type,
			data,
		});
	const parties = { client: CLIENT, server, api: { url: api.url } };
	const input = clientCredentialsConnection(
		parties as Parameters<typeof clientCredentialsConnection>[0],
	);
	const { credential, test } = await rest.saveCredential({
		...input,
		name: `Bench ${api.url}`,
		data: { ...input.data, label: `Bench ${api.url}` },
	});
	if (test.status !== 'OK') throw new Error(`The credential was not accepted: ${test.message}`);
	const builtIn = await save('oAuth2Api', {
		grantType: 'clientCredentials',
		accessTokenUrl: server.tokenEndpoint,
		...CLIENT,
		scope: 'api:read',
		authentication: 'header',
	});
	const header = await save('httpHeaderAuth', {
		name: 'Authorization',
		value: 'Bearer not-a-real-token',
	});

	const url = `${api.url}/me`;
	const plain: WorkflowNode = {
		name: 'Call',
		type: 'n8n-nodes-base.httpRequest',
		typeVersion: 4.2,
		parameters: { url, options: {} },
	};
	return {
		'Vaulted OAuth2 node': apiRequestNode(credential, '/me'),
		'HTTP Request with this credential': httpRequestNode(credential, url),
		"HTTP Request with n8n's OAuth2": {
			...plain,
			parameters: { url, authentication: 'genericCredentialType', genericAuthType: 'oAuth2Api' },
			credentials: { oAuth2Api: { id: builtIn.id, name: builtIn.name } },
		},
		'HTTP Request with a fixed header': {
			...plain,
			parameters: {
				url,
				authentication: 'genericCredentialType',
				genericAuthType: 'httpHeaderAuth',
			},
			credentials: { httpHeaderAuth: { id: header.id, name: header.name } },
		},
		'HTTP Request without authentication': plain,
	};
}

async function measure(
	rest: N8nRest,
	{ api, nodes, rounds }: { api: Api; nodes: Record<string, WorkflowNode>; rounds: number },
): Promise<Way[]> {
	const list: WorkflowNode = {
		name: 'List',
		type: 'n8n-nodes-base.httpRequest',
		typeVersion: 4.2,
		parameters: { url: `${api.url}/list`, options: {} },
	};
	const ways = await Promise.all(
		Object.entries(nodes).map(async ([name, node]) => ({
			name,
			node: node.name,
			milliseconds: [] as number[],
			connections: [] as number[],
			workflow: await rest.createWorkflow(name, [MANUAL_TRIGGER, list, node]),
		})),
	);
	// The first round only warms n8n, its caches and the tokens.
	for (let round = 0; round <= rounds; round += 1) {
		const first = round % ways.length;
		for (const way of [...ways.slice(first), ...ways.slice(0, first)]) {
			api.takeConnections();
			const { status, nodes: runs } = await rest.runWorkflow(way.workflow, MANUAL_TRIGGER.name);
			const run = runs[way.node];
			if (status !== 'success' || run?.items.length !== ITEMS)
				throw new Error(`${way.name}: ${status}, ${run?.error ?? `${run?.items.length} items`}`);
			// One is the list's own.
			const connections = api.takeConnections() - 1;
			if (round === 0) continue;
			way.milliseconds.push(run.milliseconds);
			way.connections.push(connections);
		}
	}
	return ways;
}

/** Starts everything, and measures over TLS with a round trip of 40 ms, then over loopback without TLS. */
export async function benchInN8n(run: Run, rounds: number): Promise<Table[]> {
	const closings: (() => Promise<unknown>)[] = [];
	const closing: Closing = (close) => closings.unshift(close);
	try {
		await installN8n(run);
		const certificate = selfSigned('localhost');
		const folder = await mkdtemp(join(tmpdir(), 'vaulted-bench-'));
		closing(() => rm(folder, { recursive: true, force: true }));
		const trusted = join(folder, 'ca.pem');
		await writeFile(trusted, certificate.cert);
		const server = await startAuthorizationServer({ clients: [CLIENT] });
		closing(() => server.close());
		const userFolder = await newUserFolder(await installPackage(run));
		closing(() => rm(userFolder, { recursive: true, force: true }));
		const n8n = await startN8n(run, {
			userFolder,
			logName: 'n8n-bench',
			env: { NODE_EXTRA_CA_CERTS: trusted },
		});
		closing(() => n8n.stop());
		const rest = new N8nRest(n8n.url, run.signal);
		await rest.setUpOwner({ email: 'owner@example.com', password: 'Bench-not-a-real-1' });

		const tables: Table[] = [];
		for (const [title, tls] of [
			[`TLS, a round trip of ${ROUND_TRIP_MS} ms`, certificate],
			['Loopback without TLS', undefined],
		] as const) {
			const api = await startApi(closing, tls);
			const nodes = await nodesFor(rest, api, server);
			tables.push({ title, ways: await measure(rest, { api, nodes, rounds }) });
		}
		return tables;
	} finally {
		for (const close of closings) await close();
	}
}
