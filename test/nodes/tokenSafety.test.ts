import type { INodeParameters } from 'n8n-workflow';
import type { Recorded } from './recorder';
import { useRig, type Rig, type Credential } from './rig';

let rig: Rig;
let credential: Credential;

useRig(async (started) => {
	rig = started;
	credential = await rig.saved({ apiBaseUrl: `${rig.recorder.url}/v1` });
});

/** How each request of a chain looked like at the server it reached. */
const seen = (requests: readonly Recorded[]): string[] =>
	requests.map(
		({ method, path, headers, body }) =>
			`${method} ${path}${headers.authorization === undefined ? '' : ' +token'}${body === '' ? '' : ` ${body}`}`,
	);

describe('a path that leads away from the API is refused before anything is sent', () => {
	const elsewhere = (): string => rig.elsewhere.url.replace('http://', '');
	test.each<[string, () => string]>([
		['an absolute address elsewhere', () => `${rig.elsewhere.url}/v1/x`],
		['another port', () => `http://127.0.0.1:${rig.elsewhere.port}/`],
		['another name of the host', () => `http://localhost:${rig.recorder.port}/v1/x`],
		['another scheme', () => rig.recorder.url.replace('http:', 'https:')],
		['a file', () => 'file:///etc/passwd'],
		['//host', () => `//${elsewhere()}/x`],
		['\\\\host', () => `\\\\${elsewhere()}\\x`],
		['/\\host', () => `/\\${elsewhere()}/x`],
		['https:\\\\host', () => `http:\\\\${elsewhere()}/x`],
		['a tab in the scheme', () => `ht\ttp://${elsewhere()}/x`],
		['a tab between slashes', () => `/\t/${elsewhere()}/x`],
		['a line break between slashes', () => `/\n/${elsewhere()}/x`],
		['user information', () => `http://127.0.0.1:${rig.recorder.port}@${elsewhere()}/x`],
		['user information at the API itself', () => rig.recorder.url.replace('//', '//me:pw@')],
		['..', () => '../admin'],
		['.. behind a segment', () => 'a/../../admin'],
		['%2e%2e', () => '%2e%2e/admin'],
		['.%2E', () => '/.%2E/admin'],
		['an encoded slash behind ..', () => '/..%2fadmin'],
		['.. encoded twice', () => '/%252e%252e/admin'],
		['.. in pieces', () => '/%2%65%2%65/admin'],
		['an absolute address beside the base path', () => `${rig.recorder.url}/v2/x`],
		['a base path that only begins alike', () => `${rig.recorder.url}/v10/x`],
		['the bare origin', () => rig.recorder.url],
		['a blob of the origin', () => `blob:${rig.recorder.url}/v1/x`],
	])('%s', async (_trick, path) => {
		const run = await rig.run(credential, { resource: 'apiRequest', path: path() });
		expect(run.error?.message).toMatch(/^Fix the configuration – Path: /);
		expect(run.error).toMatchObject({ context: { itemIndex: 0, code: 'ADDRESS_NOT_ALLOWED' } });
		expect([...rig.recorder.requests, ...rig.elsewhere.requests]).toEqual([]);
		expect(run.text).not.toContain('Bearer');
	});
});

describe('an absolute address of an origin the credential allows', () => {
	test('gets the token', async () => {
		await rig.request(credential, { path: `${rig.recorder.url}/v1/x?page=2` });
		expect(seen(rig.recorder.requests)).toEqual(['GET /v1/x?page=2 +token']);
		const both = await rig.saved({
			apiBaseUrl: rig.recorder.url,
			additionalApiOrigins: rig.elsewhere.url,
		});
		rig.elsewhere.reset();
		await rig.request(both, { path: `${rig.elsewhere.url}/upload` });
		expect(seen(rig.elsewhere.requests)).toEqual(['GET /upload +token']);
	});
});

