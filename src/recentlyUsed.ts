/** Keeps the values used last, so that many connections in one process stay within bounded memory. */
export class RecentlyUsed<V> {
	private readonly values = new Map<string, V>();

	/** @param keep values that must not be dropped, whatever their number */
	constructor(
		private readonly limit: number,
		private readonly keep: (value: V) => boolean = () => false,
	) {}

	/** The value for `key`, made where there is none. */
	get(key: string, make: () => V): V {
		const value = this.values.get(key) ?? make();
		this.values.delete(key);
		this.values.set(key, value);
		// Looking for the oldest one takes time in proportion to those used since: only if there are too many.
		if (this.values.size > this.limit) this.dropOldest(key);
		return value;
	}

	private dropOldest(key: string): void {
		for (const [oldest, candidate] of this.values) {
			// The last one is the one asked for.
			if (this.values.size <= this.limit || oldest === key) break;
			if (!this.keep(candidate)) this.values.delete(oldest);
		}
	}

	/** The value for `key` if there is one; this is no use of it. */
	find(key: string): V | undefined {
		return this.values.get(key);
	}

	/** All values, the one used longest ago first. */
	all(): V[] {
		return [...this.values.values()];
	}

	/** True where there is a value for `key`. */
	has(key: string): boolean {
		return this.values.has(key);
	}
}
