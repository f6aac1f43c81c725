import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

import { Connections } from '../src/connections';
import { createEgress } from '../src/http/createEgress';
import type { EgressResponse } from '../src/http/egress';
import { startStrictProvider, type StrictProvider } from './faults/strictProvider';
import { settingsOf, WORKER } from './faults/settings';
import { MemoryStore } from './support/memoryStore';

const HOUR_MS = 3_700_000;
const DOWN: EgressResponse = { status: 503, headers: {}, body: '' };

let provider: StrictProvider;
let store: MemoryStore;
/** What becomes of token requests. */
let isDown: boolean;
/** Called when a token request has been sent. */
let sent: () => void;
let ahead: number;
/** Milliseconds the answer to the next token request takes on its way back. */
let delayMs: number;

beforeAll(async () => {
	provider = await startStrictProvider();
});
afterAll(async () => {
	await provider.close();
});
beforeEach(() => {
	store = new MemoryStore();
	isDown = false;
	sent = () => undefined;
	ahead = 0;
	delayMs = 0;
});

/** A process with real timers; its tokens end when `ahead` is set. */
function startProcess(shutdownMs = 10_000): Connections {
	const egress = createEgress(undefined, {});
	return new Connections({
		settings: { ...settingsOf('/nowhere', WORKER), shutdownMs },
		egress: {
			...egress,
			request: async (url, request) => {
				sent();
				const delay = pause(delayMs);
				const answer = isDown ? DOWN : await egress.request(url, request);
				await delay;
				return answer;
			},
		},
		now: () => Date.now() + ahead,
		elapsed: () => performance.now(),
		openStore: () => store,
		emit: () => undefined,
	});
}

/** A connection whose token has ended. */
async function endedToken(connections: Connections) {
	const fields = {
		label: `Example ${randomUUID()}`,
		grantType: 'refreshToken',
		tokenUrl: provider.tokenUrl,
		clientId: 'crm',
		clientAuthentication: 'post',
		clientSecretSource: 'enter',
		clientSecret: 'example-client-secret',
		refreshToken: provider.mint(),
		apiBaseUrl: 'https://api.example.test',
		secretStore: 'localVault',
		refreshBufferSeconds: 300,
		secretRef: '',
	};
	ahead = 0;
	const sealed = await connections.seal(await connections.read(fields));
	ahead = HOUR_MS;
	const { tokens, secretRef } = connections.open(await connections.read({ ...fields, ...sealed }));
	return { tokens, stored: () => store.json(secretRef.secretId) };
}

/** Begins a call, and waits until its token request has been sent. */
async function inMidRefresh<T>(call: () => Promise<T>): Promise<{ answer: Promise<T> }> {
	const asked = new Promise<void>((resolve) => (sent = resolve));
	const answer = call();
	answer.catch(() => undefined);
	await asked;
	return { answer };
}

describe('when a process is asked to end', () => {
	it('a redemption that has begun is written and its lease released first', async () => {
		const connections = startProcess();
		const { tokens, stored } = await endedToken(connections);
		const before = stored()['refresh_token'];
		delayMs = 300;
		const { answer } = await inMidRefresh(async () => await tokens.get());
		expect(stored()).toHaveProperty('lease');

		await connections.end();

		expect(stored()['refresh_token']).not.toBe(before);
		expect(stored()).not.toHaveProperty('lease');
		expect(provider.isLatest((await answer).accessToken)).toBe(true);
	});

	it('what the store refuses at first is tried again', async () => {
		const connections = startProcess();
		const { tokens, stored } = await endedToken(connections);
		const before = stored()['refresh_token'];
		delayMs = 100;
		await inMidRefresh(async () => await tokens.get());
		store.fail('write', 'UNAVAILABLE', 3);

		await connections.end();

		expect(stored()['refresh_token']).not.toBe(before);
		expect(stored()).not.toHaveProperty('lease');
	});

	it('a lease kept while the provider is down is released, and stays so', async () => {
		const connections = startProcess();
		const { tokens, stored } = await endedToken(connections);
		isDown = true;
		await expect(tokens.get()).rejects.toMatchObject({ failureClass: 'provider' });
		expect(stored()).toHaveProperty('lease');

		await connections.end();

		expect(stored()).not.toHaveProperty('lease');
		await expect(tokens.get()).rejects.toMatchObject({ failureClass: 'provider' });
		expect(stored()).not.toHaveProperty('lease');
	});

	it('a provider that does not answer holds it up no longer than n8n waits, and no other connection', async () => {
		const connections = startProcess(1000);
		const hanging = await endedToken(connections);
		delayMs = 3000;
		const { answer } = await inMidRefresh(async () => await hanging.tokens.get());
		delayMs = 0;
		const { tokens, stored } = await endedToken(connections);
		const before = stored()['refresh_token'];
		delayMs = 100;
		await inMidRefresh(async () => await tokens.get());
		const startedAt = performance.now();

		await connections.end();

		expect(performance.now() - startedAt).toBeLessThan(1000);
		expect(stored()['refresh_token']).not.toBe(before);
		expect(stored()).not.toHaveProperty('lease');
		await answer;
	});

	it('a refresh that is needed after that is finished in front of its call', async () => {
		const connections = startProcess();
		const { tokens, stored } = await endedToken(connections);
		await connections.end();
		const before = stored()['refresh_token'];

		const { accessToken } = await tokens.get();

		expect(provider.isLatest(accessToken)).toBe(true);
		expect(stored()['refresh_token']).not.toBe(before);
		expect(stored()).not.toHaveProperty('lease');
		await connections.end();
	});

	it('and so is its write, if the store refuses that at first', async () => {
		const connections = startProcess();
		const { tokens, stored } = await endedToken(connections);
		await connections.end();
		const before = stored()['refresh_token'];
		delayMs = 100;
		const { answer } = await inMidRefresh(async () => await tokens.get());
		store.fail('write', 'UNAVAILABLE', 2);

		await answer;

		expect(stored()['refresh_token']).not.toBe(before);
	});

	it('a token that is still valid is served without a refresh', async () => {
		const connections = startProcess();
		const { tokens } = await endedToken(connections);
		await tokens.get();
		provider.take();
		ahead += HOUR_MS - 200_000;
		await connections.end();

		await tokens.get();

		expect(provider.take().redeemed).toBe(0);
	});
});
