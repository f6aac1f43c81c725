import type { IDataObject, INodeExecutionData, INodeParameters } from 'n8n-workflow';
import { eventually } from '../support/eventually';
import { passWaits } from './fakeWaits';
import { CREDENTIAL_TYPE, useRig, type Rig, type Credential } from './rig';

let rig: Rig;
let credential: Credential;

useRig(async (started) => {
	rig = started;
	credential = await rig.saved();
});

const CONTINUE = { onError: 'continueRegularOutput' } as const;
const numbered = (count: number): IDataObject[] =>
	Array.from({ length: count }, (_, id) => ({ id }));
const pairs = (items: readonly INodeExecutionData[]): unknown[] =>
	items.map(({ pairedItem }) => pairedItem);

describe('many items', () => {
	test('come out in order, each paired with its own, though the answers do not', async () => {
		let held: (() => void) | undefined;
		rig.recorder.answers = Object.fromEntries(
			numbered(120).map(({ id }) => [
				`/${id as number}`,
				async () => {
					if (id === 0) await new Promise<void>((resolve) => (held = resolve));
					// The first item's answer comes when all others of its batch are through.
					if (id === 60) held?.();
					return {
						headers: { 'content-type': 'application/json' },
						body: JSON.stringify([{ id }, { id }]),
					};
				},
			]),
		);
		const recorded = await rig.saved({ apiBaseUrl: rig.recorder.url });
		const items = await rig.request(
			recorded,
			{ path: '=/{{ $json.id }}' },
			{ items: numbered(120) },
		);
		expect(items.map(({ json }) => json['id'])).toEqual(
			numbered(120).flatMap(({ id }) => [id, id]),
		);
		expect(pairs(items)).toEqual(numbered(120).flatMap(({ id }) => [{ item: id }, { item: id }]));
	});

	test('need one token, and read the credential once for all, and once as it is stored', async () => {
		const fresh = await rig.saved({ apiBaseUrl: rig.recorder.url });
		const tokens = rig.provider.countTokenRequests();
		const reads = rig.engine.credentials.reads;
		const items = await rig.request(fresh, { path: '/x' }, { items: numbered(1000) });
		expect(items).toHaveLength(1000);
		expect(rig.provider.countTokenRequests()).toBe(tokens);
		expect(rig.engine.credentials.reads - reads).toBe(2);
	});

	test('read the credential anew in the next run', async () => {
		const changed = await rig.saved({ apiBaseUrl: rig.recorder.url });
		await rig.request(changed, { path: '/x' }, { items: numbered(3) });
		const fields = rig.engine.credentials.stored(changed.id);
		rig.engine.credentials.save(CREDENTIAL_TYPE, { ...fields, clientId: '' }, changed.id);
		const run = await rig.run(changed, { resource: 'apiRequest' }, { items: numbered(3) });
		expect(run.error?.message).toMatch(/^Fix the configuration – Client ID: it is missing/);
	});

	test('are not all sent at once: as many are begun as have an answer, and 50 more', async () => {
		const { credentials } = rig.engine;
		const recorded = await rig.saved({ apiBaseUrl: rig.recorder.url });
		// With an expression it is read for each item that is begun.
		const scope = '={{ "api:read" }}';
		credentials.save(CREDENTIAL_TYPE, { ...credentials.stored(recorded.id), scope }, recorded.id);
		const waiting: (() => void)[] = [];
		const begun: number[] = [];
		const before = credentials.reads;
		rig.recorder.reset();
		rig.recorder.answers = {
			'/x': async () => {
				if (rig.recorder.requests.length > 50) return {};
				await new Promise<void>((resolve) => {
					waiting.push(resolve);
					if (waiting.length < 50) return;
					begun.push(credentials.reads - before);
					for (const release of waiting) release();
				});
				return {};
			},
		};
		await rig.request(recorded, { path: '/x' }, { items: numbered(200) });
		// Two reads say that there is an expression.
		expect(begun).toEqual([52]);
		expect(rig.recorder.requests).toHaveLength(200);
	});
});

