/** One of the processes of an n8n, as far as connections are concerned; told by messages what to do. */
import { closeSync, openSync } from 'node:fs';

import { Connections } from '../../src/connections';
import { VaultedOAuth2Error } from '../../src/errors';
import type { Egress } from '../../src/http/egress';
import { createEgress } from '../../src/http/createEgress';
import { openStore } from '../../src/secrets/openStore';
import type { SecretStore } from '../../src/secrets/store';
import type { Answer, Moment, Order } from './crew';
import { settingsOf, WORKER } from './settings';

/** What is to happen in this round. */
let order: Order | undefined;
/** How far this process's time of day has been set forward. */
let ahead = 0;
let events: Record<string, number> = {};
const opened = new Map<string, Connections>();

/** Dies where it was told to; of all processes that come to that moment the first one only. */
function die(moment: Moment): void {
	if (order?.diesAt !== moment || order.deathMark === undefined) return;
	try {
		closeSync(openSync(order.deathMark, 'wx'));
	} catch {
		return;
	}
	process.kill(process.pid, 'SIGKILL');
}

function dyingEgress(tokenUrl: string): Egress {
	const egress = createEgress(undefined, {});
	return {
		...egress,
		request: async (url, request) => {
			if (url === tokenUrl) die('before the call');
			const response = await egress.request(url, request);
			if (url === tokenUrl) die('between answer and write');
			return response;
		},
	};
}

function dyingStore(store: SecretStore): SecretStore {
	return {
		...store,
		write: async (secretId, content, expectedVersionId) => {
			const result = await store.write(secretId, content, expectedVersionId);
			// The claim is a write as well.
			if (!content.includes('"lease"')) die('after the write');
			return result;
		},
	};
}

function connectionsFor({ userFolder, leaseMs, fields, role = WORKER }: Order): Connections {
	const settings = settingsOf(userFolder, role);
	const key = JSON.stringify([userFolder, leaseMs, fields['tokenUrl'], role]);
	const existing = opened.get(key);
	// What ends after its run knows nothing of the one before.
	if (existing !== undefined && !settings.endsAfterRun) return existing;
	const connections = new Connections({
		settings,
		egress: dyingEgress(String(fields['tokenUrl'])),
		now: () => Date.now() + ahead,
		elapsed: () => performance.now(),
		...(leaseMs === undefined ? {} : { leaseMs }),
		openStore: (store, parts) => dyingStore(openStore(store, parts)),
		emit: ({ name }) => (events[name] = (events[name] ?? 0) + 1),
	});
	opened.set(key, connections);
	return connections;
}

async function obey(next: Order): Promise<Answer> {
	order = next;
	ahead = next.aheadMs;
	events = {};
	const connections = connectionsFor(next);
	const answer: Answer = { tokens: [], failures: {}, slowestMs: 0, events };
	const tokens = new Set<string>();
	const call = async (): Promise<void> => {
		const startedAt = performance.now();
		try {
			const { tokens: source } = connections.open(await connections.read(next.fields));
			tokens.add((await source.get()).accessToken);
		} catch (error) {
			const code = error instanceof VaultedOAuth2Error ? error.code : String(error);
			answer.failures[code] = (answer.failures[code] ?? 0) + 1;
		}
		answer.slowestMs = Math.max(answer.slowestMs, performance.now() - startedAt);
	};
	await Promise.all(Array.from({ length: next.calls }, call));
	return { ...answer, tokens: [...tokens] };
}

process.on('message', (next: Order) => {
	void obey(next).then((answer) => process.send?.(answer));
});
process.send?.('ready');
