// What one whole `authenticate` costs with a warm token, in microseconds: n8n calls it for every request, each time with another object.
// Rounds in one process after a warm-up; medians, of the calls and of the rounds, so that other work of the machine counts less.
// BUILD_DIR is where the package was built.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 15);
const CALLS = Number(process.env.BENCH_CALLS ?? 5_000);
const require = createRequire(import.meta.url);
const dist = resolve(
	fileURLToPath(new URL('../..', import.meta.url)),
	process.env.BUILD_DIR ?? 'dist',
);

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

const folder = mkdtempSync(join(tmpdir(), 'vaulted-bench-'));
process.env.N8N_USER_FOLDER = folder;
process.env.N8N_ENCRYPTION_KEY = 'key of a benchmark, 32 characters';

const provider = createServer((_request, response) => {
	response.setHeader('content-type', 'application/json');
	response.end('{"access_token":"example-access-token","token_type":"Bearer","expires_in":3600}');
});
await new Promise((done) => provider.listen(0, '127.0.0.1', done));

try {
	const { VaultedOAuth2Api } = require(join(dist, 'credentials/VaultedOAuth2Api.credentials.js'));
	const type = new VaultedOAuth2Api();
	const fields = {
		...Object.fromEntries(type.properties.map((property) => [property.name, property.default])),
		label: 'Benchmark',
		tokenUrl: `http://127.0.0.1:${String(provider.address().port)}/token`,
		clientId: 'benchmark',
		clientSecret: 'example-client-secret',
		apiBaseUrl: 'https://api.example.com/v1',
		secretStore: 'localVault',
	};
	const text = JSON.stringify({ ...fields, ...(await type.preAuthentication(fields)) });
	const request = { method: 'GET', url: 'https://api.example.com/v1/items', headers: {} };
	const rounds = [];
	for (let round = -2; round < ROUNDS; round += 1) {
		const calls = [];
		for (let call = 0; call < CALLS; call += 1) {
			// As n8n does: it decrypts and parses the credential for every request. That is not counted.
			const object = JSON.parse(text);
			const start = process.hrtime.bigint();
			await type.authenticate(object, { ...request });
			calls.push(Number(process.hrtime.bigint() - start) / 1000);
		}
		const microseconds = median(calls);
		if (round >= 0) rounds.push(microseconds);
	}
	console.log(`authenticate, warm token: ${median(rounds).toFixed(2)} µs`);
	console.log(`rounds: ${rounds.map((figure) => figure.toFixed(2)).join(' ')}`);
} finally {
	provider.close();
	rmSync(folder, { recursive: true, force: true });
	// Timers of the store keep nothing alive, n8n's modules may.
	process.exitCode ??= 0;
	setImmediate(() => process.exit());
}
