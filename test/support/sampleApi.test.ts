import { startSampleApi, type SampleApi } from './sampleApi';

describe('sample API of the test support', () => {
	let api: SampleApi;

	beforeEach(async () => {
		api = await startSampleApi({ isActive: (token) => token === 'good' });
	});

	afterEach(async () => {
		await api.close();
	});

	interface Init {
		method?: string;
		headers?: Record<string, string>;
		body?: string;
	}

	async function call(path: string, init: Init = {}): Promise<Response> {
		const headers = { authorization: 'Bearer good', ...init.headers };
		return await fetch(`${api.url}${path}`, { redirect: 'manual', ...init, headers });
	}

	it('answers nothing but 401 without a good token, and records who came with what', async () => {
		const none = await fetch(`${api.url}/me`);
		const bad = await call('/status/200', { headers: { authorization: 'Bearer bad' } });
		const good = await call('/me');

		expect([none.status, none.headers.get('www-authenticate')]).toEqual([
			401,
			'Bearer realm="sample"',
		]);
		expect(bad.headers.get('www-authenticate')).toContain('error="invalid_token"');
		expect(good.status).toBe(200);
		expect(api.requests).toEqual([
			{ method: 'GET', path: '/me', authorization: 'none', status: 401 },
			{ method: 'GET', path: '/status/200', authorization: 'refused', status: 401 },
			{ method: 'GET', path: '/me', authorization: 'accepted', status: 200 },
		]);
		expect(api.countRequests({ path: '/me', status: 401 })).toBe(1);
	});

	it.each(['POST', 'PUT', 'PATCH', 'DELETE'])(
		'echoes a %s without its authorization',
		async (method) => {
			const response = await call('/echo?a=1&a=2&b=3', {
				method,
				body: 'text',
				headers: { 'x-trace': '7' },
			});
			const echo = (await response.json()) as { headers: Record<string, string> };
			expect(echo).toMatchObject({
				method,
				path: '/echo',
				query: { a: ['1', '2'], b: '3' },
				body: 'text',
			});
			expect(echo.headers['x-trace']).toBe('7');
			expect(echo.headers).not.toHaveProperty('authorization');
		},
	);

	it('answers with the status that is asked for', async () => {
		const response = await call('/status/429?retryAfter=2');
		expect([response.status, response.headers.get('retry-after')]).toEqual([429, '2']);
	});

	it('redirects where it is told to', async () => {
		const response = await call('/redirect?status=307&to=https://elsewhere.example/x');
		expect([response.status, response.headers.get('location')]).toEqual([
			307,
			'https://elsewhere.example/x',
		]);
	});

	it('sends a file as bytes', async () => {
		const response = await call('/file');
		const bytes = Buffer.from(await response.arrayBuffer());
		expect(response.headers.get('content-type')).toBe('image/png');
		expect(bytes.subarray(1, 4).toString()).toBe('PNG');
	});

	it('leads through its pages by link header and by body', async () => {
		const seen: number[] = [];
		let path: string | null = '/items';
		while (path !== null) {
			const response = await call(path);
			const page = (await response.json()) as { items: { id: number }[]; next: string | null };
			seen.push(...page.items.map(({ id }) => id));
			expect(response.headers.has('link')).toBe(page.next !== null);
			path = page.next?.replace(api.url, '') ?? null;
		}
		expect(seen).toEqual([1, 2, 3, 4, 5, 6]);
	});

	it('answers as planned, whatever the token, and then as always', async () => {
		api.answerNext({ status: 403, body: { error: 'expired' } }, 2);
		const statuses = [await call('/me'), await call('/me'), await call('/me')].map(
			({ status }) => status,
		);
		expect(statuses).toEqual([403, 403, 200]);
	});
});
