import { httpRequestNode, MANUAL_TRIGGER } from '../../../demo/connection';
import { N8nRestError, type Execution, type WorkflowNode } from '../../../demo/harness/n8nRest';
import { selfSigned } from '../../http/support/certificate';
import {
	startProxy,
	startServer,
	type TestProxy,
	type TestServer,
} from '../../http/support/servers';
import type { Saved, Scene } from '../support/scene';

/** A host that nobody has, so that only a proxy leads there. */
const NAME = 'api.example.test';

/** Where n8n left the headers of a request, for every later node to read. */
const HIDING_PLACES = [
	"$('HTTP Request').context.response.body.req._header",
	"$('HTTP Request').context.response.body.socket._httpMessage._header",
	"$('HTTP Request').context.response.request._header",
	'$json.error.cause.options.headers.Authorization',
	'$json.error.cause.options.headers.authorization',
	'$json.error.cause.config.headers.Authorization',
	'$json.error.cause.request._header',
	'JSON.stringify($json.error.cause.options)',
];

/** A node that puts out what it finds there. */
const THIEF: WorkflowNode = {
	name: 'Thief',
	type: 'n8n-nodes-base.set',
	typeVersion: 3.4,
	parameters: {
		assignments: {
			assignments: HIDING_PLACES.map((place, index) => ({
				id: String(index),
				name: `found${String(index)}`,
				type: 'string',
				value: `={{ ${place} }}`,
			})),
		},
		options: {},
	},
};

const FILE = { response: { response: { responseFormat: 'file' } } };
const NEVER_ERROR = { response: { response: { neverError: true, fullResponse: true } } };
const PAGES = {
	pagination: {
		pagination: {
			paginationMode: 'responseContainsNextURL',
			nextURL: '={{ $response.body.next }}',
			paginationCompleteWhen: 'other',
			completeExpression: '={{ !$response.body.next }}',
		},
	},
};

/** Somebody who may use the credential in workflows, and neither see nor change it, wants its token. */
export function usingStories(scene: () => Scene): void {
	const certificate = selfSigned(NAME);
	let received: (string | undefined)[];
	let server: TestServer;
	let proxy: TestProxy;

	beforeAll(async () => {
		server = await startServer(({ headers }, response) => {
			received.push(headers.authorization);
			response.end('{}');
		}, certificate);
		proxy = await startProxy({ leadsTo: () => server.port });
	});
	beforeEach(() => (received = []));
	afterAll(async () => await Promise.all([server.close(), proxy.close()]));

	/** Saves a credential and shares it for use with the other user. */
	async function shared(changes: Record<string, unknown> = {}): Promise<Saved> {
		const saved = await scene().save(scene().form(changes));
		scene().pointer(saved);
		scene().instance.database.share(saved.id, scene().instance.memberEmail);
		return saved;
	}

	/** The other user's own workflow. */
	async function run(...nodes: WorkflowNode[]): Promise<Execution> {
		const { member } = scene().instance;
		const id = await member.createWorkflow('Mine', [MANUAL_TRIGGER, ...nodes]);
		return await member.runWorkflow(id, MANUAL_TRIGGER.name);
	}

	function request(saved: Saved, url: string, parameters: Record<string, unknown>): WorkflowNode {
		const node = httpRequestNode(saved, url);
		return { ...node, parameters: { ...node.parameters, ...parameters } };
	}

	it('cannot see the credential, and calls the API with it', async () => {
		const saved = await shared();
		const { member } = scene().instance;
		await expect(member.getCredential(saved.id)).rejects.toThrow(N8nRestError);
		const { nodes } = await run(request(saved, `${scene().api.url}/me`, {}));
		expect(nodes['HTTP Request']).toMatchObject({ items: [{ id: 'user-1' }], error: undefined });
	});

	it.each<[string, Record<string, unknown>, string]>([
		['Proxy and Ignore SSL', { allowUnauthorizedCerts: true }, 'Ignore SSL Issues'],
		['Proxy and an authority of their own', {}, 'SSL Certificates'],
	])('%s do not get the token', async (_name, options, field) => {
		const saved = await shared({ apiBaseUrl: `https://${NAME}` });
		const { member } = scene().instance;
		const own = await member.request<{ id: string; name: string }>('POST', '/credentials', {
			name: 'My authority',
			type: 'httpSslAuth',
			data: { ca: certificate.cert },
		});
		const node = request(saved, `https://${NAME}/me`, {
			provideSslCertificates: field === 'SSL Certificates',
			options: { ...options, proxy: `http://127.0.0.1:${String(proxy.port)}` },
		});
		const { nodes } = await run({
			...node,
			credentials: { ...node.credentials, httpSslAuth: { id: own.id, name: own.name } },
		});
		expect(nodes['HTTP Request']?.error).toMatch(new RegExp(`^Fix the configuration – ${field}`));
		expect([...received, ...proxy.seen]).toEqual([]);
	});

	it('Proxy alone does not get the token of an API without TLS', async () => {
		const saved = await shared();
		const { nodes } = await run(
			request(saved, `${scene().api.url}/me`, {
				options: { proxy: `http://127.0.0.1:${String(proxy.port)}` },
			}),
		);
		expect(nodes['HTTP Request']?.error).toMatch(/^Fix the configuration – Proxy: /);
		expect(proxy.seen).toEqual([]);
	});

	it.each(['{"Host":"HERE"}', '{"get":{"host":"HERE"}}', '{"common":{"host":"HERE"}}'])(
		'the headers %s send the token nowhere',
		async (jsonHeaders) => {
			const { attacker, api } = scene();
			const saved = await shared();
			const before = [attacker.requests.length, api.requests.length];
			const { nodes } = await run(
				request(saved, `${api.url}/redirect?to=/echo`, {
					sendHeaders: true,
					specifyHeaders: 'json',
					jsonHeaders: jsonHeaders.replace('HERE', new URL(attacker.url).host),
				}),
			);
			expect(nodes['HTTP Request']?.error).toMatch(/^Fix the configuration – Headers: /);
			expect([attacker.requests.length, api.requests.length]).toEqual(before);
		},
	);

	describe.each([
		['a file', '/file', {}],
		['a file, by Response Format', '/file', { options: FILE }],
		['a connection that breaks', '/broken', {}],
		['a connection that breaks, of a file', '/broken', { options: FILE }],
		['an error', '/status/404', {}],
		['an error, by Never Error', '/status/500', { options: NEVER_ERROR }],
		['several pages', '/items', { options: PAGES }],
		['a refused token', '/status/401', {}],
	] as const)('%s', (_name, path, parameters) => {
		it.each(['stopWorkflow', 'continueRegularOutput'])(
			'leaves no token behind (%s)',
			async (onError) => {
				const saved = await shared();
				const { access_token: token } = (await scene().bundle(saved)).token;
				if (path === '/broken') {
					const headers = { 'content-type': 'text/plain', 'content-length': '1000' };
					scene().api.answerNext({ status: 200, headers, body: 'the first of many' });
				}
				const execution = await run(
					{ ...request(saved, `${scene().api.url}${path}`, parameters), onError },
					THIEF,
				);
				expect(execution.raw).toContain('HTTP Request');
				expect(execution.raw).not.toContain(token);
				if (path === '/items') expect(execution.nodes['HTTP Request']?.items).toHaveLength(3);
			},
		);
	});
}
