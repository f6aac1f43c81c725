import type { AuthorizationFlow } from './authorization/authorizationFlow';
import { introspect, userInfo, type Person } from './authorization/inspection';
import { disconnect, type Disconnected, type DisconnectRequest } from './authorization/revocation';
import { SessionTokens } from './authorization/sessionTokens';
import { authorizationCodeOf, type Connection, type Form } from './config/connection';
import { FIELD_NAMES, type CredentialFields, type FieldKey } from './config/fields';
import { assertAllowedByOperator } from './config/operatorLimits';
import { parseForm } from './config/parseForm';
import { ConfigurationError } from './errors';
import type { Asker } from './events';
import type { CallPace } from './http/callPace';
import type { StreamingRequest, StreamingResponse } from './http/egress';
import { Concurrency } from './http/limiter';
import { listConnections, type Listing } from './listing';
import { ApiAuthorizer, type ApiAuthorization, type ApiRequest } from './oauth/apiAuthorization';
import type { NonceAnswer } from './oauth/apiNonces';
import type { TokenKind } from './oauth/authorizationServer';
import type { Introspection } from './oauth/tokenInformation';
import { RecentlyUsed } from './recentlyUsed';
import { Sealing, type SealedFields } from './sealing/sealing';
import type { Bundle } from './secrets/bundle';
import { assertNoPointer } from './secrets/pointerInField';
import { parseSecretRef, sha256, type SecretRef } from './secrets/pointer';
import { storeAddressOf } from './secrets/storeAddress';
import type { SecretStore } from './secrets/store';
import { within } from './tokens/clock';
import type { TokenSet } from './tokens/tokenSet';
import { TokenSource } from './tokens/tokenSource';
import { Wiring, type SharedBundle, type WiringOptions } from './wiring';

/** A sealed connection, ready to serve tokens. */
export interface OpenConnection {
	readonly connection: Connection;
	readonly secretRef: SecretRef;
	readonly tokens: TokenSource;
	readonly store: SecretStore;
	/** When calls of the API may start; shared by everything that uses the same bundle. */
	readonly pace: CallPace;
	/** What a request to the API is authorized by. @throws ConfigurationError as {@link ApiAuthorizer.authorize} does */
	readonly authorize: (tokenSet: TokenSet, request: ApiRequest) => Promise<ApiAuthorization>;
	/** Learns from the answer to a request; true if it had a proof and has to be sent again, with the nonce that the API wants. */
	readonly wantsNonce: (tokenSet: TokenSet, url: URL, answer: NonceAnswer) => boolean;
	/** Sends a request to the API, as {@link Egress.open} does. @throws EgressError */
	readonly open: (url: URL, request: StreamingRequest) => Promise<StreamingResponse>;
	/** How a person connects the account; only with the authorization code grant. */
	readonly authorization?: AuthorizationFlow;
	/** Session tokens for whoever signs in; only with the authorization code grant. */
	readonly sessions?: SessionTokens;
	/** Revokes the account's grant and removes its tokens: see {@link disconnect}. */
	readonly disconnect: (request: DisconnectRequest) => Promise<Disconnected>;
	/** What the provider says of a token: see {@link introspect}. */
	readonly introspect: (token: TokenKind) => Promise<Introspection>;
	/** Whom the account belongs to: see {@link userInfo}. */
	readonly userInfo: () => Promise<Person>;
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

/** A connection, and what it shares with others. */
interface Opened {
	readonly open: OpenConnection;
	readonly shared: SharedBundle;
}

/** Connections kept in memory unless {@link WiringOptions} says otherwise. */
const LIMIT = 20_000;
/** Refreshes of one provider that run at once in this process, and of all together: see docs/scale.md. */
const REFRESHES_PER_HOST = 10;
const REFRESHES_TOGETHER = 200;
/** What is left to n8n of the time that a process has to end. */
const LEFT_TO_N8N_MS = 2_000;
const KEYS = Object.keys(FIELD_NAMES) as FieldKey[];

function jitterOf(secretId: string): number {
	return Number.parseInt(sha256(secretId).slice(0, 8), 16) / 0xffffffff;
}

/** Tells forms apart; undefined if an expression has put something into one that JSON cannot hold. */
function keyOf(fields: CredentialFields): string | undefined {
	try {
		return sha256(JSON.stringify(KEYS.map((name) => fields[name])));
	} catch {
		return undefined;
	}
}

/** All connections of one process: each is opened once, whichever node or credential asks. */
export class Connections {
	private readonly wiring: Wiring;
	private readonly sealing: Sealing;
	private readonly forms: RecentlyUsed<Form>;
	private readonly opened: RecentlyUsed<Opened>;
	/** The way of a warm request: neither parsed nor hashed again. */
	private readonly openForms = new WeakMap<Form, Opened>();
	private readonly perHost = new Concurrency(REFRESHES_PER_HOST);
	private readonly together = new Concurrency(REFRESHES_TOGETHER);
	/** Set once the process is asked to end: when it has to be done, by the monotonic clock. */
	private endsAt: number | undefined;

