import type { INodeParameters } from 'n8n-workflow';
import { eventually } from '../support/eventually';
import { listenOnLoopback } from '../support/loopback';
import { passWaits } from './fakeWaits';
import { startRecorder, type Recorded } from './recorder';
import { useRig, type Rig, type Credential } from './rig';

let rig: Rig;
let credential: Credential;

useRig(async (started) => {
	rig = started;
	credential = await rig.saved({ apiBaseUrl: `${rig.recorder.url}/v1` });
});

/** What reached the API. */
async function sent(parameters: INodeParameters): Promise<Recorded> {
	await rig.request(credential, parameters);
	expect(rig.recorder.requests).toHaveLength(1);
	return rig.recorder.requests[0]!;
}

const fields = (...rows: [string, unknown][]): INodeParameters => ({
	parameters: rows.map(([name, value]) => ({ name, value })) as INodeParameters[],
});

describe('method and path', () => {
	test.each(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT'])(
		'%s reaches the path under the API Base URL, with the token',
		async (method) => {
			const request = await sent({ method, path: '/contacts' });
			expect(request).toMatchObject({ method, path: '/v1/contacts', body: '' });
			expect(rig.provider.isActive(request.headers.authorization!.replace(/^Bearer /, ''))).toBe(
				true,
			);
		},
	);

	test.each([
		['', '/v1'],
		['/', '/v1/'],
		['contacts', '/v1/contacts'],
		['/contacts?limit=2', '/v1/contacts?limit=2'],
		['/a%20b', '/v1/a%20b'],
	])('the path "%s" leads to %s', async (path, expected) => {
		await expect(sent({ path })).resolves.toMatchObject({ path: expected });
	});

	test('a method that is no method of the form is refused', async () => {
		const run = await rig.run(credential, { resource: 'apiRequest', method: '={{ "TRACE" }}' });
		expect(run.error?.message).toBe('Method cannot be TRACE');
		expect(rig.recorder.requests).toEqual([]);
	});
});

describe('what Import cURL fills in', () => {
	/** As n8n's editor makes it of `curl -X POST -H 'X-Trace: a' -d '{"a":1}' -L --proxy … -k URL?b=2`. */
	const imported = (url: string): INodeParameters => ({
		url,
		authentication: 'none',
		method: 'POST',
		sendHeaders: true,
		headerParameters: { parameters: [{ name: 'X-Trace', value: 'a' }] },
		sendQuery: true,
		queryParameters: { parameters: [{ name: 'b', value: '2' }] },
		options: {
			redirect: { redirect: { followRedirects: true } },
			proxy: 'http://127.0.0.1:9',
			allowUnauthorizedCerts: true,
		},
		contentType: 'json',
		sendBody: true,
		specifyBody: 'keypair',
		bodyParameters: { parameters: [{ name: 'a', value: '={{ 1 }}' }] },
	});

	test('is sent to an address of the API', async () => {
		await expect(sent(imported(`${rig.recorder.url}/v1/contacts`))).resolves.toMatchObject({
			method: 'POST',
			path: '/v1/contacts?b=2',
			body: '{"a":1}',
			headers: { 'x-trace': 'a' },
		});
	});

	test.each(['https://elsewhere.test/x', 'http://127.0.0.1:9/x'])(
		'is not sent to %s',
		async (url) => {
			const { error } = await rig.run(credential, { resource: 'apiRequest', ...imported(url) });
			expect(error).toMatchObject({
				message: expect.stringContaining('URL: it leads away from') as string,
				context: { code: 'ADDRESS_NOT_ALLOWED', field: 'URL' },
			});
			expect(rig.recorder.requests).toEqual([]);
		},
	);

	test('is refused with a token of its own: the credential has one', async () => {
		const own = { headerParameters: fields(['authorization', 'Bearer of-my-own']) };
		const url = `${rig.recorder.url}/v1/contacts`;
		const { error } = await rig.run(credential, {
			resource: 'apiRequest',
			...imported(url),
			...own,
		});
		expect(error?.message).toBe('The header "authorization" cannot be set here');
	});
});

