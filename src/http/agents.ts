import { Agent as HttpAgent, type ClientRequest, type ClientRequestArgs } from 'node:http';
import { Agent as HttpsAgent, type RequestOptions } from 'node:https';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';

import type { TlsIdentity } from './egress';
import { plainLookup, type Guard } from './policy';
import { authority, proxyAddress, proxyAuthorization, type ProxyFor, type Target } from './proxy';
import { openTunnel } from './tunnel';

/** What both agents go by. */
export interface Routes {
	/** `undefined`: every host may be reached. */
	readonly guard: Guard | undefined;
	readonly proxyFor: ProxyFor;
	/** Whether a connection is kept for the next request. If not, every request says `connection: close`, and gets its own. */
	readonly keepAlive: boolean;
	/** For the TLS connection to the target. */
	readonly tls?: TlsIdentity;
}

type Connected = (error: Error | null, stream: Duplex) => void;

/** Set on the options of a request that is sent to a proxy in place of its target. */
const FORWARD_PROXY = Symbol('forwardProxy');
type HttpOptions = ClientRequestArgs & { [FORWARD_PROXY]?: URL };

/** Node calls `addRequest` for every request. It is undocumented, but what proxy agents have always been built upon. */
interface TakesRequests {
	addRequest(request: ClientRequest, options: ClientRequestArgs): void;
}
const plainAgent = HttpAgent.prototype as HttpAgent & TakesRequests;

/** For `http:` addresses. A proxy gets the whole address in the request line (RFC 9112 §3.2.2), as proxies expect for them. */
export class EgressHttpAgent extends HttpAgent implements TakesRequests {
	constructor(private readonly routes: Routes) {
		super(agentOptions(routes));
	}

	addRequest(request: ClientRequest, options: ClientRequestArgs): void {
		const target = targetOf('http', options);
		let proxy: URL | undefined;
		try {
			proxy = this.routes.proxyFor(target);
		} catch (error) {
			refuse(request, error);
			return;
		}
		if (proxy === undefined) {
			plainAgent.addRequest.call(this, request, options);
			return;
		}
		// Now, and not after the check: Node writes the request's head as soon as its caller goes on.
		request.path = `http://${authority(target).replace(/:80$/, '')}${request.path}`;
		for (const [name, value] of Object.entries(proxyAuthorization(proxy))) {
			request.setHeader(name, value);
		}
		const forwarded: HttpOptions = { ...options, ...proxyAddress(proxy), [FORWARD_PROXY]: proxy };
		checkForProxy(this.routes, target)
			.then(() => plainAgent.addRequest.call(this, request, forwarded))
			.catch((error: unknown) => refuse(request, error));
	}

	override createConnection(
		options: HttpOptions,
		connected?: Connected,
	): Duplex | null | undefined {
		const proxy = options[FORWARD_PROXY];
		if (proxy !== undefined) {
			const { host, port } = proxyAddress(proxy);
			return proxy.protocol === 'https:' ? connectTls({ host, port }) : connect({ host, port });
		}
		try {
			this.routes.guard?.checkHost(targetOf('http', options).host);
		} catch (error) {
			fail(error, connected);
			return undefined;
		}
		return super.createConnection(options, connected);
	}
}

/** For `https:` addresses. A proxy only sees the host's name. */
export class EgressHttpsAgent extends HttpsAgent {
	constructor(private readonly routes: Routes) {
		super(agentOptions(routes));
	}

	override createConnection(
		options: RequestOptions,
		connected?: Connected,
	): Duplex | null | undefined {
		const target = targetOf('https', options);
		let proxy: URL | undefined;
		try {
			proxy = this.routes.proxyFor(target);
			if (proxy === undefined) this.routes.guard?.checkHost(target.host);
		} catch (error) {
			fail(error, connected);
			return undefined;
		}
		if (proxy === undefined) return super.createConnection(options, connected);

		this.tunnel(proxy, target)
			.then((socket) => {
				const throughTunnel: RequestOptions = { ...options, ...{ socket } };
				const stream = super.createConnection(throughTunnel);
				if (stream) connected?.(null, stream);
			})
			.catch((error: unknown) => fail(error, connected));
		return undefined;
	}

	private async tunnel(proxy: URL, target: Target): Promise<Duplex> {
		await checkForProxy(this.routes, target);
		return await openTunnel(proxy, target);
	}
}

async function checkForProxy({ guard }: Routes, { host }: Target): Promise<void> {
	await guard?.checkForProxy(host);
}

/** Fails a request as Node does if it cannot connect: on an agent of its own, so that no kept connection takes it. */
function refuse(request: ClientRequest, error: unknown): void {
	const agent = new HttpAgent() as HttpAgent & TakesRequests;
	agent.createConnection = (_options, connected) => {
		fail(error, connected);
		return undefined;
	};
	agent.addRequest(request, {});
}

function agentOptions({ guard, keepAlive, tls }: Routes) {
	return { keepAlive, ...tls, lookup: guard?.lookup ?? plainLookup };
}

function targetOf(scheme: Target['scheme'], options: ClientRequestArgs): Target {
	return {
		scheme,
		host: (options.host ?? options.hostname ?? 'localhost').replace(/^\[|\]$/g, ''),
		port: Number(options.port) || (scheme === 'https' ? 443 : 80),
	};
}

/** Node makes it the request's `error` event. */
function fail(error: unknown, connected: Connected | undefined): void {
	(connected as ((error: unknown) => void) | undefined)?.(error);
}