	constructor(private readonly options: WiringOptions) {
		const { limit = LIMIT } = options;
		this.wiring = new Wiring(options);
		this.sealing = new Sealing(this.wiring);
		this.forms = new RecentlyUsed(limit);
		this.opened = new RecentlyUsed(limit);
	}

	/** What the fields mean, without looking at store or provider. @throws ConfigurationError also if the operator does not allow it */
	async read(fields: CredentialFields): Promise<Form> {
		const key = keyOf(fields);
		const known = key === undefined ? undefined : this.forms.find(key);
		if (known !== undefined) return known;
		const form = await parseForm(fields);
		assertNoPointer(fields);
		assertAllowedByOperator(form.connection, this.options.settings);
		// Typed secrets are not kept in memory.
		if (key !== undefined && Object.keys(form.typed).length === 0) this.forms.get(key, () => form);
		return form;
	}

	/**
	 * Opens a sealed connection. Nothing is asked of its store before a token is.
	 *
	 * @throws ConfigurationError also `NOT_SEALED` if the credential was never saved successfully
	 */
	open(form: Form): OpenConnection {
		const opened = this.openForms.get(form) ?? this.find(form);
		this.openForms.set(form, opened);
		// In use, so it stays; and its way to the secret is the one in use.
		this.wiring.use(opened.shared);
		return opened.open;
	}

	/**
	 * How the connections of a credential's store stand, its own among them: those whose secrets' names begin as this instance's do.
	 *
	 * @param most how many at most
	 * @throws ConfigurationError `NOT_ALLOWED_BY_OPERATOR` unless the operator lets workflows do that; SecretStoreError
	 */
	async list(
		{ connection }: Form,
		{ by, most }: { readonly by: Asker; readonly most: number },
	): Promise<Listing> {
		const { wiring } = this;
		if (wiring.settings.listByWorkflows !== true) {
			throw new ConfigurationError(
				'VAULTED_OAUTH2_LIST',
				'on this n8n no workflow is told of other connections. The operator can set it to workflows; then whoever may use a credential of this package sees the labels and states of all connections in its secret store.',
				{ code: 'NOT_ALLOWED_BY_OPERATOR' },
			);
		}
		const prefix = wiring.secretPrefix;
		const store = wiring.store(connection);
		const bufferMs = connection.refreshBufferSeconds * 1000;
		const inUse = this.inUse(store);
		const listing = await listConnections({
			store,
			prefix,
			most,
			knownOf: (secretId) => inUse.get(secretId)?.tokens.status(),
			policyOf: (secretId) => ({ bufferMs, jitter: jitterOf(secretId) }),
			now: wiring.clock.now(),
		});
		const count = listing.connections.length;
		wiring.emitFor(connection, `${prefix}*`)('connections.listed', { count, ...by });
		return listing;
	}

	/** What is known here of the connections that are in use by the same way to their store, by their secrets. */
	private inUse(store: SecretStore): ReadonlyMap<string, OpenConnection> {
		return new Map(
			this.opened
				.all()
				.filter(({ open, shared }) => open.store === store && shared.bundle.lastKnown !== undefined)
				.map(({ open }) => [open.secretRef.secretId, open]),
		);
	}

	private find({ connection, secretRef }: Form): Opened {
		if (secretRef === undefined) {
			throw new ConfigurationError(
				'Client Secret',
				'this credential is not sealed yet. Open it, type its secrets and save it; saving tells what is wrong.',
				{ code: 'NOT_SEALED' },
			);
		}
		const ref = this.pointer(connection, secretRef);
		const key = sha256(JSON.stringify([secretRef, connection]));
		return this.opened.get(key, () => this.create(connection, ref));
	}

