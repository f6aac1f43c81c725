import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Connections } from '../../src/connections';
import {
	SecretStoreError,
	VaultedOAuth2Error,
	VersionConflictError,
	type SecretStoreCode,
} from '../../src/errors';
import { createEgress } from '../../src/http/createEgress';
import { EgressError, type Egress, type EgressResponse } from '../../src/http/egress';
import { openStore } from '../../src/secrets/openStore';
import type { SecretStore } from '../../src/secrets/store';
import { WholeCore, type Form } from '../support/wholeCore';
import { VirtualTime } from '../tokens/virtualTime';
import { aroundStore, type StoreCall } from './aroundStore';
import { REGULAR } from './environment';

/*
 * Every fault of a provider against every fault of a store, while the token is still valid and after it has ended. A real provider that
 * revokes the family of a reused refresh token, a real vault; faults are put between them and the core, so that none of them takes time.
 */

type ProviderFault = 'none' | (typeof PROVIDER_FAULTS)[number];
type StoreFault = 'none' | (typeof STORE_FAULTS)[number];

const PROVIDER_FAULTS = [
	'timeout',
	'DNS',
	'reset',
	'429 with Retry-After',
	'500',
	'503',
	'HTML with 200',
	'truncated JSON',
	'1 MB body',
] as const;

const STORE_FAULTS = [
	'read throttled',
	'read denied',
	'KMS denied',
	'secret deleted',
	'stale read',
	'write throttled',
	'write denied',
	'version quota',
	'conflict',
	'tokens not written',
] as const;

const READ_FAULTS: Partial<Record<StoreFault, SecretStoreCode>> = {
	'read throttled': 'THROTTLED',
	'read denied': 'ACCESS_DENIED',
	'KMS denied': 'DECRYPTION_FAILED',
	'secret deleted': 'DELETED',
};
const WRITE_FAULTS: Partial<Record<StoreFault, SecretStoreCode>> = {
	'write throttled': 'THROTTLED',
	'write denied': 'ACCESS_DENIED',
	'version quota': 'LIMIT_EXCEEDED',
};
/** Turns of the event loop in which nothing happens: what is computed between two calls takes fewer. */
const QUIET_TURNS = 10;

const MOMENTS = {
	'still valid': 3_400,
	ended: 3_700,
	'clock 10 min ahead': 3_600 + 300,
	'clock 10 min behind': -600,
} as const;
type Moment = keyof typeof MOMENTS;

const REQUEST_IS_NOT_SENT: Partial<Record<ProviderFault, EgressError>> = {
	timeout: new EgressError('TIMEOUT', '15 s', 'login.example.com'),
	DNS: new EgressError('NETWORK', 'ENOTFOUND', 'login.example.com'),
	reset: new EgressError('NETWORK', 'ECONNRESET', 'login.example.com'),
};

function answer(
	status: number,
	body: string,
	headers: Record<string, string> = {},
): EgressResponse {
	return { status, body, headers: { 'content-type': 'application/json', ...headers } };
}

/** Sent in place of what the provider would say; the provider never hears of the request. */
const ANSWERS: Partial<Record<ProviderFault, EgressResponse>> = {
	'429 with Retry-After': answer(429, '{}', { 'retry-after': '20' }),
	'500': answer(500, '{"error":"server_error"}'),
	'503': answer(503, 'maintenance', { 'content-type': 'text/plain' }),
	'HTML with 200': answer(200, '<html>Sign in to the hotel’s network</html>', {
		'content-type': 'text/html',
	}),
	'truncated JSON': answer(200, '{"access_token":"ab'),
	'1 MB body': answer(200, 'x'.repeat(1_000_000)),
};

/** What is wrong at present, and what was asked meanwhile. */
class Between {
	provider: ProviderFault = 'none';
	store: StoreFault = 'none';
	tokenRequests = 0;
	storeCalls = 0;
	private busy = 0;
	private readonly first = new Map<string, unknown>();

	egress(real: Egress): Egress {
		return {
			...real,
			request: async (url, request) => {
				this.tokenRequests += 1;
				const failure = REQUEST_IS_NOT_SENT[this.provider];
				if (failure !== undefined) throw failure;
				return ANSWERS[this.provider] ?? (await this.during(() => real.request(url, request)));
			},
		};
	}

