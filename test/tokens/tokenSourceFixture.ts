import { ConfigurationError, ProviderError, ReconnectError } from '../../src/errors';
import type { Bundle } from '../../src/secrets/bundle';
import { formatBundle } from '../../src/secrets/bundleFormat';
import { sha256 } from '../../src/secrets/pointer';
import { SealedBundle } from '../../src/secrets/sealedBundle';
import type { SecretStore } from '../../src/secrets/store';
import { VersionBudget } from '../../src/tokens/budget';
import type { Clock } from '../../src/tokens/clock';
import { count, NO_EVENTS, type Emit } from '../../src/events';
import { isShared, spendsRefreshToken } from '../../src/tokens/isShared';
import { Lease } from '../../src/tokens/lease';
import type { TokenRequest } from '../../src/tokens/tokenRequest';
import type { Phase } from '../../src/tokens/refresh';
import { TokenSource } from '../../src/tokens/tokenSource';
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
	phase: Phase;
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

	/** What another process of this package writes. */
	otherProcess(change: (json: Record<string, unknown>) => object): void {
		const { version = 0 } = this.store.secrets.get('s') ?? {};
		const content = JSON.stringify(change(this.store.json()));
		this.store.secrets.set('s', { version: version + 1, content });
	}

	/** A token source of its own memory, as another process would have it. */
	process(): Process {
		const events: string[] = [];
		const process: Partial<Process> = { events, skew: 0, isDead: false, phase: 'running' };
		const living = process as Process;
		const clock = this.clockOf(living);
		const store = this.storeOf(living);
		const counters = { ...NO_EVENTS };
		const emit: Emit = (name) => {
			count(counters, name);
			events.push(name);
			this.events.push(name);
		};
		const bundle = new SealedBundle({
			store,
			ref: { store: { kind: 'localVault' }, secretId: 's', key: KEY },
			clock,
			onUnsaved: ({ code }) => emit('token.rotatedButNotSaved', { code }),
			onSaved: () => emit('token.savedAfterAll'),
		});
		const { versionsPerDay } = store;
		const settings = {
			lease: 'automatic',
			severalProcesses: this.several,
			endsAfterRun: false,
		} as const;
		const source = new TokenSource({
			bundle,
			request: this.request(living),
			policy: { bufferMs: 300 * SECOND, jitter: 0 },
			authorize: () => undefined,
			budget: new VersionBudget(versionsPerDay),
			clock,
			lease: new Lease({
				bundle,
				clock,
				spends: spendsRefreshToken,
				isShared: (newest, wasHeld) => isShared(newest, { settings, wasHeld, versionsPerDay }),
				random: () => 0.5,
				...(versionsPerDay === undefined
					? {}
					: { longestMs: (86_400_000 / versionsPerDay) * (4 / 3) }),
			}),
			phase: () => living.phase,
			tellsOthers: this.several,
			counters,
			emit,
		});
		return Object.assign(living, { bundle, source });
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
			describe: async (id) => await alive(process, () => store.describe(id)),
			list: async (prefix, most) => await alive(process, () => store.list(prefix, most)),
			versionsLeft: async () => await alive(process, () => store.versionsLeft()),
			previous: async (id) => await alive(process, () => store.previous(id)),
			isOwn: (versionId) => store.isOwn(versionId),
			assertWritable: async (version) => await alive(process, () => store.assertWritable(version)),
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
			tokenSets: [],
			typedSha256: {},
			generation: 0,
			other: {},
		};
	}

	private request(process: Process): TokenRequest {
		return {
			requestedFor: this.requestedFor,
			usesRefreshToken: this.grant === 'refresh_token',
			digest: ({ clientSecret = '', refreshToken = '' }) => sha256(clientSecret + refreshToken),
			missing: ({ refreshToken }) =>
				this.grant === 'refresh_token' && refreshToken === undefined
					? new ReconnectError('none', { code: 'NO_REFRESH_TOKEN' })
					: undefined,
			readReference: async () => await Promise.resolve(undefined),
			findExpiry: async () => await Promise.resolve(undefined),
			send: async (bundle, { beforeSend }) => {
				await beforeSend?.();
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

/** Several processes of one n8n that share a connection whose token has just expired. */
export async function expired(count: number): Promise<{ f: Fixture; processes: Process[] }> {
	const f = new Fixture('refresh_token', true);
	await f.source.get();
	const processes = Array.from({ length: count }, () => f.process());
	await Promise.all(processes.map(({ source }) => source.get()));
	for (const { events } of processes) events.length = 0;
	f.wait(3601);
	return { f, processes };
}

/** All ask at once; the access tokens they get. */
export async function askAll(f: Fixture, processes: readonly Process[]): Promise<Set<string>> {
	const tokens = await f.time.until(Promise.all(processes.map(({ source }) => source.get())));
	return new Set(tokens.map(({ accessToken }) => accessToken));
}
