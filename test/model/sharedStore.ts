import { VersionConflictError } from '../../src/errors';
import type { SecretVersion, WriteResult } from '../../src/secrets/store';

interface Version {
	readonly id: string;
	readonly content: string;
	readonly isForeign: boolean;
	/** The version that an own one was made from. */
	readonly base: string | undefined;
}

export const SECRET = 's';
const FOREIGN = 'by-hand-';

/** What a secret store knows of one secret, as AWS Secrets Manager does it; see src/secrets/aws/compareAndSwap.ts. */
export class SharedStore {
	private current: Version;
	private before: Version | undefined;
	private count = 0;
	/** Own versions by what they were made from: that is what their id is derived from. */
	private readonly successors = new Map<string, Version>();
	private readonly contents = new Map<string, string>();

	constructor(content: string) {
		this.current = { id: 'first', content, isForeign: false, base: undefined };
		this.contents.set(this.current.id, content);
	}

	get content(): string {
		return this.current.content;
	}

	/** What a version holds, current or not. */
	contentOf(versionId: string): string {
		const content = this.contents.get(versionId);
		if (content === undefined) throw new Error('No such version');
		return content;
	}

	/** AWSPREVIOUS. */
	get previousContent(): string | undefined {
		return this.before?.content;
	}

	read(): SecretVersion {
		return asRead(this.current);
	}

	previous(): SecretVersion | undefined {
		return this.before && asRead(this.before);
	}

	/** An administrator or a rotation function makes a version current. */
	edit(content: string): void {
		this.count += 1;
		this.put({ id: FOREIGN + String(this.count), content, isForeign: true, base: undefined });
	}

	/** The look before a write. @returns what a repeated write made before, if it did */
	check(content: string, expected: string): WriteResult | undefined {
		const { id, base } = this.current;
		if (id === expected) return undefined;
		if (base === expected && this.current.content === content) {
			// As the real one: the version before it shows whether an edit slipped in.
			const { before } = this;
			const isEdit = before !== undefined && before.id !== expected;
			return { versionId: id, ...(isEdit ? { replaced: asRead(before) } : {}) };
		}
		throw new VersionConflictError(SECRET);
	}

	/** The write itself: an edit that came after {@link check} does not keep it from becoming current. */
	write(content: string, expected: string): WriteResult {
		if (this.successors.has(expected)) throw new VersionConflictError(SECRET);
		this.count += 1;
		const replaced = this.current;
		const next = { id: String(this.count), content, isForeign: false, base: expected };
		this.successors.set(expected, next);
		this.put(next);
		return {
			versionId: next.id,
			...(replaced.id === expected ? {} : { replaced: asRead(replaced) }),
		};
	}

	assertCurrent(versionId: string): void {
		if (this.current.id !== versionId) throw new VersionConflictError(SECRET);
	}

	isOwn(versionId: string): boolean {
		return !versionId.startsWith(FOREIGN);
	}

	private put(next: Version): void {
		this.before = this.current;
		this.current = next;
		this.contents.set(next.id, next.content);
	}
}

function asRead({ id, content }: Version): SecretVersion {
	return { secretId: SECRET, versionId: id, content };
}
