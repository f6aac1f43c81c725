import type { IDataObject, INodeExecutionData, INodeParameters } from 'n8n-workflow';
import type { Answer } from './recorder';
import { useRig, type Rig, type Credential, type RunOptions } from './rig';

let rig: Rig;
let credential: Credential;

useRig(async (started) => {
	rig = started;
	credential = await rig.saved({ apiBaseUrl: rig.recorder.url });
});

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' };

/** What the node makes of an answer. */
async function received(
	answer: Answer,
	response: INodeParameters = {},
	options: RunOptions = {},
): Promise<INodeExecutionData[]> {
	rig.recorder.answers = { '/x': answer };
	const parameters = { path: '/x', options: { response: { response } } };
	return await rig.request(credential, parameters, options);
}

async function json(answer: Answer, response: INodeParameters = {}): Promise<IDataObject[]> {
	return (await received(answer, response)).map((item) => item.json);
}

const text = (file: INodeExecutionData, field = 'data'): string =>
	Buffer.from(file.binary![field]!.data, 'base64').toString();

describe('JSON', () => {
	test('becomes an item', async () => {
		await expect(json({ headers: JSON_TYPE, body: '{"a":1}' })).resolves.toEqual([{ a: 1 }]);
	});

	test('that is a list becomes one item per element, each paired with the input item', async () => {
		const items = await received({ headers: JSON_TYPE, body: '[{"a":1},{"a":2},null,"b"]' });
		expect(items).toEqual(
			[{ a: 1 }, { a: 2 }, {}, { data: 'b' }].map((value) => ({
				json: value,
				pairedItem: { item: 0 },
			})),
		);
	});

	test.each(['application/problem+json', 'application/vnd.api+json'])(
		'is recognised as %s',
		async (type) => {
			const answer = { headers: { 'content-type': type }, body: '{"a":1}' };
			await expect(json(answer)).resolves.toEqual([{ a: 1 }]);
		},
	);

	test('may be missing: an empty answer is an empty item', async () => {
		await expect(json({ status: 204, headers: {}, body: '' })).resolves.toEqual([{}]);
		await expect(json({ headers: JSON_TYPE, body: '' })).resolves.toEqual([{}]);
	});

	test('that is not valid says so', async () => {
		await expect(json({ headers: JSON_TYPE, body: '{' })).rejects.toThrow(
			'Response body is not valid JSON. Change "Response Format" to "Text"',
		);
		await expect(json({ headers: JSON_TYPE, body: '{' }, { neverError: true })).resolves.toEqual([
			{},
		]);
	});

	test('is what an answer of any type is taken for, if the user says so', async () => {
		const answer = { headers: { 'content-type': 'text/plain' }, body: '{"a":1}' };
		await expect(json(answer, { responseFormat: 'json' })).resolves.toEqual([{ a: 1 }]);
	});
});

describe('a field of JSON', () => {
	const ANSWER = {
		headers: JSON_TYPE,
		body: '{"data":{"items":[{"a":1},2]},"a.b":[3],"none":null}',
	};

	test.each([
		['data.items', [{ a: 1 }, { data: 2 }]],
		['data.items[0]', [{ a: 1 }]],
		['data.items[0].a', [{ data: 1 }]],
		['a.b', [{ data: 3 }]],
		['none', [{}]],
		[' data ', [{ items: [{ a: 1 }, 2] }]],
	])('%s is all that is put out', async (dataField, items) => {
		await expect(json(ANSWER, { dataField })).resolves.toEqual(items);
	});

	test('is the body of the full response', async () => {
		await expect(
			json(ANSWER, { dataField: 'data.items', fullResponse: true }),
		).resolves.toMatchObject([{ body: [{ a: 1 }, 2], statusCode: 200 }]);
	});

	test.each(['missing', 'data.missing', 'data.items[2]', 'constructor', '__proto__'])(
		'that is not there (%s) is an error that says what is',
		async (dataField) => {
			rig.recorder.answers = { '/x': ANSWER };
			const parameters = { path: '/x', options: { response: { response: { dataField } } } };
			const { error } = await rig.run(credential, { resource: 'apiRequest', ...parameters });
			expect(error).toMatchObject({
				message: `Field Containing Data: the response has no field "${dataField}"`,
				description: 'Its fields are: data, a.b, none',
				context: { itemIndex: 0 },
			});
		},
	);

	test('is not looked for in an error, under Never Error', async () => {
		const answer = { status: 400, headers: JSON_TYPE, body: '{"message":"no"}' };
		const response = { neverError: true, dataField: 'data' };
		await expect(json(answer, response)).resolves.toEqual([{ message: 'no' }]);
	});
});

