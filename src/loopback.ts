/**
 * True for names and addresses of this machine itself: `localhost` and the names below it (RFC 6761 §6.3), 127.0.0.0/8 and ::1.
 *
 * @param host as `URL` writes it, with or without brackets around an IPv6 address
 */
export function isLoopback(host: string): boolean {
	return (
		host === 'localhost' ||
		host.endsWith('.localhost') ||
		/^\[?::1\]?$/.test(host) ||
		/^127(\.\d{1,3}){3}$/.test(host)
	);
}
