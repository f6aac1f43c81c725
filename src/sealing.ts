import type { AuthorizationFlow } from './authorization/authorizationFlow';
import type { Connection, TypedSecrets } from './config/connection';
import type { ParsedFields } from './config/parseConnection';
import { ConfigurationError, ReconnectError, SecretStoreError, VaultedOAuth2Error } from './errors';
import type { ConnectionRequests } from './oauth/tokenRequest';
import { RecentlyUsed } from './recentlyUsed';
import {
	assertSealedFor,
	changedSince,
	formatBundle,
	sealedForOf,
	typedSecretsOf,
	type Bundle,
} from './secrets/bundle';
import {
	createKey,
	formatSecretRef,
	parseSecretRef,
	sha256,
	type SecretRef,
} from './secrets/pointer';
import type { SealedBundle } from './secrets/sealedBundle';
import { secretNameFor, TAGS } from './secrets/secretName';
import type { SecretStore } from './secrets/store';
import type { Lease, MayAsk } from './tokens/lease';
import { withTokens } from './tokens/tokenSet';

/** What n8n's database keeps of a sealed connection: the pointer, and nothing where secrets were typed. */
export interface SealedFields {
	readonly secretRef: string;
	readonly clientSecret: '';
	readonly refreshToken: '';
	readonly authorizationResponse: '';
}

/** The parts a connection is made of, before anything is asked of store or provider. */
export interface ConnectionParts {
	readonly store: SecretStore;
	readonly request: ConnectionRequests;
}

/** What {@link Sealing} works with. */
export interface SealingOptions {
	/** Milliseconds since the epoch. */
	readonly now: () => number;
	readonly parts: (connection: Connection) => ConnectionParts;
	readonly bundle: (store: SecretStore, ref: SecretRef) => SealedBundle;
	/** Where several processes share the bundle. */
	readonly lease: (store: SecretStore, bundle: SealedBundle) => Lease | undefined;
	readonly authorization: (
		connection: Connection,
		parts: { bundle: SealedBundle; request: ConnectionRequests },
	) => AuthorizationFlow;
}

/** What was sealed last with these secrets. */
interface Recent {
	ref: SecretRef | undefined;
	/** Milliseconds since the epoch. */
	at: number;
}

/** How long a form that stays open after it was saved is known to be the same one. */
const FORM_MS = 3_600_000;

/** A bundle whose refresh token was redeemed but which has no place in the store yet. */
interface Unplaced {
	bundle: Bundle | undefined;
}

function sealedFields(ref: SecretRef): SealedFields {
	return {
		secretRef: formatSecretRef(ref),
		clientSecret: '',
		refreshToken: '',
		authorizationResponse: '',
	};
}

/** An authorization response is none of them: it is redeemed, not kept. */
const KEPT = ['clientSecret', 'refreshToken'] as const;

function typedDigests(typed: TypedSecrets): Bundle['typedSha256'] {
	return Object.fromEntries(
		KEPT.flatMap((key) => (typed[key] === undefined ? [] : [[key, sha256(typed[key])]])),
	);
}

/** The typed values that are not what the bundle was sealed with: a refresh token typed before has been replaced by its successor since. */
function newlyTyped(bundle: Bundle, typed: TypedSecrets): Pick<Bundle, (typeof KEPT)[number]> {
	const digests = typedDigests(typed);
	return Object.fromEntries(
		KEPT.flatMap((key) =>
			typed[key] === undefined || digests[key] === bundle.typedSha256[key]
				? []
				: [[key, typed[key]]],
		),
	);
}

/** The secrets a connection needs and that were not typed, as the form calls them. */
function missing(connection: Connection, typed: TypedSecrets): string[] {
	const given = { 'Client Secret': typed.clientSecret, 'Refresh Token': typed.refreshToken };
	return typedSecretsOf(connection).filter((field) => given[field] === undefined);
}

/** True where everything was typed again, so that nothing stored is needed. */
function isComplete(connection: Connection, typed: TypedSecrets): boolean {
	return Object.keys(typed).length > 0 && missing(connection, typed).length === 0;
}

/**
 * Tells by what was typed that a form is saved again; undefined where it cannot be told. After a save n8n's editor keeps the typed secrets in
 * the open form and does not know the pointer, so that the next save comes without one. A refresh token stands for itself; a client secret can
 * serve many connections. Where a person's consent is behind the bundle, everything in the form has to be the same, and its client secret typed.
 */
function sameForm({ connection, typed }: ParsedFields): string | undefined {
	const { store, clientId, issuer, tokenEndpoint, grantType, label, tenantId, apiOrigins } =
		connection;
	if (grantType === 'authorization_code') {
		return typed.clientSecret === undefined
			? undefined
			: sha256(JSON.stringify([connection, typedDigests(typed)]));
	}
	const place =
		store.kind === 'awsSecretsManager' ? [store.kind, store.region, store.endpoint] : [store.kind];
	const secretName = store.kind === 'awsSecretsManager' ? store.secretName : undefined;
	const identity =
		grantType === 'refresh_token' ? [] : (secretName ?? [label, tenantId, apiOrigins]);
	return sha256(
		JSON.stringify([
			place,
			grantType,
			clientId,
			issuer,
			tokenEndpoint,
			typedDigests(typed),
			identity,
		]),
	);
}

