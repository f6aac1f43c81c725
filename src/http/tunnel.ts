import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';

import { EgressError } from './egress';
import { authority, proxyAddress, proxyAuthorization, type Target } from './proxy';

const TIMEOUT_MS = 15_000;

/**
 * A connection to the target through a proxy, by CONNECT (RFC 9110 §9.3.6).
 *
 * @throws EgressError `NETWORK` or `TIMEOUT`, with a detail that begins with `PROXY_`
 */
export async function openTunnel(proxy: URL, target: Target): Promise<Duplex> {
	const secure = proxy.protocol === 'https:';
	const request = (secure ? httpsRequest : httpRequest)({
		...proxyAddress(proxy),
		method: 'CONNECT',
		path: authority(target),
		headers: { host: authority(target), ...proxyAuthorization(proxy) },
		// An agent of our own: n8n replaces Node's global one (and what `agent: false` makes) by one that goes through the proxy.
		agent: secure ? new HttpsAgent() : new HttpAgent(),
		timeout: TIMEOUT_MS,
	});
	return await new Promise((resolve, reject) => {
		request.once('connect', ({ statusCode = 0 }, socket, head) => {
			if (statusCode >= 200 && statusCode < 300) {
				socket.setTimeout(0);
				socket.unshift(head);
				resolve(socket);
			} else {
				socket.destroy();
				reject(new EgressError('NETWORK', `PROXY_STATUS_${statusCode}`, target.host));
			}
		});
		request.once('timeout', () => {
			request.destroy(new EgressError('TIMEOUT', 'PROXY_TIMEOUT', target.host));
		});
		request.once('error', (error: NodeJS.ErrnoException) => {
			if (error instanceof EgressError) reject(error);
			else reject(new EgressError('NETWORK', `PROXY_${error.code ?? 'ERROR'}`, target.host));
		});
		request.end();
	});
}