describe('Requests at Once', () => {
	/** Answers as soon as so many requests wait for it, and counts how many there were at once. */
	function answerTogether(count: number): { most: number } {
		const seen = { most: 0 };
		let waiting: (() => void)[] = [];
		let running = 0;
		rig.recorder.answers = {
			'/x': async () => {
				running += 1;
				seen.most = Math.max(seen.most, running);
				await new Promise<void>((resolve) => {
					waiting.push(resolve);
					if (waiting.length < count) return;
					for (const answer of waiting) answer();
					waiting = [];
				});
				running -= 1;
				return {};
			},
		};
		return seen;
	}

	test.each([1, 3])('%i is what one run sends', async (requestsAtOnce) => {
		const recorded = await rig.saved({ apiBaseUrl: rig.recorder.url });
		const seen = answerTogether(requestsAtOnce);
		const parameters = { path: '/x', options: { requestsAtOnce } };
		await rig.request(recorded, parameters, { items: numbered(12) });
		expect(seen.most).toBe(requestsAtOnce);
	});

	test('is shared by all executions, and not by other connections', async () => {
		const first = await rig.saved({ apiBaseUrl: rig.recorder.url });
		const second = await rig.saved({ apiBaseUrl: rig.recorder.url });
		const parameters = { path: '/x', options: { requestsAtOnce: 2 } };
		const run = async (used: Credential) =>
			await rig.request(used, parameters, { items: numbered(8) });
		const shared = answerTogether(2);
		await Promise.all([run(first), run(first), run(first)]);
		expect(shared.most).toBe(2);
		const each = answerTogether(4);
		await Promise.all([run(first), run(second)]);
		expect(each.most).toBe(4);
	});
});

describe('Batching', () => {
	const batching = (values: INodeParameters): INodeParameters => ({
		path: '=/{{ $json.id }}',
		options: { batching: { batch: values } },
	});
	const sent = (): string[] => rig.recorder.requests.map(({ path }) => path).sort();

	test('begins so many items, then waits, and keeps the order', async () => {
		const recorded = await rig.saved({ apiBaseUrl: rig.recorder.url });
		const waits = passWaits();
		const output = await rig.request(recorded, batching({ batchSize: 2, batchInterval: 700 }), {
			items: numbered(5),
		});
		expect(waits).toEqual([700, 700]);
		expect(pairs(output)).toEqual([0, 1, 2, 3, 4].map((item) => ({ item })));
	});

	test('sends nothing of the next batch before its time, and nothing at all once it is stopped', async () => {
		const recorded = await rig.saved({ apiBaseUrl: rig.recorder.url });
		const waits = passWaits(700);
		rig.recorder.reset();
		let stop: () => void = () => undefined;
		const stopped = new Promise<void>((resolve) => (stop = resolve));
		const running = rig.run(
			recorded,
			{ resource: 'apiRequest', ...batching({ batchSize: 2, batchInterval: 700 }) },
			{ items: numbered(5), stopped, node: CONTINUE },
		);
		await eventually(() => waits.length === 1 && sent().length === 2);
		stop();
		expect((await running).status).toBe('canceled');
		expect(sent()).toEqual(['/0', '/1']);
	});

	test('begins no batch after a failure, and waits for none', async () => {
		const recorded = await rig.saved({ apiBaseUrl: rig.recorder.url });
		passWaits(700);
		rig.recorder.reset();
		rig.recorder.answers = { '/1': { status: 404 } };
		const { error } = await rig.run(
			recorded,
			{ resource: 'apiRequest', ...batching({ batchSize: 2, batchInterval: 700 }) },
			{ items: numbered(9) },
		);
		expect(error).toMatchObject({ httpCode: '404', context: { itemIndex: 1 } });
		expect(sent()).toEqual(['/0', '/1']);
	});

	test.each([
		{ batchSize: -1, batchInterval: 700 },
		{ batchSize: 2, batchInterval: 0 },
	])('%j is off', async (values) => {
		const recorded = await rig.saved({ apiBaseUrl: rig.recorder.url });
		const waits = passWaits();
		await rig.request(recorded, batching(values), { items: numbered(5) });
		expect(waits).toEqual([]);
	});
});

