/** A JSON object. */
export type Json = Readonly<Record<string, unknown>>;

/** The keys this package knows, at every depth; `*` stands for any key of an object with free keys. */
export interface Shape {
	readonly [key: string]: Shape | true;
}

/** The value as a JSON object; undefined if it is none. */
export function asObject(value: unknown): Json | undefined {
	return typeof value === 'object' && value !== null && !Array.isArray(value)
		? (value as Json)
		: undefined;
}

/** True if nothing in the value is nested deeper than so many levels: a few thousand can be read, but not written again. */
export function isNestedWithin(levels: number, value: unknown): boolean {
	if (typeof value !== 'object' || value === null) return true;
	return levels > 0 && Object.values(value).every((inner) => isNestedWithin(levels - 1, inner));
}

/** What `json` holds beside the known keys, in the same places. */
export function unknownIn(json: Json, shape: Shape): Json {
	return Object.fromEntries(
		Object.entries(json).flatMap(([key, value]) => {
			const known = Object.hasOwn(shape, key) ? shape[key] : shape['*'];
			if (known === undefined) return [[key, value] as const];
			const inner = known === true ? undefined : asObject(value);
			const unknown = inner && known !== true ? unknownIn(inner, known) : {};
			return Object.keys(unknown).length === 0 ? [] : [[key, unknown] as const];
		}),
	);
}

/** `json` with unknown keys put back. What stood inside an object that is gone goes with it. */
export function withUnknown(json: Json, unknown: Json, shape: Shape): Json {
	// Not by assignment: that would take the key `__proto__` for something else.
	const result = new Map(Object.entries(json));
	for (const [key, value] of Object.entries(unknown)) {
		const known = Object.hasOwn(shape, key) ? shape[key] : shape['*'];
		const inner = asObject(result.get(key));
		if (known === undefined) result.set(key, value);
		else if (known !== true && inner !== undefined)
			result.set(key, withUnknown(inner, asObject(value) ?? {}, known));
	}
	return Object.fromEntries(result);
}
