import { SecretStoreError, VersionConflictError, type SecretStoreCode } from '../../errors';
import { NoAnswerError } from './gate';

/** What was being done to which secret, for the error. */
export interface VaultAction {
	readonly action: 'create' | 'list' | 'read' | 'write';
	readonly secretId: string;
	/** Absolute path of the vault's folder. */
	readonly vault: string;
}

interface Reason {
	readonly code: SecretStoreCode;
	readonly text: string;
}

const DENIED: Reason = {
	code: 'ACCESS_DENIED',
	text: 'Let the user that n8n runs as read and write the vault folder, on a file system that has hard links',
};
const FULL: Reason = {
	code: 'LIMIT_EXCEEDED',
	text: 'Free some space, or raise the quota, where the vault folder is',
};
const REASONS: ReadonlyMap<string, Reason> = new Map([
	['EACCES', DENIED],
	['EPERM', DENIED],
	['EROFS', DENIED],
	['ENOSPC', FULL],
	['EDQUOT', FULL],
]);
const OTHER: Reason = {
	code: 'UNAVAILABLE',
	text: 'Look at the vault folder and its disk; the same call may succeed later',
};

/** Turns what the file system answered into a {@link SecretStoreError}; errors of this package pass through. */
export function vaultFailure(error: unknown, { action, secretId, vault }: VaultAction): Error {
	if (error instanceof SecretStoreError || error instanceof VersionConflictError) return error;
	if (error instanceof NoAnswerError) {
		return new SecretStoreError(
			`The local vault could not ${action} "${secretId}": the folder ${vault} did not answer within ${error.seconds} s. ` +
				'Bring the disk or network share it is on back; restart n8n if this goes on afterwards.',
			{ code: 'UNAVAILABLE', action, secretId },
		);
	}
	const errno = errnoOf(error) ?? 'unknown error';
	const { code, text } = REASONS.get(errno) ?? OTHER;
	return new SecretStoreError(
		`The local vault could not ${action} "${secretId}" (${errno}). ${text}.`,
		{
			code,
			action,
			secretId,
			cause: error,
		},
	);
}

/** `ENOENT`, `EEXIST`, … where `error` came from the operating system. */
export function errnoOf(error: unknown): string | undefined {
	const { code } = Object(error) as { code?: unknown };
	return typeof code === 'string' ? code : undefined;
}
