import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Connections } from '../../src/connections';
import { createEgress } from '../../src/http/createEgress';
import { openStore } from '../../src/secrets/openStore';
import { eventually } from '../support/eventually';
import { WholeCore } from '../support/wholeCore';
import { aroundStore } from './aroundStore';
import { REGULAR } from './environment';

/* What is called between the provider's answer and the write: nothing. What comes after it may fail, hang or be lost. */

let core: WholeCore;
let folder: string;
const calls: string[] = [];

beforeAll(async () => {
	core = await WholeCore.start('localVault');
	folder = await mkdtemp(join(tmpdir(), 'order-'));
});
afterAll(async () => {
	await core.close();
	await rm(folder, { recursive: true, force: true });
});

function processOf(): Connections {
	const egress = createEgress(undefined, {});
	return new Connections({
		settings: { ...REGULAR, userFolder: folder },
		egress: {
			...egress,
			request: async (url, request) => {
				const { pathname } = new URL(url);
				calls.push(`${pathname} asked`);
				const response = await egress.request(url, request);
				calls.push(`${pathname} answered`);
				return response;
			},
		},
		now: () => core.now,
		openStore: (store, parts) =>
			aroundStore(openStore(store, parts), async ({ action, content = '' }, act) => {
				calls.push(action === 'write' && content.includes('"lease"') ? 'claim' : action);
				return await act();
			}),
		emit: ({ name }) => calls.push(name),
	});
}

it.each([
	['a known process', false],
	['a new process', true],
])('%s: between a rotation and its write nothing else is called', async (_name, isNew) => {
	const endpoint = new URL(core.provider.tokenEndpoint).pathname;
	const introspection = new URL(core.provider.introspectionEndpoint).pathname;
	// The answer names no end, so that it is looked for; the issuer has an introspection endpoint.
	core.provider.injectFault({
		requests: Infinity,
		alter: ({ status, body }) => {
			const { expires_in: _removed, ...rest } = body as Record<string, unknown>;
			return { status, body: rest };
		},
	});
	const form = await core.refreshForm({
		label: `Order ${isNew}`,
		issuerUrl: core.provider.issuer,
		tokenUrl: '',
	});
	const first = processOf();
	const sealed = await core.save(form, first);
	const { tokens } = (isNew ? processOf() : first).open(
		await (isNew ? processOf() : first).read(sealed),
	);
	await tokens.get();
	calls.length = 0;

	await tokens.refreshNow();
	const answered = calls.indexOf(`${endpoint} answered`);
	expect(answered).toBeGreaterThanOrEqual(0);
	expect(calls[answered + 1]).toBe('write');
	expect(calls.slice(0, answered)).not.toContain('write');
	// It is looked for all the same, afterwards.
	await eventually(() => calls.includes(`${introspection} answered`));
	expect(calls.indexOf(`${introspection} asked`)).toBeGreaterThan(answered + 1);
	core.provider.clearFaults();
});
