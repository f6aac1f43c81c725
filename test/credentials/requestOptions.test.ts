import type { IncomingHttpHeaders, RequestListener } from 'node:http';
import { gzipSync } from 'node:zlib';
import type { ICredentialDataDecryptedObject, IDataObject } from 'n8n-workflow';

import { selfSigned } from '../http/support/certificate';
import { startProxy, startServer, type TestServer } from '../http/support/servers';
import type { AuthorizationServer } from '../support/authorizationServer';
import type { EngineRun, N8nEngine } from '../support/n8nEngine';
import { startRequesting } from './requesting';

const TYPE = 'vaultedOAuth2Api';
const NAME = 'api.example.test';

interface Received {
	readonly host: string | undefined;
	readonly method: string | undefined;
	readonly url: string | undefined;
	readonly headers: IncomingHttpHeaders;
}

/** A server that keeps what it received. */
interface Recorder extends TestServer {
	readonly received: Received[];
}

const ROUTES: Record<string, RequestListener> = {
	file: (_request, response) => {
		response.writeHead(200, {
			'content-type': 'application/octet-stream',
			'content-disposition': 'attachment; filename="report.bin"',
		});
		response.end(Buffer.alloc(300_000, 'x'));
	},
	broken: (_request, response) => {
		response.writeHead(200, { 'content-type': 'text/plain', 'content-length': '1000' });
		response.write('the first of many', () => response.destroy());
	},
	// The end is there before anybody reads.
	short: (_request, response) => {
		response.writeHead(200, { 'content-type': 'text/plain', 'content-length': '1000' });
		response.end('the first of many');
	},
	zipped: (_request, response) => {
		response.writeHead(200, { 'content-type': 'text/plain', 'content-encoding': 'gzip' });
		response.end(gzipSync('plain'));
	},
	reset: (request) => request.socket.destroy(),
	status: ({ url = '' }, response) => {
		response.writeHead(Number(url.split('/')[2]), { 'content-type': 'application/json' });
		response.end('{"error":"no"}');
	},
	redirect: ({ url = '' }, response) => {
		const to = new URL(url, 'http://any').searchParams.get('to') ?? '/';
		response.writeHead(302, { location: to });
		response.end();
	},
	page: ({ url = '' }, response) => {
		const page = Number(new URL(url, 'http://any').searchParams.get('page') ?? 1);
		response.writeHead(200, { 'content-type': 'application/json' });
		response.end(JSON.stringify({ next: page < 3 ? `/page?page=${String(page + 1)}` : '' }));
	},
};

async function record(certificate?: Parameters<typeof startServer>[1]): Promise<Recorder> {
	const received: Received[] = [];
	const server = await startServer((request, response) => {
		const { url = '', method, headers } = request;
		received.push({ host: headers.host, method, url, headers });
		const route = ROUTES[url.split(/[/?]/)[1] ?? ''];
		if (route === undefined) response.end('{}');
		else route(request, response);
	}, certificate);
	return { ...server, received };
}

let engine: N8nEngine;
let provider: AuthorizationServer;
let api: Recorder;
let elsewhere: Recorder;
let apiUrl: string;

beforeAll(async () => {
	({ engine, provider } = await startRequesting());
	[api, elsewhere] = [await record(), await record()];
	apiUrl = `http://127.0.0.1:${String(api.port)}`;
});
afterAll(async () => {
	await Promise.all([provider, api, elsewhere].map((server) => server.close()));
	await engine.close();
});
beforeEach(() => {
	for (const { received } of [api, elsewhere]) received.length = 0;
});

let forms = 0;
async function saved(changes: ICredentialDataDecryptedObject = {}): Promise<string> {
	const { id } = await engine.saveAndTest(TYPE, {
		label: `Options ${String((forms += 1))}`,
		grantType: 'clientCredentials',
		tokenUrl: provider.tokenEndpoint,
		clientId: 'crm',
		clientSecret: 'example-client-secret',
		scope: 'api:read',
		apiBaseUrl: apiUrl,
		secretStore: 'localVault',
		...changes,
	});
	for (const { received } of [api, elsewhere]) received.length = 0;
	return id;
}

