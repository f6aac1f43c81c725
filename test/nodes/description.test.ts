import { NodeHelpers, type INodeParameters, type INodeProperties } from 'n8n-workflow';
import { VaultedOAuth2 } from '../../nodes/VaultedOAuth2/VaultedOAuth2.node';

const { description } = new VaultedOAuth2();

/** What the form shows for these values, by name. */
function shown(values: INodeParameters): string[] {
	const node = { typeVersion: 1 };
	const complete = NodeHelpers.getNodeParameters(
		description.properties,
		values,
		true,
		false,
		node,
		description,
	)!;
	return description.properties
		.filter((property: INodeProperties) =>
			NodeHelpers.displayParameter(complete, property, node, description),
		)
		.map(({ name }) => name);
}

test('an agent can use the node as a tool', () => {
	expect(description.usableAsTool).toBe(true);
});

test('the form begins with a plain GET', () => {
	const values = NodeHelpers.getNodeParameters(
		description.properties,
		{},
		true,
		false,
		{ typeVersion: 1 },
		description,
	);
	expect(values).toMatchObject({
		resource: 'apiRequest',
		operation: 'request',
		method: 'GET',
		path: '',
	});
	expect(shown({})).toEqual([
		'resource',
		'operation',
		'curlImport',
		'method',
		'path',
		'sendQuery',
		'sendHeaders',
		'sendBody',
		'options',
	]);
});

test('the address that Import cURL fills in takes the place of the path', () => {
	expect(description.properties).toContainEqual(
		expect.objectContaining({ name: 'curlImport', type: 'curlImport' }),
	);
	const names = shown({ url: 'https://api.example.com/v1/contacts' });
	expect(names).toContain('url');
	expect(names).not.toContain('path');
	expect(shown({ url: '' })).not.toContain('url');
});

test.each([
	[{ sendQuery: true }, ['specifyQuery', 'queryParameters']],
	[{ sendQuery: true, specifyQuery: 'json' }, ['specifyQuery', 'jsonQuery']],
	[{ sendHeaders: true }, ['specifyHeaders', 'headerParameters']],
	[{ sendHeaders: true, specifyHeaders: 'json' }, ['specifyHeaders', 'jsonHeaders']],
	[{ sendBody: true }, ['contentType', 'specifyBody', 'bodyParameters']],
	[{ sendBody: true, specifyBody: 'json' }, ['contentType', 'specifyBody', 'jsonBody']],
	[
		{ sendBody: true, contentType: 'form-urlencoded' },
		['contentType', 'specifyBody', 'bodyParameters'],
	],
	[
		{ sendBody: true, contentType: 'form-urlencoded', specifyBody: 'string' },
		['contentType', 'specifyBody', 'body'],
	],
	[{ sendBody: true, contentType: 'multipart-form-data' }, ['contentType', 'bodyParameters']],
	[{ sendBody: true, contentType: 'binaryData' }, ['contentType', 'inputDataFieldName']],
	[{ sendBody: true, contentType: 'raw' }, ['contentType', 'rawContentType', 'body']],
])('%j shows %j, named as in n8n’s HTTP Request node', (values, expected) => {
	const plain = shown({});
	expect(shown(values).filter((name) => !plain.includes(name))).toEqual(expected);
});

test.each(['validate', 'getStatus', 'refreshNow'])(
	'Connection: %s asks for nothing else',
	(operation) => {
		expect(shown({ resource: 'connection', operation })).toEqual(['resource', 'operation']);
	},
);

test.each(['getStatus', 'refreshNow'])('Connection: %s is simple in new nodes', (operation) => {
	const values = { resource: 'connection', operation };
	const node = { typeVersion: 1.1 };
	const { properties } = description;
	const complete = NodeHelpers.getNodeParameters(
		properties,
		values,
		true,
		false,
		node,
		description,
	);
	expect(complete).toEqual({ ...values, simplify: true });
});

test('every operation says in a sentence what it does', () => {
	const operations = description.properties.filter(({ name }) => name === 'operation');
	for (const { options } of operations) {
		for (const option of options!) {
			expect(option).toMatchObject({
				description: expect.stringMatching(/.{20}/) as string,
				action: expect.stringMatching(/.{10}/) as string,
			});
		}
	}
});
