/** A host name or IPv4 address, optionally `*.` in front of it and a port behind it. */
const PATTERN = /^(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*(:\d{1,5})?$/;

/** Whether `isAllowedHost` can compare with it: `login.example.com`, `*.example.com`, `login.example.com:8443`, in lower case. */
export function isHostPattern(pattern: string): boolean {
	return pattern.length <= 260 && PATTERN.test(pattern);
}

/**
 * Whether an address is at one of the hosts. A host without a port means the scheme's own port; `*.example.com` means every name below
 * `example.com`, and not that name itself.
 *
 * @param address absolute; one that cannot be read is at none
 */
export function isAllowedHost(address: string, patterns: readonly string[]): boolean {
	if (!URL.canParse(address)) return false;
	const { host } = new URL(address);
	return patterns.some((pattern) =>
		pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) : host === pattern,
	);
}
