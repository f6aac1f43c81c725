import { NodeHelpers, type IDataObject, type INodeParameters } from 'n8n-workflow';
import { VaultedOAuth2 } from '../../nodes/VaultedOAuth2/VaultedOAuth2.node';
import type { Answer } from './recorder';
import { useRig, type Rig, TOOL_TYPE, type Credential } from './rig';

let rig: Rig;
let credential: Credential;

useRig(async (started) => {
	rig = started;
	credential = await rig.saved({ apiBaseUrl: rig.recorder.url });
});

const json = (value: unknown): Answer => ({
	headers: { 'content-type': 'application/json' },
	body: JSON.stringify(value),
});
const html = (body: string): Answer => ({ headers: { 'content-type': 'text/html' }, body });

/** What a model gets of an answer. */
async function optimized(
	answer: Answer | ((request: { headers: IDataObject }) => Answer),
	parameters: INodeParameters,
	type = TOOL_TYPE,
): Promise<IDataObject[]> {
	rig.recorder.answers = { '/x': answer };
	const tool = { path: '/x', optimizeResponse: true, ...parameters };
	const items = await rig.request(credential, tool, { node: { type } });
	return items.map((item) => item.json);
}

describe('JSON', () => {
	const CONTACTS = json({
		total: 2,
		contacts: [
			{ id: 1, name: { first: 'Ada', last: 'L' }, notes: 'x'.repeat(100) },
			{ id: 2, name: { first: 'Alan', last: 'T' }, notes: 'y' },
		],
	});

	test.each([
		[
			{ dataField: 'contacts', fieldsToInclude: 'selected', fields: 'id, name.first, missing' },
			[
				{ id: 1, name: { first: 'Ada' } },
				{ id: 2, name: { first: 'Alan' } },
			],
		],
		[
			{ dataField: 'contacts', fieldsToInclude: 'except', fields: 'notes,name.last,missing.x' },
			[
				{ id: 1, name: { first: 'Ada' } },
				{ id: 2, name: { first: 'Alan' } },
			],
		],
		[{ dataField: 'contacts[1].name' }, [{ first: 'Alan', last: 'T' }]],
		[{ fieldsToInclude: 'selected', fields: 'total' }, [{ total: 2 }]],
	])('%j', async (parameters, expected) => {
		await expect(optimized(CONTACTS, parameters)).resolves.toEqual(expected);
	});

	test('is cut to the items that fit', async () => {
		const limit = { dataField: 'items', truncateResponse: true, maxLength: 25 };
		const many = json({ items: [{ n: 'aaaa' }, { n: 'bbbb' }, { n: 'cccc' }] });
		await expect(optimized(many, limit)).resolves.toEqual([{ n: 'aaaa' }, { n: 'bbbb' }]);
		const long = json({ items: [{ n: 'x'.repeat(100_000) }] });
		await expect(optimized(long, limit)).resolves.toEqual([{ data: `{"n":"${'x'.repeat(19)}` }]);
	});

	test('without the field is an error that names what there is', async () => {
		await expect(optimized(CONTACTS, { dataField: 'people' })).rejects.toThrow(
			'Field Containing Data: the response has no field "people": Its fields are: total, contacts',
		);
	});
});

describe('a page', () => {
	const PAGE = html(
		'<!doctype html><head><title>T</title></head><body><nav>menu</nav><main><h1>News</h1><p class="lead">A &amp; B</p><img class="x" alt="no"><p>More</p></main><footer>f</footer></body>',
	);
	const HTML = { responseType: 'html' };

	test.each([
		[{ cssSelector: 'p' }, ['A &amp; B', 'More']],
		[{ cssSelector: 'p, h1', onlyContent: true }, ['News', 'A & B', 'More']],
		[{ cssSelector: 'main', onlyContent: true, elementsToOmit: 'h1, .lead' }, ['More']],
		[{ onlyContent: true }, ['menu\nNews\nA & B\nMore\nf']],
		[{ cssSelector: '#none' }, []],
	])('gives its elements: %j', async (parameters, expected) => {
		const [item] = await optimized(PAGE, { ...HTML, ...parameters });
		expect(JSON.parse(item!['data'] as string)).toEqual(expected);
	});

	test('gives what it is about, as text', async () => {
		await expect(optimized(PAGE, { responseType: 'text' })).resolves.toEqual([
			{ data: 'News\nA & B\nMore' },
		]);
		const plain = html('<nav>menu</nav>only this');
		await expect(optimized(plain, { responseType: 'text' })).resolves.toEqual([
			{ data: 'only this' },
		]);
	});

	test('is cut where it is too long', async () => {
		const limit = { truncateResponse: true, maxLength: 10 };
		const long = html(`<p>${'x'.repeat(500_000)}</p>`);
		await expect(optimized(long, { responseType: 'text', ...limit })).resolves.toEqual([
			{ data: 'x'.repeat(10) },
		]);
		const [item] = await optimized(long, { ...HTML, ...limit });
		expect(item!['data']).toHaveLength(10);
	});

	test.each(['cssSelector', 'elementsToOmit'])('has no %s with combinators', async (name) => {
		const parameters = { ...HTML, onlyContent: true, [name]: 'div > p' };
		await expect(optimized(PAGE, parameters)).rejects.toThrow('cannot be "div > p"');
	});
});

test.each(['text', 'html'])(
	'a token that tags take apart is hidden in %s',
	async (responseType) => {
		const items = await optimized(
			({ headers }) => {
				const [scheme, token] = (headers['authorization'] as string).split(' ') as [string, string];
				return html(
					`<p>${scheme} ${token.slice(0, 5)}<b>${token.slice(5, 9)}</b>${token.slice(9)}</p>`,
				);
			},
			{ responseType, onlyContent: true },
		);
		expect(items[0]!['data']).toContain('**hidden**');
	},
);

test('a limit that is no number is an error', async () => {
	const limit = { truncateResponse: true, maxLength: '={{ NaN }}' };
	await expect(optimized(json({}), limit)).rejects.toThrow('Max Response Characters');
});

test('nothing of it is there unless the node is a tool', async () => {
	const value = { data: [{ a: 1 }], b: 2 };
	const type = 'n8n-nodes-vaulted-oauth2.vaultedOAuth2';
	await expect(optimized(json(value), { dataField: 'data' }, type)).resolves.toEqual([value]);
	const { description } = new VaultedOAuth2();
	const optimize = description.properties.find(({ name }) => name === 'optimizeResponse')!;
	const node = { typeVersion: 1 };
	const values = { resource: 'apiRequest', operation: 'request' };
	expect(NodeHelpers.displayParameter(values, optimize, node, description)).toBe(false);
	const tool = { ...description, name: `${description.name}Tool` };
	expect(NodeHelpers.displayParameter(values, optimize, node, tool)).toBe(true);
});
