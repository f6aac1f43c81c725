import { parseForm } from '../../src/config/parseForm';
import { form as fields } from '../config/fixtures';
import { failureOf } from '../support/failureOf';
import { CLIENT, WholeCore, type Form } from '../support/wholeCore';

const KEY = 'example-api-key-0123456789';
const WITH_KEY = { sendApiHeaders: true, apiHeaders: `X-API-Key: ${KEY}\r\nX-Tenant: 7` };

let core: WholeCore;

beforeAll(async () => {
	core = await WholeCore.start('localVault');
});
afterAll(async () => {
	await core.close();
});

let forms = 0;
const form = (changes: Form = {}): Form =>
	core.form({ label: `Keys ${String((forms += 1))}`, ...WITH_KEY, ...changes });

/** What n8n's database has after a save, and what was asked of the provider. */
async function saved(changes: Form): Promise<{ form: Form; asked: number }> {
	const before = core.provider.countTokenRequests();
	const result = await core.save(changes);
	return { form: result, asked: core.provider.countTokenRequests() - before };
}

/** What a request to the API carries. */
async function carried(stored: Form): Promise<Readonly<Record<string, string>>> {
	const { tokens, authorize } = core.connections.open(await core.connections.read(stored));
	const request = { method: 'GET', url: new URL(core.api.url) };
	const { headers } = await authorize(await tokens.get(), request);
	const { authorization: _token, ...others } = headers;
	return others;
}

describe('headers of the connection', () => {
	it('are sealed, blank in the form, and sent with the token', async () => {
		const { form: stored } = await saved(form());
		expect(stored['apiHeaders']).toBe('');
		await expect(carried(stored)).resolves.toEqual({ 'x-api-key': KEY, 'x-tenant': '7' });
	});

	it('are kept if nothing is typed, and if only the client secret is', async () => {
		const { form: stored } = await saved(form());
		await expect(carried({ ...stored, validationPath: '/me' })).resolves.toHaveProperty(
			'x-api-key',
			KEY,
		);
		const again = await saved({ ...stored, clientSecret: CLIENT.clientSecret });
		await expect(carried(again.form)).resolves.toHaveProperty('x-api-key', KEY);
	});

	it('are replaced as a whole by what is typed, for which the provider is not asked', async () => {
		const { form: stored } = await saved(form());
		const typed = { ...stored, apiHeaders: '{"X-Other": "another-api-key"}' };
		const { form: again, asked } = await saved(typed);
		expect(asked).toBe(0);
		await expect(carried(again)).resolves.toEqual({ 'x-other': 'another-api-key' });
	});

	it('can be added to a connection that has none; a stored refresh token is not redeemed for it', async () => {
		const { form: stored } = await saved(await core.refreshForm({ label: 'Keys later' }));
		const { form: again, asked } = await saved({ ...stored, ...WITH_KEY });
		expect(asked).toBe(0);
		await expect(carried(again)).resolves.toHaveProperty('x-api-key', KEY);
		await expect(core.call(again)).resolves.toBe(200);
	});

	it('are not sent while they are off', async () => {
		const { form: stored } = await saved(form());
		await expect(carried({ ...stored, sendApiHeaders: false })).resolves.toEqual({});
		await expect(carried(stored)).resolves.toHaveProperty('x-api-key', KEY);
	});

	it('that are turned on and never typed are an error that names the field', async () => {
		const { form: stored } = await saved(form({ sendApiHeaders: false, apiHeaders: '' }));
		await expect(failureOf(carried({ ...stored, sendApiHeaders: true }))).resolves.toMatchObject({
			code: 'MISSING_FIELD',
			field: 'API Headers',
		});
		await expect(failureOf(saved(form({ apiHeaders: '' })))).resolves.toMatchObject({
			code: 'MISSING_FIELD',
			field: 'API Headers',
		});
	});

	it('go nowhere else: another origin needs them typed again, with every other secret', async () => {
		const { form: stored } = await saved(form());
		const moved = { ...stored, apiBaseUrl: 'http://127.0.0.1:9' };
		for (const typed of [{}, { clientSecret: CLIENT.clientSecret }, { apiHeaders: 'X-A: mine' }]) {
			const attempt = async (): Promise<unknown> =>
				await carried((await saved({ ...moved, ...typed })).form);
			await expect(failureOf(attempt())).resolves.toMatchObject({ code: 'SEALED_FOR_OTHER' });
		}
		const all = { ...moved, clientSecret: CLIENT.clientSecret, apiHeaders: 'X-A: mine' };
		await expect(carried((await saved(all)).form)).resolves.toEqual({ 'x-a': 'mine' });
	});

	it('of a form that is still open may be corrected; who does not type any does not get them', async () => {
		const refreshing = await core.refreshForm({ label: 'Keys open', ...WITH_KEY });
		const { form: stored } = await saved(refreshing);
		// n8n's editor sends what was typed again, and no pointer.
		const corrected = await saved({ ...refreshing, apiHeaders: 'X-API-Key: corrected-key' });
		expect(corrected.form['secretRef']).toBe(stored['secretRef']);
		await expect(carried(corrected.form)).resolves.toEqual({ 'x-api-key': 'corrected-key' });
		const stranger = { ...form({ label: 'Keys shared' }) };
		const { form: theirs } = await saved(stranger);
		const { form: mine } = await saved({ ...stranger, sendApiHeaders: false, apiHeaders: '' });
		expect(mine['secretRef']).not.toBe(theirs['secretRef']);
	});
});

describe('what is typed', () => {
	it.each([
		...['sk-live-0123456789', 'X Y: sk-live-0123456789', ': sk-live-0123456789', 'X-A:'],
		...[
			'Authorization: sk-live-0123456789',
			'Host: sk-live-0123456789',
			'Content-Type: x',
			'DPoP: x',
		],
		...['Transfer-Encoding: chunked', 'x-vaulted-oauth2-guard: 1', 'X-A: 1\nx-a: 2'],
		...[
			'{"X-A": 5}',
			'{"X-A": "sk-live-0123456789\\r\\nX-B: 1"}',
			'{"X-A": sk-live-0123456789}',
			'{}',
			'[]',
		],
		...['X-A: sk-live-0123456789ä', 'x'.repeat(20_000)],
		...[Array.from({ length: 21 }, (_, n) => `X-${String(n)}: 1`).join('\n')],
	])('%j is refused, and not repeated', async (apiHeaders) => {
		const failure = await failureOf(parseForm(fields({ sendApiHeaders: true, apiHeaders })));
		expect(failure).toMatchObject({ code: 'INVALID_FIELD', field: 'API Headers' });
		expect(failure.message).not.toContain('0123456789');
	});

	it.each([{ tokenHeader: 'X-Auth' }, { tokenPlacement: 'cookie' }])(
		'is not the header of the token: %j',
		async (placement) => {
			const apiHeaders = 'X-Auth: 1\nCookie: a=b';
			const typed = fields({ sendApiHeaders: true, apiHeaders, ...placement });
			await expect(failureOf(parseForm(typed))).resolves.toMatchObject({ field: 'API Headers' });
			await expect(parseForm(fields({ sendApiHeaders: true, apiHeaders }))).resolves.toBeDefined();
		},
	);

	it.each(['X-B: 2\n\nX-A:  1 ', '{"x-a": "1", "X-B": "2"}', ' {"X-B":"2","X-A":"1"} '])(
		'%j is read whatever its order and case',
		async (apiHeaders) => {
			const { typed } = await parseForm(fields({ sendApiHeaders: true, apiHeaders }));
			expect(typed.apiHeaders).toBe('{"x-a":"1","x-b":"2"}');
		},
	);
});
