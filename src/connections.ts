import { AuthorizationFlow } from './authorization/authorizationFlow';
import { disconnect, type Disconnected, type DisconnectRequest } from './authorization/revocation';
import { SessionTokens } from './authorization/sessionTokens';
import { authorizationCodeOf, type Connection } from './config/connection';
import type { CredentialFields } from './config/fields';
import type { InstanceSettings } from './config/instanceSettings';
import { parseConnection } from './config/parseConnection';
import { ConfigurationError } from './errors';
import { count, NO_EVENTS, type Emit, type EventCounters, type EventSink } from './events';
import type { Egress } from './http/egress';
import { Concurrency } from './http/limiter';
import { createAuthorizationServer } from './oauth/authorizationServer';
import { Discovery } from './oauth/discovery';
import { createTokenRequest } from './oauth/tokenRequest';
import { RecentlyUsed } from './recentlyUsed';
import { Sealing, type ConnectionParts, type SealedFields } from './sealing';
import { assertSealedFor } from './secrets/bundle';
import { openStore } from './secrets/openStore';
import { parseSecretRef, sha256, type SecretRef } from './secrets/pointer';
import { SealedBundle } from './secrets/sealedBundle';
import type { SecretStore } from './secrets/store';
import { VersionBudget } from './tokens/budget';
import { systemClock, within, type Clock } from './tokens/clock';
import { isShared, spendsRefreshToken } from './tokens/isShared';
import { Lease } from './tokens/lease';
import { TokenSource } from './tokens/tokenSource';

/** A sealed connection, ready to serve tokens. */
export interface OpenConnection {
	readonly connection: Connection;
	readonly secretRef: SecretRef;
	readonly tokens: TokenSource;
	readonly store: SecretStore;
	/** How a person connects the account; only with the authorization code grant. */
	readonly authorization?: AuthorizationFlow;
	/** Session tokens for whoever signs in; only with the authorization code grant. */
	readonly sessions?: SessionTokens;
	/** Revokes the account's grant and removes its tokens: see {@link disconnect}. */
	readonly disconnect: (request: DisconnectRequest) => Promise<Disconnected>;
}

/** A connection that a person connects. */
export type ConnectableAccount = OpenConnection &
	Required<Pick<OpenConnection, 'authorization' | 'sessions'>>;

/** The connection as one that a person connects. @throws ConfigurationError `WRONG_GRANT_TYPE` */
export function asAccount(open: OpenConnection): ConnectableAccount {
	const { authorization, sessions } = open;
	authorizationCodeOf(open.connection);
	return { ...open, authorization, sessions } as ConnectableAccount;
}

/** What all connections of one process share. */
export interface ConnectionsOptions {
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

/** Connections a process keeps in memory; more than that are read from their stores again. */
const LIMIT = 20_000;
/** Refreshes of one provider that run at once in this process, and of all together: see docs/scale.md. */
const REFRESHES_PER_HOST = 10;
const REFRESHES_TOGETHER = 200;
const DAY_MS = 86_400_000;
/** A lease that its holder keeps through an outage is extended at most so often that it costs fewer versions than a store has for a day. */
const LONGEST_LEASE_SHARE = 4 / 3;
/** What is left to n8n of the time that a process has to end. */
const LEFT_TO_N8N_MS = 2_000;

function jitterOf(secretId: string): number {
	return Number.parseInt(sha256(secretId).slice(0, 8), 16) / 0xffffffff;
}

/** All connections of one process: each is opened once, whichever node or credential asks. */
export class Connections {
	private readonly stores: RecentlyUsed<SecretStore>;
	private readonly shared: RecentlyUsed<Shared>;
	private readonly opened: RecentlyUsed<OpenConnection>;
	private readonly perHost = new Concurrency(REFRESHES_PER_HOST);
	private readonly together = new Concurrency(REFRESHES_TOGETHER);
	private readonly discovery: Discovery;
	private readonly clock: Clock;
	private readonly sealing: Sealing;
	/** Set once the process is asked to end: when it has to be done, by the monotonic clock. */
	private endsAt: number | undefined;

