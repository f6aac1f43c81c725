import { SecretStoreError, VersionConflictError, type SecretStoreCode } from '../../src/errors';
import type {
	CreateOptions,
	SecretDescription,
	SecretList,
	SecretStore,
	SecretVersion,
	WriteResult,
} from '../../src/secrets/store';

interface StoredVersion {
	/** 1 for the first version; its id too, with {@link FOREIGN} behind it if an administrator wrote it. */
	readonly version: number;
	readonly content: string;
	readonly isForeign?: boolean;
	readonly previous?: StoredVersion;
	/** What created the secret; only of a first version. */
	readonly attempt?: string | undefined;
}

type Action = 'create' | 'list' | 'read' | 'describe' | 'previous' | 'write' | 'assertWritable';

const FOREIGN = '-by-hand';

/** A secret store in memory whose next calls can be made to fail, for tests of what is above it. */
export class MemoryStore implements SecretStore {
	readonly kind = 'localVault';
	/** The current versions, by name. */
	readonly secrets = new Map<string, StoredVersion>();
	/** Tags, by name. */
	readonly tags = new Map<string, Readonly<Record<string, string>>>();
	readonly calls: string[] = [];
	versionsPerDay: number | undefined;
	private faults: { action: Action; code: SecretStoreCode; times: number }[] = [];

	/** The next `times` calls of `action` fail. */
	fail(action: Action, code: SecretStoreCode, times = 1): void {
		this.faults.push({ action, code, times });
	}

	/** Ends all faults. */
	heal(): void {
		this.faults = [];
	}

	count(action: Action): number {
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

	/** What an administrator does by hand: makes a version that is not our own. */
	edit(change: (json: Record<string, unknown>) => Record<string, unknown>): void {
		const [name, secret] = [...this.secrets.entries()][0] ?? [];
		if (name === undefined || secret === undefined) throw new Error('nothing stored');
		const content = JSON.stringify(change(JSON.parse(secret.content) as Record<string, unknown>));
		this.replace(name, secret, { content, isForeign: true });
	}

	async create(
		name: string,
		content: string,
		{ attempt, tags = {} }: CreateOptions = {},
	): Promise<SecretVersion> {
		this.enter('create', name);
		const existing = this.secrets.get(name);
		const isRepeat =
			attempt !== undefined && existing?.attempt === attempt && existing.content === content;
		if (existing !== undefined && !isRepeat) throw this.error('ALREADY_EXISTS', 'create', name);
		const created = existing ?? { version: 1, content, attempt };
		this.secrets.set(name, created);
		if (existing === undefined) this.tags.set(name, tags);
		return await Promise.resolve(asRead(name, created));
	}

	async read(secretId: string): Promise<SecretVersion> {
		return await Promise.resolve(asRead(secretId, this.find('read', secretId)));
	}

	async describe(secretId: string): Promise<SecretDescription> {
		this.find('describe', secretId);
		return await Promise.resolve({ secretId, tags: this.tags.get(secretId) ?? {} });
	}

	async list(prefix: string, most: number): Promise<SecretList> {
		this.enter('list', prefix);
		const found = [...this.secrets.keys()].filter((name) => name.startsWith(prefix));
		return await Promise.resolve({ secretIds: found.slice(0, most), isCut: found.length > most });
	}

	async versionsLeft(): Promise<number | undefined> {
		return await Promise.resolve(this.versionsPerDay);
	}

	async previous(secretId: string): Promise<SecretVersion | undefined> {
		const { previous } = this.find('previous', secretId);
		return await Promise.resolve(previous && asRead(secretId, previous));
	}

	isOwn(versionId: string): boolean {
		return !versionId.endsWith(FOREIGN);
	}

	async write(secretId: string, content: string, expectedVersionId: string): Promise<WriteResult> {
		const secret = this.find('write', secretId);
		// The same write, repeated.
		const { previous } = secret;
		const isRepeat =
			previous !== undefined &&
			idOf(previous) === expectedVersionId &&
			secret.content === content &&
			!secret.isForeign;
		if (isRepeat) return await Promise.resolve({ versionId: idOf(secret) });
		if (idOf(secret) !== expectedVersionId) throw new VersionConflictError(secretId);
		return await Promise.resolve({ versionId: this.replace(secretId, secret, { content }) });
	}

	async assertWritable({ secretId, versionId }: SecretVersion): Promise<void> {
		const secret = this.find('assertWritable', secretId);
		if (idOf(secret) !== versionId) throw new VersionConflictError(secretId);
		await Promise.resolve();
	}

	private replace(
		name: string,
		{ version, content, isForeign = false }: StoredVersion,
		next: Pick<StoredVersion, 'content' | 'isForeign'>,
	): string {
		// Only one former version is kept.
		const previous = { version, content, isForeign };
		const current = { ...next, version: version + 1, previous };
		this.secrets.set(name, current);
		return idOf(current);
	}

	private find(action: Action, secretId: string): StoredVersion {
		this.enter(action, secretId);
		const secret = this.secrets.get(secretId);
		if (secret === undefined) throw this.error('NOT_FOUND', action, secretId);
		return secret;
	}

	private enter(action: Action, secretId: string): void {
		this.calls.push(action);
		const fault = this.faults.find(
			(candidate) => candidate.action === action && candidate.times > 0,
		);
		if (fault === undefined) return;
		fault.times -= 1;
		throw this.error(fault.code, action, secretId);
	}

	private error(code: SecretStoreCode, action: Action, secretId: string): SecretStoreError {
		return new SecretStoreError(`${action} of ${secretId}: ${code}`, { code, action, secretId });
	}
}

function idOf({ version, isForeign = false }: StoredVersion): string {
	return `${version}${isForeign ? FOREIGN : ''}`;
}

function asRead(secretId: string, stored: StoredVersion): SecretVersion {
	return { secretId, versionId: idOf(stored), content: stored.content };
}
