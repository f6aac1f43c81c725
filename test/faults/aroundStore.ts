import type { SecretStore } from '../../src/secrets/store';

/** A call of a store. */
export interface StoreCall {
	readonly action: Exclude<keyof SecretStore, 'kind' | 'versionsPerDay' | 'isOwn'>;
	readonly secretId: string;
	/** With `write` and `create`. */
	readonly content?: string;
}

/** Runs in place of every call of a store; `act` is the real one. */
export type AroundCall = <T>(call: StoreCall, act: () => Promise<T>) => Promise<T>;

/** A store with something around each of its calls. */
export function aroundStore(
	real: SecretStore,
	around: AroundCall,
	changes: Partial<Pick<SecretStore, 'kind' | 'versionsPerDay'>> = {},
): SecretStore {
	return {
		kind: real.kind,
		versionsPerDay: real.versionsPerDay,
		...changes,
		isOwn: (versionId) => real.isOwn(versionId),
		create: async (name, content, options) =>
			await around({ action: 'create', secretId: name, content }, () =>
				real.create(name, content, options),
			),
		read: async (secretId) => await around({ action: 'read', secretId }, () => real.read(secretId)),
		describe: async (secretId) =>
			await around({ action: 'describe', secretId }, () => real.describe(secretId)),
		list: async (prefix, most) =>
			await around({ action: 'list', secretId: prefix }, () => real.list(prefix, most)),
		versionsLeft: async (secretId) =>
			await around({ action: 'versionsLeft', secretId }, () => real.versionsLeft(secretId)),
		previous: async (secretId, timeoutMs) =>
			await around({ action: 'previous', secretId }, () => real.previous(secretId, timeoutMs)),
		write: async (secretId, content, expected) =>
			await around({ action: 'write', secretId, content }, () =>
				real.write(secretId, content, expected),
			),
		assertWritable: async (version) =>
			await around({ action: 'assertWritable', secretId: version.secretId }, () =>
				real.assertWritable(version),
			),
	};
}
