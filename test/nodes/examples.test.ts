import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { IDataObject, IWorkflowBase } from 'n8n-workflow';
import { parseForm } from '../support/parseForm';
import type { Answer, Recorded } from './recorder';
import { CREDENTIAL_TYPE, NODE_TYPE, useRig, type Rig, TOOL_TYPE, type Credential } from './rig';

let rig: Rig;
let credential: Credential;

useRig(async (started) => {
	rig = started;
	credential = await rig.saved({ apiBaseUrl: rig.recorder.url });
});

const json = (value: unknown, headers: Record<string, string> = {}): Answer => ({
	headers: { 'content-type': 'application/json', ...headers },
	body: JSON.stringify(value),
});

/** The package's own nodes of an example, one after the other, on what an example of n8n would get; what each put out, by name. */
async function run(file: string): Promise<Record<string, IDataObject[]>> {
	const path = join(__dirname, '..', '..', 'docs', 'examples', file);
	const { nodes } = JSON.parse(readFileSync(path, 'utf8')) as IWorkflowBase;
	const own = nodes
		.filter(({ type }) => type === NODE_TYPE || type === TOOL_TYPE)
		.map((node) => ({ ...node, credentials: { [CREDENTIAL_TYPE]: { ...credential } } }));
	const result = await rig.engine.run(own);
	rig.runs.push(result);
	expect(result.error).toBeUndefined();
	return Object.fromEntries(
		own.map(({ name }) => [name, result.output(name).map((item) => item.json)]),
	);
}

test('send-bodies.json sends what its nodes say', async () => {
	await run('send-bodies.json');
	const sent = rig.recorder.requests.map(({ method, path, headers, body }) => [
		`${method} ${path}`,
		headers['content-type'],
		body,
	]);
	expect(sent).toEqual([
		[
			'POST /contacts',
			'application/json',
			'{"name":"Ada","address":{"city":"London"},"tags":["new"]}',
		],
		['PATCH /contacts/1', 'application/json', '{"name":"Ada Lovelace"}'],
		['POST /search', 'application/x-www-form-urlencoded', 'q=Ada&limit=10'],
		['PUT /import', 'application/xml', '<contacts><contact name="Ada"/></contacts>'],
	]);
});

test('transfer-files.json sends on what it downloaded', async () => {
	rig.recorder.answers = {
		'/reports/1': {
			headers: {
				'content-type': 'application/pdf',
				'content-disposition': 'attachment; filename="report.pdf"',
			},
			body: '%PDF-1.7',
		},
		// Puts the file out again, for the node after it.
		'/uploads': () => json({}),
	};
	const path = join(__dirname, '..', '..', 'docs', 'examples', 'transfer-files.json');
	const { nodes } = JSON.parse(readFileSync(path, 'utf8')) as IWorkflowBase;
	const [download, form, whole] = nodes.filter(({ type }) => type === NODE_TYPE);
	for (const upload of [form!, whole!]) {
		const chain = [download!, upload].map((node) => ({
			...node,
			credentials: { [CREDENTIAL_TYPE]: { ...credential } },
		}));
		expect((await rig.engine.run(chain)).error).toBeUndefined();
	}
	const [, inForm, , asBody] = rig.recorder.requests as [Recorded, Recorded, Recorded, Recorded];
	const fields = await parseForm(inForm.body, inForm.headers['content-type']);
	expect(fields.get('title')).toBe('Report');
	const file = fields.get('file') as File;
	expect([file.name, file.type, await file.text()]).toEqual([
		'report.pdf',
		'application/pdf',
		'%PDF-1.7',
	]);
	expect(asBody).toMatchObject({ method: 'PUT', path: '/files/report.pdf', body: '%PDF-1.7' });
	expect(asBody.headers['content-type']).toBe('application/pdf');
});

test('paginate.json gets all pages, however the API names them', async () => {
	const pages = [[{ id: 1 }], [{ id: 2 }], []];
	const number = ({ path }: Recorded, name: string): number =>
		Number(new URL(path, rig.recorder.url).searchParams.get(name) ?? 0);
	rig.recorder.answers = {
		'/contacts': (request) => json(pages[number(request, 'page') - 1]),
		'/orders': (request) => json({ data: pages[number(request, 'offset') / 100] }),
		'/search': ({ body }) => {
			const { cursor = 0 } = JSON.parse(body) as { cursor?: number };
			return json({ results: pages[cursor], next_cursor: cursor === 0 ? 1 : null });
		},
		'/events': (request) => {
			const page = number(request, 'page');
			return json({ events: pages[page], links: page === 0 ? { next: '/events?page=1' } : {} });
		},
		'/issues': (request) => {
			const page = number(request, 'page');
			return json(pages[page], page === 0 ? { link: '</issues?page=1>; rel="next"' } : {});
		},
	};
	// Each node runs on the items of the one before it, so that the last ones ask several times.
	const outputs = await run('paginate.json');
	expect(Object.keys(outputs)).toHaveLength(5);
	for (const items of Object.values(outputs)) {
		expect(items.slice(0, 2)).toEqual([{ id: 1 }, { id: 2 }]);
		expect(items.length % 2).toBe(0);
	}
});

test('ai-tool.json gives the model the fields it needs, and no token', async () => {
	rig.recorder.answers = {
		'/contacts': ({ headers }) =>
			json({
				contacts: [{ id: 1, name: headers.authorization, notes: 'x'.repeat(10_000) }],
				total: 1,
			}),
	};
	const { API: items } = await run('ai-tool.json');
	expect(items).toEqual([{ id: 1, name: 'Bearer **hidden**' }]);
});
