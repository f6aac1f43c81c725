import { AuthorizationFlow } from './authorization/authorizationFlow';
import type { Connection } from './config/connection';
import { isAllowedHost } from './config/hosts';
import type { InstanceSettings } from './config/instanceSettings';
import { count, NO_EVENTS, type Emit, type EventCounters, type EventSink } from './events';
import { ConfigurationError, VaultedOAuth2Error } from './errors';
import { CallPace } from './http/callPace';
import type { Egress } from './http/egress';
import { limitHosts } from './http/limitHosts';
import { ApiNonces } from './oauth/apiNonces';
import { createAuthorizationServer } from './oauth/authorizationServer';
import { Discovery } from './oauth/discovery';
import { createTokenRequest, type ConnectionRequests } from './oauth/tokenRequest';
import { RecentlyUsed } from './recentlyUsed';
import { assertSealedFor } from './secrets/binding';
import type { Bundle } from './secrets/bundle';
import { openStore } from './secrets/openStore';
import { sha256, type SecretRef } from './secrets/pointer';
import { NAME_PREFIX, secretNameFor } from './secrets/secretName';
import { SealedBundle } from './secrets/sealedBundle';
import type { SecretStore } from './secrets/store';
import { VersionBudget } from './tokens/budget';
import { systemClock, type Clock } from './tokens/clock';
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
	readonly emit: EventSink;
	/** Replaces the stores of {@link InstanceSettings}, for tests. */
	readonly openStore?: typeof openStore;
}

/** What all users of one bundle in one store share: one memory, one lease, one budget. */
export interface SharedBundle {
	readonly bundle: SealedBundle;
	readonly lease: Lease;
	readonly budget: VersionBudget;
	readonly counters: Record<keyof EventCounters, number>;
	readonly report: Emit;
	readonly pace: CallPace;
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

/** What an issuer describes is only known when it is used. */
function providerEgress({ egress, settings }: WiringOptions): Egress {
	const { allowedTokenHosts: hosts } = settings;
	if (hosts === undefined) return egress;
	const isAllowed = (address: string): boolean => isAllowedHost(address, hosts);
	return limitHosts(egress, isAllowed, 'VAULTED_OAUTH2_ALLOWED_TOKEN_HOSTS');
}

/** Codes of a bundle that is asked for what it was not sealed for. */
const REVEALS: ReadonlySet<string> = new Set([
	'KEY_MISMATCH',
	'SEALED_ELSEWHERE',
	'SEALED_FOR_OTHER',
]);
const REFUSAL_REST_MS = 60_000;
const MOST_REFUSALS = 1000;

function isUnsaved({ bundle }: SharedBundle): boolean {
	return bundle.unsaved;
}

/** The parts of the connections of one process, each made once for everything that is equal in what makes it. */
export class Wiring {
	readonly clock: Clock;
	readonly settings: InstanceSettings;
	readonly apiNonces = new ApiNonces();
	private readonly stores: RecentlyUsed<SecretStore>;
	private readonly secrets: RecentlyUsed<Ways>;
	private readonly discovery: Discovery;
	private readonly refusals = new RecentlyUsed<{ at: number }>(MOST_REFUSALS);
	private readonly providerEgress: Egress;

	constructor(private readonly options: WiringOptions) {
		const { now, elapsed = now, after, limit = LIMIT, settings } = options;
		this.settings = settings;
		this.clock = { ...systemClock, now, elapsed, ...(after && { after }) };
		this.stores = new RecentlyUsed(limit);
		this.secrets = new RecentlyUsed(limit, ({ byStore }) => byStore.all().some(isUnsaved));
		this.providerEgress = providerEgress(options);
		this.discovery = new Discovery({ egress: this.providerEgress, now });
	}

	/** The store that a connection names. Nothing is asked of it yet. */
	store({ store }: Connection): SecretStore {
		const { settings, egress } = this.options;
		const open = this.options.openStore ?? openStore;
		return this.stores.get(storeKey(store), () => open(store, { settings, egress }));
	}

	/** What the names of this instance's secrets begin with. */
	get secretPrefix(): string {
		return this.settings.secretPrefix ?? NAME_PREFIX;
	}

	/** A name for a new secret of a connection. */
	secretName(connection: Connection): string {
		return secretNameFor(connection, this.secretPrefix);
	}

	/** The requests of a connection to its authorization server. */
	requests(connection: Connection): ConnectionRequests {
		const { settings, now } = this.options;
		const { issuer, tokenEndpoint, revocationEndpoint, authorizationCode } = connection;
		const authorizationEndpoint = authorizationCode?.authorizationEndpoint;
		const server = createAuthorizationServer({
			...(issuer === undefined ? {} : { issuer }),
			...(tokenEndpoint === undefined ? {} : { tokenEndpoint }),
			...(authorizationEndpoint === undefined ? {} : { authorizationEndpoint }),
			...(revocationEndpoint === undefined ? {} : { revocationEndpoint }),
			discovery: this.discovery,
			egress: this.providerEgress,
			now,
		});
		return createTokenRequest({
			connection,
			server,
			store: this.store(connection),
			operator: settings,
			now,
		});
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
		return new AuthorizationFlow({
			connection,
			bundle,
			request,
			now: () => this.clock.now(),
			elapsed: () => this.clock.elapsed(),
			onlyEditors: this.onlyEditors,
			emit: this.emitFor(connection, bundle.ref.secretId),
		});
	}

	/** Reports events of a connection. */
	emitFor({ label }: Connection, secretId: string): Emit {
		const { emit } = this.options;
		return (name, details) => emit({ name, label, secretId, ...details });
	}

	/** As the function of this name, and reports a refusal. @throws ConfigurationError `SEALED_FOR_OTHER` */
	assertSealedFor(connection: Connection, secretId: string, bundle: Bundle): void {
		try {
			assertSealedFor(bundle, connection);
		} catch (error) {
			this.reportRefusal(connection, secretId, error);
			throw error;
		}
	}

	/** Reports a use that a bundle refused because it was sealed for another one; the same use at most once a minute. */
	reportRefusal(connection: Connection, secretId: string, error: unknown): void {
		if (!(error instanceof VaultedOAuth2Error) || !REVEALS.has(error.code)) return;
		const { code } = error;
		const changed = error instanceof ConfigurationError ? [error.field] : [];
		const now = this.clock.elapsed();
		const last = this.refusals.get(JSON.stringify([secretId, code, changed]), () => ({
			at: -Infinity,
		}));
		if (now - last.at < REFUSAL_REST_MS) return;
		last.at = now;
		this.emitFor(connection, secretId)('reveal.refused', { code, changed });
	}

	/** The operator's setting: links are made, and accounts disconnected, only where the credential may be edited. */
	get onlyEditors(): boolean {
		return this.settings.linksOnlyByEditors ?? false;
	}

	private open(
		connection: Connection,
		{ ref, ways, refKey, key }: { ref: SecretRef; ways: Ways; refKey: string; key: string },
	): SharedBundle {
		const { emit } = this.options;
		const store = this.store(connection);
		const { secretId } = ref;
		const counters = { ...NO_EVENTS };
		const report: Emit = (name, details) => {
			count(counters, name);
			emit({ name, label: shared.label, secretId, ...details });
		};
		const bundle = new SealedBundle({
			store,
			ref,
			clock: this.clock,
			onUnsaved: ({ code }) => report('token.rotatedButNotSaved', { code }),
			onSaved: () => report('token.savedAfterAll'),
			onRefused: (error) => this.reportRefusal(connection, secretId, error),
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
			pace: new CallPace({ now: this.options.now }),
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
