import { formatBundle } from '../../src/secrets/bundleFormat';
import type { GrantType } from '../../src/config/connection';
import { consented } from '../../src/secrets/patches';
import { sha256 } from '../../src/secrets/pointer';
import { sealedForOf } from '../../src/secrets/binding';
import type { SecretStore } from '../../src/secrets/store';
import type { IssuedTokens, TokenSet } from '../../src/tokens/tokenSet';
import { VirtualTime } from '../tokens/virtualTime';
import type { Command } from './commands';
import { Faults, type Action } from './faults';
import { connectionOf, ModelProcess, REF, REQUESTED_FOR, type Network } from './modelProcess';
import { asJson, WorldRecord, type BundleJson } from './record';
import { RotatingProvider } from './rotatingProvider';
import { SharedStore } from './sharedStore';

/** Decides what happens next; fast-check's scheduler is one. */
export interface Turns {
	schedule(task: Promise<void>, label?: string): Promise<void>;
	count(): number;
	waitOne(): Promise<void>;
}

/** What one run of the model begins with. */
export interface Beginning {
	readonly grantType: Exclude<GrantType, 'client_credentials'>;
	/** Two to four. */
	readonly processes: number;
	readonly lifetimeSeconds: number;
}

/** A call of one process, and how long it may take. */
interface Call {
	readonly name: string;
	readonly process: ModelProcess;
	readonly at: number;
	readonly limitMs: number;
	/** What does not count: milliseconds that faults had held the process up before. */
	readonly heldUpMs: number;
	isSettled: boolean;
}

const SECOND = 1000;
const ENDPOINT = 'https://api.test/items';
const WITH_TOKEN_MS = 1000;
const WITHOUT_TOKEN_MS = 100_000;
/** Virtual time after the last fault until everything must work again. */
const RECOVERY_MS = 120_000;
const BETWEEN_CALLS_MS = 10_000;
/** Far more than a run has; a loop of the engine ends here. */
const MOST_TURNS = 10_000;
const MOST_TIMERS = 3_000;
const MOST_LOOKS_AT_CLOCK = 5_000;

/** Processes that share one connection, its store, its provider and time; all of it in one process and without a real clock. */
export class World implements Network {
	readonly time = new VirtualTime();
	readonly grantType: GrantType;
	readonly record: WorldRecord;
	private readonly shared: SharedStore;
	private readonly provider: RotatingProvider;
	private readonly faults = new Faults();
	private readonly all: ModelProcess[] = [];
	/** Indices of {@link all}: who is in which place now. */
	private readonly places: ModelProcess[];
	private readonly calls: Call[] = [];
	private turnsTaken = 0;
	private looksAtClock = 0;
	private count = 0;
	/** What an administrator or a rotation function has read and not written yet. */
	private copy: string | undefined;

	constructor(
		private readonly beginning: Beginning,
		private readonly turns: Turns,
	) {
		this.grantType = beginning.grantType;
		this.provider = new RotatingProvider(
			beginning.lifetimeSeconds * SECOND,
			(refreshToken, first, by) =>
				this.record.reused(refreshToken, first, { by, now: this.time.elapsed }),
		);
		const family = this.provider.consent();
		this.shared = new SharedStore(this.firstContent(family.newest));
		this.record = new WorldRecord(this.shared, (id) => {
			const process = this.all[id];
			if (process === undefined) throw new Error('No such process');
			return process;
		});
		this.record.end(this.record.begin(family), true);
		this.places = Array.from({ length: beginning.processes }, () => this.start());
	}

	/** Carries out one command, and takes so many turns after it. */
	async run(command: Command): Promise<void> {
		this.note(JSON.stringify(command));
		this.carryOut(command);
		await drained();
		for (let taken = 0; taken < command.turns && this.turns.count() > 0; taken += 1)
			await this.turn();
		if (command.do === 'wait') await this.pass(command.ms);
	}

