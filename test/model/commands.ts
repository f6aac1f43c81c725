import fc from 'fast-check';

import type { FaultKind } from './faults';
import type { Beginning } from './world';

/** One thing that happens; times are virtual milliseconds. */
export type Act =
	| {
			readonly do:
				| 'use'
				| 'force'
				| 'save client secret'
				| 'save refresh token'
				| 'consent'
				| 'crash'
				| 'shut down';
	  }
	| { readonly do: 'revoke access tokens' | 'copy' }
	| {
			readonly do: 'edit';
			readonly what: 'note' | 'client secret' | 'token set' | 'refresh token';
			readonly from: 'copy' | 'now';
	  }
	| { readonly do: 'suspend'; readonly ms: number; readonly stopsClock: boolean }
	| { readonly do: 'skew' | 'wait'; readonly ms: number }
	| { readonly do: 'fault'; readonly fault: FaultKind; readonly isEverywhere: boolean };

/** What happens, where, and how many turns are taken before the next thing. */
export type Command = Act & {
	/** Index of the process, modulo their number. */
	readonly place?: number;
	readonly turns: number;
};

const DENIED_OR_DOWN = fc.constantFrom('THROTTLED', 'ACCESS_DENIED', 'UNREACHABLE');
const TIMES = fc.integer({ min: 1, max: 3 });
const ACTION = fc.constantFrom('read', 'previous', 'write', 'assertWritable');

const FAULT: fc.Arbitrary<FaultKind> = fc.oneof(
	fc.record({
		kind: fc.constant('storeFails'),
		action: fc.constantFrom('read', 'previous', 'write', 'write', 'any'),
		code: DENIED_OR_DOWN,
		times: TIMES,
	}),
	fc.record({
		kind: fc.constant('storeDown'),
		code: DENIED_OR_DOWN,
		ms: fc.constantFrom(2_000, 10_000, 30_000),
	}),
	fc.record({
		kind: fc.constant('storeSlow'),
		action: ACTION,
		ms: fc.constantFrom(500, 3_000, 10_000),
	}),
	fc.record({ kind: fc.constant('writeLost') }),
	fc.record({
		kind: fc.constant('providerFails'),
		times: TIMES,
		retryAfterSeconds: fc.constantFrom(undefined, undefined, 5, 30),
	}),
	fc.record({ kind: fc.constant('providerDown'), ms: fc.constantFrom(2_000, 20_000, 120_000) }),
	fc.record({ kind: fc.constant('providerSlow'), ms: fc.constantFrom(500, 5_000, 14_000) }),
	fc.record({ kind: fc.constant('requestLost') }),
	fc.record({ kind: fc.constant('answerLost') }),
);

const EDIT = fc.record({
	do: fc.constant('edit'),
	what: fc.constantFrom('note', 'note', 'client secret', 'token set', 'refresh token'),
	from: fc.constantFrom('copy', 'now'),
});

const ACT: fc.Arbitrary<Act> = fc.oneof(
	{ weight: 10, arbitrary: fc.record({ do: fc.constant('use') }) },
	{ weight: 2, arbitrary: fc.record({ do: fc.constant('force') }) },
	{ weight: 2, arbitrary: fc.record({ do: fc.constant('revoke access tokens') }) },
	{
		weight: 2,
		arbitrary: fc.record({
			do: fc.constantFrom('save client secret', 'save refresh token', 'consent'),
		}),
	},
	{ weight: 2, arbitrary: fc.record({ do: fc.constant('copy') }) },
	{ weight: 3, arbitrary: EDIT },
	{ weight: 2, arbitrary: fc.record({ do: fc.constantFrom('crash', 'shut down') }) },
	{
		weight: 1,
		arbitrary: fc.record({
			do: fc.constant('suspend'),
			ms: fc.constantFrom(5_000, 40_000, 120_000),
			stopsClock: fc.boolean(),
		}),
	},
	{
		weight: 1,
		arbitrary: fc.record({
			do: fc.constant('skew'),
			ms: fc.constantFrom(-7_200_000, -60_000, 0, 60_000, 7_200_000),
		}),
	},
	{
		weight: 4,
		arbitrary: fc.record({ do: fc.constant('fault'), fault: FAULT, isEverywhere: fc.boolean() }),
	},
	{
		weight: 5,
		arbitrary: fc.record({
			do: fc.constant('wait'),
			ms: fc.constantFrom(100, 1_000, 6_000, 20_000, 61_000, 290_000, 3_600_000),
		}),
	},
);

/** One command. */
const COMMAND: fc.Arbitrary<Command> = fc
	.tuple(ACT, fc.nat({ max: 3 }), fc.nat({ max: 14 }))
	.map(([act, place, turns]) => ({ ...act, place, turns }));

/** What a run begins with. */
export const BEGINNING: fc.Arbitrary<Beginning> = fc.record({
	grantType: fc.constantFrom('refresh_token', 'authorization_code'),
	processes: fc.integer({ min: 2, max: 4 }),
	lifetimeSeconds: fc.constantFrom(300, 3600),
});

/** All that happens in a run, before its faults end. */
export const COMMANDS = fc.array(COMMAND, { minLength: 1, maxLength: 16 });
