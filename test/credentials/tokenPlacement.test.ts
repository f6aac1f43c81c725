import type { ICredentialDataDecryptedObject, IDataObject } from 'n8n-workflow';

import { startRecorder, type Recorded, type Recorder } from '../nodes/recorder';
import type { AuthorizationServer } from '../support/authorizationServer';
import type { EngineRun, N8nEngine } from '../support/n8nEngine';
import { startRequesting } from './requesting';

const TYPE = 'vaultedOAuth2Api';

let engine: N8nEngine;
let provider: AuthorizationServer;
let api: Recorder;
let elsewhere: Recorder;

beforeAll(async () => {
	({ engine, provider } = await startRequesting());
	[api, elsewhere] = [await startRecorder(), await startRecorder()];
});
afterAll(async () => {
	await Promise.all([provider, api, elsewhere].map((server) => server.close()));
	await engine.close();
});
beforeEach(() => {
	api.reset();
	elsewhere.reset();
});

let forms = 0;
const form = (changes: ICredentialDataDecryptedObject): ICredentialDataDecryptedObject => ({
	label: `Placement ${String((forms += 1))}`,
	grantType: 'clientCredentials',
	tokenUrl: provider.tokenEndpoint,
	clientId: 'crm',
	clientSecret: 'example-client-secret',
	scope: 'api:read',
	apiBaseUrl: api.url,
	secretStore: 'localVault',
	...changes,
});

async function send(
	id: string,
	path: string,
	options: IDataObject,
	modern: boolean,
): Promise<EngineRun> {
	return await engine.run([
		{
			type: 'request',
			name: 'Request',
			parameters: { url: `${api.url}${path}`, options: JSON.stringify(options), modern },
			credentials: { [TYPE]: { id, name: TYPE } },
		},
	]);
}

const lines = ({ path, headers }: Recorded): string =>
	[path, ...Object.entries(headers).map(([name, value]) => `${name}: ${String(value)}`)].join('\n');

const KEY = 'example-api-key-0123456789';

const PLACES: readonly [string, ICredentialDataDecryptedObject, (token: string) => string][] = [
	['another header', { tokenHeader: 'X-Auth-Token', tokenPrefix: '' }, (t) => `x-auth-token: ${t}`],
	['a query parameter', { tokenPlacement: 'query' }, (t) => `/a?q=1&access_token=${t}`],
	[
		'a header of the connection',
		{ sendApiHeaders: true, apiHeaders: `X-API-Key: ${KEY}` },
		() => `x-api-key: ${KEY}`,
	],
	['a cookie', { tokenPlacement: 'cookie', tokenCookie: 'sid' }, (t) => `cookie: sid=${t}`],
];

describe.each(PLACES.flatMap((place) => [[...place, false] as const, [...place, true] as const]))(
	'HTTP Request node: %s',
	(_name, fields, sent, modern) => {
		let id: string;
		let issued: string;
		const token = (): string => issued;
		beforeAll(async () => {
			({ id } = await engine.saveAndTest(TYPE, form(fields)));
			issued = fields['sendApiHeaders'] === true ? KEY : provider.issued.at(-1)!.value;
		});

		it(`carries the token; what the request has in its place is not sent (modern: ${String(modern)})`, async () => {
			const mine = {
				headers: {
					'X-AUTH-token': 'mine',
					'X-API-KEY': 'mine',
					Cookie: 'sid=mine',
					'x-other': '1',
				},
				qs: { access_token: 'mine' },
			};
			const { headers, qs } = mine;
			const options = fields['tokenPlacement'] === 'query' ? { qs } : { headers };
			const run = await send(id, '/a?q=1&access_token=mine', options, modern);
			expect(run.error).toBeUndefined();
			const [request] = api.requests;
			expect(lines(request!)).toContain(sent(token()));
			expect(lines(request!).split(token())).toHaveLength(2);
			expect(run.pathTo(token())).toBeUndefined();
		});

		it(`is kept on the API’s own redirects and gone on any other (modern: ${String(modern)})`, async () => {
			api.answers = {
				'/a': { status: 302, headers: { location: '/b?q=1' } },
				'/b': ({ path }) => ({ status: 302, headers: { location: `${elsewhere.url}${path}` } }),
			};
			elsewhere.answers = { '/b': { status: 302, headers: { location: `${api.url}/c` } } };
			const run = await send(id, '/a?q=1', { followRedirect: true }, modern);
			expect(run.error).toBeUndefined();
			expect(api.requests.map((request) => lines(request).includes(token()))).toEqual([
				true,
				true,
				false,
			]);
			expect(lines(api.requests[1]!)).toContain(sent(token()).replace('/a', '/b'));
			expect(elsewhere.requests).toHaveLength(1);
			expect(lines(elsewhere.requests[0]!)).not.toContain(token());
		});

		it(`leaves no trace of it in what n8n keeps of a failure (modern: ${String(modern)})`, async () => {
			api.answers = { '/a': { status: 404, body: '{"error":"no"}' } };
			const run = await send(id, '/a', {}, modern);
			expect(run.status).toBe('error');
			expect(run.pathTo(token())).toBeUndefined();
			expect(run.text).not.toContain(token());
			expect(engine.log.join('\n')).not.toContain(token());
		});
	},
);

it('another place needs the secrets typed again: an API repeats addresses, cookies and headers of other names', async () => {
	const { id } = await engine.saveAndTest(TYPE, form({}));
	const stored = engine.credentials.stored(id);
	const sent = api.requests.length;
	for (const changes of [
		{ tokenPlacement: 'query' },
		{ tokenPlacement: 'cookie' },
		{ tokenHeader: 'X-Request-Id' },
	]) {
		const { test } = await engine.saveAndTest(TYPE, { ...stored, ...changes }, id);
		expect(test.message).toContain('sealed for another Send Token In');
	}
	expect(api.requests).toHaveLength(sent);
	const prefix = await engine.saveAndTest(TYPE, { ...stored, tokenPrefix: 'Token' }, id);
	expect(prefix.test.status).toBe('OK');
	const typed = { ...stored, tokenPlacement: 'query', clientSecret: 'example-client-secret' };
	expect((await engine.saveAndTest(TYPE, typed, id)).test.status).toBe('OK');
	expect(api.requests.at(-1)!.path).toContain(`access_token=${provider.issued.at(-1)!.value}`);
});
