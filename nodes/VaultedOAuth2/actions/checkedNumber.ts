import { NodeOperationError } from 'n8n-workflow';

import type { Item } from './operation';

/** What a number of the node's form may be. */
export interface NumberField {
	/** As the form calls it. */
	readonly label: string;
	/** Where it is, as `Options → Retries`. */
	readonly place: string;
	readonly min: number;
	readonly max: number;
	/** A value besides. */
	readonly or?: number;
}

/** A whole number within its limits; text that is one will do. @throws NodeOperationError that names the field */
export function checkedNumber(item: Item, value: unknown, field: NumberField): number {
	const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
	const { label, place, min, max, or } = field;
	const isAllowed =
		typeof number === 'number' &&
		((Number.isInteger(number) && number >= min && number <= max) || number === or);
	if (isAllowed) return number;
	const besides = or === undefined ? '' : `, or ${or}`;
	throw new NodeOperationError(
		item.node.getNode(),
		`${label} has to be a whole number from ${min} to ${max}${besides}`,
		{
			itemIndex: item.itemIndex,
			description: `Correct it under ${place}, or remove it there.`,
		},
	);
}