	/** Ends all faults, lets all processes work for a while and looks at what came of it. */
	async finish(): Promise<void> {
		this.note('all faults are over');
		this.faults.heal();
		await this.pass(15 * SECOND);
		const suspended = Math.max(...this.live().map((process) => process.suspendedUntil));
		await this.pass(Math.max(0, suspended - this.time.elapsed));
		await this.mend();
		const ends = this.time.elapsed + RECOVERY_MS;
		while (this.time.elapsed < ends) {
			for (const process of this.live()) void this.use(process);
			await this.pass(BETWEEN_CALLS_MS);
		}
		for (const process of this.live()) void this.lastUse(process);
		await this.pass(BETWEEN_CALLS_MS);
		for (const { process, name, isSettled, at } of this.calls)
			if (!isSettled && !process.isDead)
				this.record.violated(`${name} of process ${process.id} since ${at} is not settled`);
		this.record.checkEnd(this.provider, this.live());
	}

	store(process: ModelProcess): SecretStore {
		const { shared } = this;
		return {
			kind: 'localVault',
			versionsPerDay: undefined,
			create: () => Promise.reject(new Error('The model creates no secret')),
			read: async () => await this.ask(process, 'read', () => shared.read()),
			describe: () => Promise.reject(new Error('The model refers to no secret')),
			list: () => Promise.reject(new Error('The model lists nothing')),
			versionsLeft: () => Promise.reject(new Error('The model lists nothing')),
			previous: async () => await this.ask(process, 'previous', () => shared.previous()),
			isOwn: (versionId) => shared.isOwn(versionId),
			assertWritable: async ({ versionId }) =>
				await this.ask(process, 'assertWritable', () => shared.assertCurrent(versionId)),
			write: async (_id, content, expected) =>
				await this.ask(process, 'write', async () => {
					const repeated = shared.check(content, expected);
					if (repeated !== undefined) return repeated;
					await this.reached(`process ${process.id}: put`);
					const base = shared.contentOf(expected);
					const written = shared.write(content, expected);
					this.record.wrote(process, base, written.replaced?.content);
					this.note(`process ${process.id} wrote ${summary(content)}`);
					return written;
				}),
		};
	}

	async send(
		process: ModelProcess,
		secrets: { refreshToken: string; clientSecret: string | undefined },
	): Promise<IssuedTokens> {
		const issuedAt = process.clock.now();
		const { mishap, value } = await this.exchange(process, 'tokenRequest', () => {
			const issued = this.provider.redeem(secrets, { by: process.id, at: this.time.elapsed });
			const { redemption } = issued;
			this.note(
				`process ${process.id} redeemed ${secrets.refreshToken} for ${redemption.successor}`,
			);
			process.answering = redemption.successor;
			return issued;
		});
		if (mishap !== undefined) {
			if (value !== undefined) value.redemption.isLost = true;
			throw mishap;
		}
		if (value === undefined) throw new Error('Neither an answer nor a failure');
		return {
			tokenSet: this.tokenSet(value.accessToken, issuedAt),
			refreshToken: value.redemption.successor,
		};
	}

	/** Ends an engine that goes round in circles without waiting for anything. */
	lookedAtClock(): void {
		this.looksAtClock += 1;
		if (this.looksAtClock > MOST_LOOKS_AT_CLOCK) throw new Error('It goes round in circles');
	}

	private carryOut(command: Command): void {
		const process = this.places[(command.place ?? 0) % this.places.length];
		if (process === undefined) throw new Error('No such place');
		const isAwake = !process.isSuspended;
		switch (command.do) {
			case 'use':
				if (isAwake) void this.use(process);
				break;
			case 'force':
				if (isAwake)
					void this.call(process, { name: 'refreshNow', limitMs: WITHOUT_TOKEN_MS }, () =>
						process.source.refreshNow(),
					);
				break;
			case 'revoke access tokens':
				for (const token of this.provider.accessTokens.values()) token.isRevoked = true;
				break;
			case 'save client secret':
				if (isAwake) this.saveClientSecret(process);
				break;
			case 'save refresh token':
				if (isAwake) this.saveRefreshToken(process);
				break;
			case 'consent':
				if (isAwake) void this.consent(process);
				break;
			case 'copy':
				this.copy = this.shared.content;
				break;
			case 'edit':
				this.edit(command.what, command.from);
				break;
			case 'crash':
				this.crash(process);
				break;
			case 'shut down':
				if (isAwake) void this.shutDown(process);
				break;
			case 'suspend':
				process.suspend(command.ms, command.stopsClock);
				break;
			case 'fault':
				this.faults.add(command.fault, {
					now: this.time.elapsed,
					process: command.isEverywhere ? undefined : process.id,
				});
				break;
			case 'skew':
				process.skew = command.ms;
				break;
			case 'wait':
				break;
		}
	}

