import { lookup as askDns, type LookupAddress } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

import { isLoopback } from '../loopback';
import { EgressError, type EgressPolicy } from './egress';
import { embeddedIPv4 } from './embeddedIPv4';

/** Decides where connections may go. */
export interface Guard {
	/**
	 * Checks what can be told without DNS: blocked names, and addresses written as such, for which Node asks no `lookup`.
	 *
	 * @throws EgressError `BLOCKED`
	 */
	checkHost(host: string): void;
	/**
	 * Checks a host that a proxy will resolve: its name, and the addresses that it has for this machine, as n8n does.
	 *
	 * @throws EgressError `BLOCKED`; `NETWORK` if this machine's DNS does not know the name
	 */
	checkForProxy(host: string): Promise<void>;
	/**
	 * Resolves a name for a socket, and fails with an {@link EgressError} where any address is blocked. The socket connects to
	 * exactly these addresses, so that a second, different answer of the DNS changes nothing.
	 */
	readonly lookup: LookupFunction;
}

const LOOPBACK: LookupAddress[] = [
	{ address: '127.0.0.1', family: 4 },
	{ address: '::1', family: 6 },
];

/** The rules of n8n's own protection: allowed wins over blocked, and a name that is allowed may have any address. */
export function createGuard(policy: EgressPolicy): Guard {
	const allowedAddresses = addressRanges(policy.allowedIpRanges);
	const blockedAddresses = addressRanges(policy.blockedIpRanges);
	const allowedName = nameMatcher(policy.allowedHostnames);
	const blockedName = nameMatcher(policy.blockedHostnames);

	/** An address stands for every IPv4 address inside it as well. */
	function checkAddress(address: string, host: string): void {
		const bare = address.replace(/%.*$/, '');
		if (allowedAddresses(bare)) return;
		const meant = isIP(bare) === 6 ? [bare, ...embeddedIPv4(bare)] : [bare];
		if (meant.some((each) => blockedAddresses(each) && !allowedAddresses(each))) {
			throw new EgressError('BLOCKED', `address ${address}`, host);
		}
	}

	function checkHost(host: string): void {
		const address = host.replace(/^\[|\]$/g, '');
		if (isIP(address) !== 0) checkAddress(address, host);
		else if (!allowedName(host) && blockedName(host)) {
			throw new EgressError('BLOCKED', 'host name', host);
		}
	}

	const lookup = lookupWith((host, addresses) => {
		if (!allowedName(host)) addresses.forEach(({ address }) => checkAddress(address, host));
	});

	return {
		checkHost,
		async checkForProxy(host) {
			checkHost(host);
			if (isIP(host) !== 0) return;
			await new Promise<void>((resolve, reject) => {
				lookup(host, { all: true }, (error) => {
					if (error === null) resolve();
					else reject(error instanceof EgressError ? error : unknownHere(error, host));
				});
			});
		},
		lookup,
	};
}

/** Resolves names for sockets. Those of this machine itself never go to the DNS (RFC 6761 §6.3): not every system keeps them back. */
export const plainLookup: LookupFunction = lookupWith(() => undefined);

function lookupWith(
	check: (host: string, addresses: readonly LookupAddress[]) => void,
): LookupFunction {
	return (host, options, callback) => {
		const answer = (error: Error | null, addresses: LookupAddress[]): void => {
			try {
				if (error) throw error;
				check(host, addresses);
			} catch (reason) {
				callback(reason as Error, []);
				return;
			}
			const [first] = addresses;
			if (options.all === true || first === undefined) callback(null, addresses);
			else callback(null, first.address, first.family);
		};
		if (isLoopback(host)) setImmediate(answer, null, LOOPBACK);
		else askDns(host, { ...options, all: true }, answer);
	};
}

function unknownHere({ code = 'ERROR' }: NodeJS.ErrnoException, host: string): EgressError {
	return new EgressError('NETWORK', `LOCAL_DNS_${code}`, host);
}

/** CIDR ranges. Entries that are none are left out, as by n8n, which warns of them when it starts. */
function addressRanges(ranges: readonly string[]): (address: string) => boolean {
	const list = new BlockList();
	for (const range of ranges) {
		const [, network = '', prefix = ''] = /^([^/]+)\/(\d{1,3})$/.exec(range.trim()) ?? [];
		const version = isIP(network);
		if (version === 0 || Number(prefix) > (version === 4 ? 32 : 128)) continue;
		list.addSubnet(network, Number(prefix), familyOf(network));
	}
	return (address) => list.check(address, familyOf(address));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
	return isIP(address) === 4 ? 'ipv4' : 'ipv6';
}

/** Whole names, and `*.example.com` for every name below it. Case and a final dot do not matter. */
function nameMatcher(patterns: readonly string[]): (host: string) => boolean {
	const names = patterns.map(normalizedName).filter((name) => name !== '');
	return (host) => {
		const name = normalizedName(host);
		return names.some((pattern) =>
			pattern.startsWith('*.') ? name.endsWith(pattern.slice(1)) : name === pattern,
		);
	};
}

function normalizedName(name: string): string {
	return name.trim().toLowerCase().replace(/\.$/, '');
}