function fingerprint({ connection, typed, secretRef }: ParsedFields): string {
	return sha256(JSON.stringify([connection, typed, secretRef]));
}

/** Moves typed secrets into the store; see the product's three steps validate, seal, register. */
export class Sealing {
	/** Fields whose typed secrets are known to be sealed: an expression in a secret field is "typed" again on every use. */
	private readonly settled = new RecentlyUsed<true>(10_000);
	private readonly recent = new RecentlyUsed<Recent>(10_000);
	private readonly unplaced = new RecentlyUsed<Unplaced>(
		1000,
		({ bundle }) => bundle !== undefined,
	);
	private readonly flights = new Map<string, Promise<SealedFields>>();

	constructor(private readonly options: SealingOptions) {}

	/** True where nothing is sealed yet, or something was typed that is not known to be sealed. */
	isNeeded(parsed: ParsedFields): boolean {
		if (parsed.secretRef === undefined) return true;
		const { typed } = parsed;
		return Object.keys(typed).length > 0 && !this.settled.has(fingerprint(parsed));
	}

	/** One flight for the same fields: executions that find an unsealed credential together seal it once. @throws VaultedOAuth2Error */
	async seal(parsed: ParsedFields): Promise<SealedFields> {
		const key = fingerprint(parsed);
		let flight = this.flights.get(key);
		if (flight === undefined) {
			flight = this.sealOnce(parsed).finally(() => this.flights.delete(key));
			this.flights.set(key, flight);
		}
		return await flight;
	}

	private async sealOnce(parsed: ParsedFields): Promise<SealedFields> {
		const existing = (await this.openExisting(parsed)) ?? (await this.openRecent(parsed));
		const ref =
			existing === undefined ? await this.sealAnew(parsed) : await this.sealAgain(parsed, existing);
		this.settled.get(fingerprint({ ...parsed, secretRef: formatSecretRef(ref) }), () => true);
		Object.assign(this.recentFor(parsed) ?? {}, { ref, at: this.options.now() });
		return sealedFields(ref);
	}

	/** The bundle the pointer opens; undefined where there is none, or where it is lost and everything was typed again. */
	private async openExisting({
		connection,
		typed,
		secretRef,
	}: ParsedFields): Promise<SealedBundle | undefined> {
		if (secretRef === undefined) return undefined;
		try {
			const ref = parseSecretRef(secretRef, connection.store.kind);
			const bundle = this.options.bundle(this.options.parts(connection).store, ref);
			await bundle.read();
			return bundle;
		} catch (error) {
			const lost =
				error instanceof VaultedOAuth2Error &&
				['NOT_FOUND', 'DELETED', 'KEY_MISMATCH', 'INVALID_SECRET_REF', 'SEALED_ELSEWHERE'].includes(
					error.code,
				);
			if (lost && isComplete(connection, typed)) return undefined;
			throw error;
		}
	}

	/** The bundle that the same form was sealed into before; undefined where it was not, or where that bundle is gone. */
	private async openRecent(parsed: ParsedFields): Promise<SealedBundle | undefined> {
		const { ref, at = 0 } = this.recentFor(parsed) ?? {};
		if (ref === undefined || this.options.now() - at > FORM_MS) return undefined;
		const bundle = this.options.bundle(this.options.parts(parsed.connection).store, ref);
		try {
			await bundle.read();
			return bundle;
		} catch (error) {
			if (error instanceof SecretStoreError && ['NOT_FOUND', 'DELETED'].includes(error.code))
				return undefined;
			throw error;
		}
	}

	private recentFor(parsed: ParsedFields): Recent | undefined {
		const form = sameForm(parsed);
		return form === undefined
			? undefined
			: this.recent.get(form, () => ({ ref: undefined, at: 0 }));
	}

	/** Replaces what was typed in a bundle that exists, keeps the rest. */
	private async sealAgain(
		{ connection, typed }: ParsedFields,
		sealed: SealedBundle,
	): Promise<SecretRef> {
		await sealed.exclusive(async () => {
			const before = await sealed.read();
			const changed = changedSince(before.sealedFor, connection);
			if (changed.length > 0 && !isComplete(connection, typed)) assertSealedFor(before, connection);
			const secrets = newlyTyped(before, typed);
			const { request, store } = this.options.parts(connection);
			const replace = async (newest: Bundle, mayAsk?: MayAsk): Promise<Bundle> =>
				await this.replace(newest, { connection, typed, request, mayAsk });
			// A refresh token that was just typed is nobody else's; the stored one is redeemed by one process at a time.
			const redeemsStored =
				request.rotates && before.refreshToken !== undefined && secrets.refreshToken === undefined;
			const lease = redeemsStored ? this.options.lease(store, sealed) : undefined;
			if (changed.length === 0 && Object.keys(secrets).length === 0) await sealed.saveUnsaved();
			else if (lease === undefined) await sealed.save(await replace(before), before);
			else
				await lease.whileHeld(async (newest) => {
					const next = await lease.during(async (mayAsk) => await replace(newest, mayAsk));
					await sealed.save(lease.without(next), newest);
				});
			if (typed.authorizationResponse !== undefined) {
				const flow = this.options.authorization(connection, { bundle: sealed, request });
				await flow.paste(typed.authorizationResponse);
			}
		});
		return sealed.ref;
	}

