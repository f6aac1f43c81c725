import { lookup as resolve } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

import { EgressError, type EgressPolicy } from './egress';

/** Decides where connections may go. */
export interface Guard {
	/**
	 * Checks what can be told without DNS: blocked names, and addresses written as such, for which Node asks no `lookup`.
	 *
	 * @throws EgressError `BLOCKED`
	 */
	checkHost(host: string): void;
	/**
	 * Resolves a name for a socket, and fails with an {@link EgressError} where any address is blocked. The socket connects to
	 * exactly these addresses, so that a second, different answer of the DNS changes nothing.
	 */
	readonly lookup: LookupFunction;
}

/** The rules of n8n's own protection: allowed wins over blocked, and a name that is allowed may have any address. */
export function createGuard(policy: EgressPolicy): Guard {
	const allowedAddresses = addressRanges(policy.allowedIpRanges);
	const blockedAddresses = addressRanges(policy.blockedIpRanges);
	const allowedName = nameMatcher(policy.allowedHostnames);
	const blockedName = nameMatcher(policy.blockedHostnames);

	function checkAddress(address: string, host: string): void {
		if (!allowedAddresses(address) && blockedAddresses(address)) {
			throw new EgressError('BLOCKED', `address ${address}`, host);
		}
	}

	return {
		checkHost(host) {
			const address = host.replace(/^\[|\]$/g, '');
			if (isIP(address) !== 0) checkAddress(address, host);
			else if (!allowedName(host) && blockedName(host)) {
				throw new EgressError('BLOCKED', 'host name', host);
			}
		},

		lookup(host, options, callback) {
			resolve(host, { ...options, all: true }, (error, addresses) => {
				try {
					if (error) throw error;
					if (!allowedName(host)) addresses.forEach(({ address }) => checkAddress(address, host));
				} catch (reason) {
					callback(reason as Error, []);
					return;
				}
				const [first] = addresses;
				if (options.all === true || first === undefined) callback(null, addresses);
				else callback(null, first.address, first.family);
			});
		},
	};
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
	return (address) => {
		const [bare = ''] = address.split('%', 1);
		// Connecting to "::" reaches this host, just as 0.0.0.0 does. Addresses mapped into IPv6 are the list's own business.
		const checked = bare === '::' ? '0.0.0.0' : bare;
		return list.check(checked, familyOf(checked)) || list.check(bare, familyOf(bare));
	};
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
