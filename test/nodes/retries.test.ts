import type { INodeParameters } from 'n8n-workflow';
import { eventually } from '../support/eventually';
import type { EngineRun } from '../support/n8nEngine';
import { listenOnLoopback } from '../support/loopback';
import { passWaits } from './fakeWaits';
import type { Answer } from './recorder';
import { Rig, type Credential, type RunOptions } from './rig';

let rig: Rig;
let credential: Credential;

beforeAll(async () => {
	rig = await Rig.start();
});
afterAll(async () => {
	await rig.close();
});
beforeEach(async () => {
	// Each test has its own connection: what an API asks of one holds for all its calls.
	credential = await rig.saved({ apiBaseUrl: rig.recorder.url });
	rig.recorder.reset();
});
afterEach(() => {
	expect(rig.leaks()).toEqual([]);
});

const JSON_BODY = { sendBody: true, specifyBody: 'json', jsonBody: '{"a":1}' };
const REPEATABLE = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PUT'];
const NOT_REPEATABLE = ['PATCH', 'POST'];

const run = async (parameters: INodeParameters, options?: RunOptions): Promise<EngineRun> =>
	await rig.run(credential, { resource: 'apiRequest', path: '/x', ...parameters }, options);

/** As many of these answers as there are, then `{ "good": true }`. */
function answerWith(...answers: Answer[]): void {
	const good = { headers: { 'content-type': 'application/json' }, body: '{"good":true}' };
	rig.recorder.answers = { '/x': () => answers.shift() ?? good };
}

const methods = (): string[] => rig.recorder.requests.map(({ method }) => method);
const retry = (values: INodeParameters): INodeParameters => ({
	options: { retries: { retry: values } },
});

describe('an answer after which the same request may succeed', () => {
	test.each(REPEATABLE)('%s is sent again after 429, 502, 503 and 504', async (method) => {
		passWaits();
		for (const status of [429, 502, 503, 504]) {
			rig.recorder.reset();
			answerWith({ status });
			expect((await run({ method })).error).toBeUndefined();
			expect(methods()).toEqual([method, method]);
		}
	});

	test.each(NOT_REPEATABLE)('%s goes out once, and the error says why', async (method) => {
		passWaits();
		for (const status of [429, 502, 503, 504]) {
			rig.recorder.reset();
			answerWith({ status });
			const { error } = await run({ method, ...JSON_BODY });
			expect(error).toMatchObject({
				httpCode: String(status),
				description: expect.stringContaining(
					`A ${method} is sent again only with Retry POST and PATCH`,
				) as string,
			});
			expect(methods()).toEqual([method]);
		}
	});

	test.each(NOT_REPEATABLE)('%s is sent again with its body where told so', async (method) => {
		passWaits();
		answerWith({ status: 503 });
		const { error } = await run({ method, ...JSON_BODY, ...retry({ allMethods: true }) });
		expect(error).toBeUndefined();
		expect(rig.recorder.requests.map(({ body }) => body)).toEqual(['{"a":1}', '{"a":1}']);
	});

	test.each([400, 401, 403, 404, 408, 409, 500, 501])('%i is no such answer', async (status) => {
		passWaits();
		answerWith({ status }, { status });
		expect((await run({})).error).toMatchObject({ httpCode: String(status) });
		expect(methods().length).toBeLessThanOrEqual(status === 401 ? 2 : 1);
	});

	test('is tried three times more, each wait up to twice as long, by chance', async () => {
		jest.spyOn(Math, 'random').mockReturnValue(0.999);
		const waits = passWaits();
		answerWith(...Array.from({ length: 9 }, () => ({ status: 503 })));
		const { error } = await run({});
		expect(error).toMatchObject({
			httpCode: '503',
			description: expect.stringContaining('It was sent 4 times.') as string,
		});
		expect(methods()).toHaveLength(4);
		expect(waits).toEqual([999, 1998, 3996]);
	});

	test.each([0, 1, 10])('is tried %i times more if that is what Max Retries says', async (max) => {
		passWaits();
		answerWith(...Array.from({ length: 20 }, () => ({ status: 503 })));
		expect((await run(retry({ maxRetries: max }))).error).toMatchObject({ httpCode: '503' });
		expect(methods()).toHaveLength(max + 1);
	});

	test('is an item like any other under Never Error, after the last try', async () => {
		passWaits();
		answerWith({ status: 503 }, { status: 503 });
		const options = {
			response: { response: { neverError: true } },
			retries: { retry: { maxRetries: 1 } },
		};
		expect((await run({ options })).error).toBeUndefined();
		expect(methods()).toHaveLength(2);
	});
});

