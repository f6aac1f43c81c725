/**
 * The target of the first link with this relation in a Link header (RFC 8288 §3); undefined if there is none.
 *
 * @param value several headers as a list
 */
export function linkTarget(value: unknown, relation: string): string | undefined {
	const text = (Array.isArray(value) ? value : [value])
		.filter((entry) => typeof entry === 'string')
		.join(',');
	// A comma belongs to an address or to a quoted text as well, so that links are told by their brackets.
	for (const link of text.split('<').slice(1)) {
		const end = link.indexOf('>');
		if (end === -1) continue;
		const relations = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))/i.exec(link.slice(end + 1));
		const names = (relations?.[1] ?? relations?.[2] ?? '').toLowerCase().split(/\s+/);
		if (names.includes(relation)) return link.slice(0, end).trim();
	}
	return undefined;
}
