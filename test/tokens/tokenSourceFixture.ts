import { ConfigurationError, ProviderError, ReconnectError } from '../../src/errors';
import { formatBundle, refusedSince, type Bundle } from '../../src/secrets/bundle';
import { sha256 } from '../../src/secrets/pointer';
import { SealedBundle } from '../../src/secrets/sealedBundle';
import { VersionBudget } from '../../src/tokens/budget';
import { TokenSource, type TokenRequest } from '../../src/tokens/tokenSource';
import type { IssuedTokens } from '../../src/tokens/tokenSet';
import { MemoryStore } from '../support/memoryStore';

const KEY = 'k'.repeat(43);
const SECOND = 1000;

/** A provider, a store, a clock and a token source between them; the provider rotates refresh tokens where the grant has them. */
export class Fixture {
	readonly store = new MemoryStore();
	readonly events: string[] = [];
	now = Date.UTC(2026, 0, 1);
	requests = 0;
	/** Seconds, or null: the provider names none. */
	lifetime: number | null = 3600;
	failures: Error[] = [];
	/** Refresh token the provider takes; anything else is `invalid_grant`. */
	validRefreshToken = 'rt-0';
	validClientSecret = 'cs-0';
	/** What happens elsewhere while the provider has the next request; the answer waits for it. */
	meanwhile: () => Promise<void> | void = () => undefined;
	requestedFor = 'f';
	bundle: SealedBundle;
	source: TokenSource;

	constructor(readonly grant: 'client_credentials' | 'refresh_token' = 'client_credentials') {
		this.store.secrets.set('s', { version: 1, content: formatBundle(this.emptyBundle()) });
		({ bundle: this.bundle, source: this.source } = this.process());
	}

	/** A token source of its own memory, as another process would have it. */
	process(): { bundle: SealedBundle; source: TokenSource } {
		const bundle = new SealedBundle(this.store, { store: 'localVault', secretId: 's', key: KEY });
		const source = new TokenSource({
			bundle,
			request: this.request(),
			policy: { bufferMs: 300 * SECOND, jitter: 0 },
			authorize: () => undefined,
			budget: new VersionBudget(this.store.versionsPerDay),
			now: () => this.now,
			emit: (name) => this.events.push(name),
		});
		return { bundle, source };
	}

	private emptyBundle(): Bundle {
		return {
			label: 'L',
			keySha256: sha256(KEY),
			sealedFor: {
				grantType: this.grant,
				clientId: 'c',
				tokenEndpoint: 'https://as.test/token',
				apiOrigins: ['https://api.test'],
			},
			clientSecret: 'cs-0',
			...(this.grant === 'refresh_token' ? { refreshToken: 'rt-0' } : {}),
			typedSha256: {},
			other: {},
		};
	}

	private request(): TokenRequest {
		return {
			requestedFor: this.requestedFor,
			rotates: this.grant === 'refresh_token',
			same: (a, b) => a.clientSecret === b.clientSecret && a.refreshToken === b.refreshToken,
			refused: (bundle) => {
				const since = refusedSince(bundle);
				const error = new ReconnectError('refused before', { code: 'INVALID_GRANT' });
				return since === undefined ? undefined : { since, error };
			},
			markRefused: ({ refreshToken = '' }, at) => ({
				at,
				refreshTokenSha256: sha256(refreshToken),
			}),
			send: async (bundle) => await this.answer(bundle),
		};
	}

	private async answer(bundle: Bundle): Promise<IssuedTokens> {
		this.requests += 1;
		const number = this.requests;
		const { meanwhile } = this;
		this.meanwhile = () => undefined;
		await meanwhile();
		const failure = this.failures.shift();
		if (failure !== undefined) throw failure;
		if (bundle.clientSecret !== this.validClientSecret) throw invalidClient();
		if (this.grant === 'refresh_token' && bundle.refreshToken !== this.validRefreshToken)
			throw invalidGrant();
		if (this.grant === 'refresh_token') this.validRefreshToken = `rt-${String(number)}`;
		return {
			tokenSet: {
				accessToken: `at-${String(number)}`,
				issuedAt: this.now,
				expiresAt: this.lifetime === null ? null : this.now + this.lifetime * SECOND,
				requestedFor: this.requestedFor,
			},
			...(this.grant === 'refresh_token' ? { refreshToken: this.validRefreshToken } : {}),
		};
	}

	/** Lets `seconds` pass. */
	wait(seconds: number): void {
		this.now += seconds * SECOND;
	}
}

export const unavailable = (retryAfterSeconds?: number): ProviderError =>
	new ProviderError('503', { code: 'SERVER_ERROR', retryAfterSeconds });
export const invalidGrant = (): ReconnectError =>
	new ReconnectError('revoked', { code: 'INVALID_GRANT' });
export const invalidClient = (): ConfigurationError =>
	new ConfigurationError('Client Secret', 'no', { code: 'INVALID_CLIENT' });
