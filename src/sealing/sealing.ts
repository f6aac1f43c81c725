import type { Connection, Form } from '../config/connection';
import { ConfigurationError, ReconnectError, VaultedOAuth2Error } from '../errors';
import type { ConnectionRequests } from '../oauth/tokenRequest';
import { RecentlyUsed } from '../recentlyUsed';
import { changedSince, sealedForOf } from '../secrets/binding';
import type { Bundle } from '../secrets/bundle';
import { isForApiAlone, typedSecrets, withTyped } from '../secrets/patches';
import { formatSecretRef, parseSecretRef, sha256, type SecretRef } from '../secrets/pointer';
import { storeAddressOf } from '../secrets/storeAddress';
import type { BeforeSend } from '../tokens/lease';
import type { IssuedTokens } from '../tokens/tokenSet';
import type { SharedBundle, Wiring } from '../wiring';
import { NewSecrets } from './newSecrets';
import { OpenForms } from './openForms';
import { isComplete, keptOf, newlyTyped, typedDigests } from './typed';

/** What n8n's database keeps of a sealed connection: the pointer, and nothing where secrets were typed. */
export interface SealedFields {
	readonly secretRef: string;
	readonly clientSecret: '';
	readonly privateKey: '';
	readonly refreshToken: '';
	readonly apiHeaders: '';
	readonly authorizationResponse: '';
}

/** What {@link Sealing} needs of the wiring. */
export type SealingParts = Pick<
	Wiring,
	| 'assertSealedFor'
	| 'authorization'
	| 'clock'
	| 'emitFor'
	| 'reportRefusal'
	| 'requests'
	| 'secretName'
	| 'shared'
	| 'store'
>;

/** A bundle that a form is sealed into again. */
interface Existing extends Pick<SharedBundle, 'bundle' | 'lease'> {
	readonly before: Bundle;
	/** True if the form was recognised, false if its pointer named the bundle. */
	readonly isOpenForm: boolean;
}

/** What the provider said to new secrets. */
interface Answer {
	readonly issued: IssuedTokens | undefined;
	/** The stored refresh token, if that was redeemed. */
	readonly redeemed: string | undefined;
}

const NOTHING: Answer = { issued: undefined, redeemed: undefined };
const LIMIT = 10_000;

/** Codes of a bundle that cannot be had again: with every secret typed, a new one takes its place. */
const LOST: ReadonlySet<string> = new Set([
	'BUNDLE_INVALID',
	'DECRYPTION_FAILED',
	'DELETED',
	'INVALID_SECRET_REF',
	'KEY_MISMATCH',
	'NOT_FOUND',
	'ROLLED_BACK',
	'SEALED_ELSEWHERE',
]);

function isOneOf(error: unknown, codes: ReadonlySet<string>): boolean {
	return error instanceof VaultedOAuth2Error && codes.has(error.code);
}

const GONE: ReadonlySet<string> = new Set(['NOT_FOUND', 'DELETED']);

function fingerprint({ connection, typed, secretRef }: Form): string {
	return sha256(JSON.stringify([connection, typed, secretRef]));
}

/** Moves typed secrets into the store; see the product's three steps validate, seal, register. */
export class Sealing {
	/** Forms whose typed secrets are known to be sealed: an expression in a secret field is "typed" again on every use. */
	private readonly settled = new RecentlyUsed<true>(LIMIT);
	private readonly openForms: OpenForms;
	private readonly newSecrets: NewSecrets;
	private readonly flights = new Map<string, Promise<SealedFields>>();

	constructor(private readonly wiring: SealingParts) {
		this.openForms = new OpenForms(() => wiring.clock.now());
		this.newSecrets = new NewSecrets(wiring);
	}

	/** True if nothing is sealed yet, or something was typed that is not known to be sealed. */
	isNeeded(form: Form): boolean {
		if (form.secretRef === undefined) return true;
		return Object.keys(form.typed).length > 0 && !this.settled.has(fingerprint(form));
	}

	/** One flight for the same form: executions that find an unsealed credential together seal it once. @throws VaultedOAuth2Error */
	async seal(form: Form): Promise<SealedFields> {
		const key = fingerprint(form);
		let flight = this.flights.get(key);
		if (flight === undefined) {
			flight = this.sealOnce(form).finally(() => this.flights.delete(key));
			this.flights.set(key, flight);
		}
		return await flight;
	}

	private async sealOnce(form: Form): Promise<SealedFields> {
		const existing = (await this.pointedAt(form)) ?? (await this.recognised(form));
		const ref =
			existing === undefined ? await this.sealNew(form) : await this.sealAgain(form, existing);
		const secretRef = formatSecretRef(ref);
		this.settled.get(fingerprint({ ...form, secretRef }), () => true);
		this.openForms.remember(form, ref);
		return {
			secretRef,
			clientSecret: '',
			privateKey: '',
			refreshToken: '',
			apiHeaders: '',
			authorizationResponse: '',
		};
	}

	private async sealNew(form: Form): Promise<SecretRef> {
		const ref = await this.newSecrets.create(form, this.openForms.mayKnow(form));
		this.wiring.emitFor(form.connection, ref.secretId)('bundle.sealed');
		return ref;
	}

	/** The bundle that the pointer opens; undefined if there is none, or if it is lost and everything was typed again. */
	private async pointedAt({ connection, typed, secretRef }: Form): Promise<Existing | undefined> {
		if (secretRef === undefined) return undefined;
		try {
			const ref = parseSecretRef(secretRef, storeAddressOf(connection.store));
			return await this.existing(connection, ref, false);
		} catch (error) {
			if (isOneOf(error, LOST) && isComplete(connection, typed)) return undefined;
			// What the bundle itself refused is reported by it.
			if (error instanceof ConfigurationError) this.wiring.reportRefusal(connection, '', error);
			throw error;
		}
	}

