import { once } from 'node:events';
import type { Run } from './harness/run.ts';
import { tellStory, type Outcome, type Stage } from './story.ts';

const args = process.argv.slice(2);
const asJson = args.includes('--json');
const staysOpen =
	!asJson && !args.includes('--once') && process.stdin.isTTY && process.stdout.isTTY;
const startedAt = Number(process.env['DEMO_STARTED_AT'] ?? Date.now());

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop.abort());
const stopped = once(stop.signal, 'abort');

/** Progress; standard output belongs to the JSON, where that is asked for. */
function report(line: string): void {
	const seconds = ((Date.now() - startedAt) / 1000).toFixed(1).padStart(6);
	(asJson ? process.stderr : process.stdout).write(`${seconds} s  ${line}\n`);
}

function describe(outcome: Outcome): string {
	const { apiCalls, tokenRequests } = outcome;
	return `Done: ${apiCalls} API calls with ${tokenRequests} token requests`;
}

async function untilInterrupted({ url, login, connectUrl }: Stage): Promise<void> {
	process.stdout.write(
		`\n  n8n       ${url}\n  user      ${login.email}\n  password  ${login.password}\n\n`,
	);
	process.stdout.write(
		`Connect an account yourself, once (any name and password will do):\n\n  ${connectUrl}\n\n`,
	);
	process.stdout.write('Ctrl+C stops everything.\n');
	await stopped;
}

async function demonstrate(): Promise<Outcome> {
	const closings: (() => Promise<unknown>)[] = [];
	const run: Run = { root: process.cwd(), report, signal: stop.signal };
	try {
		const { outcome, stage } = await tellStory(run, (close) => closings.unshift(close));
		report(describe(outcome));
		if (!outcome.sealed) throw new Error('The vault holds nothing');
		if (!outcome.refreshed) throw new Error('The token was not replaced before its end');
		if (!outcome.authorizationCode.connected) throw new Error('The account was not connected');
		if (!outcome.authorizationCode.refreshed)
			throw new Error('The account’s tokens were not refreshed');
		if (staysOpen) await untilInterrupted(stage);
		return outcome;
	} finally {
		for (const close of closings) await close();
	}
}

let result: ({ ok: true } & Outcome) | { ok: false; error: string };
try {
	result = { ok: true, ...(await demonstrate()) };
} catch (error) {
	const message = error instanceof Error ? error.message : String(error);
	result = { ok: false, error: stop.signal.aborted ? 'Interrupted' : message };
	report(`Failed: ${result.error}`);
}
if (asJson) process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit(result.ok ? 0 : 1);