	wrap(real: SecretStore): SecretStore {
		const fail = (code: SecretStoreCode, { action, secretId }: StoreCall) => {
			throw new SecretStoreError(`${action} of ${secretId}: ${code}`, { code, action, secretId });
		};
		return aroundStore(real, async (call, act) => {
			if (call.action === 'create') return await act();
			this.storeCalls += 1;
			const isRead = call.action === 'read' || call.action === 'previous';
			const code = isRead ? READ_FAULTS[this.store] : WRITE_FAULTS[this.store];
			if (code !== undefined) fail(code, call);
			if (!isRead && this.store === 'tokens not written' && !isClaim(call)) fail('THROTTLED', call);
			if (!isRead && this.store === 'conflict') {
				this.store = 'none';
				throw new VersionConflictError(call.secretId);
			}
			if (call.action !== 'read') return await this.during(act);
			const version = await this.during(act);
			const first = this.first.get(call.secretId) ?? version;
			this.first.set(call.secretId, first);
			return (this.store === 'stale read' ? first : version) as typeof version;
		});
	}

	/** Until everybody waits for a timer. */
	readonly quiet = async (): Promise<void> => {
		for (let turns = 0; turns < QUIET_TURNS; turns += 1) {
			await new Promise(setImmediate);
			if (this.busy > 0) turns = 0;
		}
	};

	private async during<T>(act: () => Promise<T>): Promise<T> {
		this.busy += 1;
		try {
			return await act();
		} finally {
			this.busy -= 1;
		}
	}
}

/** A write that does not store tokens. */
function isClaim({ action, content = '' }: StoreCall): boolean {
	return action === 'assertWritable' || content.includes('"lease"');
}

interface Cell {
	readonly outcome: string;
	readonly tokenRequests: number;
	readonly storeCalls: number;
	/** Which refresh token the store holds then: the one before, or its successor. */
	readonly stored: 'old' | 'new';
}

let core: WholeCore;
let folder: string;
const between = new Between();
const time = new VirtualTime(between.quiet);
const cells: { provider: ProviderFault; store: StoreFault; moment: Moment; cell: Cell }[] = [];
let label = 0;

/** A process; `faults` are between it and the others. */
function processOf(faults: boolean): Connections {
	const egress = createEgress(undefined, {});
	return new Connections({
		settings: { ...REGULAR, userFolder: folder },
		...time.clock(),
		emit: (event) => core.events.push(event),
		egress: faults ? between.egress(egress) : egress,
		...(faults
			? { openStore: (settings, options) => between.wrap(openStore(settings, options)) }
			: {}),
	});
}

/** Lets time pass, and calls back whoever is due. */
async function wait(seconds: number): Promise<void> {
	if (seconds < 0) time.pass(seconds * 1000);
	else await time.run(seconds * 1000);
	core.now = time.now;
}

beforeAll(async () => {
	core = await WholeCore.start('localVault');
	folder = await mkdtemp(join(tmpdir(), 'matrix-'));
	time.now = core.now;
	core.connections = processOf(true);
});
afterAll(async () => {
	await core.close();
	await rm(folder, { recursive: true, force: true });
});

beforeEach(() => {
	Object.assign(between, { provider: 'none', store: 'none' });
});

/** A connection with one hour's token, a refresh token that must not be lost, and time passed since. */
async function sealed(): Promise<Form> {
	label += 1;
	const form = await core.save(await core.refreshForm({ label: `Matrix ${label}` }));
	// What a process that has worked with it knows.
	await get(form);
	return form;
}

/** What the store holds, seen by somebody for whom nothing is wrong. */
async function refreshTokenIn(form: Form): Promise<unknown> {
	const { store, secretRef } = processOf(false).open(await processOf(false).read(form));
	const { content } = await store.read(secretRef.secretId);
	return (JSON.parse(content) as { refresh_token?: unknown }).refresh_token;
}

async function get(form: Form): Promise<{ outcome: string; message: string; token?: string }> {
	const { tokens } = core.connections.open(await core.connections.read(form));
	return await tokens.get().then(
		({ accessToken }) => ({ outcome: 'served', message: '', token: accessToken }),
		(error: unknown) => {
			if (!(error instanceof VaultedOAuth2Error)) throw error;
			return { outcome: `${error.failureClass} ${error.code}`, message: error.message };
		},
	);
}

