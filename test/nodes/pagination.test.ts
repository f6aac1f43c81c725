import type { IDataObject, INodeExecutionData, INodeParameters } from 'n8n-workflow';
import type { EngineRun } from '../support/n8nEngine';
import type { Answer, Recorded } from './recorder';
import { useRig, type Rig, type Credential } from './rig';

let rig: Rig;
let credential: Credential;

useRig(async (started) => {
	rig = started;
	credential = await rig.saved({ apiBaseUrl: `${rig.recorder.url}/v1` });
});

const JSON_TYPE = { 'content-type': 'application/json' };
const json = (value: unknown, headers: Record<string, string> = {}): Answer => ({
	headers: { ...JSON_TYPE, ...headers },
	body: JSON.stringify(value),
});
const parameters = (...rows: [type: string, name: string, value: string][]): INodeParameters => ({
	paginationMode: 'updateAParameterInEachRequest',
	parameters: { parameters: rows.map(([type, name, value]) => ({ type, name, value })) },
});
const nextUrl = (nextURL = '={{ $response.body.next }}'): INodeParameters => ({
	paginationMode: 'responseContainsNextURL',
	nextURL,
});
const until = (completeExpression: string): INodeParameters => ({
	paginationCompleteWhen: 'other',
	completeExpression,
});

interface Setting {
	pagination: INodeParameters;
	response?: INodeParameters;
	request?: INodeParameters;
}

async function run(
	{ pagination, response = {}, request = {} }: Setting,
	name = 'Node',
): Promise<EngineRun> {
	return await rig.run(
		credential,
		{
			resource: 'apiRequest',
			path: '/list',
			options: { pagination: { pagination }, response: { response } },
			...request,
		},
		{ node: { name } },
	);
}

async function items(setting: Setting, name = 'Node'): Promise<IDataObject[]> {
	const result = await run(setting, name);
	expect(result.error).toBeUndefined();
	return result.output(name).map((item: INodeExecutionData) => item.json);
}

const failure = async (setting: Setting): Promise<unknown> => (await run(setting)).error;

/** A list of numbers that is given out page by page. */
function serveList(pageOf: (request: Recorded, query: URLSearchParams) => Answer): void {
	rig.recorder.answers = {
		'/v1/list': (request) => pageOf(request, new URL(request.path, rig.recorder.url).searchParams),
	};
}

const pathsOf = (): string[] => rig.recorder.requests.map(({ path }) => path.replace('/v1', ''));