async function send(
	id: string,
	url: string,
	options: IDataObject,
	{
		pagination,
		...parameters
	}: { method?: string; modern?: boolean; goOn?: boolean; pagination?: object } = {},
): Promise<EngineRun> {
	const { goOn = false, ...others } = parameters;
	return await engine.run([
		{
			type: 'request',
			name: 'Request',
			parameters: {
				url,
				options: JSON.stringify(options),
				...(pagination === undefined ? {} : { pagination: JSON.stringify(pagination) }),
				...others,
			},
			...(goOn ? { onError: 'continueRegularOutput' } : {}),
			credentials: { [TYPE]: { id, name: TYPE } },
		},
	]);
}

const token = (): string => provider.issued.at(-1)?.value ?? 'none was issued';
const sawToken = ({ received }: Recorder): boolean =>
	received.some(({ headers }) => JSON.stringify(headers).includes(token()));

describe('somebody who may use the credential and sets up a proxy and a server of their own', () => {
	const certificate = selfSigned(NAME);
	let server: Recorder;
	let proxy: Awaited<ReturnType<typeof startProxy>>;
	let options: IDataObject;

	beforeAll(async () => {
		server = await record(certificate);
		proxy = await startProxy({ leadsTo: () => server.port });
		options = { proxy: `http://127.0.0.1:${String(proxy.port)}` };
	});
	afterAll(async () => {
		await Promise.all([server.close(), proxy.close()]);
	});

	it.each<[string, boolean, IDataObject, string]>([
		['Ignore SSL', false, { rejectUnauthorized: false }, 'Ignore SSL Issues'],
		['Ignore SSL', true, { skipSslCertificateValidation: true }, 'Ignore SSL Issues'],
		[
			'an agent that trusts all',
			false,
			{ agentOptions: { rejectUnauthorized: false } },
			'Ignore SSL Issues',
		],
		[
			'an authority of their own',
			false,
			{ agentOptions: { ca: certificate.cert } },
			'SSL Certificates',
		],
		[
			'an authority of their own',
			true,
			{ agentOptions: { ca: certificate.cert } },
			'SSL Certificates',
		],
	])('does not get the token with %s (modern helper: %s)', async (_name, modern, trust, field) => {
		const id = await saved({ apiBaseUrl: `https://${NAME}` });
		const run = await send(id, `https://${NAME}/me`, { ...options, ...trust }, { modern });
		expect(sawToken(server)).toBe(false);
		expect(run.error?.message).toMatch(new RegExp(`^Fix the configuration – ${field}`));
		expect(run.error?.message).toContain('NODE_EXTRA_CA_CERTS');
	});

	it('sees the name of the host at most, if certificates are checked', async () => {
		const id = await saved({ apiBaseUrl: `https://${NAME}` });
		const run = await send(id, `https://${NAME}/me`, options);
		expect(proxy.seen.at(-1)?.line).toBe(`CONNECT ${NAME}:443`);
		expect(run.status).toBe('error');
		expect(server.received).toEqual([]);
	});

	it.each([true, false])('does not get it from an API without TLS (modern: %s)', async (modern) => {
		const id = await saved();
		const run = await send(id, `${apiUrl}/me`, options, { modern });
		expect(run.error?.message).toMatch(/^Fix the configuration – Proxy: .*not encrypted/);
		expect([...server.received, ...api.received]).toEqual([]);
	});
});

