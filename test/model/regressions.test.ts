import type { Command } from './commands';
import { ChosenTurns, play } from './play';
import type { Beginning } from './world';

/* What the model has found, as small as it became. */

const TWO: Beginning = { grantType: 'refresh_token', processes: 2, lifetimeSeconds: 300 };

interface Scenario {
	readonly commands: readonly Command[];
	readonly turns?: readonly number[];
	readonly beginning?: Beginning;
}

async function violationsOf({
	commands,
	turns = [],
	beginning = TWO,
}: Scenario): Promise<string[]> {
	return (await play(beginning, commands, new ChosenTurns(turns))).violations;
}

it('an old copy written back during a refresh does not end the lease: the refresh token is redeemed once', async () => {
	const commands: Command[] = [
		{ do: 'copy', turns: 0 },
		// Until the lease is written and the token request is on its way.
		{ do: 'use', place: 0, turns: 4 },
		{ do: 'edit', what: 'note', from: 'copy', turns: 0 },
		{ do: 'force', place: 1, turns: 0 },
	];
	expect(await violationsOf({ commands })).toEqual([]);
});

it('a note that slips in before the tokens are written does not bring a redeemed refresh token back that was typed by hand', async () => {
	const commands: Command[] = [
		{ do: 'edit', what: 'refresh token', from: 'now', turns: 0 },
		{ do: 'use', place: 1, turns: 0 },
		{ do: 'use', place: 0, turns: 6 },
		{ do: 'use', place: 0, turns: 5 },
		{ do: 'skew', ms: 0, turns: 7 },
		{ do: 'edit', what: 'note', from: 'now', turns: 0 },
	];
	expect(await violationsOf({ commands, turns: [0, 3] })).toEqual([]);
});

it('an old copy of a refresh token that was typed by hand is known as one', async () => {
	const commands: Command[] = [
		{ do: 'use', place: 0, turns: 4 },
		{ do: 'edit', what: 'refresh token', from: 'now', turns: 0 },
		{ do: 'wait', ms: 100, turns: 0 },
		{ do: 'copy', turns: 0 },
		{ do: 'use', place: 1, turns: 0 },
		{ do: 'edit', what: 'note', from: 'copy', turns: 11 },
		{ do: 'edit', what: 'note', from: 'copy', turns: 0 },
		{ do: 'use', place: 0, turns: 0 },
	];
	expect(await violationsOf({ commands })).toEqual([]);
});

it('a note that had to be put back does not remove one that came later', async () => {
	const commands: Command[] = [
		{ do: 'use', place: 0, turns: 0 },
		{ do: 'edit', what: 'note', from: 'now', turns: 5 },
		{ do: 'edit', what: 'note', from: 'now', turns: 0 },
		{ do: 'fault', fault: { kind: 'writeLost' }, isEverywhere: false, place: 0, turns: 0 },
		{ do: 'wait', ms: 100, turns: 0 },
		{ do: 'edit', what: 'note', from: 'now', turns: 0 },
	];
	expect(await violationsOf({ commands })).toEqual([]);
});
