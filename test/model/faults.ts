import { ProviderError, SecretStoreError, type SecretStoreCode } from '../../src/errors';
import { SECRET } from './sharedStore';

/** What a process asks store or provider for. */
export type Action = 'read' | 'previous' | 'write' | 'assertWritable' | 'tokenRequest';

/** What goes wrong with one call. Times are virtual milliseconds. */
export interface Mishap {
	readonly beforeMs?: number;
	readonly afterMs?: number;
	readonly error?: Error;
	/** With `error`: the request was carried out all the same, only its answer is lost. */
	readonly isCarriedOut?: boolean;
}

interface Fault {
	readonly actions: readonly Action[];
	/** Index of the only process that it hits; absent: all. */
	readonly process?: number | undefined;
	readonly mishap: Mishap;
	times: number;
	/** Virtual milliseconds. */
	readonly until: number;
}

/** The token request's own time limit. */
const PROVIDER_TIMEOUT_MS = 15_000;
const STORE_ACTIONS = ['read', 'previous', 'write', 'assertWritable'] as const;

/** What can go wrong between a process and its store or provider. */
export type FaultKind =
	| {
			readonly kind: 'storeFails';
			readonly action: Exclude<Action, 'tokenRequest'> | 'any';
			readonly code: SecretStoreCode;
			readonly times: number;
	  }
	| { readonly kind: 'storeDown'; readonly code: SecretStoreCode; readonly ms: number }
	| {
			readonly kind: 'storeSlow';
			readonly action: Exclude<Action, 'tokenRequest'>;
			readonly ms: number;
	  }
	| { readonly kind: 'writeLost' }
	| {
			readonly kind: 'providerFails';
			readonly times: number;
			readonly retryAfterSeconds?: number | undefined;
	  }
	| { readonly kind: 'providerDown'; readonly ms: number }
	| { readonly kind: 'providerSlow'; readonly ms: number }
	| { readonly kind: 'requestLost' }
	| { readonly kind: 'answerLost' };

const storeError = (code: SecretStoreCode): SecretStoreError =>
	new SecretStoreError(code, { code, action: 'any', secretId: SECRET });
const unavailable = (retryAfterSeconds?: number): ProviderError =>
	new ProviderError('503', { code: 'SERVER_ERROR', retryAfterSeconds });
const timeout = (): ProviderError => new ProviderError('15 s', { code: 'TIMEOUT' });

/** The faults that are waiting to happen. */
export class Faults {
	private faults: Fault[] = [];

	add(fault: FaultKind, { now, process }: { now: number; process: number | undefined }): void {
		const { actions, mishap, times = Infinity, ms = Infinity } = effectOf(fault);
		this.faults.push({ actions, mishap, times, until: now + ms, process });
	}

	heal(): void {
		this.faults = [];
	}

	/** What goes wrong with this call. */
	next(action: Action, { now, process }: { now: number; process: number }): Mishap {
		const hit = this.faults.find(
			(fault) =>
				fault.actions.includes(action) &&
				fault.times > 0 &&
				now < fault.until &&
				(fault.process ?? process) === process,
		);
		if (hit === undefined) return {};
		hit.times -= 1;
		return hit.mishap;
	}
}

function effectOf(fault: FaultKind): {
	actions: readonly Action[];
	mishap: Mishap;
	times?: number;
	ms?: number;
} {
	switch (fault.kind) {
		case 'storeFails': {
			const actions = fault.action === 'any' ? STORE_ACTIONS : [fault.action];
			return { actions, mishap: { error: storeError(fault.code) }, times: fault.times };
		}
		case 'storeDown':
			return { actions: STORE_ACTIONS, mishap: { error: storeError(fault.code) }, ms: fault.ms };
		case 'storeSlow':
			return { actions: [fault.action], mishap: { beforeMs: fault.ms }, times: 1 };
		case 'writeLost':
			return {
				actions: ['write'],
				mishap: { error: storeError('UNREACHABLE'), isCarriedOut: true },
				times: 1,
			};
		case 'providerFails':
			return {
				actions: ['tokenRequest'],
				mishap: { error: unavailable(fault.retryAfterSeconds) },
				times: fault.times,
			};
		case 'providerDown':
			return { actions: ['tokenRequest'], mishap: { error: unavailable() }, ms: fault.ms };
		case 'providerSlow':
			return { actions: ['tokenRequest'], mishap: { afterMs: fault.ms }, times: 1 };
		case 'requestLost':
			return {
				actions: ['tokenRequest'],
				mishap: { error: timeout(), beforeMs: PROVIDER_TIMEOUT_MS },
				times: 1,
			};
		case 'answerLost':
			return {
				actions: ['tokenRequest'],
				mishap: { error: timeout(), isCarriedOut: true, afterMs: PROVIDER_TIMEOUT_MS },
				times: 1,
			};
	}
}