describe('a header', () => {
	it.each<[string, IDataObject]>([
		['Host', { Host: 'HERE' }],
		['host', { host: 'HERE' }],
		['HOST with a space', { 'HOST ': 'HERE' }],
		['Host under the name of the method', { get: { host: 'HERE' } }],
		['Host under "common"', { common: { Host: 'HERE' } }],
		['several Hosts', { host: ['HERE', 'HERE'] }],
	])('%s sends no token to another host', async (_name, headers) => {
		const here = `127.0.0.1:${String(elsewhere.port)}`;
		const id = await saved();
		const run = await send(id, `${apiUrl}/redirect?to=/landed`, {
			headers: JSON.parse(JSON.stringify(headers).replaceAll('HERE', here)) as IDataObject,
			followRedirect: true,
		});
		expect([...elsewhere.received, ...api.received]).toEqual([]);
		expect(run.error?.message).toMatch(/^Fix the configuration – Headers: /);
	});

	it('Host that names the API itself changes nothing', async () => {
		const run = await send(await saved(), `${apiUrl}/me`, {
			headers: { Host: `127.0.0.1:${String(api.port)}`, 'X-Mine': 'a', 'X-List': ['b', 'c'] },
		});
		expect(run.status).toBe('success');
		expect(api.received[0]?.headers).toMatchObject({
			'x-mine': 'a',
			'x-list': 'b, c',
			authorization: `Bearer ${token()}`,
		});
	});

	it('Authorization is the token’s, however it is written', async () => {
		const id = await saved();
		const names = ['authorization', 'Authorization', 'AUTHORIZATION', 'Authorization '];
		for (const name of names)
			await send(id, `${apiUrl}/me`, { headers: { [name]: 'Bearer mine' } });
		expect(api.received.map(({ headers }) => headers.authorization)).toEqual(
			names.map(() => `Bearer ${token()}`),
		);
	});

	it('marks no request outside n8n', async () => {
		await send(await saved(), `${apiUrl}/me`, {});
		expect(Object.keys(api.received[0]?.headers ?? {}).sort()).toEqual([
			...['accept', 'accept-encoding', 'authorization', 'connection'],
			...['host', 'user-agent', 'x-mine'],
		]);
	});
});

it.each(['TRACE', 'trace', 'CONNECT', 'TRACK'])('%s is not sent with a token', async (method) => {
	const run = await send(await saved(), `${apiUrl}/me`, {}, { method });
	expect(run.error?.message).toMatch(/^Fix the configuration – Method: /);
	expect(api.received).toEqual([]);
});

it.each<[string, IDataObject, boolean]>([
	['Basic of their own', { auth: { user: 'me', pass: 'word' } }, false],
	['a bearer of their own', { auth: { bearer: 'mine' } }, false],
	['another base', { baseURL: 'http://127.0.0.1:9' }, true],
	['what nobody knows', { socketPath: '/tmp/nowhere', transport: {}, lookup: 'x' }, false],
	['an agent with a name of its own', { agentOptions: { servername: 'x', path: '/x' } }, false],
])('%s has no effect', async (_name, options, modern) => {
	const run = await send(await saved(), `${apiUrl}/me`, options, { modern });
	expect(run.status).toBe('success');
	expect(api.received).toHaveLength(1);
	expect(sawToken(api)).toBe(true);
});

it('a client certificate still says who asks', async () => {
	const certificate = selfSigned('localhost');
	const run = await send(await saved(), `${apiUrl}/me`, { agentOptions: { ...certificate } });
	expect(run.status).toBe('success');
});

describe('a redirect', () => {
	const proxies = ['http_proxy', 'no_proxy'] as const;
	let proxy: Awaited<ReturnType<typeof startProxy>>;

	/** Every name under "localhost" leads to the API's port, by the proxy of whoever operates this n8n. */
	beforeAll(async () => {
		proxy = await startProxy({ leadsTo: () => api.port });
	});
	afterEach(() => {
		for (const name of proxies) Reflect.deleteProperty(process.env, name);
	});
	afterAll(async () => {
		await proxy.close();
	});

	it.each([true, false])(
		'to a subdomain of the API goes without it (modern: %s)',
		async (modern) => {
			const base = `http://api.localhost:${String(api.port)}`;
			process.env['http_proxy'] = `http://127.0.0.1:${String(proxy.port)}`;
			process.env['no_proxy'] = '127.0.0.1';
			const id = await saved({ apiBaseUrl: base });
			const to = encodeURIComponent(`http://mine.api.localhost:${String(api.port)}/landed`);
			await send(id, `${base}/redirect?to=${to}`, { followRedirect: true }, { modern });
			expect(api.received).toMatchObject([
				{ headers: { authorization: `Bearer ${token()}` } },
				{ host: `mine.api.localhost:${String(api.port)}`, url: '/landed' },
			]);
			expect(api.received[1]?.headers.authorization).toBeUndefined();
		},
	);

	it('within the API keeps it', async () => {
		await send(await saved(), `${apiUrl}/redirect?to=/landed`, { followRedirect: true });
		expect(api.received.map(({ headers }) => headers.authorization)).toEqual([
			`Bearer ${token()}`,
			`Bearer ${token()}`,
		]);
	});

	it('by another server back to the API does not bring it back', async () => {
		const back = encodeURIComponent(`${apiUrl}/chosen`);
		const away = encodeURIComponent(
			`http://127.0.0.1:${String(elsewhere.port)}/redirect?to=${back}`,
		);
		await send(await saved(), `${apiUrl}/redirect?to=${away}`, { followRedirect: true });
		expect(sawToken(elsewhere)).toBe(false);
		expect(api.received[1]).toMatchObject({ url: '/chosen' });
		expect(api.received[1]?.headers.authorization).toBeUndefined();
	});
});

