import type { Duplex } from 'node:stream';
import type { Socket } from 'node:net';

import type { buildConnector } from 'undici';

import { EgressError, toEgressError, type TlsIdentity } from './egress';
import { plainLookup, type Guard } from './policy';
import { authority, proxyAddress, proxyAuthorization, type Target } from './proxy';

type Undici = typeof import('undici');
type Connector = buildConnector.connector;

/** Until a connection stands, with its TLS handshake. */
const CONNECT_TIMEOUT_MS = 10_000;
/** Until a proxy has said whether it connects. */
const TUNNEL_TIMEOUT_MS = 15_000;

/** The way of a connection. */
export interface Route {
	readonly target: Target;
	/** `undefined` for a direct connection. */
	readonly proxy: URL | undefined;
	/** For the TLS connection to the target. */
	readonly tls: TlsIdentity | undefined;
}

/**
 * What opens the connections of a route. They fail with an {@link EgressError} if the guard refuses or a proxy is the cause, else with what
 * the system said.
 *
 * @param guard `undefined`: every host may be reached
 */
export function connectorFor(
	undici: Undici,
	{ target, proxy, tls }: Route,
	guard: Guard | undefined,
): Connector {
	const toTarget = undici.buildConnector({
		timeout: CONNECT_TIMEOUT_MS,
		lookup: guard?.lookup ?? plainLookup,
		// A resumed session stands for the client certificate that it began with, and not every server remembers that.
		...(tls === undefined ? {} : { ...tls, maxCachedSessions: 0 }),
	});
	if (proxy === undefined) return guarded(toTarget, target, guard);
	const toProxy = proxyConnector(undici, proxy);
	if (target.scheme === 'http') return toProxy;
	return (options, connected) => {
		openTunnel(undici, { proxy, target, toProxy, guard }).then(
			(socket) => toTarget({ ...options, httpSocket: socket as Socket }, connected),
			(error: unknown) => connected(error as Error, null),
		);
	};
}

function guarded(connect: Connector, { host }: Target, guard: Guard | undefined): Connector {
	if (guard === undefined) return connect;
	return (options, connected) => {
		try {
			guard.checkHost(host);
		} catch (error) {
			connected(error as Error, null);
			return;
		}
		connect(options, connected);
	};
}

/** Connects to the proxy, whatever host it is asked for: the operator has chosen it. */
function proxyConnector(undici: Undici, proxy: URL): Connector {
	const connect = undici.buildConnector({ timeout: CONNECT_TIMEOUT_MS, lookup: plainLookup });
	const { host, port } = proxyAddress(proxy);
	const place = { hostname: host, host, port: String(port), protocol: proxy.protocol };
	return (_options, connected) => {
		connect(place, (error, socket) => {
			if (error === null) connected(null, socket);
			else connected(proxyError(error, host), null);
		});
	};
}

interface Tunnel {
	readonly proxy: URL;
	readonly target: Target;
	readonly toProxy: Connector;
	readonly guard: Guard | undefined;
}

/**
 * A connection to the target through a proxy, by CONNECT (RFC 9110 §9.3.6).
 *
 * @throws EgressError `BLOCKED`; `NETWORK` or `TIMEOUT` with a detail that begins with `PROXY_`
 */
async function openTunnel(
	{ Client }: Undici,
	{ proxy, target, toProxy, guard }: Tunnel,
): Promise<Duplex> {
	await guard?.checkForProxy(target.host);
	const client = new Client(proxy.origin, { connect: toProxy });
	try {
		const { statusCode, socket } = await client.connect({
			path: authority(target),
			headers: { host: authority(target), ...proxyAuthorization(proxy) },
			signal: AbortSignal.timeout(TUNNEL_TIMEOUT_MS),
		});
		if (statusCode >= 200 && statusCode < 300) return socket;
		socket.on('error', () => undefined).destroy();
		throw new EgressError('NETWORK', `PROXY_STATUS_${statusCode}`, target.host);
	} catch (error) {
		throw proxyError(error, target.host);
	} finally {
		// The connection of a tunnel is no longer the client's.
		void client.destroy();
	}
}

function proxyError(error: unknown, host: string): EgressError {
	if (error instanceof EgressError) return error;
	if (error instanceof DOMException) return new EgressError('TIMEOUT', 'PROXY_TIMEOUT', host);
	const { code, detail } = toEgressError(error, host);
	return new EgressError(code, `PROXY_${detail}`, host);
}