	constructor(private readonly options: ConnectionsOptions) {
		const { now, elapsed = now, after, limit = LIMIT } = options;
		this.stores = new RecentlyUsed(limit);
		this.shared = new RecentlyUsed(limit, ({ bundle }) => bundle.unsaved);
		this.opened = new RecentlyUsed(limit);
		this.clock = { ...systemClock, now, elapsed, ...(after && { after }) };
		this.discovery = new Discovery({ egress: options.egress, now });
		this.sealing = new Sealing({
			now: options.now,
			parts: (connection) => this.parts(connection),
			bundle: (store, ref) => this.share({ store, ref }).bundle,
			lease: ({ store }, { ref }) => this.share({ store, ref }).lease,
			authorization: (connection, parts) => this.authorization(connection, parts),
		});
	}

	/** What the fields mean, without looking at store or provider. @throws ConfigurationError */
	async read(fields: CredentialFields): Promise<Connection> {
		const { connection } = await parseConnection(fields);
		return connection;
	}

	/**
	 * Opens a sealed connection. Nothing is asked of its store before a token is.
	 *
	 * @throws ConfigurationError also `NOT_SEALED` where the credential was never saved successfully
	 */
	async open(fields: CredentialFields): Promise<OpenConnection> {
		const { connection, secretRef } = await parseConnection(fields);
		if (secretRef === undefined) {
			throw new ConfigurationError(
				'Client Secret',
				'this credential is not sealed yet. Open it, type its secrets and save it; saving tells what is wrong.',
				{ code: 'NOT_SEALED' },
			);
		}
		const ref = parseSecretRef(secretRef, connection.store.kind);
		const key = sha256(JSON.stringify([secretRef, connection]));
		const open = this.opened.get(key, () => this.create(connection, ref));
		// In use, so it stays; and the store settings of the last user count.
		this.share({ store: open.store, ref, label: connection.label });
		return open;
	}

	/**
	 * To be called when the process is asked to end: waits for the redemptions that have begun, writes what must not be lost and releases leases,
	 * all connections at once. From the first call on a refresh is made only if it is needed, and is finished in front of its call; call again when
	 * nothing uses the connections any more. Never rejects, and takes no longer than n8n gives the process, counted from the first call.
	 */
	async end(): Promise<void> {
		const { clock } = this;
		const { shutdownMs } = this.options.settings;
		this.endsAt ??= clock.elapsed() + Math.max(shutdownMs - LEFT_TO_N8N_MS, shutdownMs / 2);
		const leftMs = this.endsAt - clock.elapsed();
		const each = this.shared.all().map(async ({ bundle, lease }) => {
			await lease.exclusively(async () => await lease.release());
			await bundle.flushWithin(leftMs);
		});
		await within(clock, leftMs, Promise.allSettled(each));
	}

	/** True where the fields hold secrets that are not sealed yet, so that {@link seal} has to be called. @throws ConfigurationError */
	async needsSealing(fields: CredentialFields): Promise<boolean> {
		return this.sealing.isNeeded(await parseConnection(fields));
	}

	/**
	 * Validates, asks the provider for a token, and moves the secrets into the store.
	 *
	 * @returns what n8n's database is to keep instead
	 * @throws VaultedOAuth2Error of any class; then nothing was stored
	 */
	async seal(fields: CredentialFields): Promise<SealedFields> {
		return await this.sealing.seal(await parseConnection(fields));
	}

