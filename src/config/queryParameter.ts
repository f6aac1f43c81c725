function nameOf(pair: string): string | undefined {
	return new URLSearchParams(pair).keys().next().value;
}

/**
 * An address with one value for a parameter of its query, or with none. Everything else stays as it was written.
 *
 * @param address an absolute address, or a path with a query
 */
export function withParameter(address: string, name: string, value?: string): string {
	const [, path = '', query = '', fragment = ''] =
		/^([^?#]*)(?:\?([^#]*))?(#.*)?$/s.exec(address) ?? [];
	const others = query.split('&').filter((pair) => pair !== '' && nameOf(pair) !== name);
	const own =
		value === undefined ? [] : [`${encodeURIComponent(name)}=${encodeURIComponent(value)}`];
	const pairs = [...others, ...own];
	return `${path}${pairs.length === 0 ? '' : `?${pairs.join('&')}`}${fragment}`;
}