	private pointer(connection: Connection, secretRef: string): SecretRef {
		try {
			return parseSecretRef(secretRef, storeAddressOf(connection.store));
		} catch (error) {
			this.wiring.reportRefusal(connection, '', error);
			throw error;
		}
	}

	/**
	 * To be called when the process is asked to end: waits for the redemptions that have begun, writes what must not be lost and releases leases,
	 * all connections at once. From the first call on a refresh is made only if it is needed, and is finished in front of its call; call again when
	 * nothing uses the connections any more. Never rejects, and takes no longer than n8n gives the process, counted from the first call.
	 */
	async end(): Promise<void> {
		const { clock, settings } = this.wiring;
		const { shutdownMs } = settings;
		this.endsAt ??= clock.elapsed() + Math.max(shutdownMs - LEFT_TO_N8N_MS, shutdownMs / 2);
		const leftMs = this.endsAt - clock.elapsed();
		const each = this.wiring.all().map(async ({ bundle, lease }) => {
			await lease.exclusively(async () => await lease.release());
			await bundle.flushWithin(leftMs);
		});
		await within(clock, leftMs, Promise.allSettled(each));
	}

	/** True if the form holds secrets that are not sealed yet, so that {@link seal} has to be called. */
	needsSealing(form: Form): boolean {
		return this.sealing.isNeeded(form);
	}

	/**
	 * Validates, asks the provider for a token, and moves the secrets into the store.
	 *
	 * @returns what n8n's database is to keep instead
	 * @throws VaultedOAuth2Error of any class; then nothing was stored
	 */
	async seal(form: Form): Promise<SealedFields> {
		return await this.sealing.seal(form);
	}

	/** Limits the refreshes under way: those of one provider, and all together, whose writes wait for each other. */
	private async inTurn<T>(
		{ tokenEndpoint, issuer }: Connection,
		task: () => Promise<T>,
	): Promise<T> {
		const { host } = new URL(tokenEndpoint ?? issuer ?? 'https://localhost');
		return await this.perHost.run(host, async () => await this.together.run('all', task));
	}

	private create(connection: Connection, ref: SecretRef): Opened {
		const { wiring } = this;
		const { settings, clock } = wiring;
		const request = wiring.requests(connection);
		const shared = wiring.shared(connection, ref);
		const { bundle, lease, budget, counters, report } = shared;
		let allowed: Bundle | undefined;
		const authorize = (newest: Bundle): void => {
			if (newest === allowed) return;
			wiring.assertSealedFor(connection, ref.secretId, newest);
			allowed = newest;
		};
		const tokens = new TokenSource({
			bundle,
			lease,
			budget,
			counters,
			request,
			clock,
			policy: { bufferMs: connection.refreshBufferSeconds * 1000, jitter: jitterOf(ref.secretId) },
			authorize,
			phase: () =>
				this.endsAt !== undefined ? 'ending' : settings.endsAfterRun ? 'short' : 'running',
			tellsOthers: settings.severalProcesses,
			inTurn: async (task) => await this.inTurn(connection, task),
			emit: report,
		});
		const { onlyEditors, apiNonces } = wiring;
		const authorizer = new ApiAuthorizer({
			connection,
			nonces: apiNonces,
			now: this.options.now,
			apiHeaders: () => {
				if (bundle.lastKnown !== undefined) authorize(bundle.lastKnown);
				return bundle.lastKnown?.apiHeaders;
			},
		});
		const disconnecting = { connection, bundle, lease, request, onlyEditors, emit: report };
		const inspecting = { connection, bundle, tokens, request };
		const open: OpenConnection = {
			connection,
			secretRef: ref,
			tokens,
			store: wiring.store(connection),
			pace: shared.pace,
			authorize: async (tokenSet, asked) => await authorizer.authorize(tokenSet, asked),
			wantsNonce: ({ dpopKey }, url, answer) =>
				dpopKey !== undefined && apiNonces.learn(url, answer),
			open: async ({ href }, sent) => await this.options.egress.open(href, sent),
			disconnect: async (asked) => await disconnect(disconnecting, asked),
			introspect: async (token) => await introspect(inspecting, token),
			userInfo: async () => await userInfo(inspecting),
		};
		if (connection.authorizationCode === undefined) return { open, shared };
		const authorization = wiring.authorization(connection, { bundle, request });
		const { keys } = authorization;
		const sessions = new SessionTokens({ keys, audience: ref.secretId, now: this.options.now });
		return { open: { ...open, authorization, sessions }, shared };
	}
}
