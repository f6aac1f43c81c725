/**
 * The one text of an address that is compared and sent: as the WHATWG URL parser writes it. Two texts of one address, such as one with an
 * upper-case host or a default port, would otherwise count as two.
 *
 * @param text an absolute address
 */
export function canonicalUrl(text: string): string {
	return new URL(text).href;
}
