import { Crew, type Order } from './crew';
import { Place, type StoreKind } from './place';
import type { Role } from './settings';

const ROUNDS = 20;
/** A connection stays for so many rounds: the first redemption of a process differs from those that follow. */
const ROUNDS_PER_CONNECTION = 5;
const HOUR_MS = 3_700_000;
const CALLS = 5;

const MAIN: Role = { command: 'start', env: { EXECUTIONS_MODE: 'queue' } };
const BARE_WORKER: Role = { command: 'worker' };
const REGULAR: Role = { command: 'start' };
const EXECUTE: Role = { command: 'execute' };

const STORES: readonly StoreKind[] = ['localVault', 'awsSecretsManager'];

/** In each round a token has ended, and all processes call at once; what the rounds came to. */
async function play(kind: StoreKind, roles: readonly Role[]) {
	const place = await Place.open();
	const crew = await Crew.start(roles.length);
	const redemptions: number[] = [];
	const failures: string[] = [];
	let reused = 0;
	let order: Order | undefined;
	try {
		for (let round = 0; round < ROUNDS; round += 1) {
			const isNew = order === undefined || round % ROUNDS_PER_CONNECTION === 0;
			order = isNew
				? { ...(await place.expired(kind)), calls: CALLS }
				: { ...order!, aheadMs: order!.aheadMs + HOUR_MS };
			place.provider.delayMs = 100;
			const answers = await crew.call(order, roles);
			const tally = place.provider.take();
			redemptions.push(tally.redeemed);
			reused += tally.reused;
			const tokens = new Set(answers.flatMap((answer) => answer?.tokens ?? []));
			failures.push(
				...answers.flatMap((answer) => (answer ? Object.keys(answer.failures) : ['died'])),
				...(tokens.size === 1 ? [] : [`${tokens.size} tokens`]),
			);
		}
	} finally {
		await crew.stop();
		await place.close();
	}
	return { redemptions, failures, reused };
}

describe.each(STORES)('%s: processes that do not know of each other', (kind) => {
	it.each([
		[
			'a main and three workers without EXECUTIONS_MODE',
			[MAIN, BARE_WORKER, BARE_WORKER, BARE_WORKER],
		],
		['a regular instance beside the one it replaces', [REGULAR, REGULAR]],
		['n8n execute beside a regular instance', [REGULAR, EXECUTE]],
	])('%s redeem a refresh token once a round', async (_name, roles) => {
		const { redemptions, failures, reused } = await play(kind, roles);

		expect(redemptions).toEqual(Array.from({ length: ROUNDS }, () => 1));
		expect(reused).toBe(0);
		expect(failures).toEqual([]);
	});
});
