/** A host that somebody may have written into an address, and what is to become of it. */
export interface Row {
	/** As it stands in the address. */
	readonly host: string;
	/** Whether it is refused if nothing is set but n8n's protection. */
	readonly blocked: boolean;
	/** Refused here, and not by n8n 2.39. */
	readonly isFurther?: boolean;
	/** What the DNS answers, for names. */
	readonly addresses?: readonly string[];
	/** This machine itself: never sent to a proxy. */
	readonly isLoopback?: boolean;
}

const blocked = (...hosts: string[]): Row[] => hosts.map((host) => ({ host, blocked: true }));
const further = (...hosts: string[]): Row[] =>
	hosts.map((host) => ({ host, blocked: true, isFurther: true }));
const passing = (...hosts: string[]): Row[] => hosts.map((host) => ({ host, blocked: false }));
const loopback = (...hosts: string[]): Row[] =>
	hosts.map((host) => ({ host, blocked: true, isLoopback: true }));
const named = (host: string, isBlocked: boolean, ...addresses: string[]): Row => ({
	host,
	blocked: isBlocked,
	addresses,
});

/** Addresses of networks of one's own and tricks to write them, and others beside them that are none. */
export const ADDRESSES: readonly Row[] = [
	// IPv4, and its other spellings.
	...loopback(
		'127.0.0.1',
		'127.255.255.254',
		'127.1',
		'2130706433',
		'0x7f000001',
		'0x7F.0.0.1',
		'0177.0.0.1',
		'017700000001',
		'127.0.0.1.',
		'%31%32%37.0.0.1',
		'１２７.０.０.１',
		'①②⑦.⓪.⓪.①',
		'127。0。0。1',
		'idp.example.com@127.0.0.1',
		'8.8.8.8:80@127.0.0.1',
	),
	...blocked(
		'0.0.0.0',
		'0',
		'0.1.2.3',
		'10.0.0.1',
		'10.255.255.255',
		'167772161',
		'012.0.0.1',
		'169.254.169.254',
		'2852039166',
		'0xa9fea9fe',
		'169.254.170.2',
		'172.16.0.1',
		'172.31.255.255',
		'192.0.0.192',
		'192.168.0.1',
		'198.18.0.1',
	),
	...further(
		'100.64.0.1',
		'100.127.255.255',
		'224.0.0.1',
		'239.255.255.250',
		'240.0.0.1',
		'255.255.255.255',
	),
	...passing(
		'8.8.8.8',
		'134744072',
		'9.255.255.255',
		'11.0.0.1',
		'100.63.255.255',
		'100.128.0.1',
		'126.255.255.255',
		'128.0.0.1',
		'172.15.255.255',
		'172.32.0.1',
		'223.255.255.255',
	),
	// IPv6, and the IPv4 addresses inside it.
	...loopback('[::1]', '[0:0:0:0:0:0:0:1]'),
	...blocked(
		'[fe80::1]',
		'[fd00:ec2::254]',
		'[fc00::1]',
		'[::ffff:127.0.0.1]',
		'[::ffff:7f00:1]',
		'[::ffff:a9fe:a9fe]',
	),
	...further(
		'[::]',
		'[ff02::1]',
		'[::ffff:100.64.0.1]',
		'[::127.0.0.1]',
		'[::a00:1]',
		'[::ffff:0:10.0.0.1]',
		'[64:ff9b::127.0.0.1]',
		'[64:ff9b::a9fe:a9fe]',
		'[64:ff9b::100.64.0.1]',
		'[64:ff9b:1::10.0.0.1]',
		'[64:ff9b:1:a00:0:100::]',
		'[2002:7f00:1::]',
		'[2002:a9fe:a9fe::1]',
		'[2001:0:a00:1::1]',
		'[2001:0:808:808:0:0:80ff:fffe]',
	),
	...passing(
		'[2606:4700::1111]',
		'[::ffff:8.8.8.8]',
		'[::8.8.8.8]',
		'[64:ff9b::8.8.8.8]',
		'[2002:808:808::1]',
		'[2001:0:808:808:0:0:f7f7:f7f7]',
		'[2001:1:a00:1::1]',
	),
	// Names.
	{ host: 'localhost', blocked: true, isLoopback: true },
	{ host: 'LOCALHOST', blocked: true, isLoopback: true },
	{ host: 'any.localhost', blocked: true, isLoopback: true },
	named('idp.example.com', false, '8.8.8.8'),
	named('idp.example.com.', false, '8.8.8.8', '2606:4700::1111'),
	named('evil-localhost', true, '127.0.0.1'),
	named('evil-localhost.example.com', false, '8.8.8.8'),
	named('localhost.evil.example', true, '127.0.0.1'),
	named('127.0.0.1.evil.example', true, '127.0.0.1'),
	named('10.0.0.1.nip.example', true, '10.0.0.1'),
	named('internal.example.com', true, '10.0.0.1'),
	named('one-of-two.example.com', true, '8.8.8.8', '10.0.0.1'),
	named('metadata.example.com', true, '169.254.169.254'),
	{ ...named('shared-space.example.com', true, '100.64.0.1'), isFurther: true },
	named('mapped.example.com', true, '::ffff:10.0.0.1'),
	{ ...named('nat64.example.com', true, '64:ff9b::a00:1'), isFurther: true },
	{ ...named('6to4.example.com', true, '2002:a00:1::1'), isFurther: true },
	named('zoned.example.com', true, 'fe80::1%eth0'),
	named('dns64.example.com', false, '64:ff9b::8.8.8.8'),
	named('bücher.example', true, '192.168.0.1'),
	named('ｉdp.example.com', false, '8.8.8.8'),
];