test.each([
	[{ batching: { batch: { batchSize: 0 } } }, 'Items per Batch', '1 to 1000000, or -1'],
	[{ batching: { batch: { batchSize: NaN } } }, 'Items per Batch', '1 to 1000000, or -1'],
	[{ batching: { batch: { batchSize: -2 } } }, 'Items per Batch', '1 to 1000000, or -1'],
	[{ batching: { batch: { batchInterval: NaN } } }, 'Batch Interval', '0 to 3600000'],
	[{ requestsAtOnce: 0 }, 'Requests at Once', '1 to 1000'],
	[{ requestsAtOnce: NaN }, 'Requests at Once', '1 to 1000'],
	[{ requestsAtOnce: 1.5 }, 'Requests at Once', '1 to 1000'],
])('%j is refused by name, and nothing is sent', async (options, label, limits) => {
	const message = `${label} has to be a whole number from ${limits}`;
	const parameters = { path: '/me', options };
	const before = rig.api.requests.length;
	const run = await rig.run(credential, { resource: 'apiRequest', ...parameters });
	expect(run.error).toMatchObject({ message, context: { itemIndex: 0 } });
	const output = await rig.request(credential, parameters, { items: [{}, {}], node: CONTINUE });
	expect(output).toMatchObject([
		{ json: { error: message }, pairedItem: { item: 0 } },
		{ json: { error: message }, pairedItem: { item: 1 } },
	]);
	expect(rig.api.requests.length).toBe(before);
});

describe('an item that fails', () => {
	const path = '=/status/{{ $json.status }}';
	const items = [{ status: 200 }, { status: 404 }, { status: 200 }];

	test('stops the workflow, and the error says which item it was', async () => {
		const run = await rig.run(credential, { resource: 'apiRequest', path }, { items });
		expect(run.status).toBe('error');
		expect(run.error).toMatchObject({ httpCode: '404', context: { itemIndex: 1 } });
	});

	test('is the first one of several', async () => {
		const failing = [{ status: 200 }, { status: 409 }, { status: 404 }, { status: 500 }];
		const run = await rig.run(credential, { resource: 'apiRequest', path }, { items: failing });
		expect(run.error).toMatchObject({ httpCode: '409', context: { itemIndex: 1 } });
	});

	test('keeps the items behind it from being begun', async () => {
		const before = rig.api.requests.length;
		const many = [{ status: 404 }, ...numbered(500).map(() => ({ status: 200 }))];
		await rig.run(credential, { resource: 'apiRequest', path }, { items: many });
		expect(rig.api.requests.length - before).toBeLessThan(200);
	});

	test('is an item of its own under "continue on fail", with what the API said', async () => {
		const output = await rig.request(credential, { path }, { items, node: CONTINUE });
		expect(output).toEqual([
			{ json: { status: 200 }, pairedItem: { item: 0 } },
			{
				json: {
					error: 'The resource you are requesting could not be found',
					details: {
						message: 'The resource you are requesting could not be found',
						httpCode: '404',
						body: { status: 404 },
					},
				},
				pairedItem: { item: 1 },
			},
			{ json: { status: 200 }, pairedItem: { item: 2 } },
		]);
		expect(JSON.stringify(output)).not.toContain('Bearer');
	});

	test('goes to the error output, if there is one', async () => {
		const run = await rig.run(
			credential,
			{ resource: 'apiRequest', path },
			{ items, node: { onError: 'continueErrorOutput' } },
		);
		expect(pairs(run.output('Node', 0))).toEqual([{ item: 0 }, { item: 2 }]);
		expect(run.output('Node', 1)).toMatchObject([
			{ json: { status: 404, details: { httpCode: '404' } }, pairedItem: { item: 1 } },
		]);
	});

	test('of ours says class, code and field under "continue on fail"', async () => {
		const output = await rig.request(
			credential,
			{ path: '={{ $json.path }}' },
			{ items: [{ path: '//example.com/' }, { path: '/me' }], node: CONTINUE },
		);
		expect(output).toMatchObject([
			{
				json: {
					error: expect.stringMatching(/^Fix the configuration – Path: /) as string,
					details: { class: 'configuration', code: 'ADDRESS_NOT_ALLOWED', field: 'Path' },
				},
			},
			{ json: { name: 'Test User' } },
		]);
	});

	test('of an expression is told like any other', async () => {
		const output = await rig.request(
			credential,
			{ path: '={{ $json.missing.path }}' },
			{ items: [{ id: 1 }], node: CONTINUE },
		);
		expect(output).toMatchObject([{ json: { error: expect.any(String) as string } }]);
	});
});