describe('a redirect', () => {
	const redirect = (
		to: string,
		status = 302,
	): { status: number; headers: { location: string } } => ({
		status,
		headers: { location: to },
	});
	const post = { method: 'POST', sendBody: true, specifyBody: 'json', jsonBody: '{"a":1}' };

	test('within the API’s origin is followed with the token, relative or not', async () => {
		rig.recorder.answers = {
			'/v1/a': redirect('b?x=1'),
			'/v1/b': redirect(`${rig.recorder.url}/other`),
		};
		const query = { sendQuery: true, queryParameters: { parameters: [{ name: 'q', value: '1' }] } };
		await rig.request(credential, { path: '/a', ...query });
		expect(seen(rig.recorder.requests)).toEqual([
			'GET /v1/a?q=1 +token',
			'GET /v1/b?x=1 +token',
			'GET /other +token',
		]);
	});

	test.each<[string, () => string]>([
		['another port', () => `${rig.elsewhere.url}/x`],
		['another name of the same host', () => `http://localhost:${rig.elsewhere.port}/x`],
		['//host', () => `//127.0.0.1:${rig.elsewhere.port}/x`],
	])(
		'to %s is followed without token, cookie and other headers of the user’s',
		async (_where, to) => {
			rig.recorder.answers = { '/v1/a': redirect(to()) };
			const headers = {
				cookie: 'session=1',
				'x-api-key': 'k',
				'proxy-authorization': 'p',
				range: 'bytes=0-1',
			};
			const items = await rig.request(credential, {
				path: '/a',
				sendHeaders: true,
				specifyHeaders: 'json',
				jsonHeaders: JSON.stringify(headers),
			});
			expect(items).toHaveLength(1);
			expect(rig.recorder.requests[0]!.headers).toMatchObject(headers);
			expect(seen(rig.elsewhere.requests)).toEqual(['GET /x']);
			const received = rig.elsewhere.requests[0]!.headers;
			expect(Object.keys(received).sort()).toEqual(
				['accept', 'accept-encoding', 'connection', 'host', 'range', 'user-agent'].sort(),
			);
		},
	);

	test('back from elsewhere does not get the token again', async () => {
		rig.recorder.answers = { '/v1/a': redirect(`${rig.elsewhere.url}/x`) };
		rig.elsewhere.answers = { '/x': redirect(`${rig.recorder.url}/v1/delete-everything`) };
		await rig.request(credential, { path: '/a' });
		expect(seen(rig.recorder.requests)).toEqual(['GET /v1/a +token', 'GET /v1/delete-everything']);
	});

	test.each([
		[301, 'GET /v1/b +token'],
		[302, 'GET /v1/b +token'],
		[303, 'GET /v1/b +token'],
		[307, 'POST /v1/b +token {"a":1}'],
		[308, 'POST /v1/b +token {"a":1}'],
	])('after a POST with %i leads to %s', async (status, expected) => {
		rig.recorder.answers = { '/v1/a': redirect('b', status) };
		await rig.request(credential, { path: '/a', ...post });
		expect(seen(rig.recorder.requests)).toEqual(['POST /v1/a +token {"a":1}', expected]);
		const { headers } = rig.recorder.requests[1]!;
		expect(headers['content-type']).toBe(status < 307 ? undefined : 'application/json');
	});

	test('after a PUT with 302 stays a PUT, as in n8n', async () => {
		rig.recorder.answers = { '/v1/a': redirect('b', 302) };
		await rig.request(credential, { path: '/a', ...post, method: 'PUT' });
		expect(seen(rig.recorder.requests)[1]).toBe('PUT /v1/b +token {"a":1}');
	});

	const failing = async (parameters: INodeParameters): Promise<string> =>
		(await rig.run(credential, { resource: 'apiRequest', path: '/a', ...parameters })).error!
			.message;

	test('without end is given up', async () => {
		rig.recorder.answers = { '/v1/a': redirect('a') };
		await expect(failing({})).resolves.toBe('The API redirects more than 21 times');
		expect(rig.recorder.requests).toHaveLength(22);
		rig.recorder.requests.length = 0;
		const options = { redirect: { redirect: { followRedirects: true, maxRedirects: 2 } } };
		await expect(failing({ options })).resolves.toBe('The API redirects more than 2 times');
		expect(rig.recorder.requests).toHaveLength(3);
	});

	test('is the answer where redirects are not followed', async () => {
		rig.recorder.answers = { '/v1/a': redirect(`${rig.elsewhere.url}/x`) };
		const options = {
			redirect: { redirect: { followRedirects: false } },
			response: { response: { neverError: true, fullResponse: true } },
		};
		await expect(rig.request(credential, { path: '/a', options })).resolves.toMatchObject([
			{ json: { statusCode: 302, headers: { location: `${rig.elsewhere.url}/x` } } },
		]);
		expect(rig.elsewhere.requests).toEqual([]);
	});

	test('to something that is no web address is not followed', async () => {
		rig.recorder.answers = { '/v1/a': redirect('ftp://example.com/') };
		await expect(failing({})).resolves.toBe(
			'The API redirects to something that is not a web address',
		);
	});
});

describe('a credential that n8n restricts to some domains', () => {
	test('is not sent to others, nor do redirects lead there', async () => {
		const restricted = await rig.saved({
			apiBaseUrl: rig.recorder.url,
			allowedHttpRequestDomains: 'domains',
			allowedDomains: '127.0.0.1',
		});
		rig.recorder.reset();
		await rig.request(restricted, { path: '/x' });
		rig.recorder.answers = { '/a': { status: 302, headers: { location: 'http://localhost:1/x' } } };
		const run = await rig.run(restricted, { resource: 'apiRequest', path: '/a' });
		expect(run.error?.message).toMatch(/^Domain not allowed: .* localhost:1\. /);
	});

	test('whose list leaves the API itself out cannot be used', async () => {
		const restricted = rig.unsaved({
			apiBaseUrl: rig.recorder.url,
			allowedHttpRequestDomains: 'domains',
			allowedDomains: 'example.com',
		});
		const run = await rig.run(restricted, { resource: 'apiRequest', path: '/x' });
		expect(run.status).toBe('error');
		expect(rig.recorder.requests).toEqual([]);
	});

	test('that n8n’s own HTTP nodes may not use is still good for this node', async () => {
		const none = await rig.saved({
			apiBaseUrl: rig.recorder.url,
			allowedHttpRequestDomains: 'none',
		});
		await expect(rig.request(none, { path: '/x' })).resolves.toHaveLength(1);
	});
});
