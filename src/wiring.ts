import { AuthorizationFlow } from './authorization/authorizationFlow';
import type { Connection } from './config/connection';
import type { InstanceSettings } from './config/instanceSettings';
import type { Egress } from './http/egress';
import { createAuthorizationServer } from './oauth/authorizationServer';
import { Discovery } from './oauth/discovery';
import { createTokenRequest, type ConnectionRequests } from './oauth/tokenRequest';
import { RecentlyUsed } from './recentlyUsed';
import { openStore } from './secrets/openStore';
import { sha256, type SecretRef } from './secrets/pointer';
import { SealedBundle } from './secrets/sealedBundle';
import type { SecretStore } from './secrets/store';
import { VersionBudget } from './tokens/budget';
import { systemClock, type Clock } from './tokens/clock';
import { NO_EVENTS, type Emit, type TokenCounters, type TokenEvents } from './tokens/events';
import { isShared, spendsRefreshToken } from './tokens/isShared';
import { Lease } from './tokens/lease';

/** What all connections of one process share. */
export interface WiringOptions {
	readonly settings: InstanceSettings;
	readonly egress: Egress;
	/** Milliseconds since the epoch. */
	readonly now: () => number;
	/** Milliseconds by a clock that is never set back. Default: `now`. */
	readonly elapsed?: () => number;
	/** Milliseconds a lease lasts, for tests. */
	readonly leaseMs?: number;
	/** Connections kept in memory, for tests. Default 20,000. */
	readonly limit?: number;
	/** Timers, for tests. Default: this process's own. */
	readonly after?: Clock['after'];
	readonly emit: TokenEvents;
	/** Replaces the stores of {@link InstanceSettings}, for tests. */
	readonly openStore?: typeof openStore;
}

/** What all users of one bundle in one store share: one memory, one lease, one budget. */
export interface SharedBundle {
	readonly bundle: SealedBundle;
	readonly lease: Lease;
	readonly budget: VersionBudget;
	readonly counters: Record<keyof TokenCounters, number>;
	readonly report: Emit;
	label: string;
	/** By which it is found: the secret, and the way to it. */
	readonly refKey: string;
	readonly storeKey: string;
}

/** The ways to one secret: other access keys are another way, which has to open the bundle on its own. */
interface Ways {
	readonly byStore: RecentlyUsed<SharedBundle>;
	latest?: SharedBundle;
}

/** Connections a process keeps in memory; more than that are read from their stores again. */
const LIMIT = 20_000;
/** Ways to one secret that are remembered: the one in use, and some that were corrected. */
const MOST_WAYS = 4;
const DAY_MS = 86_400_000;
/** A lease that its holder keeps through an outage is extended at most so often that it costs fewer versions than a store has for a day. */
const LONGEST_LEASE_SHARE = 4 / 3;

function isUnsaved({ bundle }: SharedBundle): boolean {
	return bundle.unsaved;
}

/** The parts of the connections of one process, each made once for everything that is equal in what makes it. */
export class Wiring {
	readonly clock: Clock;
	readonly settings: InstanceSettings;
	private readonly stores: RecentlyUsed<SecretStore>;
	private readonly secrets: RecentlyUsed<Ways>;
	private readonly discovery: Discovery;

	constructor(private readonly options: WiringOptions) {
		const { now, elapsed = now, after, limit = LIMIT, egress, settings } = options;
		this.settings = settings;
		this.clock = { ...systemClock, now, elapsed, ...(after && { after }) };
		this.stores = new RecentlyUsed(limit);
		this.secrets = new RecentlyUsed(limit, ({ byStore }) => byStore.all().some(isUnsaved));
		this.discovery = new Discovery({ egress, now });
	}

	/** The store that a connection names. Nothing is asked of it yet. */
	store({ store }: Connection): SecretStore {
		const { settings, egress } = this.options;
		const open = this.options.openStore ?? openStore;
		return this.stores.get(storeKey(store), () => open(store, { settings, egress }));
	}