const ALL_PROVIDER: readonly ProviderFault[] = ['none', ...PROVIDER_FAULTS];
const ALL_STORE: readonly StoreFault[] = ['none', ...STORE_FAULTS];

describe.each(Object.keys(MOMENTS) as Moment[])('the token %s', (moment) => {
	describe.each(ALL_PROVIDER)('provider: %s', (provider) => {
		it.each(ALL_STORE)('store: %s', async (store) => {
			const form = await sealed();
			const before = await refreshTokenIn(form);
			await wait(MOMENTS[moment]);
			Object.assign(between, { provider, store, tokenRequests: 0, storeCalls: 0 });
			core.events.length = 0;
			const first = await get(form);
			const { tokenRequests, storeCalls } = between;
			const stored = (await refreshTokenIn(form)) === before ? 'old' : 'new';
			const cell: Cell = { outcome: first.outcome, tokenRequests, storeCalls, stored };
			cells.push({ provider, store, moment, cell });

			// One of the four classes or a token, never one that is not good; asked once, and nothing told.
			if (first.token !== undefined) expect(core.provider.isActive(first.token)).toBe(true);
			expect(cell.tokenRequests).toBeLessThanOrEqual(1);
			expect(cell.storeCalls).toBeLessThanOrEqual(6);
			const told = JSON.stringify([first.message, core.events]);
			for (const secret of core.provider.confidential()) expect(told).not.toContain(secret);
			if (moment === 'still valid') expect(first.outcome).toBe('served');
			// Unless the store was writable first, nothing is spent.
			if (WRITE_FAULTS[store] !== undefined) expect(tokenRequests).toBe(0);

			// Everybody is well again: no refresh token was lost, here or for a process that only knows the store.
			Object.assign(between, { provider: 'none', store: 'none' });
			await wait(20 * 60 + Math.max(0, -MOMENTS[moment]));
			expect(await get(form)).toMatchObject({ outcome: 'served' });
			await wait(3_600);
			expect(await get(form)).toMatchObject({ outcome: 'served' });
			const { tokens } = processOf(false).open(await processOf(false).read(form));
			await wait(3_600);
			const { accessToken } = await tokens.get();
			expect(core.provider.isActive(accessToken)).toBe(true);
		});
	});
});

it('an answer that is lost after the provider has acted takes the new refresh token with it: the one documented loss', async () => {
	const form = await sealed();
	await wait(3_700);
	core.provider.injectFault({ loseAnswer: true });
	expect((await get(form)).outcome).toMatch(/^provider /);
	await wait(20 * 60);
	expect((await get(form)).outcome).toBe('reconnect INVALID_GRANT');
});

/** A table for each moment: a row for each fault of the provider, a column for each of the store. */
function tables(): string {
	return Object.keys(MOMENTS)
		.map((moment) => {
			const rows = ALL_PROVIDER.map((provider) => {
				const row = ALL_STORE.map((store) => {
					const found = cells.find(
						(each) => each.moment === moment && each.provider === provider && each.store === store,
					);
					const { outcome, tokenRequests, storeCalls, stored } = found!.cell;
					return `${outcome} (${tokenRequests}, ${storeCalls}, ${stored})`;
				});
				return `| ${provider} | ${row.join(' | ')} |`;
			});
			const head = `| provider \\ store | ${ALL_STORE.join(' | ')} |`;
			const line = `| --- |${' --- |'.repeat(ALL_STORE.length)}`;
			return `## The token: ${moment}\n\n${[head, line, ...rows].join('\n')}`;
		})
		.join('\n\n');
}

it('is what docs/faults.md says', () => {
	const file = join(__dirname, '..', '..', 'docs', 'faults.md');
	const text = readFileSync(file, 'utf8');
	const start = text.indexOf('## The token');
	if (process.env['UPDATE_DOCS'] === '1') {
		writeFileSync(file, `${text.slice(0, start)}${tables()}\n`);
		return;
	}
	const plain = (table: string) => table.replace(/[ -]+/g, ' ').trim();
	expect(plain(text.slice(start))).toBe(plain(tables()));
});