describe('the query', () => {
	const query = async (parameters: INodeParameters): Promise<string> =>
		decodeURIComponent((await sent({ path: '/x', sendQuery: true, ...parameters })).path);

	test('is made of fields; several of one name are a list, rows left empty are left out', async () => {
		const rows = fields(['q', 'a b&c'], ['tag', 1], ['tag', 2], ['', '']);
		await expect(query({ queryParameters: rows })).resolves.toBe(
			'/v1/x?q=a+b&c&tag[0]=1&tag[1]=2'.replace('+', ' '),
		);
	});

	test.each([
		['repeat', '/v1/x?tag=1&tag=2'],
		['brackets', '/v1/x?tag[]=1&tag[]=2'],
		['indices', '/v1/x?tag[0]=1&tag[1]=2'],
	])('writes lists as %s', async (queryParameterArrays, expected) => {
		const rows = fields(['tag', 1], ['tag', 2]);
		const options = { queryParameterArrays };
		await expect(query({ queryParameters: rows, options })).resolves.toBe(expected);
	});

	test('can be one JSON object, text or object', async () => {
		const specifyQuery = 'json';
		const expected = '/v1/x?a=1&b[c]=2';
		await expect(query({ specifyQuery, jsonQuery: '{"a":1,"b":{"c":2}}' })).resolves.toBe(expected);
		rig.recorder.reset();
		await expect(query({ specifyQuery, jsonQuery: '={{ {a: 1, b: {c: 2} } }}' })).resolves.toBe(
			expected,
		);
	});

	test('is added to the query in the path', async () => {
		const request = await sent({
			path: '/x?a=1',
			sendQuery: true,
			queryParameters: fields(['b', '2']),
		});
		expect(request.path).toBe('/v1/x?a=1&b=2');
	});

	test.each(['{', '[1]', '"text"', 'null'])(
		'that is %s is no JSON object, and says so',
		async (jsonQuery) => {
			const parameters = {
				resource: 'apiRequest',
				sendQuery: true,
				specifyQuery: 'json',
				jsonQuery,
			};
			const { error } = await rig.run(credential, parameters);
			expect(error?.message).toMatch(/^The value in the "JSON Query Parameters" field is not /);
			expect(rig.recorder.requests).toEqual([]);
		},
	);
});

describe('headers', () => {
	test('come from fields or from JSON, in lower case', async () => {
		const rows = fields(['X-Trace', 'abc'], ['X-Tag', '1'], ['X-Tag', '2']);
		const request = await sent({ sendHeaders: true, headerParameters: rows });
		expect(request.headers).toMatchObject({ 'x-trace': 'abc', 'x-tag': '1, 2' });
		rig.recorder.reset();
		const json = { sendHeaders: true, specifyHeaders: 'json', jsonHeaders: '{"X-Trace":"abc"}' };
		expect((await sent(json)).headers).toMatchObject({ 'x-trace': 'abc' });
	});

	test('say what is accepted, unless the user does', async () => {
		expect((await sent({})).headers.accept).toMatch(/^application\/json,text\/html/);
		rig.recorder.reset();
		const own = { sendHeaders: true, headerParameters: fields(['Accept', 'text/csv']) };
		expect((await sent(own)).headers.accept).toBe('text/csv');
	});

	test('say that it is n8n, unless the user does', async () => {
		expect((await sent({})).headers['user-agent']).toBe('n8n');
		rig.recorder.reset();
		const own = { sendHeaders: true, headerParameters: fields(['User-Agent', 'of my own']) };
		expect((await sent(own)).headers['user-agent']).toBe('of my own');
	});

	test('that frame a message are those of the message that is sent', async () => {
		const request = await sent({
			method: 'POST',
			sendBody: true,
			specifyBody: 'json',
			jsonBody: '{"a":1}',
			sendHeaders: true,
			headerParameters: fields(
				['Content-Length', '3'],
				['Transfer-Encoding', 'chunked'],
				['Connection', 'x-trace, upgrade'],
				['Keep-Alive', 'timeout=600'],
				['X-Trace', 'abc'],
			),
		});
		expect(request.body).toBe('{"a":1}');
		expect(request.headers).toMatchObject({
			'content-length': '7',
			connection: 'keep-alive',
			'x-trace': 'abc',
		});
		expect(request.headers).not.toHaveProperty('transfer-encoding');
		expect(request.headers).not.toHaveProperty('keep-alive');
	});

	test.each([
		['Expect', '100-continue', 'expect', 'another exchange'],
		['Upgrade', 'websocket', 'upgrade', 'another exchange'],
		['X-Trace', 'a\r\nX-Other: b', 'x-trace', 'Its value has a character'],
		['X-Price', '5 €', 'x-price', 'Its value has a character'],
		['X Trace', 'a', 'x trace', 'Its name has a character'],
	])('"%s: %s" cannot be sent, and the error names it', async (name, value, shown, why) => {
		const { error } = await rig.run(credential, {
			resource: 'apiRequest',
			sendHeaders: true,
			headerParameters: fields([name, value]),
		});
		expect(error?.message).toBe(`The header "${shown}" cannot be set here`);
		expect(error?.description).toContain(why);
		expect(error?.context).toMatchObject({ itemIndex: 0 });
		expect(rig.recorder.requests).toEqual([]);
	});

	test.each(['Authorization', ' authorization ', 'AUTHORIZATION', 'DPoP', 'Host'])(
		'a user’s own "%s" is refused, and nothing is sent',
		async (name) => {
			const value = 'Basic of-my-own';
			for (const headers of [
				{ headerParameters: fields([name, value]) },
				{ specifyHeaders: 'json', jsonHeaders: JSON.stringify({ [name]: value }) },
			]) {
				const run = await rig.run(credential, {
					resource: 'apiRequest',
					sendHeaders: true,
					...headers,
				});
				expect(run.error?.message).toBe(`The header "${name.trim()}" cannot be set here`);
				expect(run.error?.context).toMatchObject({ itemIndex: 0 });
			}
			expect(rig.recorder.requests).toEqual([]);
		},
	);
});

