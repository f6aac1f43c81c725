import type { IDataObject } from 'n8n-workflow';

/** A row of names and values. */
export interface Field {
	readonly name: string;
	readonly value: unknown;
}

type Container = Record<string, unknown>;

/** Steps that would reach what all objects share. */
const UNSAFE = new Set(['__proto__', 'constructor', 'prototype']);

/** `a.b[0].c` as its steps. */
function steps(path: string): string[] {
	return path.split(/[.[\]]+/).filter((step) => step !== '');
}

function isContainer(value: unknown): value is Container {
	return typeof value === 'object' && value !== null;
}

function put(target: Container, path: string, value: unknown): void {
	const way = steps(path);
	if (way.some((step) => UNSAFE.has(step))) return;
	let current = target;
	for (const [index, step] of way.slice(0, -1).entries()) {
		const next = current[step];
		const made: unknown = isContainer(next) ? next : /^\d+$/.test(way[index + 1] ?? '') ? [] : {};
		current[step] = made;
		current = made as Container;
	}
	const last = way.at(-1);
	if (last !== undefined) current[last] = value;
}

/** Fields as a JSON object; `a.b` and `a[0]` lead into it, as in n8n's HTTP Request node. */
export function jsonFields(fields: readonly Field[]): IDataObject {
	const result: Container = {};
	for (const { name, value } of fields) put(result, name, value);
	return result as IDataObject;
}

/** Fields by name; several of one name become a list. */
export function grouped(fields: readonly Field[]): IDataObject {
	const groups = new Map<string, unknown[]>();
	for (const { name, value } of fields) groups.set(name, [...(groups.get(name) ?? []), value]);
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