describe('a parameter in each request', () => {
	test('is a page number, until a page is empty', async () => {
		serveList((_request, query) => {
			const page = Number(query.get('page'));
			return json(page > 2 ? [] : [{ id: page * 2 - 1 }, { id: page * 2 }]);
		});
		const pagination = parameters(['qs', 'page', '={{ $pageCount + 1 }}']);
		await expect(items({ pagination })).resolves.toEqual([1, 2, 3, 4].map((id) => ({ id })));
		expect(pathsOf()).toEqual(['/list?page=1', '/list?page=2', '/list?page=3']);
	});

	test('is an offset beside a query of the user’s, in a field of the answer', async () => {
		const all = [1, 2, 3, 4, 5].map((id) => ({ id }));
		serveList((_request, query) => {
			const offset = Number(query.get('offset'));
			return json({ data: { items: all.slice(offset, offset + Number(query.get('limit'))) } });
		});
		const setting = {
			pagination: parameters(['qs', 'offset', '={{ $pageCount * 2 }}']),
			response: { dataField: 'data.items' },
			request: {
				sendQuery: true,
				queryParameters: { parameters: [{ name: 'limit', value: '2' }] },
			},
		};
		await expect(items(setting)).resolves.toEqual(all);
		expect(pathsOf().at(-1)).toBe('/list?limit=2&offset=6');
	});

	test('is a cursor in the body, until the API names no other', async () => {
		const cursors = ['b', 'c', null];
		serveList(({ body }) => {
			const { cursor = 'a', kind } = JSON.parse(body) as { cursor?: string; kind: string };
			return json({ rows: [{ at: cursor, kind }], next: cursors[cursor.charCodeAt(0) - 97] });
		});
		const setting = {
			pagination: parameters(['body', 'cursor', '={{ $response.body.next }}']),
			response: { dataField: 'rows' },
			request: { method: 'POST', sendBody: true, specifyBody: 'json', jsonBody: '{"kind":"x"}' },
		};
		await expect(items(setting)).resolves.toEqual(['a', 'b', 'c'].map((at) => ({ at, kind: 'x' })));
	});

	test('is a header, and a field of a form', async () => {
		serveList(({ headers, body }) => json({ at: headers['x-page'], body }));
		const setting = {
			pagination: {
				...parameters(
					['headers', 'X-Page', '={{ $pageCount }}'],
					['body', 'page', 'p{{ $pageCount }}'.replace('p', '=p')],
				),
				limitPagesFetched: true,
				maxRequests: 2,
			},
			request: {
				method: 'POST',
				sendBody: true,
				contentType: 'form-urlencoded',
				bodyParameters: { parameters: [{ name: 'a', value: 'b' }] },
			},
		};
		await expect(items(setting)).resolves.toEqual([
			{ at: '0', body: 'a=b&page=p0' },
			{ at: '1', body: 'a=b&page=p1' },
		]);
	});

	test('can use what was sent and what came, whatever the node is called', async () => {
		serveList((_request, query) =>
			json([{ query: query.get('q') }], { 'x-next': query.get('q') === null ? 'second' : '' }),
		);
		const value =
			'={{ $response.headers["x-next"] ? `${$response.statusCode} ${$request.method} ${$response.body[0].query} ${$response.headers["x-next"]}` : "" }}';
		const pagination = parameters(['qs', 'q', value]);
		await expect(items({ pagination }, 'My "{{node}}" \\ $&')).resolves.toEqual([
			{ query: null },
			{ query: '200 GET null second' },
		]);
	});

	test('cannot be set in a body that is one file or text', async () => {
		const request = { method: 'POST', sendBody: true, contentType: 'raw', body: 'x' };
		await expect(
			failure({ pagination: parameters(['body', 'page', '={{ $pageCount }}']), request }),
		).resolves.toMatchObject({
			message: 'Pagination cannot set a parameter in a body of this type',
		});
	});

	test.each(['Authorization', 'Host'])('cannot be the header %s', async (name) => {
		await expect(
			failure({ pagination: parameters(['headers', name, '={{ $pageCount }}']) }),
		).resolves.toMatchObject({ message: `The header "${name}" cannot be set here` });
		expect(rig.recorder.requests).toEqual([]);
	});
});

describe('the next URL', () => {
	test('comes from the body, absolute or relative, with its own query', async () => {
		serveList((_request, query) => {
			const at = query.get('at') ?? '1';
			const next = { 1: `${rig.recorder.url}/v1/list?at=2`, 2: 'list?at=3&tag=x', 3: null };
			return json({ rows: [{ at, tag: query.get('tag') }], next: next[at as '1' | '2' | '3'] });
		});
		const setting = {
			pagination: nextUrl(),
			response: { dataField: 'rows' },
			request: {
				sendQuery: true,
				queryParameters: {
					parameters: [
						{ name: 'at', value: '1' },
						{ name: 'limit', value: '9' },
					],
				},
			},
		};
		await expect(items(setting)).resolves.toEqual([
			{ at: '1', tag: null },
			{ at: '2', tag: null },
			{ at: '3', tag: 'x' },
		]);
		expect(pathsOf()).toEqual([
			'/list?at=1&limit=9',
			'/list?at=2&limit=9',
			'/list?at=3&tag=x&limit=9',
		]);
	});

	test('comes from the Link header', async () => {
		serveList((_request, query) => {
			const at = Number(query.get('at') ?? 1);
			const link = `</v1/list?at=1>; rel="first", </v1/list?at=${at + 1}>; title="a, b"; rel="last next"`;
			return json([{ at }], at < 3 ? { link } : {});
		});
		const pagination = { paginationMode: 'responseContainsLinkHeader' };
		await expect(items({ pagination })).resolves.toEqual([{ at: 1 }, { at: 2 }, { at: 3 }]);
	});

	test('of another origin is refused, and nothing goes there', async () => {
		serveList(() => json({ next: `${rig.elsewhere.url}/v1/list` }));
		await expect(failure({ pagination: nextUrl() })).resolves.toMatchObject({
			message: expect.stringContaining('Next URL: it leads away from') as string,
			context: { itemIndex: 0, code: 'ADDRESS_NOT_ALLOWED' },
		});
		expect(rig.elsewhere.requests).toEqual([]);
	});

	test.each(['/v2/list', '../../list', './%2e%2e/x'])(
		'%s, which leaves the API Base URL, is refused',
		async (next) => {
			serveList(() => json({ next }));
			await expect(failure({ pagination: nextUrl() })).resolves.toMatchObject({
				message: expect.stringContaining('Next URL: it leaves') as string,
			});
			expect(rig.recorder.requests).toHaveLength(1);
		},
	);

	test('that is no address is an error', async () => {
		serveList(() => json({ next: { a: 1 } }));
		await expect(failure({ pagination: nextUrl() })).resolves.toMatchObject({
			message: 'Next URL: this is no address of a next page',
			context: { itemIndex: 0 },
		});
	});
});

