import { isLoopback } from '../loopback';
import { EgressError } from './egress';

/** Where a request goes; `host` without brackets. */
export interface Target {
	readonly scheme: 'http' | 'https';
	readonly host: string;
	readonly port: number;
}

/**
 * The proxy for a target, or `undefined` for a direct connection.
 *
 * @throws EgressError `NETWORK` where one is set that cannot be used: going direct instead would be worse than an error
 */
export type ProxyFor = (target: Target) => URL | undefined;

/**
 * Reads `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, each also in lower case, which wins. `NO_PROXY` lists, separated by
 * commas or spaces, whole names, `.example.com` or `*.example.com` for the names below it, each with `:port` if wanted, or is `*`: as n8n
 * takes it. This machine itself is never behind a proxy: plain http is allowed there, and a proxy would read it.
 */
export function proxiesFromEnvironment(env: NodeJS.ProcessEnv): ProxyFor {
	const variable = (name: string) => [env[name], env[name.toUpperCase()]].find(Boolean);

	// Read anew for each connection, because n8n adds hosts of its own to NO_PROXY while it runs.
	return (target) => {
		if (isLoopback(target.host)) return undefined;
		const address = variable(`${target.scheme}_proxy`) ?? variable('all_proxy');
		const exceptions = (variable('no_proxy') ?? '')
			.toLowerCase()
			.split(/[,\s]+/)
			.filter(Boolean);
		if (address === undefined || exceptions.some((entry) => isExcepted(target, entry))) {
			return undefined;
		}
		const proxy = parseProxy(address);
		if (proxy === undefined) throw new EgressError('NETWORK', 'PROXY_NOT_USABLE', target.host);
		return proxy;
	};
}

/** `host:port` as it stands in addresses, with brackets around an IPv6 address. */
export function authority({ host, port }: Pick<Target, 'host' | 'port'>): string {
	return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** The proxy's own host and port, as sockets take them. */
export function proxyAddress(proxy: URL): { host: string; port: number } {
	return {
		host: proxy.hostname.replace(/^\[|\]$/g, ''),
		port: Number(proxy.port) || (proxy.protocol === 'https:' ? 443 : 80),
	};
}

/** The header that carries the proxy's credentials (RFC 9110 §11.7.2), where its address has any. */
export function proxyAuthorization(proxy: URL): Record<string, string> {
	if (proxy.username === '' && proxy.password === '') return {};
	const credentials = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
	return { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` };
}

function isExcepted({ host, port }: Target, entry: string): boolean {
	if (entry === '*') return true;
	const [, name = '', exceptedPort] = /^(.+?)(?::(\d+))?$/.exec(entry) ?? [];
	if (exceptedPort !== undefined && Number(exceptedPort) !== port) return false;
	const suffix = name.replace(/^\*/, '');
	return name.startsWith('*') || name.startsWith('.')
		? host.toLowerCase().endsWith(suffix)
		: host.toLowerCase() === name.replace(/^\[|\]$/g, '');
}

function parseProxy(address: string): URL | undefined {
	const text = address.includes('://') ? address : `http://${address}`;
	const proxy = URL.canParse(text) ? new URL(text) : undefined;
	return proxy !== undefined && /^https?:$/.test(proxy.protocol) ? proxy : undefined;
}
