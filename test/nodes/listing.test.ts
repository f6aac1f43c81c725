import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import type { IDataObject } from 'n8n-workflow';

import { Rig } from './rig';

const EXAMPLE = join(__dirname, '..', '..', 'docs', 'examples', 'status-page.json');
const { nodes } = JSON.parse(readFileSync(EXAMPLE, 'utf8')) as {
	nodes: { name: string; parameters: { jsCode: string } & Record<string, string> }[];
};
const parametersOf = (wanted: string) => nodes.find(({ name }) => name === wanted)!.parameters;

/** What the workflow answers with, as its Code node makes it of these items. */
function pageOf(connections: readonly IDataObject[]): string {
	const { jsCode } = parametersOf('Page');
	const $input = { all: () => connections.map((json) => ({ json })) };
	const [item] = runInNewContext(`(() => {${jsCode}})()`, { $input, Date }) as [
		{ json: { page: string } },
	];
	return item.json.page;
}

const iso = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string;
let rig: Rig;

beforeAll(async () => {
	rig = await Rig.start({ VAULTED_OAUTH2_LIST: 'workflows' });
});
afterAll(async () => {
	await rig.close();
});
afterEach(() => {
	expect(rig.leaks()).toEqual([]);
});

test('Get Many puts out an item for each connection, and the status page shows it', async () => {
	const credential = await rig.saved({ label: 'Orders <b>&</b> "more"' });
	await rig.saved({ label: 'Another' });
	const run = await rig.run(credential, parametersOf('Connections'));
	const labels = ['Another', 'Orders <b>&</b> "more"'];
	const items = run
		.output('Node')
		.map(({ json }) => json)
		.filter(({ label }) => labels.includes(label as string));
	expect(items.map(({ label }) => label).sort()).toEqual(labels);
	expect(items.find(({ label }) => label !== 'Another')).toEqual({
		label: 'Orders <b>&</b> "more"',
		state: 'healthy',
		needsPerson: false,
		grantType: 'client_credentials',
		rotatedAt: iso,
		refreshAt: iso,
		expiresAt: iso,
		unsaved: expect.any(Boolean) as boolean,
		versionsLeftToday: null,
		secretId: expect.stringMatching(/^n8n\/vaulted-oauth2\/orders-/) as string,
		lastError: null,
	});
	const page = pageOf(items);
	expect(page).toContain('<b>Orders &lt;b&gt;&amp;&lt;/b&gt; &quot;more&quot;</b>');
	expect(page.match(/style="width:(100|99)%"/g)).toHaveLength(2);
	expect(page).toContain('2 in all, 0 to look at.');
});

test('Get Many takes as many as are asked for, and names a Limit that is none', async () => {
	const credential = await rig.saved({ label: 'First' });
	await rig.saved({ label: 'Second' });
	const some = (limit: unknown) =>
		rig.run(credential, { resource: 'connection', operation: 'getAll', limit: limit as number });
	expect((await some(1)).output('Node')).toHaveLength(1);
	for (const limit of [0, 1.5, 1e9, NaN, 'x'])
		expect((await some(limit)).error?.message).toMatch(/Limit/);
});

test('the page has a bar for each token that ends, says how things stand, and holds no markup of others', () => {
	const at = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString();
	const hostile = '"><script>alert(1)</script>\'&';
	const each = { label: hostile, secretId: hostile, grantType: hostile, versionsLeftToday: 7 };
	const page = pageOf([
		{ ...each, state: 'healthy', rotatedAt: at(-30), expiresAt: at(30), refreshAt: at(25) },
		{ ...each, state: 'expiresSoon', rotatedAt: at(-54), expiresAt: at(6), unsaved: true },
		{ ...each, state: 'idle', rotatedAt: at(-120), expiresAt: at(-60) },
		{ ...each, state: 'healthy', rotatedAt: at(-5), expiresAt: null },
		{ ...each, state: 'reconnectNeeded', lastError: { message: hostile } },
		{ ...each, state: hostile },
		{},
	]);
	expect([...page.matchAll(/style="width:(\d+)%"/g)].map(([, width]) => width)).toEqual([
		'0',
		'10',
		'50',
	]);
	expect(page).toContain('no known end');
	expect(page).toContain('ended 60 min ago');
	expect(page).toContain('Reconnect needed');
	expect(page).toContain('6 in all, 2 to look at.');
	expect(page).not.toMatch(/<script|alert\(1\)<\/script/);
	expect(page).not.toContain(hostile);
});
