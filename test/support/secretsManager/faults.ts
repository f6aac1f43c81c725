import { AwsError } from './awsError.ts';

/**
 * What can go wrong on demand. `connectionReset` happens before the action is performed, `answerLost` after it; `stale` lets
 * GetSecretValue answer as it would have before AWSCURRENT last moved; `nameTaken` is CreateSecret's answer to a taken name.
 */
export type FaultKind =
	| 'throttling'
	| 'kmsAccessDenied'
	| 'decryptionFailure'
	| 'internalError'
	| 'connectionReset'
	| 'answerLost'
	| 'hang'
	| 'nameTaken'
	| 'stale';

export interface Fault {
	/** Action name; `*` means every action. */
	readonly action: string;
	readonly kind: FaultKind;
	/** How many calls it strikes; 1 unless told, `Infinity` for all. */
	readonly times?: number;
	/** How many matching calls pass before it strikes. */
	readonly after?: number;
}

/** Faults in the order they were asked for; the first that fits strikes. */
export class Faults {
	#pending: Array<{ fault: Fault; left: number; skip: number }> = [];

	add(fault: Fault): void {
		this.#pending.push({ fault, left: fault.times ?? 1, skip: fault.after ?? 0 });
	}

	clear(): void {
		this.#pending = [];
	}

	take(action: string): FaultKind | undefined {
		for (const pending of this.#pending) {
			if (pending.left <= 0 || ![action, '*'].includes(pending.fault.action)) continue;
			if (pending.skip > 0) {
				pending.skip -= 1;
				continue;
			}
			pending.left -= 1;
			return pending.fault.kind;
		}
		return undefined;
	}
}

/** Throws what AWS would answer for faults that are answers. */
export function throwFault(kind: FaultKind | undefined): void {
	switch (kind) {
		case 'throttling':
			throw new AwsError('ThrottlingException', 'Rate exceeded');
		case 'kmsAccessDenied':
			throw new AwsError('AccessDeniedException', 'Access to KMS is not allowed');
		case 'decryptionFailure':
			throw new AwsError(
				'DecryptionFailure',
				"Secrets Manager can't decrypt the protected secret text using the provided KMS key.",
			);
		case 'nameTaken':
			throw new AwsError(
				'ResourceExistsException',
				'The operation failed because the secret already exists.',
			);
		case 'internalError':
			throw new AwsError('InternalServiceError', 'An error occurred on the server side.', 500);
		default:
	}
}
