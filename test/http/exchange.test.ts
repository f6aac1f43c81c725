import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';

import nock from 'nock';

import { createEgress } from '../../src/http/createEgress';
import type { EgressRequest } from '../../src/http/egress';
import { egressErrorOf } from './support/egressErrorOf';

const ORIGIN = 'https://idp.example.com';
const MARKER = 'must-never-be-in-an-error';
const MEBIBYTE = 1024 * 1024;

const egress = createEgress(undefined, {});

beforeAll(() => {
	nock.disableNetConnect();
});

afterEach(() => {
	const unused = nock.pendingMocks();
	nock.abortPendingRequests();
	nock.cleanAll();
	expect(unused).toEqual([]);
});

afterAll(() => {
	nock.enableNetConnect();
	nock.restore();
});

describe('a request', () => {
	it('sends method, headers and body as they are', async () => {
		const body = 'grant_type=client_credentials&scope=a%20b';
		nock(ORIGIN)
			.post('/token?x=1', body)
			.matchHeader('content-type', 'application/x-www-form-urlencoded')
			.matchHeader('accept', 'application/json')
			.matchHeader('content-length', String(body.length))
			.reply(200, '{}');

		const { status } = await egress.request(`${ORIGIN}/token?x=1`, {
			method: 'POST',
			headers: {
				'Content-Type': 'application/x-www-form-urlencoded',
				Accept: 'application/json',
			},
			body,
		});

		expect(status).toBe(200);
	});

	it('uses no connection that was kept open', async () => {
		nock(ORIGIN).get('/').matchHeader('connection', 'close').reply(200, '');

		await expect(get('/')).resolves.toHaveProperty('status', 200);
	});
});

describe('an answer', () => {
	it.each([200, 201, 204, 304, 400, 401, 403, 404, 429, 500, 503])(
		'with status %d resolves',
		async (status) => {
			nock(ORIGIN).get('/').reply(status);

			expect(await get('/')).toMatchObject({ status, body: '' });
		},
	);

	it.each([301, 302, 303, 307, 308])('with redirect %d is not followed', async (status) => {
		nock(ORIGIN).post('/').reply(status, 'moved', { Location: 'https://elsewhere.example.com/' });

		const answer = await egress.request(`${ORIGIN}/`, { method: 'POST', headers: {}, body: 'x' });

		expect(answer).toMatchObject({
			status,
			body: 'moved',
			headers: { location: 'https://elsewhere.example.com/' },
		});
	});

	it('has lower-case header names, and repeated headers in one', async () => {
		nock(ORIGIN)
			.get('/')
			.reply(401, 'x', [
				...['WWW-Authenticate', 'Bearer', 'WWW-Authenticate', 'Basic realm="x"'],
				...['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'Retry-After', '7'],
			]);

		expect((await get('/')).headers).toMatchObject({
			'www-authenticate': 'Bearer, Basic realm="x"',
			'set-cookie': 'a=1, b=2',
			'retry-after': '7',
		});
	});

	it('is text in UTF-8, without its byte order mark', async () => {
		nock(ORIGIN).get('/').reply(200, Buffer.from('\ufeff{"label":"Zürich 東京"}'));

		expect((await get('/')).body).toBe('{"label":"Zürich 東京"}');
	});

	it('is decompressed', async () => {
		nock(ORIGIN)
			.get('/')
			.reply(200, gzipSync('{"access_token":"x"}'), { 'Content-Encoding': 'gzip' });

		expect((await get('/')).body).toBe('{"access_token":"x"}');
	});

	it('may have 1 MiB', async () => {
		nock(ORIGIN).get('/').reply(200, 'x'.repeat(MEBIBYTE));

		expect((await get('/')).body).toHaveLength(MEBIBYTE);
	});

	it('is refused with one byte more, and where it grows to that by decompression', async () => {
		nock(ORIGIN)
			.get('/large')
			.reply(200, 'x'.repeat(MEBIBYTE + 1));
		nock(ORIGIN)
			.get('/bomb')
			.reply(200, gzipSync('x'.repeat(64 * MEBIBYTE)), { 'Content-Encoding': 'gzip' });

		for (const path of ['/large', '/bomb']) {
			expect(await egressErrorOf(get(path))).toMatchObject({
				code: 'TOO_LARGE',
				host: 'idp.example.com',
			});
		}
	});

	it('that claims to be compressed and is not is an error', async () => {
		nock(ORIGIN).get('/').reply(200, Buffer.from('plain'), { 'Content-Encoding': 'gzip' });

		expect(await egressErrorOf(get('/'))).toMatchObject({
			code: 'NETWORK',
			detail: 'Z_DATA_ERROR',
		});
	});
});

describe('a failure', () => {
	it.each(['ECONNRESET', 'ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'CERT_HAS_EXPIRED'])(
		'of the network keeps the code %s',
		async (code) => {
			nock(ORIGIN)
				.get('/')
				.replyWithError(Object.assign(new Error(MARKER), { code }));

			const error = await egressErrorOf(get('/'));

			expect(error).toMatchObject({ code: 'NETWORK', detail: code, host: 'idp.example.com' });
			expect(error.message).toContain(code);
		},
	);

	it('without a code is one nevertheless', async () => {
		nock(ORIGIN).get('/').replyWithError(MARKER);

		expect(await egressErrorOf(get('/'))).toMatchObject({ code: 'NETWORK', detail: 'UNKNOWN' });
	});

	it('comes in time when no answer does', async () => {
		nock(ORIGIN).get('/').delay(60_000).reply(200);

		expect(await egressErrorOf(get('/', { timeoutMs: 20 }))).toMatchObject({ code: 'TIMEOUT' });
	});

	it('comes when the caller gives up, before or during the request', async () => {
		nock(ORIGIN).get('/').delay(60_000).reply(200);
		const given = new AbortController();
		const pending = get('/', { signal: given.signal });
		given.abort(new Error(MARKER));

		expect(await egressErrorOf(pending)).toMatchObject({ code: 'ABORTED' });
		nock.cleanAll();
		expect(await egressErrorOf(get('/', { signal: AbortSignal.abort() }))).toMatchObject({
			code: 'ABORTED',
		});
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

	it('names the port where it is not the usual one', async () => {
		nock('http://localhost:8085').get('/').replyWithError('x');

		const request = egress.request('http://localhost:8085/', { method: 'GET', headers: {} });
		expect(await egressErrorOf(request)).toMatchObject({ host: 'localhost:8085' });
	});

	it('carries no query, header or body, of request or answer', async () => {
		const secret: EgressRequest = {
			method: 'POST',
			headers: { authorization: `Basic ${MARKER}` },
			body: MARKER,
			timeoutMs: 20,
		};
		const url = `https://${MARKER}:${MARKER}@idp.example.com/${MARKER}?secret=${MARKER}#${MARKER}`;
		const path = `/${MARKER}?secret=${MARKER}`;
		const faults = [
			() =>
				nock(ORIGIN)
					.post(path)
					.replyWithError(Object.assign(new Error(MARKER), { code: MARKER })),
			() => nock(ORIGIN).post(path).delay(60_000).reply(200),
			() =>
				nock(ORIGIN)
					.post(path)
					.reply(200, MARKER.repeat(MEBIBYTE / 10), { [MARKER]: MARKER }),
			() => nock(ORIGIN).post(path).reply(200, Buffer.from(MARKER), { 'Content-Encoding': 'gzip' }),
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
	return await egress.request(ORIGIN + path, { method: 'GET', headers: {}, ...options });
}