	/** What a node does: a request, and once more with another token if the API refuses the first. */
	private async use(process: ModelProcess): Promise<boolean> {
		const { source } = process;
		const hasToken = this.hasToken(process);
		const first = await this.call(
			process,
			{ name: 'get', limitMs: hasToken ? WITH_TOKEN_MS : WITHOUT_TOKEN_MS },
			() => source.get(),
		);
		if (first === undefined) return false;
		if (this.isAccepted(process, first)) return true;
		const second = await this.call(
			process,
			{ name: 'replaceRefused', limitMs: WITHOUT_TOKEN_MS },
			() => source.replaceRefused(first.accessToken, ENDPOINT),
		);
		return second !== undefined && this.isAccepted(process, second);
	}

	private async lastUse(process: ModelProcess): Promise<void> {
		if (await this.use(process)) return;
		const family = this.provider.familyOf(asJson(this.shared.content).refresh_token);
		if (family !== undefined && this.record.isDoomed(family, this.provider)) return;
		const { lastError } = process.source.status();
		this.record.violated(`process ${process.id} has no good token: ${String(lastError)}`);
	}

	/** One that does not end while the call waits for the next. */
	private hasToken({ source, clock }: ModelProcess): boolean {
		const { tokenSet } = source.status();
		return tokenSet !== undefined && (tokenSet.expiresAt ?? 0) > clock.now() + SECOND;
	}

	private isAccepted({ source }: ModelProcess, { accessToken }: TokenSet): boolean {
		const isAccepted = this.provider.accepts(accessToken, this.time.elapsed);
		if (isAccepted) source.accepted(ENDPOINT);
		return isAccepted;
	}

	/** Undefined if it failed. */
	private async call<T>(
		process: ModelProcess,
		{ name, limitMs }: Pick<Call, 'name' | 'limitMs'>,
		act: () => Promise<T>,
	): Promise<T | undefined> {
		const heldUpBy = (): number =>
			process.suspendedMs + (limitMs === WITH_TOKEN_MS ? 0 : process.heldUpMs);
		const call = {
			name,
			process,
			at: this.time.elapsed,
			limitMs,
			heldUpMs: heldUpBy(),
			isSettled: false,
		};
		this.calls.push(call);
		let value: T | undefined;
		const { skew } = process;
		try {
			value = await act();
			const token = value as Partial<TokenSet> | undefined;
			// If its clock was set meanwhile, its end means nothing.
			if (token?.accessToken !== undefined && skew === process.skew)
				this.checkServed(process, token as TokenSet, name);
			this.note(`${name} of process ${process.id}: ${token?.accessToken ?? 'done'}`);
		} catch (error) {
			this.note(`${name} of process ${process.id}: ${String(error)}`);
			if (!process.isDead) this.record.checkFailure(name, error);
		}
		call.isSettled = true;
		const took = this.time.elapsed - call.at - (heldUpBy() - call.heldUpMs);
		if (took > limitMs && !process.isDead)
			this.record.violated(`${name} of process ${process.id} took ${took} ms`);
		return value;
	}

	private checkServed(
		process: ModelProcess,
		{ accessToken, expiresAt }: TokenSet,
		name: string,
	): void {
		if (!this.provider.accessTokens.has(accessToken))
			this.record.violated(`${name} served ${accessToken}, which nobody issued`);
		if ((expiresAt ?? 0) <= process.clock.now())
			this.record.violated(`${name} of process ${process.id} served ${accessToken} after its end`);
	}

