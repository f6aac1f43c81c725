import type { INodeProperties, INodePropertyCollection, INodePropertyOptions } from 'n8n-workflow';

type Choice = INodeProperties | INodePropertyCollection | INodePropertyOptions;

const isProperty = (choice: Choice): choice is INodeProperties => 'type' in choice;
const isCollection = (choice: Choice): choice is INodePropertyCollection => 'values' in choice;
const isOption = (choice: Choice): choice is INodePropertyOptions =>
	!isProperty(choice) && !isCollection(choice);

/** What a value is called in the list it is chosen from. */
function wordFor(all: readonly INodeProperties[], name: string, value: unknown): string {
	const names = all
		.filter((property) => property.name === name)
		.flatMap(({ options = [] }) => options)
		.filter(isOption)
		.filter((option) => option.value === value);
	return names[0]?.name ?? (isFilled(value) ? 'filled' : JSON.stringify(value));
}

const isFilled = (value: unknown): boolean => JSON.stringify(value) === '{"_cnd":{"exists":true}}';

function condition(
	all: readonly INodeProperties[],
	asked: Readonly<Record<string, readonly unknown[] | undefined>> = {},
): string[] {
	return Object.entries(asked).map(([name, values = []]) => {
		// "/name" is a field of the form's own, seen from inside a collection.
		const plain = name.replace(/^\//, '');
		const field = all.find((property) => property.name === plain)?.displayName ?? name;
		return `${field}: ${values.map((value) => wordFor(all, plain, value)).join(', ')}`;
	});
}

function shownIf(
	all: readonly INodeProperties[],
	{ displayOptions = {} }: INodeProperties,
): string {
	const { show, hide } = displayOptions;
	return [...condition(all, show), ...condition(all, hide).map((text) => `not ${text}`)].join('; ');
}

function kindOf({ type, typeOptions = {}, required, noDataExpression }: INodeProperties): string {
	// How rows look.
	const { rows: _height, fixedCollection: _titles, ...limits } = typeOptions;
	return [
		type,
		...(required === true ? ['required'] : []),
		...(noDataExpression === true ? ['no expression'] : []),
		...Object.entries(limits).map(([name, value]) =>
			value === true ? name : `${name} ${JSON.stringify(value)}`,
		),
	].join(', ');
}

function defaultOf(
	all: readonly INodeProperties[],
	{ name, default: value }: INodeProperties,
): string {
	return value === '' || typeof value === 'object' ? '' : wordFor(all, name, value);
}

function rowsOf(properties: readonly INodeProperties[], path: readonly string[] = []): string[][] {
	return properties.flatMap((property) => {
		const { displayName, name, options = [], type } = property;
		if (type === 'notice' || type === 'curlImport') return [];
		const title = [...path, displayName];
		const values = options.filter(isOption).map(({ value }) => `\`${String(value)}\``);
		const inside = [
			...rowsOf(options.filter(isProperty), title),
			...options.filter(isCollection).flatMap((group) => rowsOf(group.values, title)),
		];
		const row = [
			title.join(' › '),
			`\`${name}\``,
			kindOf(property),
			[...values].join(' '),
			defaultOf(properties, property),
			shownIf(properties, property),
		];
		return [row, ...inside];
	});
}

const HEAD = ['field', 'name', 'kind', 'values', 'default', 'shown if'];

/** The parameters of a form as a table of Markdown, without their help texts; as Prettier writes it. */
export function referenceTable(properties: readonly INodeProperties[]): string {
	const rows = [HEAD, ...rowsOf(properties)].map((row) =>
		row.map((cell) => cell.replaceAll('|', '\\|')),
	);
	const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
	const lines = rows.map(
		(row) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`,
	);
	const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
	return [lines[0], rule, ...lines.slice(1)].join('\n');
}