describe('an API that says when it wants the next request', () => {
	test.each<[string, Record<string, string>]>([
		['in seconds', { 'retry-after': '7' }],
		[
			'by a date of its own clock',
			{
				date: 'Thu, 01 Jan 2026 00:00:00 GMT',
				'retry-after': 'Thu, 01 Jan 2026 00:00:07 GMT',
			},
		],
		['by a quota', { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '7' }],
		['by the draft', { ratelimit: '"default";r=0;t=7' }],
	])('%s gets it then, and a little later', async (_, headers) => {
		const waits = passWaits();
		answerWith({ status: 429, headers });
		expect((await run({})).error).toBeUndefined();
		expect(waits[0]).toBeGreaterThanOrEqual(7000);
		expect(waits[0]).toBeLessThanOrEqual(7701);
	});

	test('too late is not waited for: the error says when', async () => {
		const waits = passWaits();
		answerWith({ status: 429, headers: { 'retry-after': '301' } });
		const before = Date.now();
		const { error } = await run({});
		const { at } = /wants the next request at (?<at>\S+Z)\. That is too long to wait for/.exec(
			error?.description ?? '',
		)!.groups!;
		expect(Math.abs(Date.parse(at!) - before - 301_000)).toBeLessThan(30_000);
		expect(error).toMatchObject({ httpCode: '429' });
		expect(waits).toEqual([]);
		expect(methods()).toHaveLength(1);
	});

	test('late is waited for if Max Time lets it', async () => {
		const waits = passWaits();
		answerWith({ status: 429, headers: { 'retry-after': '301' } });
		expect((await run(retry({ maxTime: 600 }))).error).toBeUndefined();
		expect(waits[0]).toBeGreaterThanOrEqual(301_000);
	});

	test('again and again gets no more than Max Time', async () => {
		const waits = passWaits();
		const slow = { status: 503, headers: { 'retry-after': '40' } };
		answerWith(...Array.from({ length: 9 }, () => slow));
		const { error } = await run(retry({ maxTime: 100, maxRetries: 10 }));
		expect(error).toMatchObject({ httpCode: '503' });
		expect(waits).toHaveLength(2);
	});

	test('holds up every call of the connection, a POST too, and not those of others', async () => {
		const waits = passWaits();
		answerWith({ status: 429, headers: { 'retry-after': '20' } });
		expect((await run({ method: 'POST' })).error).toMatchObject({ httpCode: '429' });
		const other = await rig.saved({ apiBaseUrl: rig.recorder.url });
		await rig.request(other, { path: '/x' });
		expect(waits).toEqual([]);
		expect((await run({ method: 'POST' })).error).toBeUndefined();
		expect(waits).toHaveLength(1);
		expect(waits[0]).toBeGreaterThan(19_000);
	});

	test('holds up the next calls where the quota ends with a good answer', async () => {
		const waits = passWaits();
		answerWith({ headers: { 'ratelimit-remaining': '0', 'ratelimit-reset': '5' } });
		await run({});
		expect(waits).toEqual([]);
		await run({});
		expect(waits).toHaveLength(1);
	});

	test('does not get a request that may not wait so long: the error says when', async () => {
		passWaits();
		answerWith({ status: 429, headers: { 'retry-after': '200' } });
		await run({ method: 'POST' });
		const { error } = await run(retry({ maxTime: 60 }));
		expect(error?.message).toMatch(
			/^The API wants no request of this connection before \d{4}-[^ ]+Z$/,
		);
		expect(error?.context).toMatchObject({ itemIndex: 0 });
		expect(methods()).toEqual(['POST']);
	});
});