describe('a credential with expressions', () => {
	test('gives every item the token and the address of its own tenant', async () => {
		const origin = rig.recorder.url;
		const perTenant = await rig.saved({ apiBaseUrl: `${origin}/{tenantId}`, tenantId: 'first' });
		rig.engine.credentials.save(
			CREDENTIAL_TYPE,
			{
				...rig.engine.credentials.stored(perTenant.id),
				tenantId: '={{ $json.tenant }}',
				scope: '={{ $json.scope }}',
			},
			perTenant.id,
		);
		rig.recorder.reset();
		const tenants = Array.from({ length: 12 }, (_, index) => ({
			tenant: `tenant-${index % 3}`,
			scope: ['api:read', 'api:write', 'api:read api:write'][index % 3],
		}));
		await rig.request(perTenant, { path: '=/x?of={{ $json.tenant }}' }, { items: tenants });

		const scopeOf = new Map(rig.provider.issued.map(({ value, scope }) => [value, scope]));
		const calls = rig.recorder.requests.map(({ path, headers }) => ({
			path,
			scope: scopeOf.get(headers.authorization!.replace('Bearer ', '')),
		}));
		expect(calls).toHaveLength(12);
		expect(new Set(calls.map((call) => JSON.stringify(call)))).toEqual(
			new Set(
				tenants.map(({ tenant, scope }) =>
					JSON.stringify({ path: `/${tenant}/x?of=${tenant}`, scope }),
				),
			),
		);
	});
});

describe('a credential that was never saved successfully', () => {
	test('is sealed at its first use, once, and n8n’s database keeps no secret', async () => {
		const unsaved = rig.unsaved();
		const tokens = rig.provider.countTokenRequests();
		const before = rig.api.requests.length;
		const output = await rig.request(unsaved, { path: '/me' }, { items: numbered(20) });
		// One request of n8n's, which seals, and the items'.
		expect(rig.api.requests.length - before).toBe(21);
		expect(output).toHaveLength(20);
		expect(rig.provider.countTokenRequests() - tokens).toBe(1);
		expect(rig.engine.credentials.stored(unsaved.id)).toMatchObject({
			clientSecret: '',
			secretRef: expect.stringContaining('"localVault"') as string,
		});
		const calls = rig.api.requests.length;
		await rig.request(unsaved, { path: '/me' });
		expect(rig.api.requests.length - calls).toBe(1);
	});

	test('with a wrong secret says so in the core’s own words, and stores nothing', async () => {
		const wrong = rig.unsaved({
			clientSecret: 'wrong-client-secret',
			clientAuthentication: 'basic',
		});
		const run = await rig.run(wrong, { resource: 'apiRequest', path: '/me' });
		expect(run.error).toMatchObject({
			message: expect.stringMatching(/^Fix the configuration – Client Secret: /) as string,
			context: { class: 'configuration', code: 'INVALID_CLIENT', field: 'Client Secret' },
		});
		expect(run.text).not.toContain('wrong-client-secret');
		expect(rig.engine.credentials.stored(wrong.id)).toMatchObject({ secretRef: '' });
	});

	test('with a field missing names the field', async () => {
		const run = await rig.run(rig.unsaved({ clientId: '' }), { resource: 'apiRequest' });
		expect(run.error?.message).toMatch(/^Fix the configuration – Client ID: it is missing/);
	});

	test('of an API that is out of reach is sealed all the same', async () => {
		passWaits();
		const unsaved = rig.unsaved({ apiBaseUrl: 'http://127.0.0.1:9' });
		const run = await rig.run(unsaved, { resource: 'apiRequest', path: '/me' });
		expect(run.error?.message).toBe('The service refused the connection - perhaps it is offline');
		expect(rig.engine.credentials.stored(unsaved.id)).toMatchObject({ clientSecret: '' });
	});

	test('takes the fields of the item that seals it', async () => {
		const unsaved = rig.unsaved({
			tenantId: '={{ $json.tenant }}',
			apiBaseUrl: `${rig.api.url}/{tenantId}`,
		});
		const items = [{ tenant: 'no good!' }, { tenant: 'status' }];
		const output = await rig.request(unsaved, { path: '/200' }, { items, node: CONTINUE });
		expect(output).toMatchObject([
			{ json: { details: { field: 'Tenant ID' } }, pairedItem: { item: 0 } },
			{ json: { status: 200 }, pairedItem: { item: 1 } },
		]);
	});
});