	/** The bundle with what was typed in it, tried at the provider. */
	private async replace(
		before: Bundle,
		{
			connection,
			typed,
			request,
			mayAsk,
		}: Omit<ParsedFields, 'secretRef'> & {
			request: ConnectionRequests;
			mayAsk: MayAsk | undefined;
		},
	): Promise<Bundle> {
		const { clientAuthentication: _found, tokenSet, ...kept } = before;
		const next: Bundle = {
			...kept,
			label: connection.label,
			sealedFor: sealedForOf(connection),
			...newlyTyped(before, typed),
			typedSha256: { ...before.typedSha256, ...typedDigests(typed) },
		};
		if (connection.authorizationCode === undefined)
			return withTokens(next, await request.send(next, mayAsk));
		const { refreshToken, authorization: _consent, refused: _state, ...unconnected } = next;
		// What a person consented to holds for that provider and that API alone.
		if (changedSince(before.sealedFor, connection).length > 0) return unconnected;
		if (refreshToken === undefined)
			return { ...next, ...(tokenSet === undefined ? {} : { tokenSet }) };
		try {
			return withTokens(next, await request.send(next, mayAsk));
		} catch (error) {
			// The new client secret was recognised; only the consent is gone, which connecting again renews.
			if (error instanceof ReconnectError) return next;
			throw error;
		}
	}

	/** Creates a secret of its own. The provider is asked first: what does not work is not stored. */
	private async sealAnew(parsed: ParsedFields): Promise<SecretRef> {
		const { connection, typed } = parsed;
		const [first, ...others] = missing(connection, typed);
		if (first !== undefined) {
			throw new ConfigurationError(
				first,
				`it is missing. Type ${[first, ...others].join(' and ')}.`,
				{
					code: 'MISSING_FIELD',
				},
			);
		}
		if (typed.authorizationResponse !== undefined) {
			throw new ConfigurationError(
				'Authorization Response',
				'an answer of the provider belongs to the connection that asked for it, and this one is not saved yet. Empty the field and save; then ask for a new link.',
				{ code: 'INVALID_FIELD' },
			);
		}
		const { store, request } = this.options.parts(connection);
		const name = secretNameFor(connection);
		// A corrected store setting must find what an earlier try redeemed.
		const anyStore: Connection = { ...connection, store: { kind: 'localVault' } };
		const unplaced = this.unplaced.get(fingerprint({ connection: anyStore, typed }), () => ({
			bundle: undefined,
		}));
		const key = createKey();
		const bundle = unplaced.bundle ?? (await this.redeem(parsed, { store, name, request }));
		// Spent and replaced: until the store takes it, this process holds the only copy.
		if (bundle.refreshToken !== typed.refreshToken) unplaced.bundle = bundle;
		const { secretId } = await store.create(
			name,
			formatBundle({ ...bundle, keySha256: sha256(key) }),
			{
				description: `OAuth 2.0 connection "${connection.label}" of n8n`,
				tags: TAGS,
			},
		);
		unplaced.bundle = undefined;
		return { store: store.kind, secretId, key };
	}

	/** Tries what was typed at the provider. The bundle has no key yet. */
	private async redeem(
		{ connection, typed }: ParsedFields,
		{ store, name, request }: ConnectionParts & { name: string },
	): Promise<Bundle> {
		// A refresh token may be spent by trying it: the store is looked at first.
		if (request.rotates) await this.assertFree(store, name);
		const bundle: Bundle = {
			label: connection.label,
			keySha256: '',
			sealedFor: sealedForOf(connection),
			...typed,
			typedSha256: typedDigests(typed),
			other: {},
		};
		if (connection.authorizationCode === undefined)
			return withTokens(bundle, await request.send(bundle));
		// No person has consented yet: what can be tried is whether the provider can be found.
		await request.authorizationUrl({ state: 'none' });
		return bundle;
	}

	private async assertFree(store: SecretStore, name: string): Promise<void> {
		try {
			await store.read(name);
		} catch (error) {
			if (error instanceof SecretStoreError && error.code === 'NOT_FOUND') return;
			throw error;
		}
		throw new SecretStoreError(
			`a secret named ${name} exists already, and one that this credential did not make is never overwritten. Choose another Secret Name.`,
			{ code: 'ALREADY_EXISTS', action: 'create', secretId: name },
		);
	}
}