describe('the body', () => {
	const body = async (parameters: INodeParameters): Promise<[string | undefined, string]> => {
		const request = await sent({ method: 'POST', sendBody: true, ...parameters });
		return [request.headers['content-type'], request.body];
	};

	test('is JSON made of fields, which keep their types and lead into objects and lists', async () => {
		const rows = fields(
			['name', 'Ada'],
			['age', '={{ 36 }}'],
			['address.city', 'London'],
			['tags[0]', 'a'],
			['tags[1]', 'b'],
			['', ''],
		);
		const [type, text] = await body({ bodyParameters: rows });
		expect(type).toBe('application/json');
		expect(JSON.parse(text)).toEqual({
			name: 'Ada',
			age: 36,
			address: { city: 'London' },
			tags: ['a', 'b'],
		});
	});

	test.each([
		['a[30000000]', 'a[30000000]', 'An index can be at most 999'],
		['__proto__.x', '__proto__.x', 'A name cannot be "__proto__"'],
		[`a[${'9'.repeat(100)}]`, `a[${'9'.repeat(58)}…`, 'An index can be at most 999'],
	])('a field named %s is refused at once, and nothing is sent', async (name, shown, why) => {
		const { error } = await rig.run(credential, {
			resource: 'apiRequest',
			method: 'POST',
			sendBody: true,
			bodyParameters: fields(['b', 1], [name, 1]),
		});
		expect(error?.message).toBe(`The field "${shown}" in "Body Parameters" cannot be used`);
		expect(error?.description).toContain(why);
		expect(error?.context).toMatchObject({ itemIndex: 0 });
		expect(rig.recorder.requests).toEqual([]);
	});

	test('a name that an expression made is a text', async () => {
		const rows = fields(['={{ 5 }}', 1], ['={{ null }}', 2], ['={{ true }}', 3]);
		const [, text] = await body({ bodyParameters: rows });
		expect(JSON.parse(text)).toEqual({ 5: 1, true: 3 });
	});

	test('is JSON as it was written', async () => {
		const specified = { specifyBody: 'json', jsonBody: '[{"a":1},{"big":"ä✓"}]' };
		await expect(body(specified)).resolves.toEqual(['application/json', '[{"a":1},{"big":"ä✓"}]']);
	});

	test('is JSON from an expression', async () => {
		const specified = { specifyBody: 'json', jsonBody: '={{ {a: [1, 2]} }}' };
		await expect(body(specified)).resolves.toEqual(['application/json', '{"a":[1,2]}']);
	});

	test('is JSON under a content type of the user’s', async () => {
		const [type] = await body({
			sendHeaders: true,
			headerParameters: fields(['Content-Type', 'application/vnd.api+json']),
			specifyBody: 'json',
			jsonBody: '{}',
		});
		expect(type).toBe('application/vnd.api+json');
	});

	test('that is not valid JSON is not sent', async () => {
		const { error } = await rig.run(credential, {
			resource: 'apiRequest',
			method: 'POST',
			sendBody: true,
			specifyBody: 'json',
			jsonBody: '{"a":',
		});
		expect(error?.message).toBe('The value in the "JSON Body" field is not valid JSON');
		expect(rig.recorder.requests).toEqual([]);
	});

	test('is a form made of fields', async () => {
		const [type, text] = await body({
			contentType: 'form-urlencoded',
			bodyParameters: fields(['a', 'x y&z'], ['b', 1], ['b', 2]),
		});
		expect(type).toBe('application/x-www-form-urlencoded');
		expect([...new URLSearchParams(text)]).toEqual([
			['a', 'x y&z'],
			['b[0]', '1'],
			['b[1]', '2'],
		]);
	});

	test('is a form in one text', async () => {
		const single = { contentType: 'form-urlencoded', specifyBody: 'string', body: 'a=1&b=x%20y' };
		await expect(body(single)).resolves.toEqual(['application/x-www-form-urlencoded', 'a=1&b=x+y']);
	});

	test('is raw text of any type', async () => {
		const raw = { contentType: 'raw', rawContentType: 'text/xml', body: '<a>ä</a>' };
		await expect(body(raw)).resolves.toEqual(['text/xml', '<a>ä</a>']);
		rig.recorder.reset();
		await expect(body({ contentType: 'raw', body: 'plain' })).resolves.toEqual([
			'text/plain',
			'plain',
		]);
	});

	test.each(['DELETE', 'GET', 'PATCH', 'PUT'])('goes along with %s', async (method) => {
		const parameters = { method, sendBody: true, specifyBody: 'json', jsonBody: '{"a":1}' };
		await expect(sent(parameters)).resolves.toMatchObject({ method, body: '{"a":1}' });
	});

	test('is refused with HEAD, which has none', async () => {
		const parameters = {
			resource: 'apiRequest',
			method: 'HEAD',
			sendBody: true,
			jsonBody: '{"a":1}',
		};
		const { error } = await rig.run(credential, { ...parameters, specifyBody: 'json' });
		expect(error?.message).toBe('A HEAD request cannot have a body');
		expect(rig.recorder.requests).toEqual([]);
	});
});

