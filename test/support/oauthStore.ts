import type { Adapter, AdapterPayload } from 'oidc-provider' with { 'resolution-mode': 'import' };

const TOKEN_KINDS = [
	'AccessToken',
	'ClientCredentials',
	'RefreshToken',
	'AuthorizationCode',
] as const;
type TokenKind = (typeof TOKEN_KINDS)[number];
const ACCESS_TOKEN_KINDS: readonly TokenKind[] = ['AccessToken', 'ClientCredentials'];

export interface IssuedToken {
	readonly kind: TokenKind;
	readonly value: string;
	readonly clientId: string;
	readonly scope: string;
	/** Milliseconds since the epoch. */
	readonly issuedAt: number;
	/** Milliseconds since the epoch. */
	readonly expiresAt: number;
}

interface Upsert {
	id: string;
	payload: AdapterPayload;
	/** Seconds. */
	expiresIn: number | undefined;
}

function isTokenKind(model: string): model is TokenKind {
	return (TOKEN_KINDS as readonly string[]).includes(model);
}

/**
 * The authorization server's memory. Unlike `oidc-provider`'s own it forgets nothing by itself and belongs to one server, so that a
 * test can ask afterwards for everything that was ever issued.
 */
export class OAuthStore {
	/** Every token and code ever issued, in order. */
	readonly issued: IssuedToken[] = [];
	readonly #payloads = new Map<string, AdapterPayload>();
	readonly #tokens = new Map<string, IssuedToken>();
	readonly #now: () => number;

	/** @param now milliseconds since the epoch */
	constructor(now: () => number) {
		this.#now = now;
	}

	/** Whether the access token was issued here, has not expired (to the millisecond) and was not revoked. */
	isActive(value: string): boolean {
		const token = this.#tokens.get(value);
		return (
			token !== undefined &&
			ACCESS_TOKEN_KINDS.includes(token.kind) &&
			this.#payloads.has(`${token.kind}:${value}`) &&
			this.#now() < token.expiresAt
		);
	}

	/** Thumbprint of the key that the access token is bound to, if it is. */
	boundTo(value: string): string | undefined {
		const { kind } = this.#tokens.get(value) ?? {};
		return this.#payloads.get(`${kind ?? ''}:${value}`)?.jkt;
	}

	/** Forgets one token, as if it had been revoked. */
	revoke(value: string): void {
		for (const kind of TOKEN_KINDS) this.#payloads.delete(`${kind}:${value}`);
	}

	/** Forgets the consent a token came from and every token of it. */
	revokeGrantOf(value: string): void {
		const token = this.#tokens.get(value);
		const grantId = token && this.#payloads.get(`${token.kind}:${value}`)?.grantId;
		if (grantId === undefined) return;
		this.#deleteWhere((payload, key) => payload.grantId === grantId || key === `Grant:${grantId}`);
	}

	/** One model's view of the store, as `oidc-provider` wants it. */
	adapter(model: string): Adapter {
		const find = (matches: (payload: AdapterPayload) => boolean) => {
			for (const [key, payload] of this.#payloads) {
				if (key.startsWith(`${model}:`) && matches(payload)) return payload;
			}
			return undefined;
		};
		return {
			upsert: async (id, payload, expiresIn) => {
				this.#payloads.set(`${model}:${id}`, payload);
				if (isTokenKind(model)) this.#record(model, { id, payload, expiresIn });
			},
			find: async (id) => this.#payloads.get(`${model}:${id}`),
			findByUid: async (uid) => find((payload) => payload.uid === uid),
			findByUserCode: async (userCode) => find((payload) => payload.userCode === userCode),
			consume: async (id) => {
				const payload = this.#payloads.get(`${model}:${id}`);
				if (payload) payload.consumed = Math.floor(this.#now() / 1000);
			},
			destroy: async (id) => {
				this.#payloads.delete(`${model}:${id}`);
			},
			revokeByGrantId: async (grantId) => {
				this.#deleteWhere(
					(payload, key) => payload.grantId === grantId && key.startsWith(`${model}:`),
				);
			},
		};
	}

	#record(kind: TokenKind, { id, payload, expiresIn = Infinity }: Upsert): void {
		const issuedAt = this.#now();
		const token: IssuedToken = {
			kind,
			value: id,
			clientId: payload.clientId ?? '',
			scope: payload.scope ?? '',
			issuedAt,
			expiresAt: issuedAt + expiresIn * 1000,
		};
		this.#tokens.set(id, token);
		this.issued.push(token);
	}

	#deleteWhere(matches: (payload: AdapterPayload, key: string) => boolean): void {
		for (const [key, payload] of this.#payloads) {
			if (matches(payload, key)) this.#payloads.delete(key);
		}
	}
}
