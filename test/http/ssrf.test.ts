import { text } from 'node:stream/consumers';

import { readInstanceSettings } from '../../src/config/instanceSettings';
import { createEgress } from '../../src/http/createEgress';
import { EgressError, type Egress } from '../../src/http/egress';
import { ADDRESSES } from './support/addresses';
import { answerLookups, redirectSockets } from './support/redirectedSockets';
import { startProxy, startServer, type TestProxy, type TestServer } from './support/servers';

/*
 * Every row is asked for with and without n8n's protection, with and without a proxy, by http and by https. All sockets lead to one server on
 * this machine, so that "reached" means a real connection; names are answered by a stub of the DNS.
 */

const PROTECTION = readInstanceSettings({ N8N_SSRF_PROTECTION_ENABLED: 'true' }).egressPolicy;

let server: TestServer;
let proxy: TestProxy;

beforeAll(async () => {
	server = await startServer((_, response) => response.end('reached'));
	proxy = await startProxy({
		leadsTo: () => server.port,
		refusal: 'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n',
	});
});
afterAll(async () => {
	await Promise.all([server.close(), proxy.close()]);
});
beforeEach(() => {
	proxy.seen.length = 0;
	redirectSockets();
});

const environment = (): NodeJS.ProcessEnv => ({ ALL_PROXY: `http://127.0.0.1:${proxy.port}` });

/** The code of the failure and its detail, or what was answered. */
async function outcome(egress: Egress, url: string): Promise<string> {
	try {
		return (await egress.request(url, { method: 'GET', headers: {} })).body;
	} catch (error) {
		if (error instanceof EgressError) return `${error.code} ${error.detail}`;
		throw error;
	}
}

/** Asks for a host by one scheme: the outcome, and who got a connection for it. */
async function attempt(egress: Egress, scheme: string, host: string) {
	const before = server.connections();
	proxy.seen.length = 0;
	const result = await outcome(egress, `${scheme}://${host}:${server.port}/`);
	return {
		result,
		reached: server.connections() > before,
		throughProxy: proxy.seen.length > 0,
	};
}

it('has enough of them, each once', () => {
	const hosts = ADDRESSES.map(({ host }) => host);
	expect(new Set(hosts).size).toBe(hosts.length);
	expect(hosts.length).toBeGreaterThanOrEqual(60);
});

describe.each([
	{ protection: 'on', route: 'directly' },
	{ protection: 'on', route: 'through a proxy' },
	{ protection: 'off', route: 'directly' },
	{ protection: 'off', route: 'through a proxy' },
])('with protection $protection, $route', ({ protection, route }) => {
	const isOn = protection === 'on';
	const hasProxy = route !== 'directly';
	const egress = (): Egress =>
		createEgress(isOn ? PROTECTION : undefined, hasProxy ? environment() : {});

	test.each(ADDRESSES)(
		'$host',
		async ({ host, blocked: isRefused, addresses = [], isLoopback }) => {
			answerLookups(() => addresses);

			for (const scheme of ['http', 'https']) {
				const { result, reached, throughProxy } = await attempt(egress(), scheme, host);

				if (isOn && isRefused) {
					expect(result).toMatch(/^BLOCKED address /);
					expect({ reached, throughProxy }).toEqual({ reached: false, throughProxy: false });
				} else {
					expect(throughProxy).toBe(hasProxy && isLoopback !== true);
					// The proxy refuses tunnels.
					expect(reached).toBe(!throughProxy || scheme === 'http');
					if (scheme === 'http') expect(result).toBe('reached');
				}
			}
		},
	);
});

describe('a name that the DNS of this machine does not know', () => {
	beforeEach(() => {
		answerLookups(() => []);
	});

	it('is not sent to a proxy with protection on, as by n8n, and the error says why', async () => {
		const egress = createEgress(PROTECTION, environment());

		for (const scheme of ['http', 'https']) {
			expect(await attempt(egress, scheme, 'intranet.example.com')).toEqual({
				result: 'NETWORK LOCAL_DNS_ENOTFOUND',
				reached: false,
				throughProxy: false,
			});
		}
	});

	it('is left to the proxy with protection off', async () => {
		const egress = createEgress(undefined, environment());

		for (const scheme of ['http', 'https']) {
			expect(await attempt(egress, scheme, 'intranet.example.com')).toMatchObject({
				throughProxy: true,
			});
		}
	});
});