	/** The requests of a connection to its authorization server. */
	requests(connection: Connection): ConnectionRequests {
		const { egress, now } = this.options;
		const { issuer, tokenEndpoint, authorizationCode } = connection;
		const authorizationEndpoint = authorizationCode?.authorizationEndpoint;
		const server = createAuthorizationServer({
			...(issuer === undefined ? {} : { issuer }),
			...(tokenEndpoint === undefined ? {} : { tokenEndpoint }),
			...(authorizationEndpoint === undefined ? {} : { authorizationEndpoint }),
			discovery: this.discovery,
			egress,
			now,
		});
		return createTokenRequest({ connection, server, store: this.store(connection) });
	}

	/**
	 * What all users of the bundle behind `ref` share, as long as they use the same store settings: nobody else's access key stands in their way.
	 * Tokens that another way could not write are taken along.
	 */
	shared(connection: Connection, ref: SecretRef): SharedBundle {
		const refKey = sha256(JSON.stringify(ref));
		const ways = this.ways(refKey);
		const key = storeKey(connection.store);
		const way = ways.byStore.get(key, () => this.open(connection, { ref, ways, refKey, key }));
		way.label = connection.label;
		this.goBy(ways, way);
		return way;
	}

	/** Says that a shared bundle is in use: it stays in memory, and its way to the secret is the one in use. */
	use(way: SharedBundle): void {
		const ways = this.ways(way.refKey);
		ways.byStore.get(way.storeKey, () => way);
		this.goBy(ways, way);
	}

	private ways(refKey: string): Ways {
		return this.secrets.get(refKey, () => ({
			byStore: new RecentlyUsed(MOST_WAYS, isUnsaved),
		}));
	}

	private goBy(ways: Ways, way: SharedBundle): void {
		if (ways.latest === way) return;
		for (const other of ways.byStore.all()) if (other !== way) way.bundle.takeOver(other.bundle);
		// What failed some time ago may have been corrected.
		if (ways.latest !== undefined) way.bundle.resume();
		ways.latest = way;
	}

	/** Everything that is shared at present. */
	all(): SharedBundle[] {
		return this.secrets.all().flatMap(({ byStore }) => byStore.all());
	}

	/** The authorization code flow of a connection. @throws ConfigurationError `WRONG_GRANT_TYPE` */
	authorization(
		connection: Connection,
		{ bundle, request }: { bundle: SealedBundle; request: ConnectionRequests },
	): AuthorizationFlow {
		const { now, emit } = this.options;
		const { secretId } = bundle.ref;
		return new AuthorizationFlow({
			connection,
			bundle,
			request,
			now,
			onConnected: () => emit({ name: 'connected', label: connection.label, secretId }),
		});
	}

	private open(
		connection: Connection,
		{ ref, ways, refKey, key }: { ref: SecretRef; ways: Ways; refKey: string; key: string },
	): SharedBundle {
		const { emit } = this.options;
		const store = this.store(connection);
		const { secretId } = ref;
		const counters = { ...NO_EVENTS };
		const report: Emit = (name, code) => {
			counters[name] += 1;
			emit({ name, label: shared.label, secretId, ...(code === undefined ? {} : { code }) });
		};
		const bundle = new SealedBundle({
			store,
			ref,
			clock: this.clock,
			onUnsaved: ({ code }) => report('rotated but not saved', code),
			onSaved: () => report('saved after all'),
			onWritten: (patches) => {
				for (const other of ways.byStore.all())
					if (other !== shared) other.bundle.writtenElsewhere(patches);
			},
		});
		const shared: SharedBundle = {
			refKey,
			storeKey: key,
			bundle,
			lease: this.lease(store, bundle),
			budget: new VersionBudget(store.versionsPerDay),
			counters,
			report,
			label: connection.label,
		};
		return shared;
	}

	private lease({ versionsPerDay }: SecretStore, bundle: SealedBundle): Lease {
		const { settings, leaseMs } = this.options;
		return new Lease({
			bundle,
			clock: this.clock,
			spends: spendsRefreshToken,
			isShared: (newest, wasHeld) => isShared(newest, { settings, wasHeld, versionsPerDay }),
			...(leaseMs === undefined ? {} : { leaseMs }),
			...(versionsPerDay === undefined
				? {}
				: { longestMs: (DAY_MS / versionsPerDay) * LONGEST_LEASE_SHARE }),
		});
	}
}

function storeKey(store: Connection['store']): string {
	return sha256(JSON.stringify(store));
}
