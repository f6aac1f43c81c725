function isLoopback(hostname: string): boolean {
	return (
		hostname === 'localhost' ||
		hostname.endsWith('.localhost') ||
		hostname === '[::1]' ||
		/^127(\.\d{1,3}){3}$/.test(hostname)
	);
}

/** An https address, or http to this machine itself; no user name, password or fragment in it. */
export function isSecureUrl(value: string): boolean {
	if (!URL.canParse(value) || /[\s\\]/.test(value)) return false;
	const url = new URL(value);
	return (
		(url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))) &&
		url.username === '' &&
		url.password === '' &&
		url.hash === ''
	);
}
