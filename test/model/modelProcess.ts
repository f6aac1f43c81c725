import type { Connection, GrantType } from '../../src/config/connection';
import { ReconnectError } from '../../src/errors';
import type { ConnectionRequests } from '../../src/oauth/tokenRequest';
import { Sealing } from '../../src/sealing/sealing';
import { formatSecretRef, sha256, type SecretRef } from '../../src/secrets/pointer';
import { SealedBundle } from '../../src/secrets/sealedBundle';
import type { SecretStore } from '../../src/secrets/store';
import { VersionBudget } from '../../src/tokens/budget';
import type { Clock } from '../../src/tokens/clock';
import { NO_EVENTS } from '../../src/events';
import { isShared, spendsRefreshToken } from '../../src/tokens/isShared';
import { Lease } from '../../src/tokens/lease';
import type { SendOptions } from '../../src/tokens/tokenRequest';
import type { IssuedTokens } from '../../src/tokens/tokenSet';
import type { Phase } from '../../src/tokens/refresh';
import { TokenSource } from '../../src/tokens/tokenSource';
import type { SharedBundle } from '../../src/wiring';
import type { VirtualTime } from '../tokens/virtualTime';
import { SECRET } from './sharedStore';

export const REQUESTED_FOR = 'f';
export const REF: SecretRef = {
	store: { kind: 'localVault' },
	secretId: SECRET,
	key: 'k'.repeat(43),
};
/** What n8n leaves to a process that it asks to end. */
const SHUTDOWN_MS = 20_000;
const SETTINGS = { lease: 'automatic', severalProcesses: true, endsAfterRun: false } as const;

/** The connection that all processes use. */
export function connectionOf(grantType: GrantType): Connection {
	return {
		label: 'L',
		grantType,
		tokenEndpoint: 'https://as.test/token',
		accountChangesByWorkflows: false,
		clientId: 'c',
		clientAuthentication: 'client_secret_basic',
		clientSecretSource: { kind: 'entered' },
		resources: [],
		tokenParameters: {},
		apiBaseUrl: 'https://api.test',
		apiOrigins: ['https://api.test'],
		refreshBufferSeconds: 300,
		defaultLifetimeSeconds: 3600,
		dpop: 'never',
		expiry: { statusCodes: [401], byChallenge: false },
		sendsApiHeaders: false,
		tokenPlacement: { in: 'header', name: 'authorization', prefix: 'Bearer' },
		store: { kind: 'localVault' },
		...(grantType === 'authorization_code'
			? {
					authorizationCode: {
						redirectUri: 'https://n8n.test',
						scope: 's',
						parameters: {},
						formPost: false,
						pushed: 'never',
						pkce: true,
						acceptFewerScopes: true,
					},
				}
			: {}),
	};
}

/** What a process asks for over the network. */
export interface Network {
	readonly time: VirtualTime;
	readonly grantType: GrantType;
	/** Called for each look at the clock. */
	lookedAtClock(): void;
	store(process: ModelProcess): SecretStore;
	/** Asks for tokens with what a bundle holds. */
	send(
		process: ModelProcess,
		secrets: { refreshToken: string; clientSecret: string | undefined },
	): Promise<IssuedTokens>;
}

/** One of the processes that share a connection: what it remembers is its own. */
export class ModelProcess {
	/** How far its time of day is off, in milliseconds. */
	skew = 0;
	isDead = false;
	isSuspended = false;
	/** Virtual milliseconds. */
	suspendedUntil = 0;
	/** For how long it was suspended so far, and for how long its calls were held up, in milliseconds. */
	suspendedMs = 0;
	heldUpMs = 0;
	/** How many of its calls have failed. */
	failures = 0;
	/** True once the store failed it: a lease that it could not give back, or does not know to have, runs out. */
	mayLeaveLease = false;
	/** The refresh token that was sent to it last: its memory holds it as soon as its store has taken the call before. */
	answering: string | undefined;
	readonly bundle: SealedBundle;
	readonly source: TokenSource;
	readonly lease: Lease;
	readonly sealing: Sealing;
	readonly clock: Clock;
	/** What the monotonic clock did not count. */
	private stoodStillMs = 0;
	private phase: Phase = 'running';
	private backlog: (() => void)[] = [];

