import type { INodeProperties } from 'n8n-workflow';

/** Names and values, one under the other. */
export function keyValues(
	names: { displayName: string; name: string; entry: string; placeholder: string },
	show: Record<string, (string | boolean)[]>,
): INodeProperties {
	return {
		displayName: names.displayName,
		name: names.name,
		type: 'fixedCollection',
		displayOptions: { show },
		typeOptions: {
			multipleValues: true,
			fixedCollection: { itemTitle: '={{ $collection.item.value.name }}' },
		},
		placeholder: names.placeholder,
		default: { parameters: [{ name: '', value: '' }] },
		options: [
			{
				name: 'parameters',
				displayName: names.entry,
				values: [
					{ displayName: 'Name', name: 'name', type: 'string', default: '' },
					{ displayName: 'Value', name: 'value', type: 'string', default: '' },
				],
			},
		],
	};
}

/** How fields are specified. */
export const FIELDS_BELOW = { name: 'Using Fields Below', value: 'keypair' };
/** How one JSON text is specified. */
export const JSON_TEXT = { name: 'Using JSON', value: 'json' };