describe('what n8n keeps of an execution leads to no token:', () => {
	const STREAM = { useStream: true, encoding: null, json: false };
	const PAGES = { continue: '={{ $pageCount < 2 }}', request: {}, requestInterval: 0 };

	it.each<[string, IDataObject, Parameters<typeof send>[3]]>([
		['file', STREAM, {}],
		['broken', STREAM, {}],
		['short', STREAM, {}],
		['short', STREAM, { goOn: true }],
		['zipped', STREAM, {}],
		['broken', STREAM, { goOn: true }],
		['broken', { ...STREAM, simple: false }, { goOn: true }],
		['broken', {}, { goOn: true }],
		['reset', {}, {}],
		['reset', {}, { goOn: true }],
		['reset', {}, { goOn: true, modern: true }],
		['status/404', {}, {}],
		['status/404', {}, { goOn: true }],
		['status/404', STREAM, { goOn: true }],
		['status/500', {}, { goOn: true, method: 'POST' }],
		['status/404', {}, { goOn: true, modern: true }],
		['status/500', { simple: false }, {}],
		['status/404', { encoding: 'stream' }, { goOn: true, modern: true }],
		['file', STREAM, { pagination: { ...PAGES, binaryResult: true } }],
		['broken', STREAM, { pagination: PAGES, goOn: true }],
		['status/404', STREAM, { pagination: PAGES, goOn: true }],
	])('%s, %j, %j', async (path, options, how) => {
		const run = await send(await saved(), `${apiUrl}/${path}`, options, how);
		expect(sawToken(api)).toBe(true);
		expect(run.pathTo(token())).toBeUndefined();
		expect(run.text).not.toContain(token());
	});
});

describe('a stream', () => {
	const STREAM = { useStream: true, encoding: null, json: false };

	it('arrives whole, with its name', async () => {
		const run = await send(await saved(), `${apiUrl}/file`, STREAM);
		const { data, ...rest } = run.output('Request')[0]?.json ?? {};
		expect(rest).toEqual({
			fileName: 'report.bin',
			mimeType: 'application/octet-stream',
			statusCode: 200,
		});
		expect(Buffer.from(data as string, 'base64').equals(Buffer.alloc(300_000, 'x'))).toBe(true);
	});

	it('that was compressed arrives too', async () => {
		const run = await send(await saved(), `${apiUrl}/zipped`, STREAM);
		const { data } = run.output('Request')[0]?.json ?? {};
		expect(Buffer.from(data as string, 'base64').toString()).toBe('plain');
	});

	it.each(['broken', 'short'])('that breaks off is an error (%s)', async (path) => {
		const run = await send(await saved(), `${apiUrl}/${path}`, STREAM);
		expect(run.error?.message).toMatch(/aborted|Premature close/);
	});

	it('of each page is what decides about the next', async () => {
		const run = await send(await saved(), `${apiUrl}/page`, STREAM, {
			pagination: {
				continue: '={{ !!$response.body.next }}',
				request: {
					url: `={{ $response.body?.next ? '${apiUrl}' + $response.body.next : '${apiUrl}/page' }}`,
				},
				requestInterval: 0,
			},
		});
		expect(run.output('Request')[0]?.json).toEqual({ pages: 3 });
	});
});

it('a link to the next page that leads away is refused', async () => {
	const run = await send(
		await saved(),
		`${apiUrl}/page`,
		{},
		{
			pagination: {
				continue: '={{ $pageCount < 2 }}',
				request: {
					url: `={{ $pageCount === 0 ? '${apiUrl}/page' : 'http://127.0.0.1:${String(elsewhere.port)}/' }}`,
				},
				requestInterval: 0,
			},
		},
	);
	expect(run.error?.message).toContain('token is sent only to');
	expect(elsewhere.received).toEqual([]);
});
