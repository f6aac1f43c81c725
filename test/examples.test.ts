import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { NodeHelpers, type INode, type INodeType, type IWorkflowBase } from 'n8n-workflow';

import { VaultedOAuth2 } from '../nodes/VaultedOAuth2/VaultedOAuth2.node';
import { VaultedOAuth2Trigger } from '../nodes/VaultedOAuth2Trigger/VaultedOAuth2Trigger.node';
import { asTool } from './support/asTool';

const FOLDER = join(__dirname, '..', 'docs', 'examples');
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
const OWN: Record<string, INodeType> = {
	'n8n-nodes-vaulted-oauth2.vaultedOAuth2': new VaultedOAuth2(),
	'n8n-nodes-vaulted-oauth2.vaultedOAuth2Tool': asTool(new VaultedOAuth2()),
	'n8n-nodes-vaulted-oauth2.vaultedOAuth2Trigger': new VaultedOAuth2Trigger(),
};

it('there is one for each group of features', () => {
	expect(FILES).toEqual([
		'ai-tool.json',
		'call-api.json',
		'connect.json',
		'keep-alive.json',
		'notify-on-reconnect.json',
		'paginate.json',
		'send-bodies.json',
		'sign-in.json',
		'status-page.json',
		'transfer-files.json',
	]);
	const readme = readFileSync(join(FOLDER, 'README.md'), 'utf8');
	for (const file of FILES) expect(readme).toContain(`(${file})`);
});

describe.each(FILES)('%s', (file) => {
	const workflow = JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as IWorkflowBase;
	const own = workflow.nodes.filter(({ type }) => type in OWN);

	it('connects nodes that are there, each with a name and an id of its own', () => {
		const names = workflow.nodes.map(({ name }) => name);
		expect(new Set(names).size).toBe(names.length);
		expect(new Set(workflow.nodes.map(({ id }) => id)).size).toBe(names.length);
		for (const [from, outputs] of Object.entries(workflow.connections)) {
			expect(names).toContain(from);
			const targets = Object.values(outputs).flatMap((connections) => connections.flat());
			for (const { node } of targets.filter((to) => to != null)) expect(names).toContain(node);
		}
	});

	it('has at least one node of this package, with a credential to choose', () => {
		expect(own.length).toBeGreaterThan(0);
		for (const { credentials } of own) expect(credentials).toHaveProperty('vaultedOAuth2Api');
	});

	it('sets parameters that the node has, and none that is missing', () => {
		for (const node of own) {
			const { description } = OWN[node.type]!;
			const complete = NodeHelpers.getNodeParameters(
				description.properties,
				node.parameters,
				true,
				false,
				node,
				description,
			);
			expect(complete).toMatchObject(node.parameters);
			const filled: INode = { ...node, parameters: complete ?? {} };
			expect(
				NodeHelpers.getNodeParametersIssues(description.properties, filled, description),
			).toBeNull();
		}
	});

	it('holds nothing of anybody’s', () => {
		const text = JSON.stringify(workflow);
		for (const { credentials } of workflow.nodes)
			for (const { id } of Object.values(credentials ?? {})) expect(id).toBe('');
		expect(text).not.toMatch(/instanceId|versionId|pinData/);
	});
});