describe('a connection that fails', () => {
	type Failure = 'before the answer' | 'within the answer';

	/** An API that fails the next requests, as told, and then answers well. */
	async function withFailures(failures: Failure[], act: () => Promise<void>): Promise<string[]> {
		const server = await listenOnLoopback();
		const seen: string[] = [];
		const left: Failure[] = [];
		server.serve((request, response) => {
			const failure = left.shift();
			seen.push(request.method!);
			if (failure === 'before the answer') request.socket.destroy();
			else if (failure === undefined) response.end('{"good":true}');
			else {
				response.writeHead(200, { 'content-type': 'application/json', 'content-length': '20' });
				response.write('{"half":', () => request.socket.destroy());
			}
		});
		try {
			credential = await rig.saved({ apiBaseUrl: server.origin });
			seen.length = 0;
			left.push(...failures);
			await act();
		} finally {
			await server.close();
		}
		return seen;
	}

	test.each(REPEATABLE)('before the answer has %s sent again', async (method) => {
		passWaits();
		const seen = await withFailures(['before the answer', 'before the answer'], async () => {
			expect((await run({ method })).error).toBeUndefined();
		});
		expect(seen).toEqual([method, method, method]);
	});

	test('within the answer has a GET sent again', async () => {
		passWaits();
		const seen = await withFailures(['within the answer'], async () => {
			const output = (await run({})).output('Node');
			expect(output).toMatchObject([{ json: { data: '{"good":true}' } }]);
		});
		expect(seen).toEqual(['GET', 'GET']);
	});

	test.each(['before the answer', 'within the answer'] as const)(
		'%s never has a POST sent again',
		async (failure) => {
			passWaits();
			const seen = await withFailures([failure], async () => {
				const { error } = await run({ method: 'POST', ...JSON_BODY });
				expect(error?.description).toContain('A POST is sent again only with Retry POST and PATCH');
			});
			expect(seen).toEqual(['POST']);
		},
	);

	test('for good is an error that says how often it was tried', async () => {
		passWaits();
		credential = rig.unsaved({ apiBaseUrl: 'http://127.0.0.1:9' });
		const { error } = await run({});
		expect(error?.message).toBe('The service refused the connection - perhaps it is offline');
		expect(error?.description).toContain('It was sent 4 times.');
	});

	test('for a reason that stays is not tried again', async () => {
		const waits = passWaits();
		// Nothing there speaks TLS.
		credential = rig.unsaved({ apiBaseUrl: rig.recorder.url.replace('http:', 'https:') });
		expect((await run({})).error).toBeDefined();
		expect(waits).toEqual([]);
	});
});

describe('a wait', () => {
	test('ends at once if the execution is cancelled', async () => {
		const waits = passWaits(1000);
		answerWith({ status: 429, headers: { 'retry-after': '60' } });
		let stop: () => void = () => undefined;
		const stopped = new Promise<void>((resolve) => (stop = resolve));
		const running = run({}, { stopped });
		await eventually(() => waits.length === 1);
		stop();
		expect((await running).status).toBe('canceled');
		expect(methods()).toHaveLength(1);
	});
});

describe('the node’s hint', () => {
	test('says what was retried and waited for', async () => {
		passWaits();
		answerWith({ status: 429, headers: { 'retry-after': '20' } });
		const done = await run({}, { items: [{}, {}, {}] });
		expect(done.hints('Node')).toEqual([
			expect.stringMatching(/^4 requests, 1 retry, \d\d seconds of waiting\.$/),
		]);
	});

	test('is left out for a plain run, and after a run that was worth one', async () => {
		passWaits();
		answerWith({ status: 503 });
		expect((await run({})).hints('Node')).toHaveLength(1);
		expect((await run({}, { items: [{}, {}] })).hints('Node')).toEqual([]);
	});
});

describe('Retries', () => {
	test.each([
		[{ maxRetries: NaN }, 'Max Retries has to be a whole number from 0 to 10'],
		[{ maxRetries: -1 }, 'Max Retries has to be a whole number from 0 to 10'],
		[{ maxRetries: 1.5 }, 'Max Retries has to be a whole number from 0 to 10'],
		[{ maxRetries: 11 }, 'Max Retries has to be a whole number from 0 to 10'],
		[{ maxRetries: '' }, 'Max Retries has to be a whole number from 0 to 10'],
		[{ maxTime: 0 }, 'Max Time has to be a whole number from 1 to 3600'],
		[{ maxTime: 'long' }, 'Max Time has to be a whole number from 1 to 3600'],
	])('%j is refused by name, and nothing is sent', async (values, message) => {
		const { error } = await run(retry(values));
		expect(error).toMatchObject({ message, context: { itemIndex: 0 } });
		expect(error?.description).toContain('Options → Retries');
		expect(rig.recorder.requests).toEqual([]);
	});

	test('may come from an expression, for each item', async () => {
		passWaits();
		rig.recorder.answers = { '/x': { status: 503 } };
		const items = [{ max: 0 }, { max: '2' }];
		const node = { onError: 'continueRegularOutput' } as const;
		await run(
			{ ...retry({ maxRetries: '={{ $json.max }}' }), path: '=/x?{{ $json.max }}' },
			{ items, node },
		);
		const paths = rig.recorder.requests.map(({ path }) => path).sort();
		expect(paths).toEqual(['/x?0', '/x?2', '/x?2', '/x?2']);
	});
});
