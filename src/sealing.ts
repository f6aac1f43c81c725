import type { AuthorizationFlow } from './authorization/authorizationFlow';
import type { Connection, TypedSecrets } from './config/connection';
import type { ParsedFields } from './config/parseConnection';
import { ConfigurationError, ReconnectError, SecretStoreError, VaultedOAuth2Error } from './errors';
import type { ConnectionRequests } from './oauth/tokenRequest';
import { RecentlyUsed } from './recentlyUsed';
import {
	assertSealedFor,
	changedSince,
	sealedForOf,
	typedSecretsOf,
	type Bundle,
} from './secrets/bundle';
import { formatBundle } from './secrets/bundleFormat';
import { typedSecrets, withTokens } from './secrets/patches';
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
import type { BeforeSend, Lease } from './tokens/lease';
import type { IssuedTokens } from './tokens/tokenSet';

/** What n8n's database keeps of a sealed connection: the pointer, and nothing where secrets were typed. */
export interface SealedFields {
	readonly secretRef: string;
	readonly clientSecret: '';
	readonly privateKey: '';
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
	readonly lease: (parts: ConnectionParts, bundle: SealedBundle) => Lease;
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

/** What was typed for a bundle that exists. */
interface Replacement extends Omit<ParsedFields, 'secretRef'> {
	readonly parts: ConnectionParts;
	readonly sealed: SealedBundle;
	readonly before: Bundle;
	/** True if it is for another place than the bundle was sealed for. */
	readonly isMoved: boolean;
}

interface Asking {
	readonly newest: Bundle;
	readonly secrets: Pick<Bundle, (typeof KEPT)[number]>;
	readonly beforeSend: BeforeSend | undefined;
}

/** An attempt to create a secret, which can be repeated without making a second one. */
interface Attempt {
	/** In which store. */
	readonly place: string;
	readonly name: string;
	/** 64 hex digits. */
	readonly id: string;
	/** The pointer's key. */
	readonly key: string;
	readonly content: string;
}

/** A bundle that was tried at the provider but has no place in the store yet. */
interface Unplaced {
	bundle?: Bundle;
	attempt?: Attempt;
}

function newAttempt({ place, name }: Pick<Attempt, 'place' | 'name'>, bundle: Bundle): Attempt {
	const key = createKey();
	const content = formatBundle({ ...bundle, keySha256: sha256(key) });
	return { place, name, key, content, id: sha256(createKey()) };
}

function sealedFields(ref: SecretRef): SealedFields {
	return {
		secretRef: formatSecretRef(ref),
		clientSecret: '',
		privateKey: '',
		refreshToken: '',
		authorizationResponse: '',
	};
}

/** An authorization response is none of them: it is redeemed, not kept. */
const KEPT = ['clientSecret', 'privateKey', 'refreshToken'] as const;

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
	const given = {
		'Client Secret': typed.clientSecret,
		'Private Key': typed.privateKey,
		'Refresh Token': typed.refreshToken,
	};
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
		return typed.clientSecret === undefined && typed.privateKey === undefined
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
		({ bundle }) => bundle?.refreshToken !== undefined,
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
		const before = await sealed.read();
		const changed = changedSince(before.sealedFor, connection);
		if (changed.length > 0 && !isComplete(connection, typed)) assertSealedFor(before, connection);
		const parts = this.options.parts(connection);
		const isMoved = changed.length > 0;
		if (!isMoved && Object.keys(newlyTyped(before, typed)).length === 0) await sealed.flush();
		else await this.replace({ connection, typed, parts, sealed, before, isMoved });
		if (typed.authorizationResponse !== undefined) {
			const { request } = parts;
			const flow = this.options.authorization(connection, { bundle: sealed, request });
			await flow.paste(typed.authorizationResponse);
		}
		return sealed.ref;
	}

	/** Tries at the provider what was typed, and seals it. The stored refresh token is redeemed by one process at a time. */
	private async replace(replacement: Replacement): Promise<void> {
		const { connection, typed, parts, sealed, before, isMoved } = replacement;
		const lease = this.options.lease(parts, sealed);
		const byConsent = connection.authorizationCode !== undefined;
		const work = async (newest: Bundle, beforeSend?: BeforeSend): Promise<void> => {
			const secrets = newlyTyped(newest, typed);
			const asked = await this.ask(replacement, { newest, secrets, beforeSend });
			const patch = typedSecrets({
				connection,
				typed: secrets,
				typedSha256: typedDigests(typed),
				...asked,
				// What a person consented to holds for that provider and that API alone.
				endsFormerTokens: isMoved && byConsent,
				owner: lease.owner,
			});
			await sealed.update(patch);
		};
		const redeemsStored =
			parts.request.usesRefreshToken &&
			before.refreshToken !== undefined &&
			newlyTyped(before, typed).refreshToken === undefined &&
			!(isMoved && byConsent);
		// A refresh token that was just typed is nobody else's.
		if (redeemsStored) await lease.whileHeld(work);
		else await lease.exclusively(async () => await work(before));
	}

	private async ask(
		{ connection, isMoved, parts: { request } }: Replacement,
		{ newest, secrets, beforeSend }: Asking,
	): Promise<{ issued: IssuedTokens | undefined; redeemed: string | undefined }> {
		const byConsent = connection.authorizationCode !== undefined;
		const { clientAuthentication: _found, ...kept } = newest;
		const next: Bundle = { ...kept, ...secrets };
		const nothing = { issued: undefined, redeemed: undefined };
		if (byConsent && (isMoved || next.refreshToken === undefined)) return nothing;
		try {
			const issued = await request.send(next, { beforeSend });
			return { issued, redeemed: request.usesRefreshToken ? next.refreshToken : undefined };
		} catch (error) {
			// The new client secret was recognised; only the consent is gone, which connecting again renews.
			if (byConsent && error instanceof ReconnectError) return nothing;
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
		// A corrected store setting must find what an earlier try redeemed.
		const anyStore: Connection = { ...connection, store: { kind: 'localVault' } };
		const unplaced = this.unplaced.get(fingerprint({ connection: anyStore, typed }), () => ({}));
		const place = JSON.stringify(connection.store);
		const before = unplaced.attempt?.place === place ? unplaced.attempt : undefined;
		const name = before?.name ?? secretNameFor(connection);
		// If the refresh token was rotated, this process holds the only copy until the store takes it.
		unplaced.bundle ??= await this.redeem(parsed, { store, name, request });
		const attempt = before ?? newAttempt({ place, name }, unplaced.bundle);
		unplaced.attempt = attempt;
		try {
			const { secretId } = await store.create(name, attempt.content, {
				attempt: attempt.id,
				description: `OAuth 2.0 connection "${connection.label}" of n8n`,
				tags: TAGS,
			});
			delete unplaced.bundle;
			delete unplaced.attempt;
			return { store: store.kind, secretId, key: attempt.key };
		} catch (error) {
			// Otherwise the answer alone may be lost: the same attempt finds what it made.
			const isRefused = error instanceof SecretStoreError && !error.temporary;
			if (isRefused) delete unplaced.attempt;
			throw error;
		}
	}

	/** Tries what was typed at the provider. The bundle has no key yet. */
	private async redeem(
		{ connection, typed }: ParsedFields,
		{ store, name, request }: ConnectionParts & { name: string },
	): Promise<Bundle> {
		// A refresh token may be spent by trying it: the store is looked at first.
		if (request.usesRefreshToken) await this.assertFree(store, name);
		const bundle: Bundle = {
			label: connection.label,
			keySha256: '',
			sealedFor: sealedForOf(connection),
			...typed,
			tokenSets: [],
			typedSha256: typedDigests(typed),
			generation: 0,
			other: {},
		};
		if (connection.authorizationCode === undefined)
			return withTokens(bundle, await request.send(bundle, {}));
		// No person has consented yet: what can be tried is whether the provider can be found.
		await request.authorizationUrl({ state: 'none' }, async () => await Promise.resolve(bundle));
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
