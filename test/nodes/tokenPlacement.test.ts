import type { ICredentialDataDecryptedObject, INodeParameters } from 'n8n-workflow';
import type { Recorded } from './recorder';
import { useRig, type Rig, type Credential } from './rig';

let rig: Rig;

useRig((started) => {
	rig = started;
});
afterEach(() => {
	expect(rig.engine.credentials.dump()).not.toContain(KEY);
	expect(rig.engine.log.join('\n')).not.toContain(KEY);
});

const saved = async (changes: ICredentialDataDecryptedObject): Promise<Credential> => {
	const credential = await rig.saved({ apiBaseUrl: rig.recorder.url, ...changes });
	rig.recorder.requests.length = 0;
	return credential;
};
const lines = ({ path, headers }: Recorded): string =>
	[path, ...Object.entries(headers).map(([name, value]) => `${name}: ${String(value)}`)].join('\n');

const KEY = 'example-api-key-0123456789';

const PLACES: Record<string, [ICredentialDataDecryptedObject, (token: string) => string]> = {
	'another header': [{ tokenHeader: 'X-Auth-Token', tokenPrefix: '' }, (t) => `x-auth-token: ${t}`],
	'another prefix': [{ tokenPrefix: 'Token' }, (t) => `authorization: Token ${t}`],
	'a query parameter': [{ tokenPlacement: 'query' }, (t) => `/v1/a?q=1&access_token=${t}`],
	'a header of the connection': [
		{ sendApiHeaders: true, apiHeaders: `X-API-Key: ${KEY}` },
		() => `x-api-key: ${KEY}`,
	],
	'a cookie': [{ tokenPlacement: 'cookie', tokenCookie: 'sid' }, (t) => `cookie: sid=${t}`],
};

describe.each(Object.entries(PLACES))('%s', (name, [fields, sent]) => {
	let credential: Credential;
	let issued: string;
	const token = (): string => issued;
	beforeAll(async () => {
		credential = await saved(fields);
		issued = fields['sendApiHeaders'] === true ? KEY : rig.provider.issued.at(-1)!.value;
	});

	test('carries the token, and nothing else does', async () => {
		await rig.request(credential, { path: '/v1/a?q=1' });
		const [request] = rig.recorder.requests;
		expect(lines(request!)).toContain(sent(token()));
		expect(lines(request!).split(token())).toHaveLength(2);
	});

	test('is kept on the API’s own redirects, and gone on any other, also if the address repeats it', async () => {
		rig.recorder.answers = {
			'/v1/a': ({ path }) => ({ status: 302, headers: { location: path.replace('/a', '/b') } }),
			'/v1/b': ({ path }) => ({
				status: 302,
				headers: { location: `${rig.elsewhere.url}${path}` },
			}),
		};
		const run = await rig.run(credential, { resource: 'apiRequest', path: '/v1/a?q=1' });
		expect(run.status).toBe('success');
		expect(rig.recorder.requests.map((request) => lines(request).includes(token()))).toEqual([
			true,
			true,
		]);
		expect(rig.elsewhere.requests).toHaveLength(1);
		expect(lines(rig.elsewhere.requests[0]!)).not.toContain(token());
		expect(rig.elsewhere.requests[0]!.path).toBe('/v1/b?q=1');
	});

	test('shows it nowhere if the API repeats the request, or fails', async () => {
		rig.recorder.answers = {
			'/echo': (request) => ({ body: JSON.stringify({ saw: lines(request) }) }),
			'/bad': (request) => ({ status: 400, body: JSON.stringify({ message: lines(request) }) }),
		};
		const [echoed] = await rig.request(credential, { path: '/echo' });
		expect(echoed!.json['saw']).toContain('**hidden**');
		const run = await rig.run(credential, { resource: 'apiRequest', path: '/bad' });
		expect(run.error?.description).toContain('**hidden**');
		expect(run.text).not.toContain(token());
	});

	test('shows it nowhere if there is no answer', async () => {
		const gone = await rig.saved({
			...fields,
			apiBaseUrl: `http://localhost:${rig.recorder.port}`,
		});
		const url = `http://localhost:${rig.recorder.port}`;
		rig.recorder.answers = { '/x': { status: 302, headers: { location: `${url}:0` } } };
		const run = await rig.run(gone, { resource: 'apiRequest', path: '/x' });
		expect(run.status).toBe('error');
		expect(run.text).not.toContain(rig.provider.issued.at(-1)!.value);
		expect(run.text).not.toContain(KEY);
	});

	test('cannot be set by the node', async () => {
		if (name === 'a header of the connection') {
			const mine = { sendHeaders: true, specifyHeaders: 'json', jsonHeaders: '{"X-API-KEY":"x"}' };
			await rig.request(credential, { path: '/v1/a', ...mine });
			expect(rig.recorder.requests[0]!.headers['x-api-key']).toBe(KEY);
			return;
		}
		const { tokenHeader = 'Authorization' } = fields;
		const header = name === 'a cookie' ? 'Cookie' : (tokenHeader as string);
		const row = (text: string): INodeParameters => ({
			parameters: [{ name: text, value: 'mine' }],
		});
		const parameters =
			name === 'a query parameter'
				? { sendQuery: true, queryParameters: row('access_token') }
				: { sendHeaders: true, headerParameters: row(header) };
		const run = await rig.run(credential, { resource: 'apiRequest', path: '/v1/a', ...parameters });
		expect(run.error?.message).toMatch(
			/^The (header|query parameter) "[\w-]+" cannot be set here$/,
		);
		expect(rig.recorder.requests).toEqual([]);
	});

	test('is where the Validation Path is asked too', async () => {
		const { id } = await saved({ ...fields, validationPath: '/v1/a?q=1' });
		const own = rig.provider.issued.at(-1)!.value;
		rig.recorder.requests.length = 0;
		await rig.engine.testCredential('vaultedOAuth2Api', id);
		expect(rig.recorder.requests).not.toEqual([]);
		for (const request of rig.recorder.requests) expect(lines(request)).toContain(sent(own));
	});
});

test('an address of the API that has the token’s parameter already gets the present token', async () => {
	const credential = await saved({ tokenPlacement: 'query' });
	await rig.request(credential, { path: `${rig.recorder.url}/v1/a?access_token=old&page=2` });
	expect(rig.recorder.requests[0]!.path).toBe(
		`/v1/a?page=2&access_token=${rig.provider.issued.at(-1)!.value}`,
	);
});
