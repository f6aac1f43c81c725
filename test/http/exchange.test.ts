import { inspect } from 'node:util';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';

import { createEgress } from '../../src/http/createEgress';
import { EgressError, toEgressError, type EgressRequest } from '../../src/http/egress';
import { ScriptedServer } from '../support/scriptedServer';
import { egressErrorOf } from './support/egressErrorOf';

const MARKER = 'must-never-be-in-an-error';
const MEBIBYTE = 1024 * 1024;

const egress = createEgress(undefined, {});
let server: ScriptedServer;
let host: string;

beforeAll(async () => {
	server = await ScriptedServer.start();
	({ host } = new URL(server.origin));
});

afterEach(() => {
	expect(server.reset()).toEqual([]);
});

afterAll(async () => {
	await server.close();
});

describe('a request', () => {
	it('sends method, headers and body as they are', async () => {
		const body = 'grant_type=client_credentials&scope=a%20b';
		server.on('POST /token?x=1').reply(200, '{}');

		const { status } = await egress.request(`${server.origin}/token?x=1`, {
			method: 'POST',
			headers: {
				'Content-Type': 'application/x-www-form-urlencoded',
				Accept: 'application/json',
			},
			body,
		});

		expect(status).toBe(200);
		expect(server.requests).toMatchObject([
			{
				body,
				headers: {
					'content-type': 'application/x-www-form-urlencoded',
					'content-length': String(body.length),
					accept: 'application/json',
				},
			},
		]);
	});

	it('uses no connection that was kept open', async () => {
		server.on('GET /').reply(200);

		await expect(get('/')).resolves.toHaveProperty('status', 200);

		expect(server.requests).toMatchObject([{ headers: { connection: 'close' } }]);
	});
});

