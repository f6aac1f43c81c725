import type { Connection, Form } from '../config/connection';
import { RecentlyUsed } from '../recentlyUsed';
import { sealedForOf } from '../secrets/binding';
import { sha256, type SecretRef } from '../secrets/pointer';
import { typedDigests } from './typed';

/** What was sealed last from a form. */
interface Sealed {
	ref: SecretRef;
	/** Milliseconds since the epoch. */
	at: number;
}

/** How long a form that stays open after it was saved is known to be the same one. */
const FORM_MS = 3_600_000;
const LIMIT = 10_000;

function digest(...parts: readonly unknown[]): string {
	return sha256(JSON.stringify(parts));
}

/** What a person calls the connection; two accounts of one client differ in nothing else. A name in the store is one secret's. */
function nameOf({ label, tenantId, store, apiOrigins }: Connection): unknown {
	const secretName = store.kind === 'awsSecretsManager' ? store.secretName : undefined;
	return secretName ?? [label, tenantId, apiOrigins];
}

/**
 * By what a form is recognised: what was typed, and what its bundle is bound to. Never without a typed secret.
 *
 * A refresh token stands for itself, so that the address of the API may be corrected: redeeming it once more would fail. Of an account that
 * was connected by pasting, the pasted response is enough; else the connection's name has to be the same.
 */
function keysOf({ connection, typed }: Form): string[] {
	// What a bundle sends to the API is not what it is recognised by, so that it may be corrected.
	const { apiHeaders: _sent, ...digests } = typedDigests(typed);
	const { apiOrigins, ...bound } = sealedForOf(connection);
	if (connection.grantType === 'refresh_token')
		return digests.refreshToken === undefined ? [] : [digest('token', bound, digests)];
	if (digests.clientSecret === undefined && digests.privateKey === undefined) return [];
	const { authorizationResponse: response } = typed;
	return [
		digest('named', bound, digests, nameOf(connection)),
		...(response === undefined
			? []
			: [digest('pasted', bound, digests, apiOrigins, sha256(response))]),
	];
}

/**
 * Forms that are still open after they were saved. n8n's editor then keeps the typed secrets and does not know the pointer, so that the next
 * save comes without one.
 */
export class OpenForms {
	private readonly sealed = new RecentlyUsed<Sealed>(LIMIT);
	private readonly names = new RecentlyUsed<{ at: number }>(LIMIT);

	/** @param now milliseconds since the epoch */
	constructor(private readonly now: () => number) {}

	/** Remembers what a form was sealed into, for an hour. */
	remember(form: Form, ref: SecretRef): void {
		const at = this.now();
		for (const key of keysOf(form))
			Object.assign(
				this.sealed.get(key, () => ({ ref, at })),
				{ ref, at },
			);
		this.names.get(this.nameKey(form), () => ({ at })).at = at;
	}

	/** The bundle that the same form was sealed into, within the last hour. */
	refOf(form: Form): SecretRef | undefined {
		return keysOf(form)
			.map((key) => this.sealed.find(key))
			.find((sealed) => sealed !== undefined && this.isRecent(sealed))?.ref;
	}

	/** True if a form for the same connection was saved within the last hour: it may be the same one, with a field blanked. */
	mayKnow(form: Form): boolean {
		const name = this.names.find(this.nameKey(form));
		return name !== undefined && this.isRecent(name);
	}

	private isRecent({ at }: { readonly at: number }): boolean {
		return this.now() - at <= FORM_MS;
	}

	private nameKey({ connection }: Form): string {
		const { apiOrigins: _named, ...bound } = sealedForOf(connection);
		return digest(bound, nameOf(connection));
	}
}
