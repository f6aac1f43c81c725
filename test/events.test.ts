import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { count, EVENTS, NO_EVENTS, type EventName } from '../src/events';

/** The rows of the tables in docs/operations.md that describe events. */
function documented(): Record<
	string,
	{ level: string; fields: string[]; counter: string | undefined }
> {
	const text = readFileSync(join(__dirname, '..', 'docs', 'operations.md'), 'utf8');
	const rows = text.split('\n').flatMap((line) => {
		const [, name = '', level = '', fields = '', next = ''] = line
			.split('|')
			.map((cell) => cell.trim());
		const event = /^`(\w+\.\w+)`$/.exec(name)?.[1];
		if (event === undefined) return [];
		const listed = [...fields.matchAll(/`(\w+)`/g)].map(([, field = '']) => field);
		return [[event, { level, fields: listed, counter: /^`(\w+)`$/.exec(next)?.[1] }] as const];
	});
	return Object.fromEntries(rows);
}

it('every event is documented with its level, its fields and its counter, and nothing else is', () => {
	const expected = Object.entries(EVENTS).map(([name, { level, fields, ...rest }]) => [
		name,
		{ level, fields, counter: 'counter' in rest ? rest.counter : undefined },
	]);
	expect(documented()).toEqual(Object.fromEntries(expected));
});

it('counts what Get Status reports, and nothing else', () => {
	const counters = { ...NO_EVENTS };
	for (const name of Object.keys(EVENTS) as EventName[]) count(counters, name);
	expect(new Set(Object.values(counters))).toEqual(new Set([1]));
	expect(Object.keys(counters)).toHaveLength(10);
});