describe('the end', () => {
	const PAGES = parameters(['qs', 'page', '={{ $pageCount }}']);

	test('is a status code; its own answer is no item', async () => {
		serveList((_request, query) =>
			query.get('page') === '2' ? { status: 404, body: '{"message":"no"}' } : json([{}]),
		);
		const pagination = {
			...PAGES,
			paginationCompleteWhen: 'receiveSpecificStatusCodes',
			statusCodesWhenComplete: '410, 404',
		};
		await expect(items({ pagination })).resolves.toHaveLength(2);
	});

	test('is not another status code: that is an error', async () => {
		serveList((_request, query) => (query.get('page') === '1' ? { status: 500 } : json([{}])));
		await expect(failure({ pagination: PAGES })).resolves.toMatchObject({ httpCode: '500' });
	});

	test('is an error under Never Error, which is an item', async () => {
		serveList((_request, query) =>
			query.get('page') === '1' ? { status: 500, body: '{"message":"no"}' } : json([{ a: 1 }]),
		);
		await expect(items({ pagination: PAGES, response: { neverError: true } })).resolves.toEqual([
			{ a: 1 },
			{ message: 'no' },
		]);
	});

	test('is an expression that is true', async () => {
		serveList((_request, query) =>
			json({ page: query.get('page'), last: query.get('page') === '1' }),
		);
		const pagination = { ...PAGES, ...until('={{ $response.body.last; }}') };
		await expect(items({ pagination })).resolves.toEqual([
			{ page: '0', last: false },
			{ page: '1', last: true },
		]);
	});

	test('is a number of pages', async () => {
		serveList((_request, query) => json([{ page: query.get('page') }]));
		const pagination = { ...PAGES, limitPagesFetched: true, maxRequests: '={{ 1 + 1 }}' };
		await expect(items({ pagination })).resolves.toEqual([{ page: '0' }, { page: '1' }]);
		expect(rig.recorder.requests).toHaveLength(2);
	});

	test('is a page without the field, but not the first one', async () => {
		serveList((_request, query) => json(query.get('page') === '0' ? { rows: [{}] } : { total: 1 }));
		const response = { dataField: 'rows' };
		await expect(items({ pagination: PAGES, response })).resolves.toEqual([{}]);
		serveList(() => json({ total: 1 }));
		await expect(failure({ pagination: PAGES, response })).resolves.toMatchObject({
			message: 'Field Containing Data: the response has no field "rows"',
			description: 'Its fields are: total',
		});
	});

	test('waits between requests', async () => {
		serveList((_request, query) => json(query.get('page') === '2' ? [] : [{}]));
		const start = performance.now();
		await items({ pagination: { ...PAGES, requestInterval: 50 } });
		expect(performance.now() - start).toBeGreaterThanOrEqual(98);
	});
});

