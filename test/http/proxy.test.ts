import { once } from 'node:events';
import http, { type ClientRequest } from 'node:http';
import { createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import type { TLSSocket } from 'node:tls';

import { createEgress } from '../../src/http/createEgress';
import { EgressError, type Egress } from '../../src/http/egress';
import { proxiesFromEnvironment, type Target } from '../../src/http/proxy';
import { selfSigned, trust } from './support/certificate';
import { egressErrorOf } from './support/egressErrorOf';
import { answerLookups } from './support/redirectedSockets';
import { startProxy, startServer, type TestProxy, type TestServer } from './support/servers';

const IDP: Target = { scheme: 'https', host: 'idp.example.com', port: 443 };

describe('the proxy for a host', () => {
	it('is that of the scheme, else that of ALL_PROXY', () => {
		const env = { HTTPS_PROXY: 'http://secure:1', ALL_PROXY: 'http://all:2' };

		expect(proxyFor(env, IDP)).toBe('http://secure:1/');
		expect(proxyFor(env, { ...IDP, scheme: 'http' })).toBe('http://all:2/');
		expect(proxyFor({ HTTP_PROXY: 'http://plain:3' }, IDP)).toBeUndefined();
		expect(proxyFor({}, IDP)).toBeUndefined();
	});

	it('is taken from the variable in lower case first', () => {
		expect(proxyFor({ https_proxy: 'http://lower:1', HTTPS_PROXY: 'http://upper:2' }, IDP)).toBe(
			'http://lower:1/',
		);
		expect(proxyFor({ https_proxy: '', HTTPS_PROXY: 'http://upper:2' }, IDP)).toBe(
			'http://upper:2/',
		);
	});

	it('is an http proxy where no scheme is written', () => {
		expect(proxyFor({ HTTPS_PROXY: 'proxy.local:3128' }, IDP)).toBe('http://proxy.local:3128/');
	});

	it.each(['socks5://proxy.local:1080', 'http://', 'http://bad host'])(
		'is an error, not a direct connection, where it is set to %s',
		(address) => {
			const choose = () => proxyFor({ HTTPS_PROXY: address }, IDP);

			expect(choose).toThrow(EgressError);
			expect(choose).toThrow('PROXY_NOT_USABLE');
		},
	);

	it.each([
		'*',
		'idp.example.com',
		'IDP.example.com',
		'.example.com',
		'*.example.com',
		'*example.com',
		'idp.example.com:443',
		'other.example.com, idp.example.com',
		'other.example.com idp.example.com',
	])('is none where NO_PROXY is %j', (exceptions) => {
		expect(proxyFor({ HTTPS_PROXY: 'http://p:1', NO_PROXY: exceptions }, IDP)).toBeUndefined();
		expect(proxyFor({ HTTPS_PROXY: 'http://p:1', no_proxy: exceptions }, IDP)).toBeUndefined();
	});

	it.each([
		'',
		'example.com',
		'idp.example.com:8443',
		'.idp.example.com',
		'dp.example.com',
		'.example',
		'*idp',
	])('is used where NO_PROXY is %j', (exceptions) => {
		expect(proxyFor({ HTTPS_PROXY: 'http://p:1', NO_PROXY: exceptions }, IDP)).toBe('http://p:1/');
	});

	it('is none for an IPv6 address in NO_PROXY, with and without brackets', () => {
		for (const exception of ['[2001:db8::1]', '[2001:db8::1]:443']) {
			const env = { HTTPS_PROXY: 'http://p:1', NO_PROXY: exception };
			expect(proxyFor(env, { ...IDP, host: '2001:db8::1' })).toBeUndefined();
			expect(proxyFor(env, { ...IDP, host: '2001:db8::2' })).toBe('http://p:1/');
		}
	});

	it.each(['127.0.0.1', '127.9.8.7', '::1', 'localhost', 'idp.localhost'])(
		'is none for this machine itself, written %s, whatever is set',
		(host) => {
			const env = { ALL_PROXY: 'http://p:1', HTTP_PROXY: 'socks5://p:1' };
			expect(proxyFor(env, { scheme: 'http', host, port: 8080 })).toBeUndefined();
			expect(proxyFor(env, { scheme: 'https', host, port: 8443 })).toBeUndefined();
		},
	);

	it.each([
		'localhost.example.com',
		'mylocalhost',
		'127.0.0.1.example.com',
		'128.0.0.1',
		'::2',
		'::1:2',
	])('is used for %s, which is another machine', (host) => {
		const env = { ALL_PROXY: 'http://p:1' };
		expect(proxyFor(env, { scheme: 'http', host, port: 80 })).toBe('http://p:1/');
	});
});

describe('requests through a proxy', () => {
	const certificate = selfSigned('idp.example.com');
	let distrust: () => void;
	let plain: TestServer;
	let secure: TestServer;
	let proxy: TestProxy;
	let secureProxy: TestProxy;

	beforeAll(async () => {
		distrust = trust(certificate);
		plain = await startServer(echo);
		secure = await startServer(echo, certificate);
		let leadsTo = () => plain.port;
		proxy = await startProxy({ leadsTo: () => leadsTo() });
		secureProxy = await startProxy({ leadsTo: () => leadsTo(), certificate });
		leadTo = (server) => (leadsTo = () => server.port);
	});

	let leadTo: (server: TestServer) => void;

	beforeEach(() => {
		proxy.seen.length = 0;
		secureProxy.seen.length = 0;
	});

	afterAll(async () => {
		distrust();
		await Promise.all([plain, secure, proxy, secureProxy].map((server) => server.close()));
	});

	it('for https go through a tunnel, in which the certificate is checked for the host', async () => {
		leadTo(secure);
		const egress = through(proxy);

		const answer = await post(egress, 'https://idp.example.com/token?x=1', 'a=1');

		expect(JSON.parse(answer.body)).toMatchObject({
			request: 'POST /token?x=1 a=1',
			host: 'idp.example.com',
			proxyAuthorization: null,
		});
		expect(proxy.seen).toEqual([{ line: 'CONNECT idp.example.com:443', authorization: undefined }]);
		const other = await egressErrorOf(post(egress, 'https://other.example.com/', ''));
		expect(other).toMatchObject({ code: 'NETWORK', detail: 'ERR_TLS_CERT_ALTNAME_INVALID' });
	});

	it('show a client certificate to the server, and not to a proxy that asks for one too', async () => {
		const asking = { ...certificate, requestCert: true, rejectUnauthorized: false };
		const certificates: (string | undefined)[] = [];
		const server = await startServer(({ socket }, response) => {
			certificates.push((socket as TLSSocket).getPeerX509Certificate()?.subject);
			response.end();
		}, asking);
		const curious = await startProxy({
			certificate: asking,
			leadsTo: () => server.port,
			onConnect: (socket) =>
				certificates.push((socket as TLSSocket).getPeerX509Certificate()?.subject),
		});
		const egress = createEgress(undefined, { HTTPS_PROXY: `https://127.0.0.1:${curious.port}` });
		const url = 'https://idp.example.com/token';
		const identity = selfSigned('client.example.com');

		await egress.request(url, { method: 'POST', headers: {}, tls: identity });
		await egress.request(url, { method: 'POST', headers: {} });
		await Promise.all([server.close(), curious.close()]);

		expect(certificates).toEqual([undefined, 'CN=client.example.com', undefined, undefined]);
	});

	it('for http carry the whole address', async () => {
		leadTo(plain);

		const answer = await post(through(proxy), 'http://idp.example.com:8085/token?x=1', 'a=1');
		await post(through(proxy), 'http://idp.example.com/', '');

		expect(JSON.parse(answer.body)).toMatchObject({
			request: 'POST /token?x=1 a=1',
			host: 'idp.example.com:8085',
		});
		expect(proxy.seen.map(({ line }) => line)).toEqual([
			'POST http://idp.example.com:8085/token?x=1',
			'POST http://idp.example.com/',
		]);
	});

	it("bring the proxy's credentials to the proxy alone", async () => {
		const egress = through(proxy, 'us%40er:p%3Aw');
		const authorization = `Basic ${Buffer.from('us@er:p:w').toString('base64')}`;

		leadTo(secure);
		const answer = await post(egress, 'https://idp.example.com/', '');
		leadTo(plain);
		await post(egress, 'http://idp.example.com/', '');

		expect(proxy.seen.map((seen) => seen.authorization)).toEqual([authorization, authorization]);
		expect(JSON.parse(answer.body)).toHaveProperty('proxyAuthorization', null);
	});

	it('reach a proxy that itself wants TLS', async () => {
		const env = { ALL_PROXY: `https://127.0.0.1:${secureProxy.port}` };
		const egress = createEgress(undefined, env);

		leadTo(secure);
		await expect(post(egress, 'https://idp.example.com/', '')).resolves.toHaveProperty(
			'status',
			200,
		);
		leadTo(plain);
		await expect(post(egress, 'http://idp.example.com/', '')).resolves.toHaveProperty(
			'status',
			200,
		);

		expect(secureProxy.seen.map(({ line }) => line)).toEqual([
			'CONNECT idp.example.com:443',
			'POST http://idp.example.com/',
		]);
	});

	it('go direct to hosts in NO_PROXY', async () => {
		const env = {
			HTTP_PROXY: `http://127.0.0.1:${proxy.port}`,
			HTTPS_PROXY: `http://127.0.0.1:${proxy.port}`,
			NO_PROXY: 'idp.example.com',
		};
		const egress = createEgress(undefined, env);

		answerLookups(() => ['127.0.0.1']);

		await post(egress, `http://idp.example.com:${plain.port}/`, '');
		await post(egress, `https://idp.example.com:${secure.port}/`, '');

		expect(proxy.seen).toEqual([]);
	});

	it('of an API keep their tunnels open for the next request', async () => {
		leadTo(secure);
		const { open } = through(proxy);

		for (let n = 0; n < 10; n++) {
			const { body } = await open('https://idp.example.com/', { method: 'GET', headers: {} });
			await text(body);
		}

		expect(proxy.seen.length).toBeLessThanOrEqual(2);
	});

	it('go only where the given environment says, whatever the HTTP client finds in that of the process', async () => {
		const before = process.env['HTTP_PROXY'];
		process.env['HTTP_PROXY'] = `http://127.0.0.1:${proxy.port}`;
		try {
			await post(createEgress(undefined, {}), `http://127.0.0.1:${plain.port}/`, '');
		} finally {
			if (before === undefined) delete process.env['HTTP_PROXY'];
			else process.env['HTTP_PROXY'] = before;
		}

		expect(proxy.seen).toEqual([]);
	});

	it('reach the proxy itself directly, although n8n replaces the global agent by one that goes through it', async () => {
		leadTo(secure);
		const before = http.globalAgent;
		http.globalAgent = new Detour();
		try {
			const answer = await post(through(proxy), 'https://idp.example.com/', '');
			expect(answer.status).toBe(200);
		} finally {
			http.globalAgent = before;
		}
	});

	it('say what the proxy answered when it refuses', async () => {
		const refusing = await startProxy({
			leadsTo: () => secure.port,
			refusal: 'HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n',
		});

		const error = await egressErrorOf(
			post(through(refusing), 'https://idp.example.com/', 'secret'),
		);
		await refusing.close();

		expect(error).toMatchObject({
			code: 'NETWORK',
			detail: 'PROXY_STATUS_407',
			host: 'idp.example.com',
		});
	});

	it('say that it was the proxy that could not be reached', async () => {
		const gone = await startProxy({ leadsTo: () => secure.port });
		const egress = through(gone);
		await gone.close();

		const error = await egressErrorOf(post(egress, 'https://idp.example.com/', ''));

		expect(error).toMatchObject({ code: 'NETWORK', detail: 'PROXY_ECONNREFUSED' });
	});

	it('end in time when the proxy says nothing', async () => {
		const silent = createServer((socket) => socket.on('error', () => undefined).resume());
		silent.listen(0, '127.0.0.1');
		await once(silent, 'listening');
		const { port } = silent.address() as { port: number };
		const egress = createEgress(undefined, { HTTPS_PROXY: `http://127.0.0.1:${port}` });
		const connected = once(silent, 'connection');

		const request = { method: 'GET', headers: {}, timeoutMs: 30 };
		const error = await egressErrorOf(egress.request('https://idp.example.com/', request));

		expect(error).toMatchObject({ code: 'TIMEOUT', host: 'idp.example.com' });
		const [socket] = (await connected) as [TLSSocket];
		socket.destroy();
		silent.close();
	});

	it('that cannot use the proxy that is set are refused, for http and https', async () => {
		const egress = createEgress(undefined, { ALL_PROXY: 'socks5://127.0.0.1:1' });

		for (const scheme of ['http', 'https']) {
			const error = await egressErrorOf(post(egress, `${scheme}://idp.example.com/`, ''));
			expect(error).toMatchObject({ code: 'NETWORK', detail: 'PROXY_NOT_USABLE' });
		}
	});
});

function through({ port }: TestProxy, credentials = ''): Egress {
	const address = `http://${credentials && `${credentials}@`}127.0.0.1:${port}`;
	return createEgress(undefined, { HTTP_PROXY: address, HTTPS_PROXY: address });
}

async function post(egress: Egress, url: string, body: string) {
	return await egress.request(url, { method: 'POST', headers: {}, body });
}

function proxyFor(env: NodeJS.ProcessEnv, target: Target): string | undefined {
	return proxiesFromEnvironment(env)(target)?.href;
}

/** Answers with what it got. */
const echo: Parameters<typeof startServer>[0] = (request, response) => {
	const { method, url, headers } = request;
	let body = '';
	request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
	request.on('end', () => {
		const line = `${method ?? ''} ${url ?? ''} ${body}`;
		const proxyAuthorization = headers['proxy-authorization'] ?? null;
		response.end(JSON.stringify({ request: line, host: headers.host, proxyAuthorization }));
	});
};

class Detour extends http.Agent {
	addRequest(request: ClientRequest): void {
		request.emit('error', new Error('A proxy was asked for the way to itself'));
	}
}
