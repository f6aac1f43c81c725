/** Where an IPv6 address holds IPv4 addresses: behind the first groups stand further ones, two for each. */
interface Embedding {
	/** Groups of 16 bits. */
	readonly prefix: readonly number[];
	/** The first of the two groups that are the IPv4 address. */
	readonly at: number;
	/** XORed with them. */
	readonly mask?: number;
}

const LAST = 6;

const EMBEDDINGS: readonly Embedding[] = [
	// IPv4-compatible, mapped (RFC 4291 §2.5.5) and translated (RFC 2765 §2.1).
	{ prefix: [0, 0, 0, 0, 0, 0], at: LAST },
	{ prefix: [0, 0, 0, 0, 0, 0xffff], at: LAST },
	{ prefix: [0, 0, 0, 0, 0xffff, 0], at: LAST },
	// NAT64 (RFC 6052 §2.1, RFC 8215).
	{ prefix: [0x64, 0xff9b, 0, 0, 0, 0], at: LAST },
	{ prefix: [0x64, 0xff9b, 1], at: LAST },
	// 6to4 (RFC 3056 §2).
	{ prefix: [0x2002], at: 1 },
	// Teredo: server and client (RFC 4380 §4).
	{ prefix: [0x2001, 0], at: 2 },
	{ prefix: [0x2001, 0], at: LAST, mask: 0xffff },
];

/**
 * The IPv4 addresses that an IPv6 address stands for, or leads to by a gateway or tunnel. `::` holds 0.0.0.0, as which systems treat it;
 * `::1` holds none.
 *
 * @param address a valid IPv6 address without zone or brackets
 */
export function embeddedIPv4(address: string): string[] {
	const groups = groupsOf(address);
	if (groups.join() === '0,0,0,0,0,0,0,1') return [];
	return EMBEDDINGS.filter(({ prefix }) =>
		prefix.every((group, index) => group === groups[index]),
	).map(({ at, mask = 0 }) =>
		groups
			.slice(at, at + 2)
			.map((group) => group ^ mask)
			.flatMap((group) => [group >> 8, group & 0xff])
			.join('.'),
	);
}

/** The eight groups. The URL parser writes all spellings in one: hexadecimal, without dots, with at most one "::". */
function groupsOf(address: string): number[] {
	const { hostname } = new URL(`http://[${address}]`);
	const [head = [], tail = []] = hostname
		.slice(1, -1)
		.split('::')
		.map((part) => part.split(':').filter(Boolean))
		.map((part) => part.map((group) => Number.parseInt(group, 16)));
	return [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}
