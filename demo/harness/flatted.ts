/**
 * Reads n8n's format for execution data (`flatted`): a JSON array whose first entry is the root, with every string in an object or
 * list being the index of the real value.
 */
export function parseFlatted(text: string): unknown {
	const entries = JSON.parse(text) as unknown[];
	const known = new Map<string, unknown>();

	function resolve(value: unknown): unknown {
		if (typeof value !== 'string') return value;
		if (known.has(value)) return known.get(value);
		const entry = entries[Number(value)];
		if (typeof entry !== 'object' || entry === null) return entry;

		// Entered before it is filled, because entries may refer to each other in circles.
		const filled = (Array.isArray(entry) ? [] : {}) as Record<string, unknown>;
		known.set(value, filled);
		for (const [key, index] of Object.entries(entry)) filled[key] = resolve(index);
		return filled;
	}

	return resolve('0');
}