describe('names of the settings', () => {
	const policy = {
		...PROTECTION!,
		allowedHostnames: ['idp.corp.example'],
		blockedHostnames: ['*.corp.example'],
	};

	it.each(['directly', 'through a proxy'])(
		'allow a host at a blocked address, and block one at any, %s',
		async (route) => {
			answerLookups((name) => (name === 'idp.corp.example' ? ['10.0.0.1'] : ['8.8.8.8']));
			const egress = createEgress(policy, route === 'directly' ? {} : environment());

			for (const scheme of ['http', 'https']) {
				const allowed = await attempt(egress, scheme, 'idp.corp.example');
				expect(allowed.reached || allowed.throughProxy).toBe(true);
				expect(await attempt(egress, scheme, 'other.corp.example')).toEqual({
					result: 'BLOCKED host name',
					reached: false,
					throughProxy: false,
				});
			}
		},
	);

	it("do not concern the proxy's own address, which the operator has chosen", async () => {
		answerLookups((name) => (name === 'proxy.corp.example' ? ['10.0.0.1'] : ['8.8.8.8']));
		const env = { ALL_PROXY: `http://proxy.corp.example:${proxy.port}` };
		const egress = createEgress(policy, env);

		for (const scheme of ['http', 'https']) {
			expect(await attempt(egress, scheme, 'idp.example.com')).toMatchObject({
				throughProxy: true,
			});
		}
	});
});

it('asks the DNS again for every request that a proxy forwards, also on a kept connection', async () => {
	let addresses = ['8.8.8.8'];
	answerLookups(() => addresses);
	const { open } = createEgress(PROTECTION, environment());
	const get = async (): Promise<string> => {
		const request = { method: 'GET', headers: {} };
		return await text((await open('http://rebind.example.com/', request)).body);
	};

	const before = proxy.connections();
	expect([await get(), await get()]).toEqual(['reached', 'reached']);
	expect(proxy.connections()).toBe(before + 1);

	addresses = ['10.0.0.1'];
	await expect(get()).rejects.toMatchObject({ code: 'BLOCKED', detail: 'address 10.0.0.1' });
	expect(proxy.seen).toHaveLength(2);
});

it.each([
	'ftp://idp.example.com/',
	'file:///etc/passwd',
	'gopher://127.0.0.1:6379/_x',
	'blob:http://idp.example.com/',
	'data:text/plain,x',
	'http://',
	'http://[::1',
	'http://256.256.256.256/',
	'http://1.2.3.4.5/',
])('%s is no address of the web', async (url) => {
	answerLookups(() => ['8.8.8.8']);
	expect(await outcome(createEgress(PROTECTION, {}), url)).toBe('NETWORK ERR_INVALID_URL');
});

it('never asks the DNS where this machine itself is', async () => {
	// "*.localhost" is answered by whoever runs the DNS, where the system does not know RFC 6761.
	answerLookups(() => ['203.0.113.1']);
	const egress = createEgress({ ...PROTECTION!, blockedIpRanges: ['203.0.113.0/24'] }, {});

	for (const host of ['localhost', 'idp.localhost']) {
		expect(await attempt(egress, 'http', host)).toMatchObject({ result: 'reached' });
	}
});

it('follows no redirect', async () => {
	const redirecting = await startServer((_, response) =>
		response.writeHead(302, { location: `http://127.0.0.1:${server.port}/` }).end('moved'),
	);
	answerLookups(() => ['8.8.8.8']);
	const before = server.connections();

	const url = `http://idp.example.com:${redirecting.port}/`;
	expect(await outcome(createEgress(PROTECTION, {}), url)).toBe('moved');

	expect(server.connections()).toBe(before);
	await redirecting.close();
});
