import { Container } from '@n8n/di';
import { BinaryDataService } from 'n8n-core';
import type { IBinaryData, INodeExecutionData, INodeParameters } from 'n8n-workflow';
import type { EngineRun } from '../support/n8nEngine';
import { parseForm } from '../support/parseForm';
import type { Recorded } from './recorder';
import { Rig, type Credential } from './rig';

let rig: Rig;
let credential: Credential;
let stored: IBinaryData;

const CONTENT = 'a file on disk';
const PHOTO: IBinaryData = {
	data: Buffer.from('PNG').toString('base64'),
	mimeType: 'image/png',
	fileName: 'me "at" home.png',
};

beforeAll(async () => {
	rig = await Rig.start({ N8N_DEFAULT_BINARY_DATA_MODE: 'filesystem' });
	credential = await rig.saved({ apiBaseUrl: rig.recorder.url });
	const files = Container.get(BinaryDataService);
	await files.init();
	const about = { data: '', mimeType: 'text/csv', fileName: 'contacts.csv' };
	const place = { type: 'execution' as const, workflowId: 'workflow', executionId: '0' };
	stored = await files.store(place, Buffer.from(CONTENT), about);
	expect(stored.id).toMatch(/^filesystem/);
});
afterAll(async () => {
	await rig.close();
});
beforeEach(() => {
	rig.recorder.reset();
});
afterEach(() => {
	expect(rig.leaks()).toEqual([]);
});

const item = (): INodeExecutionData => ({ json: {}, binary: { photo: PHOTO, list: stored } });
const FILE = { sendBody: true, contentType: 'binaryData', inputDataFieldName: 'list' };
const text = (name: string, value: string) => ({ parameterType: 'formData', name, value });
const file = (name: string, inputDataFieldName: string) => ({
	parameterType: 'formBinaryData',
	name,
	inputDataFieldName,
});
const form = (...parameters: INodeParameters[]): INodeParameters => ({
	sendBody: true,
	contentType: 'multipart-form-data',
	bodyParameters: { parameters },
});

async function post(parameters: INodeParameters): Promise<EngineRun> {
	const request = { resource: 'apiRequest', method: 'POST', path: '/x', ...parameters };
	return await rig.run(credential, request, { items: [item()] });
}

async function sent(parameters: INodeParameters): Promise<Recorded[]> {
	const run = await post(parameters);
	expect(run.error).toBeUndefined();
	return rig.recorder.requests;
}

async function sentForm(...parameters: INodeParameters[]): Promise<FormData> {
	const [{ body, headers }] = (await sent(form(...parameters))) as [Recorded];
	expect(headers['content-length']).toBe(String(Buffer.byteLength(body)));
	return await parseForm(body, headers['content-type']);
}

describe('a file as the body', () => {
	test('is sent with its own type and length, from disk and from memory', async () => {
		const [onDisk] = await sent(FILE);
		expect(onDisk).toMatchObject({
			body: CONTENT,
			headers: { 'content-type': 'text/csv', 'content-length': String(CONTENT.length) },
		});
		rig.recorder.reset();
		const [inMemory] = await sent({ ...FILE, inputDataFieldName: 'photo' });
		expect(inMemory).toMatchObject({
			body: 'PNG',
			headers: { 'content-type': 'image/png', 'content-length': '3' },
		});
	});

	test('has the type that a header gives it', async () => {
		const headers = {
			sendHeaders: true,
			headerParameters: { parameters: [{ name: 'Content-Type', value: 'text/plain' }] },
		};
		const [request] = await sent({ ...FILE, ...headers });
		expect(request!.headers['content-type']).toBe('text/plain');
	});

	test('is read again for a new token and for a redirect that keeps the body', async () => {
		let refuse = true;
		rig.recorder.answers = {
			'/x': () => {
				const status = refuse ? 401 : 307;
				refuse = false;
				return { status, headers: { location: '/y' } };
			},
		};
		const requests = await sent(FILE);
		expect(requests.map(({ path, body }) => [path, body])).toEqual([
			['/x', CONTENT],
			['/x', CONTENT],
			['/y', CONTENT],
		]);
	});
});

describe('a form with files', () => {
	test('carries text and files, from disk and from memory, under their names', async () => {
		const sentForms = await sentForm(
			text('title', 'ä✓'),
			file('photo', 'photo'),
			file('list', 'list'),
			text('', ''),
		);
		expect([...sentForms.keys()]).toEqual(['title', 'photo', 'list']);
		expect(sentForms.get('title')).toBe('ä✓');
		const list = sentForms.get('list') as File;
		expect([list.name, list.type, await list.text()]).toEqual([
			'contacts.csv',
			'text/csv',
			CONTENT,
		]);
		expect((sentForms.get('photo') as File).type).toBe('image/png');
	});

	test('writes objects as JSON, and sends several fields of one name', async () => {
		const sentForms = await sentForm(
			text('tag', 'a'),
			text('tag', 'b'),
			text('meta', '={{ ({ a: [1] }) }}'),
		);
		expect(sentForms.getAll('tag')).toEqual(['a', 'b']);
		expect(sentForms.get('meta')).toBe('{"a":[1]}');
	});
});

describe('a file that is missing', () => {
	test.each([
		['the body', { ...FILE, inputDataFieldName: 'missing' }],
		['a form', form(text('a', 'b'), file('f', 'missing'))],
	])('as %s is an error that names the parameter and the item', async (_where, parameters) => {
		const { error } = await post(parameters);
		expect(error).toMatchObject({
			message: 'Input Data Field Name: the input item has no file in "missing"',
			description: 'Its binary data is in: photo, list',
			context: { itemIndex: 0 },
		});
		expect(rig.recorder.requests).toEqual([]);
	});

	test('ends its own item only, if the workflow continues on errors', async () => {
		const items = [{ json: {} }, item()];
		const parameters = { method: 'POST', path: '/x', ...FILE };
		const node = { onError: 'continueRegularOutput' as const };
		const [first, second] = await rig.request(credential, parameters, { items, node });
		expect(first!.json).toMatchObject({
			error: 'Input Data Field Name: the input item has no file in "list"',
		});
		expect(second!.json).toEqual({});
		expect(rig.recorder.requests).toHaveLength(1);
	});
});