describe('pages that do not end', () => {
	test('are noticed by the same next page', async () => {
		let count = 0;
		serveList((_request, query) => {
			count += 1;
			return json({ count, next: `list?at=${query.get('at') === 'a' ? 'b' : 'a'}` });
		});
		await expect(failure({ pagination: nextUrl() })).resolves.toMatchObject({
			message: 'Pagination asks for the same page again',
			context: { itemIndex: 0 },
		});
		expect(rig.recorder.requests).toHaveLength(3);
	});

	test('are noticed by the same response', async () => {
		serveList(() => json([{ a: 1 }]));
		const pagination = parameters(['qs', 'pgae', '={{ $pageCount }}']);
		await expect(failure({ pagination })).resolves.toMatchObject({
			message: 'Pagination got the same response 3 times in a row',
		});
		expect(rig.recorder.requests).toHaveLength(3);
	});

	test('end with the execution', async () => {
		let stop = (): void => undefined;
		const stopped = new Promise<void>((resolve) => (stop = resolve));
		serveList((_request, query) => {
			if (query.get('page') === '3') stop();
			return json([{ page: query.get('page') }]);
		});
		const pagination = { ...parameters(['qs', 'page', '={{ $pageCount }}']), requestInterval: 5 };
		const result = await rig.run(
			credential,
			{ resource: 'apiRequest', path: '/list', options: { pagination: { pagination } } },
			{ stopped },
		);
		expect(result.status).toBe('canceled');
		const { length } = rig.recorder.requests;
		await new Promise((resolve) => setTimeout(resolve, 50));
		expect(rig.recorder.requests.length).toBeLessThanOrEqual(length + 1);
	});
});

describe('a mistake', () => {
	const PAGES = parameters(['qs', 'page', '={{ $pageCount }}']);

	test.each([
		['Next URL has to be an expression', nextUrl('https://api.example.com/next')],
		['Pagination has no parameter to update', { ...PAGES, parameters: { parameters: [] } }],
		['Every parameter of Pagination needs a name and a value', parameters(['qs', '', ''])],
		['Type of a parameter of Pagination', parameters(['cookie', 'a', '=b'])],
		['Pagination, parameter "p": the expression gives NaN', parameters(['qs', 'p', '={{ NaN }}'])],
		['Pagination, parameter "p": the expression cannot', parameters(['qs', 'p', '={{ $x ( }}'])],
		['Complete Expression has to be an expression', { ...PAGES, ...until('true') }],
		[
			'Status Code(s) When Complete has to be',
			{
				...PAGES,
				paginationCompleteWhen: 'receiveSpecificStatusCodes',
				statusCodesWhenComplete: 'x',
			},
		],
		...['={{ NaN }}', '={{ "many" }}', 0, 1.5, '={{ Infinity }}'].map(
			(maxRequests): [string, INodeParameters] => [
				'Max Pages has to be a whole number from 1 to',
				{ ...PAGES, limitPagesFetched: true, maxRequests },
			],
		),
		['Interval Between Requests has to be', { ...PAGES, requestInterval: -1 }],
	])('says: %s', async (message, pagination) => {
		await expect(failure({ pagination })).resolves.toMatchObject({
			message: expect.stringContaining(message) as string,
			context: { itemIndex: 0 },
		});
		expect(rig.recorder.requests).toEqual([]);
	});

	test('in one item leaves the pages of the others, if the workflow continues on errors', async () => {
		serveList((_request, query) => json(query.get('page') === '0' ? [{ a: 1 }] : []));
		const pagination = parameters(['qs', 'page', '={{ $json.bad ? NaN : $pageCount }}']);
		const output = await rig.request(
			credential,
			{ path: '/list', options: { pagination: { pagination } } },
			{
				items: [{ bad: true }, { bad: false }],
				node: { onError: 'continueRegularOutput' },
			},
		);
		expect(output).toMatchObject([
			{ json: { error: expect.stringContaining('gives NaN') as string }, pairedItem: { item: 0 } },
			{ json: { a: 1 }, pairedItem: { item: 1 } },
		]);
	});
});

test('nothing of an answer stays in the context that n8n stores', async () => {
	serveList((_request, query) => json(query.get('page') === '1' ? [] : [{ kept: 'here' }]));
	const result = await run({ pagination: parameters(['qs', 'page', '={{ $pageCount }}']) });
	expect(result.text).not.toContain('vaultedOAuth2Page');
});

test('files are pages too', async () => {
	const type = { 'content-type': 'text/csv' };
	serveList((_request, query) => ({ headers: type, body: `page ${query.get('page')}` }));
	const pagination = {
		...parameters(['qs', 'page', '={{ $pageCount }}']),
		limitPagesFetched: true,
		maxRequests: 4,
	};
	const response = { responseFormat: 'file' };
	const result = await run({ pagination, response });
	expect(
		result
			.output('Node')
			.map(({ binary }) => Buffer.from(binary!['data']!.data, 'base64').toString()),
	).toEqual(['page 0', 'page 1', 'page 2', 'page 3']);
});
