import { NodeOperationError, type IDataObject } from 'n8n-workflow';

import { parameter, type Item } from '../operation';
import { asText, isObject, jsonFields, type Field } from './body';

/** Characters of a field's name in an error. */
const LONGEST_SHOWN = 60;

/** Ends an item's request. @throws NodeOperationError always */
export function refuse({ node, itemIndex }: Item, message: string, description?: string): never {
	throw new NodeOperationError(node.getNode(), message, {
		itemIndex,
		...(description === undefined ? {} : { description }),
	});
}

/** An expression can give a name of any type. */
export interface Row {
	readonly name?: unknown;
	readonly value?: unknown;
}

/** The name of a row; empty if there is none. */
export function nameOf({ name }: Row): string {
	return name == null ? '' : asText(name);
}

/** The fields of a list of names and values; rows left empty are not sent. */
export function readFields(item: Item, name: string): Field[] {
	return parameter<Row[]>(item, `${name}.parameters`, [])
		.map((row) => ({ name: nameOf(row), value: row.value }))
		.filter((field) => field.name !== '');
}

/** The fields of a JSON body; their names lead into it. @throws NodeOperationError for a name that cannot be used */
export function readJsonFields(item: Item): IDataObject {
	return jsonFields(readFields(item, 'bodyParameters'), (name, why) => {
		const shown = name.length > LONGEST_SHOWN ? `${name.slice(0, LONGEST_SHOWN)}…` : name;
		return refuse(item, `The field "${shown}" in "Body Parameters" cannot be used`, why);
	});
}

/** JSON as text, or what an expression made of it. @throws NodeOperationError for a text that is no JSON */
export function readJson(item: Item, name: string, label: string): unknown {
	const value = parameter<unknown>(item, name, '');
	if (typeof value !== 'string') return value;
	try {
		return JSON.parse(value) as unknown;
	} catch (error) {
		const { message } = error as Error;
		return refuse(item, `The value in the "${label}" field is not valid JSON`, message);
	}
}

/** As {@link readJson}. @throws NodeOperationError for anything but an object */
export function readObject(item: Item, name: string, label: string): IDataObject {
	const value = readJson(item, name, label);
	if (!isObject(value)) refuse(item, `The value in the "${label}" field is not a JSON object`);
	return value;
}