test('a list stays together where it is not split', async () => {
	const answer = { headers: JSON_TYPE, body: '[{"a":1},{"a":2}]' };
	await expect(json(answer, { splitIntoItems: false })).resolves.toEqual([
		{ data: [{ a: 1 }, { a: 2 }] },
	]);
});

describe('text', () => {
	const ANSWER = { headers: { 'content-type': 'text/html' }, body: '<p>ä✓</p>' };

	test('goes into a field', async () => {
		await expect(json(ANSWER)).resolves.toEqual([{ data: '<p>ä✓</p>' }]);
		const response = { responseFormat: 'text', outputPropertyName: 'page' };
		await expect(json(ANSWER, response)).resolves.toEqual([{ page: '<p>ä✓</p>' }]);
	});

	test('is what JSON is taken for, if the user says so', async () => {
		const answer = { headers: JSON_TYPE, body: '{"a":1}' };
		await expect(json(answer, { responseFormat: 'text' })).resolves.toEqual([{ data: '{"a":1}' }]);
	});

	test('is read in the encoding the API names, and in UTF-8 where nobody knows that one', async () => {
		const latin = { 'content-type': 'text/plain; charset=iso-8859-1' };
		const bytes = Buffer.from('caf\u00e9', 'latin1');
		await expect(json({ headers: latin, body: bytes })).resolves.toEqual([{ data: 'café' }]);
		const unknown = { 'content-type': 'text/plain; charset=nobody-knows' };
		await expect(json({ headers: unknown, body: 'é' })).resolves.toEqual([{ data: 'é' }]);
	});
});

describe('a file', () => {
	const PDF = { 'content-type': 'application/pdf' };

	test.each([
		'image/webp',
		'audio/mpeg',
		'video/mp4',
		'application/epub+zip',
		'application/gzip',
		'application/msword',
		'application/octet-stream',
		'application/pdf',
		'application/vnd.amazon.ebook',
		'application/vnd.ms-excel',
		'application/vnd.ms-fontobject',
		'application/vnd.oasis.opendocument.presentation',
		'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
		'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
		'application/vnd.rar',
		'application/vnd.visio',
		'application/x-7z-compressed',
		'application/x-bzip',
		'application/x-bzip2',
		'application/x-cdf',
		'application/x-tar',
		'application/zip',
	])('is recognised by its type: %s', async (type) => {
		const [file] = await received({ headers: { 'content-type': type }, body: 'bytes' });
		expect(file?.binary?.['data']?.mimeType).toBe(type);
		expect(text(file!)).toBe('bytes');
	});

	test.each(['text/plain', 'text/html', 'application/xml', 'application/javascript'])(
		'is not what a person can read: %s',
		async (type) => {
			const answer = { headers: { 'content-type': type }, body: 'words' };
			await expect(json(answer)).resolves.toEqual([{ data: 'words' }]);
		},
	);

	test('becomes binary data, with its name and type, beside what the input item had', async () => {
		const answer = {
			headers: { ...PDF, 'content-disposition': 'attachment; filename="invoice 7.pdf"' },
			body: '%PDF-1.7',
		};
		const item = {
			json: { id: 7 },
			binary: { photo: { data: 'AAAA', mimeType: 'image/png' } },
		};
		const [file] = await received(answer, {}, { items: [item] });
		expect(file).toMatchObject({
			json: { id: 7 },
			binary: {
				photo: { mimeType: 'image/png' },
				data: { mimeType: 'application/pdf', fileName: 'invoice 7.pdf', fileExtension: 'pdf' },
			},
			pairedItem: { item: 0 },
		});
		expect(text(file!)).toBe('%PDF-1.7');
	});

	test('is what any answer is taken for, if the user says so', async () => {
		const answer = { headers: JSON_TYPE, body: '{"a":1}' };
		const response = { responseFormat: 'file', outputPropertyName: 'export' };
		const [file] = await received(answer, response);
		expect(file!.binary).toMatchObject({ export: { mimeType: 'application/json' } });
		expect(text(file!, 'export')).toBe('{"a":1}');
	});

	test('is called like the last part of its address, where the API gives no name', async () => {
		rig.recorder.answers = { '/files/a%20b.pdf': { headers: PDF, body: '%PDF' } };
		const [file] = await rig.request(credential, { path: '/files/a%20b.pdf?secret=1' });
		expect(file!.binary!['data']).toMatchObject({ fileName: 'a b.pdf' });
		expect(JSON.stringify(file)).not.toContain('secret');
	});

	test('arrives unchanged where it is compressed on the way and larger than one packet', async () => {
		const { gzipSync } = await import('node:zlib');
		const content = Buffer.alloc(300_000, 'x');
		const headers = { ...PDF, 'content-encoding': 'gzip' };
		const [file] = await received({ headers, body: gzipSync(content) });
		expect(text(file!)).toBe(content.toString());
	});
});