	private saveClientSecret(process: ModelProcess): void {
		this.count += 1;
		const clientSecret = `cs-${String(this.count)}`;
		this.provider.clientSecret = clientSecret;
		this.record.typed(clientSecret);
		void this.call(process, { name: 'save', limitMs: WITHOUT_TOKEN_MS }, () =>
			process.save({ clientSecret }),
		);
	}

	private saveRefreshToken(process: ModelProcess): void {
		if (this.grantType !== 'refresh_token') return;
		const family = this.provider.consent();
		const act = this.record.begin(family);
		void this.call(process, { name: 'save', limitMs: WITHOUT_TOKEN_MS }, async () => {
			try {
				await process.save({ refreshToken: family.newest });
				this.record.end(act, true);
			} catch (error) {
				this.record.end(act, false);
				throw error;
			}
		});
	}

	/** As src/authorization/authorizationFlow.ts: look, redeem the code, write. */
	private async consent(process: ModelProcess): Promise<void> {
		if (this.grantType !== 'authorization_code') return;
		const family = this.provider.consent();
		const act = this.record.begin(family);
		await this.call(process, { name: 'consent', limitMs: WITHOUT_TOKEN_MS }, async () => {
			const { bundle, clock } = process;
			let isConnected = false;
			try {
				const before = await bundle.read();
				const issuedAt = clock.now();
				const { value, mishap } = await this.exchange(process, 'tokenRequest', () =>
					this.provider.issue(family, this.time.elapsed),
				);
				if (mishap !== undefined || value === undefined) throw mishap ?? new Error('No answer');
				const connectedBy = `flow-${String(family.id)}`;
				const issued = { tokenSet: this.tokenSet(value, issuedAt), refreshToken: family.newest };
				const insteadOf = before.authorization?.connectedBy;
				const patch = consented({
					issued,
					connectedAt: issuedAt,
					connectedBy,
					askedScope: 's',
					insteadOf,
				});
				await bundle.update(patch);
				isConnected = bundle.lastKnown?.authorization?.connectedBy === connectedBy;
			} finally {
				this.record.end(act, isConnected);
			}
		});
	}

	/** A version by hand, or by a rotation function: made from what is stored now, or from what was read earlier. */
	private edit(
		what: 'note' | 'client secret' | 'token set' | 'refresh token',
		from: 'copy' | 'now',
	): void {
		const json = asJson((from === 'copy' ? this.copy : undefined) ?? this.shared.content);
		this.count += 1;
		if (what === 'note') json[`note-${String(this.count)}`] = 'by hand';
		if (what === 'token set') delete json.token;
		if (what === 'client secret') {
			this.provider.clientSecret = `cs-${String(this.count)}`;
			json.client_secret = this.provider.clientSecret;
		}
		if (what === 'refresh token') json.refresh_token = this.provider.consent().newest;
		this.put(json, what === 'refresh token');
	}

	private put(json: BundleJson, isTyped = false): void {
		const before = asJson(this.shared.content).refresh_token;
		const family = this.provider.familyOf(json.refresh_token);
		// A copy may bring back another consent's refresh token: both are right then, unless it was typed for this.
		if (family !== undefined && before !== json.refresh_token)
			this.record.end(this.record.begin(family), isTyped);
		this.shared.edit(JSON.stringify(json));
		this.record.edited();
		this.note(`edit: ${summary(this.shared.content)}`);
	}

	/** An administrator sees to it that store and provider agree on the client secret, once everybody has seen the last edit. */
	private async mend(): Promise<void> {
		for (const { source } of this.live()) source.load().catch(() => undefined);
		await this.pass(SECOND);
		const json = asJson(this.shared.content);
		const { clientSecret } = this.provider;
		if (json.client_secret !== clientSecret) this.put({ ...json, client_secret: clientSecret });
	}

	private crash(process: ModelProcess): void {
		process.isDead = true;
		this.places[this.places.indexOf(process)] = this.start();
	}

	private async shutDown(process: ModelProcess): Promise<void> {
		const place = this.places.indexOf(process);
		this.places[place] = this.start();
		await process.end();
		this.note(`process ${process.id} has ended`);
		process.isDead = true;
	}

