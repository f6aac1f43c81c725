import { once } from 'node:events';
import type { IncomingMessage, RequestListener } from 'node:http';
import { text } from 'node:stream/consumers';

import { createEgress } from '../../src/http/createEgress';
import type { EgressRequest } from '../../src/http/egress';
import { selfSigned } from './support/certificate';
import { egressErrorOf } from './support/egressErrorOf';
import { startAbandoningServer, startServer, type TestServer } from './support/servers';

const egress = createEgress(undefined, {});
let answerWith: RequestListener;
let server: TestServer;

beforeAll(async () => {
	// On first use, which no time limit of a test is meant to hold.
	await import('undici');
	server = await startServer((request, response) => answerWith(request, response));
});

afterAll(async () => {
	await server.close();
});

it('sends and gives back every byte of a body', async () => {
	const body = ' {"n": 12345678901234567890, "z":"Zürich 東京" }\r\n\t';
	answerWith = (request, response) => {
		void textOf(request).then((text) => response.end(`[${text}]`));
	};

	for (const type of ['application/json', 'application/x-www-form-urlencoded', 'text/plain']) {
		const headers = { 'content-type': type };
		expect((await send({ method: 'POST', headers, body })).body).toBe(`[${body}]`);
	}
});

it.each([
	[{}, 'n8n'],
	[{ N8N_GLOBAL_USER_AGENT_VALUE: 'Example/1' }, 'n8n'],
	[
		{ N8N_ENFORCE_GLOBAL_USER_AGENT: 'true', N8N_GLOBAL_USER_AGENT_VALUE: 'Example/1' },
		'Example/1',
	],
	[{ N8N_ENFORCE_GLOBAL_USER_AGENT: 'true' }, 'Mozilla/5.0 (compatible; n8n; +https://n8n.io/)'],
])('says who it is as n8n does with %j', async (env, expected) => {
	answerWith = ({ headers }, response) => response.end(headers['user-agent']);
	const url = `http://127.0.0.1:${server.port}/`;
	const request = { method: 'GET', headers: {} };

	await expect(createEgress(undefined, env).request(url, request)).resolves.toHaveProperty(
		'body',
		expected,
	);
});

describe('a server that does not echo "connection: close"', () => {
	let abandoning: TestServer;

	beforeEach(async () => {
		abandoning = await startAbandoningServer();
	});

	afterEach(async () => {
		await abandoning.close();
	});

	async function post(): Promise<number> {
		const url = `http://127.0.0.1:${abandoning.port}/`;
		return (await egress.request(url, { method: 'POST', headers: {}, body: 'x' })).status;
	}

	it('gets a connection for each request', async () => {
		for (let n = 1; n <= 20; n += 1) {
			expect(await post()).toBe(204);
			expect(abandoning.connections()).toBe(n);
		}
	});

	it('is left with no open connection', async () => {
		await Promise.all(Array.from({ length: 20 }, post));
		await abandoning.hungUp();

		expect(abandoning.connections()).toBe(20);
	});
});

it('keeps connections open for API requests', async () => {
	answerWith = (_, response) => response.end('x');
	const { open } = createEgress(undefined, {});
	const before = server.connections();

	for (let n = 0; n < 10; n += 1) {
		const request = { method: 'GET', headers: {} };
		const { body } = await open(`http://127.0.0.1:${server.port}/`, request);
		await expect(text(body)).resolves.toBe('x');
	}

	// One is not used again before the turn of the event loop in which its answer ended is over.
	expect(server.connections()).toBeLessThanOrEqual(before + 2);
});

it('ends in time when an answer begins and does not end', async () => {
	let begun = false;
	answerWith = (_, response) => {
		response.writeHead(200, { 'content-length': 100 });
		response.write('half');
		begun = true;
	};

	expect(await egressErrorOf(send({ timeoutMs: 300 }))).toMatchObject({ code: 'TIMEOUT' });
	expect(begun).toBe(true);
});

it('ends, and hangs up, when the caller gives up in the middle of an answer', async () => {
	const given = new AbortController();
	const hungUp = new Promise((resolve) => {
		answerWith = (_, response) => {
			response.on('close', resolve);
			response.write('half', () => given.abort());
		};
	});

	expect(await egressErrorOf(send({ signal: given.signal }))).toMatchObject({ code: 'ABORTED' });
	await hungUp;
});

it('hangs up on an answer that is too large', async () => {
	const hungUp = new Promise((resolve) => {
		answerWith = (_, response) => {
			response.on('close', resolve);
			const more = () => {
				while (!response.destroyed && response.write(Buffer.alloc(65_536)));
			};
			response.on('drain', more);
			more();
		};
	});

	expect(await egressErrorOf(send())).toMatchObject({ code: 'TOO_LARGE' });
	await hungUp;
});

it('reports a connection that is cut before or during an answer', async () => {
	answerWith = (request) => request.socket.destroy();
	expect(await egressErrorOf(send())).toMatchObject({ code: 'NETWORK', detail: 'ECONNRESET' });

	answerWith = (request, response) => {
		response.writeHead(200, { 'content-length': 100 });
		response.write('{"access_token":', () => request.socket.destroy());
	};
	expect(await egressErrorOf(send())).toMatchObject({ code: 'NETWORK', detail: 'ECONNRESET' });
});

it('reports what is not HTTP', async () => {
	answerWith = (request) => request.socket.end('SSH-2.0-server\r\n');

	const error = await egressErrorOf(send());

	expect(error).toMatchObject({
		code: 'NETWORK',
		detail: expect.stringMatching(/^HPE_/) as string,
	});
});

it('reports a port where nobody listens', async () => {
	const gone = await startServer(() => undefined);
	await gone.close();

	const request = egress.request(`http://127.0.0.1:${gone.port}/`, { method: 'GET', headers: {} });

	expect(await egressErrorOf(request)).toMatchObject({
		code: 'NETWORK',
		detail: 'ECONNREFUSED',
		host: `127.0.0.1:${gone.port}`,
	});
});

it('reports a certificate that nobody vouches for', async () => {
	const untrusted = await startServer((_, response) => response.end(), selfSigned());
	const url = `https://127.0.0.1:${untrusted.port}/`;

	const error = await egressErrorOf(egress.request(url, { method: 'GET', headers: {} }));
	await untrusted.close();

	expect(error).toMatchObject({ code: 'NETWORK', detail: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
});

async function send(options: Partial<EgressRequest> = {}) {
	const url = `http://127.0.0.1:${server.port}/`;
	return await egress.request(url, { method: 'GET', headers: {}, ...options });
}

async function textOf(request: IncomingMessage): Promise<string> {
	let text = '';
	request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
	await once(request, 'end');
	return text;
}