describe('an answer', () => {
	it.each([200, 201, 204, 304, 400, 401, 403, 404, 429, 500, 503])(
		'with status %d resolves',
		async (status) => {
			server.on('GET /').reply(status);

			expect(await get('/')).toMatchObject({ status, body: '' });
		},
	);

	it.each([301, 302, 303, 307, 308])('with redirect %d is not followed', async (status) => {
		const location = 'https://elsewhere.example.com/';
		server.on('POST /').reply(status, 'moved', { Location: location });

		const answer = await egress.request(`${server.origin}/`, {
			method: 'POST',
			headers: {},
			body: 'x',
		});

		expect(answer).toMatchObject({ status, body: 'moved', headers: { location } });
	});

	it('has lower-case header names, and repeated headers in one', async () => {
		server
			.on('GET /')
			.reply(401, 'x', [
				...['WWW-Authenticate', 'Bearer', 'WWW-Authenticate', 'Basic realm="x"'],
				...['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'Retry-After', '7', 'Retry-After', '8'],
			]);

		expect((await get('/')).headers).toMatchObject({
			'www-authenticate': 'Bearer, Basic realm="x"',
			'set-cookie': 'a=1, b=2',
			'retry-after': '7',
		});
	});

	it('is text in UTF-8, without its byte order mark', async () => {
		server.on('GET /').reply(200, Buffer.from('\ufeff{"label":"Zürich 東京"}'));

		expect((await get('/')).body).toBe('{"label":"Zürich 東京"}');
	});

	it.each([
		['gzip', gzipSync],
		['x-gzip', gzipSync],
		['deflate', deflateSync],
		['deflate', deflateRawSync],
		['br', brotliCompressSync],
		['GZIP', gzipSync],
	])('is decompressed: %s', async (encoding, compress) => {
		const body = compress('{"access_token":"x"}');
		server.on('GET /').reply(200, body, { 'Content-Encoding': encoding });

		const answer = await get('/');

		expect(answer.body).toBe('{"access_token":"x"}');
		expect(answer.headers).not.toHaveProperty('content-encoding');
	});

	it('in an encoding that is not known stays what it is', async () => {
		server.on('GET /').reply(200, 'as it is', { 'Content-Encoding': 'unknown' });

		expect(await get('/')).toMatchObject({
			body: 'as it is',
			headers: { 'content-encoding': 'unknown' },
		});
	});

	it('may have 1 MiB', async () => {
		server.on('GET /').reply(200, 'x'.repeat(MEBIBYTE));

		expect((await get('/')).body).toHaveLength(MEBIBYTE);
	});

	it('is refused with one byte more, and if it grows to that by decompression', async () => {
		server.on('GET /large').reply(200, 'x'.repeat(MEBIBYTE + 1));
		const bomb = gzipSync('x'.repeat(64 * MEBIBYTE));
		server.on('GET /bomb').reply(200, bomb, { 'Content-Encoding': 'gzip' });

		for (const path of ['/large', '/bomb']) {
			expect(await egressErrorOf(get(path))).toMatchObject({ code: 'TOO_LARGE', host });
		}
	});

	it('that claims to be compressed and is not is an error', async () => {
		server.on('GET /').reply(200, Buffer.from('plain'), { 'Content-Encoding': 'gzip' });

		expect(await egressErrorOf(get('/'))).toMatchObject({
			code: 'NETWORK',
			detail: 'Z_DATA_ERROR',
		});
	});
});

describe('a failure', () => {
	it.each(['ECONNRESET', 'ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'CERT_HAS_EXPIRED'])(
		'of the network keeps the code %s, and nothing else',
		(code) => {
			const error = toEgressError(Object.assign(new Error(MARKER), { code }), 'idp.example.com');

			expect(error).toMatchObject({ code: 'NETWORK', detail: code, host: 'idp.example.com' });
			expect(error.message).toContain(code);
			expect(error.message).not.toContain(MARKER);
		},
	);

	it.each([new Error(MARKER), { code: MARKER }, MARKER, undefined, null])(
		'without a code is one nevertheless',
		(error) => {
			expect(toEgressError(error, 'x')).toMatchObject({ code: 'NETWORK', detail: 'UNKNOWN' });
		},
	);

	it('of this package keeps its code, and gets the host of the request', () => {
		const error = toEgressError(new EgressError('BLOCKED', 'host name', 'x'), 'x:8085');
		expect(error).toMatchObject({ code: 'BLOCKED', detail: 'host name', host: 'x:8085' });
	});

	it('comes in time when no answer does', async () => {
		server.on('GET /').hold();

		expect(await egressErrorOf(get('/', { timeoutMs: 50 }))).toMatchObject({
			code: 'TIMEOUT',
			detail: 'ETIMEDOUT',
		});
		// On a slow machine the time is over before the request is there.
		server.reset();
	});

	it('comes when the caller gives up, before or during the request', async () => {
		server.on('GET /').hold();
		const given = new AbortController();
		const pending = get('/', { signal: given.signal });
		while (server.requests.length === 0) await new Promise(setImmediate);
		given.abort(new Error(MARKER));

		expect(await egressErrorOf(pending)).toMatchObject({ code: 'ABORTED' });
		expect(await egressErrorOf(get('/', { signal: AbortSignal.abort() }))).toMatchObject({
			code: 'ABORTED',
		});
		expect(server.requests).toHaveLength(1);
	});

	it.each([
		'ftp://idp.example.com/',
		'file:///etc/passwd',
		'data:text/plain,x',
		'idp.example.com',
		'',
	])('is what the address %j leads to', async (url) => {
		const error = await egressErrorOf(egress.request(url, { method: 'GET', headers: {} }));

		expect(error).toMatchObject({ code: 'NETWORK', detail: 'ERR_INVALID_URL' });
	});

	it('names the port if it is not the usual one', async () => {
		server.on('GET /').cut();

		expect(await egressErrorOf(get('/'))).toMatchObject({ host });
	});

	it('carries no query, header or body, of request or answer', async () => {
		const secret: EgressRequest = {
			method: 'POST',
			headers: { authorization: `Basic ${MARKER}` },
			body: MARKER,
			timeoutMs: 200,
		};
		const url = `http://${MARKER}:${MARKER}@${host}/${MARKER}?secret=${MARKER}#${MARKER}`;
		const plan = () => server.on(`POST /${MARKER}?secret=${MARKER}`);
		const faults = [
			() => plan().cut(),
			() => plan().hold(),
			() => plan().reply(200, MARKER.repeat(MEBIBYTE / 10), { [MARKER]: MARKER }),
			() => plan().reply(200, Buffer.from(MARKER), { 'Content-Encoding': 'gzip' }),
		];

		for (const fault of faults) {
			fault();
			const error = await egressErrorOf(egress.request(url, secret));
			expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(MARKER);
			expect(JSON.stringify(error)).not.toContain(MARKER);
			expect(error.cause).toBeUndefined();
		}
		const invalid = egress.request(url, { ...secret, headers: { 'x-bad': `${MARKER}\n` } });
		expect(inspect(await egressErrorOf(invalid), { depth: 10, showHidden: true })).not.toContain(
			MARKER,
		);
	});
});

async function get(path: string, options: Partial<EgressRequest> = {}) {
	return await egress.request(server.origin + path, { method: 'GET', headers: {}, ...options });
}
