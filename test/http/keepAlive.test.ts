import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket, type AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { selfSigned, trust } from './support/certificate';
import { startServer } from './support/servers';
import { createEgress } from '../../src/http/createEgress';
import { drain } from '../../src/http/drain';
import type { Egress, StreamingRequest, StreamingResponse } from '../../src/http/egress';
import { egressErrorOf } from './support/egressErrorOf';

/*
 * Connections that are kept, against servers that do their worst with them. The server speaks by the byte: it sees each request on which
 * connection it came, and each test says what it does about it.
 */

const run = promisify(execFile);
const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** One request as it came: on which connection, and as which of that connection, both counted from 1. */
interface Arrived {
	readonly line: string;
	readonly connection: number;
	readonly turn: number;
	readonly socket: Socket;
}

let server: Server;
let sockets: Socket[];
let arrived: Arrived[];
let act: (request: Arrived) => void;
let egress: Egress;

beforeEach(async () => {
	sockets = [];
	arrived = [];
	act = ({ socket }) => void socket.write(ANSWER);
	egress = createEgress(undefined, {});
	server = createServer((socket) => {
		const connection = sockets.push(socket);
		let turn = 0;
		socket.on('error', () => undefined);
		socket.on('data', (bytes) => {
			const [, line] = /^([A-Z]+ \S+) HTTP\/1\.1\r\n/.exec(bytes.toString('latin1')) ?? [];
			// The rest of a body.
			if (line === undefined) return;
			const request = { line, connection, turn: (turn += 1), socket };
			arrived.push(request);
			act(request);
		});
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
});

afterEach(async () => {
	const closed = once(server, 'close');
	server.close();
	for (const socket of sockets) socket.destroy();
	await closed;
});

async function send(
	method: string,
	request: Partial<StreamingRequest> = {},
): Promise<StreamingResponse> {
	const { port } = server.address() as AddressInfo;
	return await egress.open(`http://127.0.0.1:${port}/`, { method, headers: {}, ...request });
}

async function ask(method: string, request: Partial<StreamingRequest> = {}): Promise<string> {
	return await text((await send(method, request)).body);
}

async function closeOf(socket: Socket | undefined): Promise<void> {
	await new Promise((resolve) => socket?.once('close', resolve));
}

/** Has one connection that is kept. */
async function warm(): Promise<void> {
	expect(await ask('GET')).toBe('ok');
	arrived.length = 0;
	await new Promise(setImmediate);
	await new Promise(setImmediate);
}

const lines = (): string[] => arrived.map(({ line }) => line);
const METHODS = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PATCH', 'PUT', 'DELETE'];
const SAFE = ['GET', 'HEAD', 'OPTIONS'];
const bodyOf = (method: string): Partial<StreamingRequest> =>
	SAFE.includes(method) || method === 'DELETE' ? {} : { body: '{"a":1}' };

describe('a server that closes a kept connection when the next request arrives', () => {
	it.each([
		['hangs up', (socket: Socket) => socket.destroy()],
		['resets it', (socket: Socket) => socket.resetAndDestroy()],
	])(
		'and %s: GET, HEAD and OPTIONS succeed on a new one, nothing else is sent twice',
		async (_how, close) => {
			for (const method of METHODS) {
				await warm();
				const isSafe = SAFE.includes(method);
				const last = sockets.length;
				act = ({ socket, connection }) => {
					if (connection <= last) close(socket);
					else socket.write(method === 'HEAD' ? 'HTTP/1.1 200 OK\r\n\r\n' : ANSWER);
				};

				const request = ask(method, bodyOf(method));

				if (isSafe) expect(await request).toBe(method === 'HEAD' ? '' : 'ok');
				else {
					expect(await egressErrorOf(request)).toMatchObject({
						code: 'NETWORK',
						detail: 'ECONNRESET',
					});
				}
				expect(lines()).toEqual(Array(isSafe ? 2 : 1).fill(`${method} /`));
				act = ({ socket }) => void socket.write(ANSWER);
			}
		},
	);

	it('and does so again with the second one: that is the end', async () => {
		await warm();
		act = ({ socket }) => socket.destroy();

		expect(await egressErrorOf(ask('GET'))).toMatchObject({ detail: 'ECONNRESET' });

		expect(arrived.map(({ turn }) => turn)).toEqual([2, 1]);
	});
});

it.each(METHODS)('a new connection that breaks is no reason to send %s again', async (method) => {
	act = ({ socket }) => socket.resetAndDestroy();

	expect(await egressErrorOf(ask(method, bodyOf(method)))).toMatchObject({ detail: 'ECONNRESET' });

	expect(lines()).toEqual([`${method} /`]);
});

it('a connection that the server has closed meanwhile is not used, also for POST', async () => {
	for (let round = 0; round < 20; round += 1) {
		await warm();
		const closed = sockets.filter((socket) => !socket.destroyed).map((socket) => closeOf(socket));
		for (const socket of sockets) socket.end();
		await Promise.all(closed);

		expect(await ask('POST', { body: 'x' })).toBe('ok');

		expect(lines()).toEqual(['POST /']);
	}
});

it.each([
	['half a head', 'HTTP/1.1 200 OK\r\nContent-Le'],
	['half a body', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'],
	['half a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\nhalf'],
])('%s is an error: GET is not sent again once an answer has begun', async (_what, bytes) => {
	await warm();
	act = ({ socket }) => void socket.end(bytes);

	expect(await egressErrorOf(ask('GET'))).toMatchObject({ code: 'NETWORK', detail: 'ECONNRESET' });

	expect(lines()).toEqual(['GET /']);
});

it('bytes that nobody asked for are no answer to the next request', async () => {
	await warm();
	sockets[0]?.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged');
	await pause(20);

	expect(await ask('POST', { body: 'x' })).toBe('ok');
});

it('a body that is read from elsewhere is read again for the second try', async () => {
	await warm();
	const opened: number[] = [];
	const body = {
		length: 4,
		open: async () => {
			opened.push(opened.length + 1);
			return await Promise.resolve(Readable.from([Buffer.from('ab'), Buffer.from('cd')]));
		},
	};
	act = ({ socket, connection }) => {
		if (connection === 1) socket.destroy();
		else socket.write(ANSWER);
	};

	expect(await ask('OPTIONS', { body })).toBe('ok');

	expect(opened).toEqual([1, 2]);
});

it('is closed when it was not used for 4 seconds, before common servers do', async () => {
	await warm();
	const [socket] = sockets;
	const since = performance.now();

	await closeOf(socket);

	expect(performance.now() - since).toBeGreaterThan(3_000);
	expect(performance.now() - since).toBeLessThan(5_000);
});

it('is closed earlier if the server says that it keeps it for a shorter time', async () => {
	const hurried = 'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=2\r\nContent-Length: 2\r\n\r\nok';
	act = ({ socket }) => void socket.write(hurried);
	await warm();

	await closeOf(sockets[0]);

	expect(await ask('POST', { body: 'x' })).toBe('ok');
	expect(sockets).toHaveLength(2);
});

it('are at most 50 at once', async () => {
	const waiting: Socket[] = [];
	act = ({ socket }) => {
		waiting.push(socket);
		if (waiting.length < 50 && arrived.length < 200) return;
		for (const each of waiting.splice(0)) each.write(ANSWER);
	};

	const answers = await Promise.all(Array.from({ length: 200 }, async () => await ask('GET')));

	expect(answers).toHaveLength(200);
	expect(sockets.length).toBe(50);
});

it('the time until the answer begins does not count what a request waits for a connection', async () => {
	act = ({ socket }) => void setTimeout(() => socket.write(ANSWER), 400);

	const requests = Array.from(
		{ length: 150 },
		async () => await ask('GET', { headersTimeoutMs: 1000 }),
	);

	await expect(Promise.all(requests)).resolves.toHaveLength(150);
});

it('a request that is given up while its body arrives takes its connection along', async () => {
	const given = new AbortController();
	act = ({ socket }) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
	const { body } = await send('GET', { signal: given.signal });
	const closed = closeOf(sockets[0]);

	given.abort();

	expect(await egressErrorOf(text(body))).toMatchObject({ code: 'ABORTED' });
	await closed;
});

it('an answer that nobody reads is given up by destroying it, without an error for anybody', async () => {
	act = ({ socket }) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
	const { body } = await send('GET');
	const closed = closeOf(sockets[0]);

	body.destroy();

	await closed;
});

it('the rest of a short answer is read for the connection’s sake, that of a long one is not', async () => {
	act = ({ socket, line }) => {
		const length = line === 'GET /' ? 1_000 : 1_000_000;
		socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n${'x'.repeat(length)}`);
	};
	const short = await send('GET');
	const ended = once(short.body, 'close');
	drain(short.body);
	await ended;
	await new Promise(setImmediate);
	await new Promise(setImmediate);
	const long = await send('OPTIONS');
	const closed = closeOf(sockets[0]);
	drain(long.body);

	await closed;

	expect(arrived.map(({ connection, turn }) => [connection, turn])).toEqual([
		[1, 1],
		[1, 2],
	]);
});

it('a failure before anybody reads is there for who reads later', async () => {
	act = ({ socket }) => void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
	const { body } = await send('GET');
	await pause(20);

	expect(await egressErrorOf(text(body))).toMatchObject({ detail: 'ECONNRESET' });
});

it('nothing leads from an answer to the request', async () => {
	const secret = 'a-token-that-must-not-be-found';
	act = ({ socket }) => void socket.write(ANSWER);

	const response = await send('GET', { headers: { authorization: `Bearer ${secret}` } });

	expect(reachable(response).some((value) => String(value).includes(secret))).toBe(false);
	expect(await text(response.body)).toBe('ok');
});

it('are forgotten with the origins that were used longest ago', async () => {
	const { port } = server.address() as AddressInfo;
	const get = async (name: string): Promise<number> => {
		const url = `http://${name}.localhost:${port}/`;
		await text((await egress.open(url, { method: 'GET', headers: {} })).body);
		return arrived.at(-1)!.turn;
	};
	await get('first');
	for (let n = 0; n < 300; n += 1) await get(`other-${n}`);
	await new Promise(setImmediate);

	expect(await get('first')).toBe(1);
	expect(await get('other-299')).toBeGreaterThan(1);
});

it('are shared only by requests with the same client certificate', async () => {
	const certificate = selfSigned('127.0.0.1');
	const distrust = trust(certificate);
	const subjects: (string | undefined)[] = [];
	const asking = { ...certificate, requestCert: true, rejectUnauthorized: false };
	const secure = await startServer(({ socket }, response) => {
		subjects.push((socket as TLSSocket).getPeerX509Certificate()?.subject);
		response.end('ok');
	}, asking);
	const [anna, otto] = [selfSigned('anna.example.com'), selfSigned('otto.example.com')];

	for (const tls of [undefined, anna, otto, undefined, { ...anna }, otto]) {
		const url = `https://127.0.0.1:${secure.port}/`;
		await text((await egress.open(url, { method: 'GET', headers: {}, tls })).body);
	}
	await secure.close();
	distrust();

	const [first, second] = ['CN=anna.example.com', 'CN=otto.example.com'];
	expect(subjects).toEqual([undefined, first, second, undefined, first, second]);
	expect(secure.connections()).toBe(3);
});

/** Sends a GET from a process of its own; what that says, by line. */
async function elsewhere(url: string, env: NodeJS.ProcessEnv = {}): Promise<string[]> {
	const script = `
		const swc = require('@swc/core');
		require.extensions['.ts'] = (module, file) => module._compile(swc.transformFileSync(file, {
			jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
			module: { type: 'commonjs', ignoreDynamic: true },
		}).code, file);
		const { createEgress } = require('./src/http/createEgress.ts');
		createEgress(undefined, {}).open('${url}', { method: 'GET', headers: {} }).then(
			({ body }) => {
				body.resume().on('end', () => console.log(Date.now()));
				process.on('exit', () => console.log(Date.now()));
			},
			({ detail }) => console.log(detail),
		);
	`;
	const { stdout } = await run(process.execPath, ['--no-warnings', '-e', script], {
		cwd: join(__dirname, '../..'),
		env: { ...process.env, ...env },
	});
	return stdout.trim().split('\n');
}

it('do not keep a process alive', async () => {
	const { port } = server.address() as AddressInfo;

	const [answered, ended] = (await elsewhere(`http://127.0.0.1:${port}/`)).map(Number);

	expect(ended! - answered!).toBeLessThan(2_000);
});

it('are trusted by the certificates of NODE_EXTRA_CA_CERTS too', async () => {
	const certificate = selfSigned('127.0.0.1');
	const secure = await startServer((_, response) => response.end('ok'), certificate);
	const folder = await mkdtemp(join(tmpdir(), 'vaulted-ca-'));
	const file = join(folder, 'ca.pem');
	await writeFile(file, certificate.cert);
	const url = `https://127.0.0.1:${secure.port}/`;

	expect(await elsewhere(url)).toEqual(['DEPTH_ZERO_SELF_SIGNED_CERT']);
	expect(await elsewhere(url, { NODE_EXTRA_CA_CERTS: file })).toHaveLength(2);

	await secure.close();
	await rm(folder, { recursive: true });
});

/** Every text and buffer that a program can get at from here. */
function reachable(from: unknown): unknown[] {
	const seen = new Set<unknown>();
	const queue: unknown[] = [from];
	for (const value of queue) {
		if ((typeof value !== 'object' && typeof value !== 'function') || value === null) continue;
		if (seen.has(value)) continue;
		seen.add(value);
		for (const key of Reflect.ownKeys(value)) {
			const descriptor = Reflect.getOwnPropertyDescriptor(value, key);
			queue.push(descriptor?.value);
		}
	}
	return queue.filter((value) => typeof value === 'string' || Buffer.isBuffer(value));
}
