// 1,000 GETs over TLS with a round trip of 40 ms, 50 at once: a new connection for each request, as n8n's HTTP helpers make it; this
// package's kept connections; and HTTP/2. Ways in turn; medians.
//   npm run bench:api [rounds]
import { Agent as HttpsAgent } from 'node:https';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

import { startSlowApi } from './slowApi.mjs';
import { loadSource } from './sources.mjs';

const require = createRequire(import.meta.url);
const REQUESTS = 1_000;
const AT_ONCE = 50;
const ROUND_TRIP_MS = 40;

/** Each way sends one GET, and resolves when the answer is read. It is made anew for each round: nothing is kept from one to the next. */
const WAYS = {
	'a connection for each request': () => {
		const core = createRequire(require.resolve('n8n-core/package.json'));
		const axios = createRequire(core.resolve('@n8n/backend-network'))('axios');
		return async (url) => {
			await axios.get(url, { httpsAgent: new HttpsAgent(), proxy: false });
		};
	},
	'kept connections': () => {
		const { open } = loadSource('src/http/createEgress.ts').createEgress(undefined, {});
		return async (url) => {
			const { body } = await open(url, { method: 'GET', headers: {} });
			for await (const _chunk of body);
		};
	},
	'HTTP/2, one connection': () => {
		const { Agent } = require('undici');
		const dispatcher = new Agent({ allowH2: true, connections: 1, pipelining: AT_ONCE });
		return async (url) => {
			const { body } = await dispatcher.request({ origin: url, path: '/', method: 'GET' });
			await body.text();
		};
	},
};

/** Sends so many requests, so many at once; the milliseconds that it took. */
async function timed(send, { requests, atOnce }) {
	let left = requests;
	const start = performance.now();
	const worker = async () => {
		while (left-- > 0) await send();
	};
	await Promise.all(Array.from({ length: atOnce }, worker));
	return performance.now() - start;
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** @returns for each way the medians of milliseconds, connections and full handshakes, or the error that it ended with */
export async function measureApi({ rounds = 3, requests = REQUESTS, atOnce = AT_ONCE } = {}) {
	const { selfSigned, trust } = loadSource('test/http/support/certificate.ts');
	const certificate = selfSigned('127.0.0.1');
	trust(certificate);
	const api = await startSlowApi({ ...certificate, roundTripMs: ROUND_TRIP_MS });
	const results = Object.fromEntries(Object.keys(WAYS).map((name) => [name, []]));
	// The first round only warms up.
	for (let round = 0; round <= rounds; round += 1) {
		for (const [name, make] of Object.entries(WAYS)) {
			const send = make();
			const milliseconds = await timed(async () => await send(api.url), { requests, atOnce });
			const counted = await api.counted();
			if (round > 0) results[name].push({ milliseconds, ...counted });
		}
	}
	await api.close();
	const summary = (each) =>
		Object.fromEntries(
			Object.keys(each[0]).map((figure) => [figure, median(each.map((one) => one[figure]))]),
		);
	return Object.fromEntries(Object.entries(results).map(([name, each]) => [name, summary(each)]));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const rounds = Number(process.argv[2] ?? 3);
	const results = await measureApi({ rounds });
	console.log(
		`${REQUESTS} GETs over TLS, ${AT_ONCE} at once, round trip ${ROUND_TRIP_MS} ms, Node ${process.version}, medians of ${rounds} rounds\n`,
	);
	console.log('| | ms | connections | full handshakes |\n|---|---:|---:|---:|');
	for (const [name, { milliseconds, connections, fullHandshakes }] of Object.entries(results))
		console.log(`| ${name} | ${milliseconds.toFixed(0)} | ${connections} | ${fullHandshakes} |`);
}
