import type { IDataObject } from 'n8n-workflow';

import { stepsIn } from './dataPath';

/** A row of names and values. */
export interface Field {
	readonly name: string;
	readonly value: unknown;
}

type Container = Record<string, unknown>;

/** Says why a field of this name cannot be used. */
export type RefuseField = (name: string, why: string) => never;

/** Nobody types a longer list by its indices; a gap in a list costs memory and time for every index that is left out. */
const LARGEST_INDEX = 999;
/** JSON of a few thousand levels cannot be written. */
const MOST_STEPS = 100;

/** True for a position in a list. */
function isIndex(step: string | undefined): boolean {
	return step !== undefined && /^(0|[1-9]\d*)$/.test(step);
}

function stepsOf(name: string, refuse: RefuseField): string[] {
	const steps = stepsIn(name);
	if (steps.length > MOST_STEPS)
		refuse(name, `It has more than ${MOST_STEPS} levels. Specify the body using JSON.`);
	// Assigning to it would change what other objects inherit.
	if (steps.includes('__proto__')) refuse(name, 'A name cannot be "__proto__". Rename the field.');
	return steps;
}

function isContainer(value: unknown): value is Container {
	return typeof value === 'object' && value !== null;
}

/** An object of JSON, not a list. */
export function isObject(value: unknown): value is IDataObject {
	return isContainer(value) && !Array.isArray(value);
}

function assertStep(container: Container, step: string, refuse: (why: string) => never): void {
	if (!Array.isArray(container)) return;
	if (!isIndex(step))
		refuse(`It leads to "${step}" of a list, which has only numbers. Rename one of the fields.`);
	if (Number(step) > Math.max(LARGEST_INDEX, container.length))
		refuse(`An index can be at most ${LARGEST_INDEX}. Correct it, or specify the body using JSON.`);
}

function put(target: Container, { name, value }: Field, refuse: RefuseField): void {
	const steps = stepsOf(name, refuse);
	let current = target;
	for (const [position, step] of steps.entries()) {
		assertStep(current, step, (why) => refuse(name, why));
		if (position === steps.length - 1) {
			current[step] = value;
			return;
		}
		const next = Object.hasOwn(current, step) ? current[step] : undefined;
		const inner: unknown = isContainer(next) ? next : isIndex(steps[position + 1]) ? [] : {};
		current[step] = inner;
		current = inner as Container;
	}
}

/**
 * Fields as a JSON object; `a.b` and `a[0]` lead into it, as in n8n's HTTP Request node.
 *
 * @param refuse called for a name that cannot be used
 */
export function jsonFields(fields: readonly Field[], refuse: RefuseField): IDataObject {
	const result: Container = {};
	for (const field of fields) put(result, field, refuse);
	return result as IDataObject;
}

/** Fields by name; several of one name become a list. */
export function grouped(fields: readonly Field[]): IDataObject {
	const groups = new Map<string, unknown[]>();
	for (const { name, value } of fields) {
		const group = groups.get(name);
		if (group === undefined) groups.set(name, [value]);
		else group.push(value);
	}
	return Object.fromEntries(
		[...groups].map(([name, values]) => [name, values.length === 1 ? values[0] : values]),
	) as IDataObject;
}

/** Text as it is; numbers and truth values as in JSON. */
export function asText(value: unknown): string {
	return typeof value === 'string' ? value : JSON.stringify(value);
}

function pairs(name: string, value: unknown): [string, string][] {
	if (value === undefined) return [];
	if (value === null) return [[name, '']];
	if (!isContainer(value)) return [[name, asText(value)]];
	return Object.entries(value).flatMap(([key, entry]) => pairs(`${name}[${key}]`, entry));
}

/** Fields as `application/x-www-form-urlencoded`; lists as `a[0]=1&a[1]=2`, as in n8n's HTTP Request node. */
export function formBody(fields: IDataObject): string {
	return new URLSearchParams(
		Object.entries(fields).flatMap(([name, value]) => pairs(name, value)),
	).toString();
}
