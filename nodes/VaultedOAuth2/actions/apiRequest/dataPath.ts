/** `a.b[0].c` as its steps. */
export function stepsIn(path: string): string[] {
	return path.split(/[.[\]]+/).filter((step) => step !== '');
}

/** What a path such as `data.items[0]` leads to in a value of JSON; undefined if it leads nowhere. A name with a dot in it goes first. */
export function valueAt(value: unknown, path: string): unknown {
	let current = value;
	const steps = isOwn(value, path) ? [path] : stepsIn(path);
	for (const step of steps) {
		if (!isOwn(current, step)) return undefined;
		current = current[step];
	}
	return current;
}

function isOwn(value: unknown, name: string): value is Record<string, unknown> {
	return typeof value === 'object' && value !== null && Object.hasOwn(value, name);
}