	/** The bundle that the same form was sealed into before; undefined if it was not, or if that bundle is gone. */
	private async recognised(form: Form): Promise<Existing | undefined> {
		const ref = this.openForms.refOf(form);
		if (ref === undefined) return undefined;
		try {
			const existing = await this.existing(form.connection, ref, true);
			// Headers that the form does not know are somebody else's.
			const isKnown =
				existing.before.apiHeaders === undefined || form.typed.apiHeaders !== undefined;
			return isKnown ? existing : undefined;
		} catch (error) {
			if (isOneOf(error, GONE)) return undefined;
			throw error;
		}
	}

	private async existing(
		connection: Connection,
		ref: SecretRef,
		isOpenForm: boolean,
	): Promise<Existing> {
		const { bundle, lease } = this.wiring.shared(connection, ref);
		return { bundle, lease, before: await bundle.read(), isOpenForm };
	}

	/** Replaces what was typed in a bundle that exists. What the bundle was sealed for decides whether the rest is kept. */
	private async sealAgain(form: Form, existing: Existing): Promise<SecretRef> {
		const { connection, typed } = form;
		const { bundle, before, isOpenForm } = existing;
		const changed = changedSince(before.sealedFor, connection);
		const isMoved = changed.length > 0;
		// A recognised form differs in the address of its API at most, and typing its refresh token again must not cost the successor.
		const isCorrected = isMoved && isOpenForm && connection.grantType === 'refresh_token';
		const isTyped = Object.keys(newlyTyped(before, typed)).length > 0;
		if (isMoved && !isCorrected) await this.move(form, existing);
		else if (isCorrected || isTyped) await this.replace(form, existing);
		else await bundle.flush();
		if (isMoved || isTyped)
			this.wiring.emitFor(connection, bundle.ref.secretId)('bundle.resealed', { changed });
		const { authorizationResponse: response } = typed;
		if (response !== undefined) {
			const request = this.wiring.requests(connection);
			await this.wiring.authorization(connection, { bundle, request }).paste(response);
		}
		return bundle.ref;
	}

	/** Seals the bundle for another purpose: nothing is kept but what is typed now. */
	private async move(
		{ connection, typed }: Form,
		{ bundle, lease, before }: Existing,
	): Promise<void> {
		if (!isComplete(connection, typed))
			this.wiring.assertSealedFor(connection, bundle.ref.secretId, before);
		if (typed.authorizationResponse !== undefined) {
			throw new ConfigurationError(
				'Authorization Response',
				'the answer belongs to the connection as it was before this change. Empty the field and save; then ask for a new link.',
				{ code: 'INVALID_FIELD' },
			);
		}
		const secrets = keptOf(typed);
		const bare: Bundle = {
			label: connection.label,
			keySha256: before.keySha256,
			sealedFor: sealedForOf(connection),
			...secrets,
			tokenSets: [],
			typedSha256: typedDigests(typed),
			generation: before.generation,
			other: {},
		};
		await lease.exclusively(async () => {
			const { issued, redeemed } = await ask(connection, {
				request: this.wiring.requests(connection),
				next: bare,
			});
			await bundle.update(
				typedSecrets({
					connection,
					typed: secrets,
					typedSha256: bare.typedSha256,
					issued,
					redeemed,
					keepsNothing: true,
					owner: lease.owner,
				}),
			);
		});
	}

	/** Tries at the provider what was typed, and seals it. The stored refresh token is redeemed by one process at a time. */
	private async replace({ connection, typed }: Form, existing: Existing): Promise<void> {
		const { bundle, lease, before } = existing;
		const request = this.wiring.requests(connection);
		const work = async (newest: Bundle, beforeSend?: BeforeSend): Promise<void> => {
			const secrets = newlyTyped(newest, typed);
			const next = withTyped(newest, secrets);
			const { issued, redeemed } = isForApiAlone(secrets)
				? NOTHING
				: await ask(connection, { request, next, beforeSend });
			await bundle.update(
				typedSecrets({
					connection,
					typed: secrets,
					typedSha256: typedDigests(typed),
					issued,
					redeemed,
					keepsNothing: false,
					owner: lease.owner,
				}),
			);
		};
		const isNew = newlyTyped(before, typed);
		const redeemsStored =
			request.usesRefreshToken &&
			before.refreshToken !== undefined &&
			isNew.refreshToken === undefined &&
			!isForApiAlone(isNew);
		// A refresh token that was just typed is nobody else's.
		if (redeemsStored) await lease.whileHeld(work);
		else await lease.exclusively(async () => await work(before));
	}
}

/** Asks the provider for tokens with new secrets, if there is a grant to ask with. */
async function ask(
	connection: Connection,
	{
		request,
		next,
		beforeSend,
	}: { request: ConnectionRequests; next: Bundle; beforeSend?: BeforeSend | undefined },
): Promise<Answer> {
	const byConsent = connection.authorizationCode !== undefined;
	if (byConsent && next.refreshToken === undefined) return NOTHING;
	try {
		const issued = await request.send(next, { beforeSend });
		return { issued, redeemed: request.usesRefreshToken ? next.refreshToken : undefined };
	} catch (error) {
		// The new client secret was recognised; only the consent is gone, which connecting again renews.
		if (byConsent && error instanceof ReconnectError) return NOTHING;
		throw error;
	}
}