describe('a request without an answer', () => {
	test('ends at its timeout', async () => {
		let answer = (): void => undefined;
		rig.recorder.answers = {
			'/v1/slow': async () => {
				await new Promise<void>((resolve) => (answer = resolve));
				return {};
			},
		};
		const parameters = { resource: 'apiRequest', path: '/slow', options: { timeout: 50 } };
		const { error } = await rig.run(credential, parameters);
		answer();
		expect(error).toMatchObject({ description: expect.stringContaining('(ETIMEDOUT)') as string });
	});

	test('is given up at once if the execution is stopped', async () => {
		const server = await listenOnLoopback();
		let closed = false;
		const arrived = new Promise<void>((resolve) => {
			server.serve(({ url }, response) => {
				if (url !== '/slow') return response.end('{}');
				response.on('close', () => (closed = true));
				return resolve();
			});
		});
		const slow = await rig.saved({ apiBaseUrl: server.origin });
		const run = await rig.run(
			slow,
			{ resource: 'apiRequest', path: '/slow', options: { timeout: 600_000 } },
			{ stopped: arrived },
		);
		expect(run.status).toBe('canceled');
		await eventually(() => closed);
		await server.close();
	});

	test('says what the system said, and nothing of the request', async () => {
		passWaits();
		const { url, close } = await startRecorder();
		const lost = await rig.saved({ apiBaseUrl: url });
		await close();
		const run = await rig.run(lost, { resource: 'apiRequest', path: '/x' });
		expect(run.error).toMatchObject({
			message: 'The service refused the connection - perhaps it is offline',
			description: expect.stringContaining('ECONNREFUSED') as string,
		});
		expect(run.text).not.toContain('Bearer');
	});
});
