import { createHash } from 'node:crypto';

import type { buildConnector, Dispatcher, Pool } from 'undici';

import { RecentlyUsed } from '../recentlyUsed';
import type { Answer, Connection } from './answer';
import { connectorFor, type Route } from './connect';
import type { Guard } from './policy';
import { authority } from './proxy';

type Undici = typeof import('undici');

/** Routes that are remembered with their connections; those in use always are. */
const MOST_ROUTES = 256;
/** Connections of one origin; further requests wait for one. */
const CONNECTIONS = 50;
/** How long a connection is kept unused. Common servers close it after 5 s. A server's `Keep-Alive: timeout` counts instead. */
const IDLE_MS = 4_000;
const LONGEST_IDLE_MS = 60_000;
/** An answer that says nothing for so long has broken off. */
const SILENCE_MS = 300_000;

/** What is sent on a connection, with the answer that it gets. */
export type Sent = Dispatcher.DispatchOptions & { readonly answer: Answer };

interface Known {
	readonly connect: buildConnector.connector;
	readonly pool: Pool;
}

/** The connections of this process, by their routes. */
export class Dispatchers {
	private readonly routes = new RecentlyUsed<Known>(MOST_ROUTES, ({ pool }) => pool.stats.size > 0);

	constructor(
		private readonly undici: Undici,
		private readonly guard: Guard | undefined,
	) {}

	/** Sends on a connection that is kept for the next request of the same route. Idle connections do not keep the process alive. */
	sendOnKept(route: Route, sent: Sent): void {
		this.known(route).pool.dispatch(sent, sent.answer);
	}

	/** Sends on a connection that is closed after the answer, whether or not the server announces that. */
	sendAlone(route: Route, sent: Sent): void {
		const { connect } = this.known(route);
		const options = { ...this.options, connect, pipelining: 0 };
		const client = new this.undici.Client(originOf(route), options);
		client.dispatch(sent, sent.answer);
		sent.answer.head.catch(() => void client.destroy());
	}

	private get options() {
		return {
			headersTimeout: 0,
			bodyTimeout: SILENCE_MS,
			keepAliveTimeout: IDLE_MS,
			keepAliveMaxTimeout: LONGEST_IDLE_MS,
		};
	}

	private known(route: Route): Known {
		return this.routes.get(keyOf(route), () => {
			const connect = connectorFor(this.undici, route, this.guard);
			const pool = new this.undici.Pool(originOf(route), {
				...this.options,
				connect,
				connections: CONNECTIONS,
				factory: (origin, options) => this.countedClient(origin, options),
			});
			return { connect, pool };
		});
	}

	/** One connection at a time, which says to each answer how many there were before. */
	private countedClient(origin: URL, options: object): Dispatcher {
		const client = new this.undici.Client(origin, options);
		let connection: Connection = { answers: 0 };
		client.on('connect', () => {
			connection = { answers: 0 };
		});
		const dispatch = client.dispatch.bind(client);
		client.dispatch = (sent, handler) => {
			(sent as Sent).answer.connection = () => connection;
			return dispatch(sent, handler);
		};
		return client;
	}
}

function originOf({ target }: Route): string {
	return `${target.scheme}://${authority(target)}`;
}

/** Certificates and passwords do not stay in memory for it. */
function keyOf({ target, proxy, tls }: Route): string {
	const parts = [originOf({ target, proxy, tls }), proxy?.href, tls?.cert, tls?.key];
	return createHash('sha256').update(JSON.stringify(parts)).digest('base64');
}
