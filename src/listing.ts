import type { GrantType } from './config/connection';
import {
	ReconnectError,
	restoreFailure,
	SecretStoreError,
	type VaultedOAuth2Error,
} from './errors';
import type { Bundle } from './secrets/bundle';
import { isBundle, parseBundle } from './secrets/bundleFormat';
import { secretNameOf } from './secrets/secretName';
import type { SecretStore } from './secrets/store';
import { refreshAt, type RefreshPolicy } from './tokens/freshness';
import type { TokenStatus } from './tokens/tokenSource';

/**
 * How a connection stands, by its bundle and by what this process knows of it:
 * - `healthy`: its token is valid.
 * - `expiresSoon`: it is valid and due to be replaced.
 * - `idle`: it has ended, and the next use gets a new one.
 * - `notConnected`: nobody has connected an account yet.
 * - `reconnectNeeded`: a person has to authorize again.
 * - `failing`: something else is wrong; see the last error.
 * - `unreadable`: its secret cannot be read; see the last error.
 */
export type ListedState =
	| 'expiresSoon'
	| 'failing'
	| 'healthy'
	| 'idle'
	| 'notConnected'
	| 'reconnectNeeded'
	| 'unreadable';

/** What may be told of a connection to somebody who has not its pointer. No secret, and nothing a secret could be found by. Times in milliseconds since the epoch. */
export interface ListedConnection {
	/** The secret's name if the bundle cannot be read. */
	readonly label: string;
	/** Full ARN where the store has one, else the name. */
	readonly secretId: string;
	readonly state: ListedState;
	readonly grantType?: GrantType;
	/** Whether tokens of it are in the memory of this process alone; undefined if it is not in use here. */
	readonly unsaved?: boolean;
	/** When its newest access token was issued. */
	readonly rotatedAt?: number;
	/** The end of that token, or null: no known end. */
	readonly expiresAt?: number | null;
	/** When that is replaced, if the connection is used: exact if it is in use in this process, else with the Refresh Buffer of the credential that asks. */
	readonly refreshAt?: number | null;
	/** See {@link SecretStore.versionsLeft}. */
	readonly versionsLeft?: number;
	readonly lastError?: VaultedOAuth2Error;
}

/** What this process knows of a connection it has open. */
export type KnownConnection = Pick<TokenStatus, 'lastError' | 'refreshAt' | 'unsaved'>;

/** What is listed, and how. */
export interface ListingOptions {
	readonly store: SecretStore;
	/** What the names of the secrets begin with. */
	readonly prefix: string;
	readonly most: number;
	readonly knownOf: (secretId: string) => KnownConnection | undefined;
	/** For connections that are not in use in this process. */
	readonly policyOf: (secretId: string) => RefreshPolicy;
	/** Milliseconds since the epoch. */
	readonly now: number;
}

/** Some connections, and whether there are more. */
export interface Listing {
	readonly connections: readonly ListedConnection[];
	readonly isCut: boolean;
}

const GONE: ReadonlySet<string> = new Set(['NOT_FOUND', 'DELETED']);

/** What went wrong at last: in this process, or in another one that wrote it into the bundle. */
function lastErrorOf(
	{ refusal, lease }: Bundle,
	known: KnownConnection | undefined,
	now: number,
): VaultedOAuth2Error | undefined {
	const isHeld = lease !== undefined && lease.until > now;
	const stored = refusal?.cause ?? (isHeld ? lease.cause : undefined);
	return known?.lastError ?? (stored && restoreFailure(stored));
}

interface Facts {
	readonly bundle: Bundle;
	readonly lastError: VaultedOAuth2Error | undefined;
	readonly unsaved: boolean;
	readonly dueAt: number | null;
	readonly now: number;
}

function stateOf({ bundle, lastError, unsaved, dueAt, now }: Facts): ListedState {
	const {
		tokenSets: [newest],
		refreshToken,
		sealedFor: { grantType },
	} = bundle;
	const isRenewable = grantType === 'client_credentials' || refreshToken !== undefined;
	const isValid = newest !== undefined && (newest.expiresAt ?? Infinity) > now;
	if (grantType === 'authorization_code' && newest === undefined && !isRenewable)
		return 'notConnected';
	if (lastError instanceof ReconnectError || (!isValid && !isRenewable)) return 'reconnectNeeded';
	if (lastError !== undefined || unsaved) return 'failing';
	if (!isValid) return 'idle';
	return dueAt !== null && dueAt <= now ? 'expiresSoon' : 'healthy';
}

function described(
	bundle: Bundle,
	secretId: string,
	{ knownOf, policyOf, now }: ListingOptions,
): ListedConnection {
	const known = knownOf(secretId);
	const [newest] = bundle.tokenSets;
	const due = known?.refreshAt ?? (newest && refreshAt(policyOf(secretId), newest));
	const lastError = lastErrorOf(bundle, known, now);
	const unsaved = known?.unsaved;
	return {
		label: bundle.label,
		secretId,
		state: stateOf({ bundle, lastError, unsaved: unsaved === true, dueAt: due ?? null, now }),
		grantType: bundle.sealedFor.grantType,
		...(unsaved === undefined ? {} : { unsaved }),
		...(newest && { rotatedAt: newest.issuedAt, expiresAt: newest.expiresAt }),
		...(due === undefined ? {} : { refreshAt: due }),
		...(lastError && { lastError }),
	};
}

/** Undefined for a secret that is no connection's, or is gone meanwhile. @throws VaultedOAuth2Error if the store cannot answer now */
async function read(
	secretId: string,
	options: ListingOptions,
): Promise<ListedConnection | undefined> {
	try {
		const { content } = await options.store.read(secretId);
		if (!isBundle(content)) return undefined;
		return described(parseBundle(content, secretId), secretId, options);
	} catch (error) {
		if (!(error instanceof SecretStoreError) || error.temporary) throw error;
		if (GONE.has(error.code)) return undefined;
		return {
			label: secretNameOf(secretId),
			secretId,
			state: 'unreadable',
			lastError: error,
		};
	}
}

/** It is of no use to whoever wants the rest of the list that this cannot be told. */
async function versionsLeft(store: SecretStore, secretId: string): Promise<number | undefined> {
	return await store.versionsLeft(secretId).catch(() => undefined);
}

/**
 * Reads the bundles of a store, and tells how their connections stand. The key in the pointer is not asked for: it guards the use of a bundle, and
 * nothing that has to be guarded is told.
 *
 * @throws VaultedOAuth2Error
 */
export async function listConnections(options: ListingOptions): Promise<Listing> {
	const { store, prefix, most } = options;
	const { secretIds, isCut } = await store.list(prefix, most);
	const found = await Promise.all(secretIds.map(async (id) => await read(id, options)));
	const connections = found.filter((each) => each !== undefined);
	const [first] = connections;
	// If it may not be asked of one, it may be asked of none.
	const leftOfFirst = first && (await versionsLeft(store, first.secretId));
	if (leftOfFirst === undefined) return { connections, isCut };
	const withLeft = connections.map(async (each) => {
		const left = await versionsLeft(store, each.secretId);
		return { ...each, ...(left === undefined ? {} : { versionsLeft: left }) };
	});
	return { connections: await Promise.all(withLeft), isCut };
}
