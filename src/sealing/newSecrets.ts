import type { Connection, Form } from '../config/connection';
import { ConfigurationError, SecretStoreError } from '../errors';
import { RecentlyUsed } from '../recentlyUsed';
import { fieldOf, namesOf, sealedForOf } from '../secrets/binding';
import type { Bundle } from '../secrets/bundle';
import { formatBundle } from '../secrets/bundleFormat';
import { withTokens } from '../secrets/patches';
import { createKey, sha256, type SecretRef } from '../secrets/pointer';
import { tagsFor } from '../secrets/secretName';
import { storeAddressOf } from '../secrets/storeAddress';
import type { SecretStore } from '../secrets/store';
import type { Wiring } from '../wiring';
import { keptOf, missing, typedDigests } from './typed';

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

const LIMIT = 1000;

function newAttempt({ place, name }: Pick<Attempt, 'place' | 'name'>, bundle: Bundle): Attempt {
	const key = createKey();
	const content = formatBundle({ ...bundle, keySha256: sha256(key) });
	return { place, name, key, content, id: sha256(createKey()) };
}

/** Creates secrets. The provider is asked first: what does not work is not stored. */
export class NewSecrets {
	private readonly unplaced = new RecentlyUsed<Unplaced>(
		LIMIT,
		({ bundle }) => bundle?.refreshToken !== undefined,
	);

	constructor(private readonly wiring: Pick<Wiring, 'requests' | 'secretName' | 'store'>) {}

	/**
	 * Tries what was typed at the provider and seals it into a secret of its own.
	 *
	 * @param isReopened true if the form may be one that is still open after a save, with a secret blanked
	 * @throws VaultedOAuth2Error of any class; then nothing was stored
	 */
	async create(form: Form, isReopened: boolean): Promise<SecretRef> {
		const { connection } = form;
		assertTyped(form, isReopened);
		const store = this.wiring.store(connection);
		const unplaced = this.unplaced.get(unplacedKey(form), () => ({}));
		const place = JSON.stringify(connection.store);
		const before = unplaced.attempt?.place === place ? unplaced.attempt : undefined;
		const name = before?.name ?? this.wiring.secretName(connection);
		// If the refresh token was rotated, this process holds the only copy until the store takes it.
		unplaced.bundle ??= await this.redeem(form, name);
		const bundle = { ...unplaced.bundle, sealedFor: sealedForOf(connection) };
		const attempt = before ?? newAttempt({ place, name }, bundle);
		unplaced.attempt = attempt;
		try {
			const { secretId } = await store.create(name, attempt.content, {
				attempt: attempt.id,
				description: `OAuth 2.0 connection "${connection.label}" of n8n`,
				tags: tagsFor(connection),
			});
			delete unplaced.bundle;
			delete unplaced.attempt;
			return { store: storeAddressOf(connection.store), secretId, key: attempt.key };
		} catch (error) {
			// Otherwise the answer alone may be lost: the same attempt finds what it made.
			const isRefused = error instanceof SecretStoreError && !error.temporary;
			if (isRefused) delete unplaced.attempt;
			throw error;
		}
	}

	/** Tries what was typed at the provider. The bundle has no key yet. */
	private async redeem({ connection, typed }: Form, name: string): Promise<Bundle> {
		const request = this.wiring.requests(connection);
		// A refresh token may be spent by trying it: the store is looked at first.
		if (request.usesRefreshToken) await assertFree(this.wiring.store(connection), name);
		const byCode = connection.authorizationCode !== undefined;
		// The first code is bound to it already.
		const dpopKey = byCode ? await request.newDpopKey() : undefined;
		const bundle: Bundle = {
			label: connection.label,
			keySha256: '',
			sealedFor: sealedForOf(connection),
			...keptOf(typed),
			tokenSets: [],
			typedSha256: typedDigests(typed),
			...(byCode ? { authorization: { used: {}, flowKey: createKey() } } : {}),
			...(dpopKey === undefined ? {} : { dpopKey }),
			generation: 0,
			other: {},
		};
		if (!byCode) return withTokens(bundle, await request.send(bundle, {}));
		// No person has consented yet: what can be tried is whether the provider can be found.
		await request.authorizationUrl({ state: 'none' }, async () => await Promise.resolve(bundle));
		return bundle;
	}
}

/** A corrected store setting must find what an earlier try redeemed. */
function unplacedKey({ connection, typed }: Form): string {
	const anyStore: Connection = { ...connection, store: { kind: 'localVault' } };
	return sha256(JSON.stringify([anyStore, typed]));
}

function assertTyped({ connection, typed }: Form, isReopened: boolean): void {
	const needed = missing(connection, typed);
	const [first] = needed;
	if (first !== undefined) {
		const why = isReopened
			? ` A form that is still open after it was saved does not know any more where the secret is kept: type it once more and save, and the same connection is found. To leave the field blank, close the form and open it again.`
			: '';
		throw new ConfigurationError(fieldOf(first), `it is missing. Type ${namesOf(needed)}.${why}`, {
			code: 'MISSING_FIELD',
		});
	}
	if (typed.authorizationResponse !== undefined) {
		throw new ConfigurationError(
			'Authorization Response',
			'an answer of the provider belongs to the connection that asked for it, and this one is not saved yet. Empty the field and save; then ask for a new link.',
			{ code: 'INVALID_FIELD' },
		);
	}
}

async function assertFree(store: SecretStore, name: string): Promise<void> {
	try {
		await store.read(name);
	} catch (error) {
		if (error instanceof SecretStoreError && error.code === 'NOT_FOUND') return;
		throw error;
	}
	const action = store.kind === 'awsSecretsManager' ? 'CreateSecret' : 'create';
	throw new SecretStoreError(
		`${action}: a secret named ${name} exists already, and one that this credential did not make is never overwritten. Choose another Secret Name.`,
		{ code: 'ALREADY_EXISTS', action, secretId: name },
	);
}
