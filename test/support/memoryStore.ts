import { SecretStoreError, VersionConflictError, type SecretStoreCode } from '../../src/errors';
import type { SecretStore, SecretVersion, WriteResult } from '../../src/secrets/store';

/** A secret store in memory whose next calls can be made to fail, for tests of what is above it. */
export class MemoryStore implements SecretStore {
	readonly kind = 'localVault';
	readonly secrets = new Map<string, { version: number; content: string }>();
	readonly calls: string[] = [];
	versionsPerDay: number | undefined;
	private faults: { action: string; code: SecretStoreCode; times: number }[] = [];

	/** The next `times` calls of `action` fail. */
	fail(action: 'create' | 'read' | 'write', code: SecretStoreCode, times = 1): void {
		this.faults.push({ action, code, times });
	}

	/** Ends all faults. */
	heal(): void {
		this.faults = [];
	}

	count(action: string): number {
		return this.calls.filter((call) => call === action).length;
	}

	/** How many versions the only secret has had. */
	versions(): number {
		return [...this.secrets.values()][0]?.version ?? 0;
	}

	/** The JSON stored under the only secret, or under `name`. */
	json(name: string = [...this.secrets.keys()][0] ?? ''): Record<string, unknown> {
		return JSON.parse(this.secrets.get(name)?.content ?? 'null') as Record<string, unknown>;
	}

	/** What an administrator does by hand. */
	edit(change: (json: Record<string, unknown>) => Record<string, unknown>): void {
		const [name, secret] = [...this.secrets.entries()][0] ?? [];
		if (name === undefined || secret === undefined) throw new Error('nothing stored');
		this.secrets.set(name, {
			version: secret.version + 1,
			content: JSON.stringify(change(JSON.parse(secret.content) as Record<string, unknown>)),
		});
	}

	async create(name: string, content: string): Promise<SecretVersion> {
		this.enter('create', name);
		if (this.secrets.has(name)) throw this.error('ALREADY_EXISTS', 'create', name);
		this.secrets.set(name, { version: 1, content });
		return await Promise.resolve({ secretId: name, versionId: '1', content });
	}

	async read(secretId: string): Promise<SecretVersion> {
		this.enter('read', secretId);
		const secret = this.secrets.get(secretId);
		if (secret === undefined) throw this.error('NOT_FOUND', 'read', secretId);
		return await Promise.resolve({
			secretId,
			versionId: String(secret.version),
			content: secret.content,
		});
	}

	async write(secretId: string, content: string, expectedVersionId: string): Promise<WriteResult> {
		this.enter('write', secretId);
		const secret = this.secrets.get(secretId);
		if (secret === undefined) throw this.error('NOT_FOUND', 'write', secretId);
		if (String(secret.version) !== expectedVersionId) throw new VersionConflictError(secretId);
		this.secrets.set(secretId, { version: secret.version + 1, content });
		return await Promise.resolve({ versionId: String(secret.version + 1) });
	}

	private enter(action: string, secretId: string): void {
		this.calls.push(action);
		const fault = this.faults.find(
			(candidate) => candidate.action === action && candidate.times > 0,
		);
		if (fault === undefined) return;
		fault.times -= 1;
		throw this.error(fault.code, action, secretId);
	}

	private error(code: SecretStoreCode, action: string, secretId: string): SecretStoreError {
		return new SecretStoreError(`${action} of ${secretId}: ${code}`, { code, action, secretId });
	}
}
