import { AuthorizationFlow } from './authorization/authorizationFlow';
import { SessionTokens } from './authorization/sessionTokens';
import { authorizationCodeOf, type Connection } from './config/connection';
import type { CredentialFields } from './config/fields';
import type { InstanceSettings } from './config/instanceSettings';
import { parseConnection } from './config/parseConnection';
import { ConfigurationError } from './errors';
import type { Egress } from './http/egress';
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
import { systemClock, type Clock } from './tokens/clock';
import type { TokenEvents } from './tokens/events';
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
	readonly emit: TokenEvents;
	/** Replaces the stores of {@link InstanceSettings}, for tests. */
	readonly openStore?: typeof openStore;
}

/** Connections a process keeps in memory; more than that are read from their stores again. */
const LIMIT = 20_000;
const DAY_MS = 86_400_000;

function jitterOf(secretId: string): number {
	return Number.parseInt(sha256(secretId).slice(0, 8), 16) / 0xffffffff;
}

/** All connections of one process: each is opened once, whichever node or credential asks. */
export class Connections {
	private readonly stores = new RecentlyUsed<SecretStore>(LIMIT);
	private readonly bundles = new RecentlyUsed<SealedBundle>(LIMIT, (bundle) => bundle.unsaved);
	private readonly budgets = new RecentlyUsed<VersionBudget>(LIMIT);
	private readonly opened = new RecentlyUsed<OpenConnection>(LIMIT);
	private readonly leases = new WeakMap<SealedBundle, Lease>();
	private readonly discovery: Discovery;
	private readonly clock: Clock;
	private readonly sealing: Sealing;

	constructor(private readonly options: ConnectionsOptions) {
		const { now, elapsed = now } = options;
		this.discovery = new Discovery({ egress: options.egress, now });
		this.clock = { ...systemClock, now, elapsed };
		this.sealing = new Sealing({
			now: options.now,
			parts: (connection) => this.parts(connection),
			bundle: (store, ref) => this.bundle(store, ref),
			lease: (store, bundle) => this.lease(store, bundle),
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
		return this.opened.get(key, () => this.create(connection, ref));
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

	/** One bundle per pointer, so that its unsaved changes survive a correction of the credential's store settings. */
	private bundle(store: SecretStore, ref: SecretRef): SealedBundle {
		const bundle = this.bundles.get(
			sha256(JSON.stringify(ref)),
			() => new SealedBundle(store, ref),
		);
		bundle.use(store);
		return bundle;
	}

	/** This process's lease on a bundle that several processes may share; undefined in a single process, which it would only cost. */
	private lease(store: SecretStore, bundle: SealedBundle): Lease | undefined {
		const { settings, leaseMs } = this.options;
		if (!settings.severalProcesses) return undefined;
		let lease = this.leases.get(bundle);
		if (lease === undefined) {
			lease = new Lease({
				bundle,
				clock: this.clock,
				...(leaseMs === undefined ? {} : { leaseMs }),
				// One version each time at most, so that an outage of the provider leaves some for when it is over.
				...(store.versionsPerDay === undefined ? {} : { longestMs: DAY_MS / store.versionsPerDay }),
			});
			this.leases.set(bundle, lease);
		}
		return lease;
	}

	private authorization(
		connection: Connection,
		{ bundle, request }: { bundle: SealedBundle; request: ConnectionParts['request'] },
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

	private create(connection: Connection, ref: SecretRef): OpenConnection {
		const { now, emit } = this.options;
		const { store, request } = this.parts(connection);
		const bundle = this.bundle(store, ref);
		const lease = request.rotates ? this.lease(store, bundle) : undefined;
		const tokens = new TokenSource({
			bundle,
			request,
			policy: { bufferMs: connection.refreshBufferSeconds * 1000, jitter: jitterOf(ref.secretId) },
			authorize: (bundle) => assertSealedFor(bundle, connection),
			budget: this.budgets.get(ref.secretId, () => new VersionBudget(store.versionsPerDay)),
			clock: this.clock,
			...(lease === undefined ? {} : { lease }),
			emit: (name, code) =>
				emit({
					name,
					label: connection.label,
					secretId: ref.secretId,
					...(code === undefined ? {} : { code }),
				}),
		});
		const open = { connection, secretRef: ref, tokens, store };
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