	constructor(
		readonly id: number,
		readonly network: Network,
	) {
		const clock = this.createClock();
		this.clock = clock;
		const store = network.store(this);
		const bundle = new SealedBundle({ store, ref: REF, clock });
		const lease = new Lease({
			bundle,
			clock,
			spends: spendsRefreshToken,
			isShared: (newest, wasHeld) =>
				isShared(newest, { settings: SETTINGS, wasHeld, versionsPerDay: undefined }),
			random: () => 0.5,
		});
		this.bundle = bundle;
		this.lease = lease;
		const request = this.request();
		this.source = new TokenSource({
			bundle,
			lease,
			clock,
			request,
			policy: { bufferMs: 300_000, jitter: 0 },
			authorize: () => undefined,
			budget: new VersionBudget(undefined),
			phase: () => this.phase,
			tellsOthers: true,
			counters: NO_EVENTS,
			emit: () => undefined,
		});
		this.sealing = new Sealing({
			clock,
			emitFor: () => () => undefined,
			reportRefusal: () => undefined,
			assertSealedFor: () => undefined,
			store: () => store,
			secretName: notHere,
			requests: () => request,
			shared: () => ({ bundle, lease }) as SharedBundle,
			authorization: notHere,
		});
	}

	/** Saves the credential with something typed into its form. @throws VaultedOAuth2Error */
	async save(typed: { clientSecret?: string; refreshToken?: string }): Promise<void> {
		const connection = connectionOf(this.network.grantType);
		await this.sealing.seal({ connection, typed, secretRef: formatSecretRef(REF) });
	}

	/** As src/connections.ts does it when the process is asked to end. */
	async end(): Promise<void> {
		this.phase = 'ending';
		await this.lease.exclusively(async () => await this.lease.release());
		await this.bundle.flushWithin(SHUTDOWN_MS);
	}

	/** Stands still for a while; with its monotonic clock, if `stopsClock`. */
	suspend(milliseconds: number, stopsClock: boolean): void {
		if (this.isSuspended) return;
		this.isSuspended = true;
		this.suspendedMs += milliseconds;
		this.suspendedUntil = this.network.time.elapsed + milliseconds;
		this.network.time.clock().after(milliseconds, () => {
			this.isSuspended = false;
			if (stopsClock) this.stoodStillMs += milliseconds;
			const backlog = this.backlog;
			this.backlog = [];
			for (const callback of backlog) this.whenAwake(callback);
		});
	}

	/** Resolves when the process can go on; never if it is dead. */
	async awake(): Promise<void> {
		await new Promise<void>((resolve) => this.whenAwake(resolve));
	}

	private whenAwake(callback: () => void): void {
		if (this.isDead) return;
		if (this.isSuspended) this.backlog.push(callback);
		else callback();
	}

	private createClock(): Clock {
		const { time } = this.network;
		const base = time.clock(() => this.skew);
		const elapsed = (): number => base.elapsed() - this.stoodStillMs;
		const after = (milliseconds: number, callback: () => void): (() => void) => {
			const due = elapsed() + milliseconds;
			let cancel = base.after(milliseconds, () =>
				this.whenAwake(() => {
					if (isCancelled) return;
					const left = due - elapsed();
					// Timers are precise to the millisecond.
					if (left >= 1) cancel = after(left, callback);
					else callback();
				}),
			);
			let isCancelled = false;
			return () => {
				isCancelled = true;
				cancel();
			};
		};
		const now = (): number => {
			this.network.lookedAtClock();
			return base.now();
		};
		return { now, elapsed, after };
	}

	private request(): ConnectionRequests {
		return {
			requestedFor: REQUESTED_FOR,
			usesRefreshToken: true,
			wantsIdToken: false,
			digest: ({ clientSecret = '', refreshToken = '' }) =>
				sha256(`${clientSecret} ${refreshToken}`),
			missing: ({ refreshToken }) =>
				refreshToken === undefined
					? new ReconnectError('none', { code: 'NO_REFRESH_TOKEN' })
					: undefined,
			readReference: async () => await Promise.resolve(undefined),
			findExpiry: async () => await Promise.resolve(undefined),
			send: async ({ refreshToken = '', clientSecret }, { beforeSend }: SendOptions) => {
				await beforeSend?.();
				return await this.network.send(this, { refreshToken, clientSecret });
			},
			newDpopKey: async () => await Promise.resolve(undefined),
			authorizationUrl: notHere,
			redeemCode: notHere,
			revoke: notHere,
			introspect: notHere,
			userInfo: notHere,
			isFromHere: notHere,
		};
	}
}

function notHere(): never {
	throw new Error('The model has no such request');
}