	private parts(connection: Connection): ConnectionParts {
		const { settings, egress, now } = this.options;
		const open = this.options.openStore ?? openStore;
		const store = this.stores.get(sha256(JSON.stringify(connection.store)), () =>
			open(connection.store, { settings, egress }),
		);
		const server = createAuthorizationServer({
			...(connection.issuer === undefined ? {} : { issuer: connection.issuer }),
			...(connection.tokenEndpoint === undefined
				? {}
				: { tokenEndpoint: connection.tokenEndpoint }),
			...(connection.authorizationCode?.authorizationEndpoint === undefined
				? {}
				: { authorizationEndpoint: connection.authorizationCode.authorizationEndpoint }),
			discovery: this.discovery,
			egress,
			now,
		});
		return { store, request: createTokenRequest({ connection, server, store }) };
	}

	/** What all users of one bundle share in this process: one memory, one lease, one budget. */
	private share({
		store,
		ref,
		label = '',
	}: {
		store: SecretStore;
		ref: SecretRef;
		label?: string;
	}): Shared {
		const { emit } = this.options;
		const { secretId } = ref;
		const shared = this.shared.get(sha256(JSON.stringify(ref)), () => {
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
			});
			const lease = this.lease(store, bundle);
			const budget = new VersionBudget(store.versionsPerDay);
			return { bundle, lease, budget, counters, report, label };
		});
		if (label !== '') shared.label = label;
		shared.bundle.use(store);
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

	private authorization(
		connection: Connection,
		{ bundle, request }: { bundle: SealedBundle; request: ConnectionParts['request'] },
	): AuthorizationFlow {
		const { emit } = this.options;
		const { secretId } = bundle.ref;
		return new AuthorizationFlow({
			connection,
			bundle,
			request,
			now: () => this.clock.now(),
			elapsed: () => this.clock.elapsed(),
			onlyEditors: this.onlyEditors,
			emit: (name, details) => emit({ name, label: connection.label, secretId, ...details }),
		});
	}

	/** The operator's setting: links are made, and accounts disconnected, only where the credential may be edited. */
	private get onlyEditors(): boolean {
		return this.options.settings.linksOnlyByEditors ?? false;
	}

	/** Limits the refreshes under way: those of one provider, and all together, whose writes wait for each other. */
	private async inTurn<T>(
		{ tokenEndpoint, issuer }: Connection,
		task: () => Promise<T>,
	): Promise<T> {
		const { host } = new URL(tokenEndpoint ?? issuer ?? 'https://localhost');
		return await this.perHost.run(host, async () => await this.together.run('all', task));
	}

	private create(connection: Connection, ref: SecretRef): OpenConnection {
		const { now, settings } = this.options;
		const { label } = connection;
		const { store, request } = this.parts(connection);
		const { bundle, lease, budget, counters, report } = this.share({ store, ref, label });
		const tokens = new TokenSource({
			bundle,
			lease,
			budget,
			counters,
			request,
			clock: this.clock,
			policy: { bufferMs: connection.refreshBufferSeconds * 1000, jitter: jitterOf(ref.secretId) },
			authorize: (newest) => assertSealedFor(newest, connection),
			phase: () =>
				this.endsAt !== undefined ? 'ending' : settings.endsAfterRun ? 'short' : 'running',
			tellsOthers: settings.severalProcesses,
			inTurn: async (task) => await this.inTurn(connection, task),
			emit: report,
		});
		const { onlyEditors } = this;
		const disconnecting = { connection, bundle, lease, request, onlyEditors, emit: report };
		const open: OpenConnection = {
			connection,
			secretRef: ref,
			tokens,
			store,
			disconnect: async (asked) => await disconnect(disconnecting, asked),
		};
		if (connection.authorizationCode === undefined) return open;
		const authorization = this.authorization(connection, { bundle, request });
		const { keys } = authorization;
		return {
			...open,
			authorization,
			sessions: new SessionTokens({ keys, audience: ref.secretId, now }),
		};
	}
}

/** What all users of one bundle share. */
interface Shared {
	readonly bundle: SealedBundle;
	readonly lease: Lease;
	readonly budget: VersionBudget;
	readonly counters: Record<keyof EventCounters, number>;
	readonly report: Emit;
	label: string;
}
