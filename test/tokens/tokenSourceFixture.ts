import { ConfigurationError, ProviderError, ReconnectError } from '../../src/errors';
import { formatBundle, refusedSince, type Bundle } from '../../src/secrets/bundle';
import { sha256 } from '../../src/secrets/pointer';
import { SealedBundle } from '../../src/secrets/sealedBundle';
import type { SecretStore } from '../../src/secrets/store';
import { VersionBudget } from '../../src/tokens/budget';
import type { Clock } from '../../src/tokens/clock';
import { Lease } from '../../src/tokens/lease';
import { TokenSource, type TokenRequest } from '../../src/tokens/tokenSource';
import type { IssuedTokens } from '../../src/tokens/tokenSet';
import { MemoryStore } from '../support/memoryStore';
import { VirtualTime } from './virtualTime';

const KEY = 'k'.repeat(43);
const SECOND = 1000;

/** When a process dies, as seen from the redemption it is at. */
export type Death = 'before the call' | 'between answer and write' | 'after the write';

/** One of the processes that share a connection: what it remembers is its own. */
export interface Process {
	readonly bundle: SealedBundle;
	readonly source: TokenSource;
	readonly events: string[];
	/** How far its time of day is off, in milliseconds. */
	skew: number;
	/** It stops for ever there, with all its timers. */
	diesAt?: Death;
	isDead: boolean;
}

/** A provider, a store, a clock and a token source between them; the provider rotates refresh tokens where the grant has them. */
export class Fixture {
	readonly store = new MemoryStore();
	readonly time = new VirtualTime();
	readonly events: string[] = [];
	requests = 0;
	/** Redemptions of a refresh token that had been redeemed before: the provider revokes everything then. */
	reused = 0;
	/** Milliseconds the provider needs. */
	slowness = 0;
	/** Seconds, or null: the provider names none. */
	lifetime: number | null = 3600;
	failures: Error[] = [];
	/** Refresh token the provider takes; anything else is `invalid_grant`. */
	validRefreshToken = 'rt-0';
	validClientSecret = 'cs-0';
	/** False: the provider issues no new refresh token. */
	rotates = true;
	/** What happens elsewhere while the provider has the next request; the answer waits for it. */
	meanwhile: () => Promise<void> | void = () => undefined;
	requestedFor = 'f';
	bundle: SealedBundle;
	source: TokenSource;
	private readonly spent = new Set<string>();

	/** @param several true where processes agree by a lease who redeems the refresh token */
	constructor(
		readonly grant: 'client_credentials' | 'refresh_token' = 'client_credentials',
		private readonly several = false,
	) {
		this.store.secrets.set('s', { version: 1, content: formatBundle(this.emptyBundle()) });
		({ bundle: this.bundle, source: this.source } = this.process());
	}

	get now(): number {
		return this.time.now;
	}

	/** A token source of its own memory, as another process would have it. */
	process(): Process {
		const events: string[] = [];
		const process: Partial<Process> = { events, skew: 0, isDead: false };
		const living = process as Process;
		const clock = this.clockOf(living);
		const ref = { store: 'localVault', secretId: 's', key: KEY } as const;
		const bundle = new SealedBundle(this.storeOf(living), ref);
		const source = new TokenSource({
			bundle,
			request: this.request(living),
			policy: { bufferMs: 300 * SECOND, jitter: 0 },
			authorize: () => undefined,
			budget: new VersionBudget(this.store.versionsPerDay),
			clock,
			...(this.several && this.grant === 'refresh_token'
				? { lease: new Lease({ bundle, clock, random: () => 0.5, ...this.longest() }) }
				: {}),
			emit: (name) => {
				events.push(name);
				this.events.push(name);
			},
		});
		return Object.assign(living, { bundle, source });
	}

	private longest(): { longestMs?: number } {
		const { versionsPerDay } = this.store;
		return versionsPerDay === undefined ? {} : { longestMs: 86_400_000 / versionsPerDay };
	}

	private clockOf(process: Process): Clock {
		const clock = this.time.clock(() => process.skew);
		return {
			...clock,
			after: (milliseconds, callback) =>
				clock.after(milliseconds, () => {
					if (!process.isDead) callback();
				}),
		};
	}

	private storeOf(process: Process): SecretStore {
		const { store } = this;
		return {
			kind: store.kind,
			versionsPerDay: store.versionsPerDay,
			create: async (name, content) => await alive(process, () => store.create(name, content)),
			read: async (id) => await alive(process, () => store.read(id)),
			write: async (id, content, expected) => {
				const written = await alive(process, () => store.write(id, content, expected));
				// The claim is a write as well.
				return content.includes('"lease"')
					? written
					: await dies(process, 'after the write', written);
			},
		};
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

	private request(process: Process): TokenRequest {
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
			send: async (bundle, mayAsk) => {
				await mayAsk?.();
				await dies(process, 'before the call', undefined);
				const issued = await this.answer(bundle);
				return await dies(process, 'between answer and write', issued);
			},
		};
	}

	private async answer(bundle: Bundle): Promise<IssuedTokens> {
		this.requests += 1;
		const number = this.requests;
		const { meanwhile } = this;
		this.meanwhile = () => undefined;
		await meanwhile();
		if (this.slowness > 0)
			await new Promise<void>((resolve) => this.time.clock().after(this.slowness, resolve));
		const failure = this.failures.shift();
		if (failure !== undefined) throw failure;
		if (bundle.clientSecret !== this.validClientSecret) throw invalidClient();
		if (this.grant === 'refresh_token') this.redeem(bundle.refreshToken ?? '', number);
		return {
			tokenSet: {
				accessToken: `at-${String(number)}`,
				issuedAt: this.now,
				expiresAt: this.lifetime === null ? null : this.now + this.lifetime * SECOND,
				requestedFor: this.requestedFor,
			},
			...(this.grant === 'refresh_token' && this.rotates
				? { refreshToken: this.validRefreshToken }
				: {}),
		};
	}

	private redeem(refreshToken: string, number: number): void {
		if (this.spent.has(refreshToken)) {
			this.reused += 1;
			this.validRefreshToken = 'none: the family is revoked';
		}
		if (refreshToken !== this.validRefreshToken) throw invalidGrant();
		if (!this.rotates) return;
		this.spent.add(refreshToken);
		this.validRefreshToken = `rt-${String(number)}`;
	}

	/** Lets `seconds` pass. */
	wait(seconds: number): void {
		this.time.pass(seconds * SECOND);
	}
}

/** Nothing more comes from a process that is dead. */
async function alive<T>(process: Process, act: () => Promise<T>): Promise<T> {
	return await (process.isDead ? never<T>() : act());
}

/** The value; or nothing for ever, where the process dies at this moment. */
async function dies<T>(process: Process, moment: Death, value: T): Promise<T> {
	if (process.diesAt === moment) process.isDead = true;
	return await (process.isDead ? never<T>() : Promise.resolve(value));
}

async function never<T>(): Promise<T> {
	return await new Promise<T>(() => undefined);
}

export const unavailable = (retryAfterSeconds?: number): ProviderError =>
	new ProviderError('503', { code: 'SERVER_ERROR', retryAfterSeconds });
export const invalidGrant = (): ReconnectError =>
	new ReconnectError('revoked', { code: 'INVALID_GRANT' });
export const invalidClient = (): ConfigurationError =>
	new ConfigurationError('Client Secret', 'no', { code: 'INVALID_CLIENT' });