describe('the full response', () => {
	const fullResponse = true;

	test('has status and headers beside the body', async () => {
		const answer = { status: 201, headers: { ...JSON_TYPE, 'x-page': '2' }, body: '[1,2]' };
		await expect(json(answer, { fullResponse })).resolves.toEqual([
			{
				body: [1, 2],
				headers: expect.objectContaining({ 'x-page': '2' }) as object,
				statusCode: 201,
				statusMessage: 'Created',
			},
		]);
	});

	test('has the names of headers as the API spells them, if asked', async () => {
		const headers = { 'Content-Type': 'application/json', 'X-Rate-LIMIT': '9' };
		const [item] = await json({ headers }, { fullResponse, headerNamesAsSent: true });
		expect(item!['headers']).toMatchObject(headers);
		expect(item!['headers']).not.toHaveProperty('content-type');
	});

	test('has text in its field, and a file in binary data', async () => {
		const page = { headers: { 'content-type': 'text/plain' }, body: 'hello' };
		await expect(json(page, { fullResponse })).resolves.toMatchObject([
			{ data: 'hello', statusCode: 200 },
		]);
		const image = { headers: { 'content-type': 'image/png' }, body: 'PNG' };
		const [file] = await received(image, { fullResponse });
		expect(file).toMatchObject({
			json: { statusCode: 200 },
			binary: { data: { mimeType: 'image/png' } },
		});
	});
});

describe('an error of the API', () => {
	const NOT_FOUND = { status: 404, headers: JSON_TYPE, body: '{"message":"No such contact"}' };

	test('has the status, the item and the API’s own words', async () => {
		rig.recorder.answers = { '/x': NOT_FOUND };
		const run = await rig.run(credential, { resource: 'apiRequest', path: '/x' });
		expect(run.status).toBe('error');
		expect(run.error).toMatchObject({
			message: 'The resource you are requesting could not be found',
			description: 'No such contact',
			httpCode: '404',
			context: { itemIndex: 0 },
		});
		expect(run.text).not.toContain('Bearer');
	});

	test('is shown as text where it is no JSON, and cut where it is a whole page', async () => {
		const body = `<h1>Bad gateway</h1>${'x'.repeat(10_000)}`;
		rig.recorder.answers = {
			'/x': { status: 502, headers: { 'content-type': 'text/html' }, body },
		};
		const options = { retries: { retry: { maxRetries: 0 } } };
		const { error } = await rig.run(credential, { resource: 'apiRequest', path: '/x', options });
		expect(error).toMatchObject({ httpCode: '502' });
		expect(error!.description).toMatch(/^‹h1›Bad gateway‹\/h1›x+$/);
		expect(error!.description!.length).toBe(2000);
	});

	test('is an item like any other under Never Error', async () => {
		await expect(json(NOT_FOUND, { neverError: true })).resolves.toEqual([
			{ message: 'No such contact' },
		]);
		const response = { neverError: true, fullResponse: true };
		await expect(json(NOT_FOUND, response)).resolves.toMatchObject([
			{ statusCode: 404, body: { message: 'No such contact' } },
		]);
	});
});

describe('an API that says what it was sent', () => {
	test.each([
		['in JSON', JSON_TYPE, {}],
		['in text', { 'content-type': 'text/plain' }, {}],
		['in an error', JSON_TYPE, { status: 400 }],
	])('does not put the token into the output %s', async (_where, headers, rest) => {
		rig.recorder.answers = {
			'/x': (request) => ({
				headers: { ...headers, 'x-echo': request.headers.authorization! },
				body: JSON.stringify({ message: request.headers.authorization }),
				...rest,
			}),
		};
		const run = await rig.run(credential, {
			resource: 'apiRequest',
			path: '/x',
			options: { response: { response: { fullResponse: true } } },
		});
		expect(rig.recorder.requests).toHaveLength(1);
		expect(run.text).toContain('**hidden**');
	});
});