	private start(): ModelProcess {
		const process = new ModelProcess(this.all.length, this);
		this.all.push(process);
		return process;
	}

	private live(): ModelProcess[] {
		return this.all.filter(({ isDead }) => !isDead);
	}

	private tokenSet(accessToken: string, issuedAt: number): TokenSet {
		const expiresAt = issuedAt + this.beginning.lifetimeSeconds * SECOND;
		return { accessToken, issuedAt, expiresAt, requestedFor: REQUESTED_FOR };
	}

	private async ask<T>(
		process: ModelProcess,
		action: Action,
		act: () => T | Promise<T>,
	): Promise<T> {
		const { mishap, value } = await this.exchange(process, action, act);
		if (mishap !== undefined) throw mishap;
		return value as T;
	}

	/** A request and its answer. What was sent arrives, even if the process is dead by then; nothing comes back to a dead process. */
	private async exchange<T>(
		process: ModelProcess,
		action: Action,
		act: () => T | Promise<T>,
	): Promise<{ mishap: Error | undefined; value: T | undefined }> {
		await process.awake();
		const now = this.time.elapsed;
		const {
			beforeMs = 0,
			afterMs = 0,
			error,
			isCarriedOut = false,
		} = this.faults.next(action, { now, process: process.id });
		if (error !== undefined) process.failures += 1;
		if (error !== undefined && action !== 'tokenRequest') process.mayLeaveLease = true;
		await this.hold(process, beforeMs);
		await this.reached(`process ${process.id}: ${action}`);
		let value: T | undefined;
		let mishap = error;
		if (error === undefined || isCarriedOut) {
			try {
				value = await act();
			} catch (failure) {
				mishap ??= failure as Error;
			}
		}
		await this.hold(process, afterMs);
		await this.reached(`process ${process.id}: answer to ${action}`);
		await process.awake();
		return { mishap, value };
	}

	private async hold(process: ModelProcess, milliseconds: number): Promise<void> {
		if (milliseconds === 0) return;
		process.heldUpMs += milliseconds;
		await new Promise<void>((resolve) => this.time.clock().after(milliseconds, resolve));
	}

	private async reached(label: string): Promise<void> {
		await this.turns.schedule(Promise.resolve(), label);
	}

	private async turn(): Promise<void> {
		this.turnsTaken += 1;
		if (this.turnsTaken > MOST_TURNS) throw new Error('It never ends');
		this.looksAtClock = 0;
		await this.turns.waitOne();
		await drained();
		this.record.checkNewest(this.provider, this.live());
	}

	/** Lets time pass, and everybody work meanwhile. */
	private async pass(milliseconds: number): Promise<void> {
		const end = this.time.elapsed + milliseconds;
		let timers = 0;
		do {
			timers += 1;
			if (timers > MOST_TIMERS) throw new Error('It never ends');
			this.looksAtClock = 0;
			await drained();
			while (this.turns.count() > 0) await this.turn();
		} while (this.time.fireNext(end));
		this.time.pass(end - this.time.elapsed);
	}

	private note(text: string): void {
		this.record.log.push(`${this.time.elapsed / SECOND} s: ${text}`);
	}

	private firstContent(refreshToken: string): string {
		return formatBundle({
			label: 'L',
			keySha256: sha256(REF.key),
			sealedFor: sealedForOf(connectionOf(this.grantType)),
			clientSecret: this.provider.clientSecret,
			refreshToken,
			tokenSets: [],
			typedSha256: {},
			generation: 0,
			issuedSha256: sha256(refreshToken),
			other: {},
		});
	}
}

function summary(content: string): string {
	const { refresh_token, client_secret, lease, generation, ...rest } = asJson(content);
	const notes = Object.keys(rest).filter((key) => key.startsWith('note'));
	return [
		`generation ${String(generation)}`,
		refresh_token,
		client_secret,
		...(lease ? ['lease'] : []),
		...notes,
	].join(' ');
}

/** Until nothing is left that could go on without a turn or time. */
async function drained(): Promise<void> {
	await new Promise<void>((resolve) => process.nextTick(resolve));
}
