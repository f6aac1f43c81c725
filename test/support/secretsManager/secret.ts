import { randomUUID } from 'node:crypto';

import { AwsError } from './awsError.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const MAX_VALUE_BYTES = 65_536;

/** What a version holds; exactly one of the two is set. `binary` is base64. */
export interface SecretValue {
	readonly text?: string;
	readonly binary?: string;
}

export interface StoredVersion {
	readonly id: string;
	readonly value: SecretValue;
	/** Milliseconds since the epoch. */
	readonly createdAt: number;
}

/** Versions and labels at one moment; a label is on one version at most. */
interface View {
	readonly versions: ReadonlyMap<string, StoredVersion>;
	readonly labels: ReadonlyMap<string, string>;
}

/** One secret: its versions, its staging labels and the rules by which they move. */
export class Secret {
	readonly arn: string;
	readonly name: string;
	readonly createdAt: number;
	readonly tags = new Map<string, string>();
	description: string | undefined;
	kmsKeyId: string | undefined;
	/** Set while the secret waits for its deletion. */
	deletion: { readonly requestedAt: number; readonly dueAt: number } | undefined;

	readonly #versions = new Map<string, StoredVersion>();
	readonly #labels = new Map<string, string>();
	readonly #versionQuota: number;
	/** As it was before AWSCURRENT last moved: what a replica that lags behind still answers. */
	#before: View | undefined;

	constructor(options: { arn: string; name: string; createdAt: number; versionQuota: number }) {
		this.arn = options.arn;
		this.name = options.name;
		this.createdAt = options.createdAt;
		this.#versionQuota = options.versionQuota;
	}

	get versions(): readonly StoredVersion[] {
		return [...this.#versions.values()];
	}

	labelsOf(versionId: string, view: View = this.#now()): string[] {
		return [...view.labels].filter(([, id]) => id === versionId).map(([label]) => label);
	}

	/** GetSecretValue: VersionId and VersionStage must mean the same version where both are given. */
	find(
		versionId: string | undefined,
		stage: string | undefined,
		stale: boolean,
	): { version: StoredVersion; labels: string[] } {
		const view = stale ? (this.#before ?? this.#now()) : this.#now();
		const label = stage ?? 'AWSCURRENT';
		const id = versionId ?? view.labels.get(label);
		const version = id === undefined ? undefined : view.versions.get(id);
		if (!version) {
			const what = versionId === undefined ? `staging label: ${label}` : `VersionId: ${versionId}`;
			throw new AwsError(
				'ResourceNotFoundException',
				`Secrets Manager can't find the specified secret value for ${what}`,
			);
		}
		const labels = this.labelsOf(version.id, view);
		if (versionId !== undefined && stage !== undefined && !labels.includes(stage)) {
			throw new AwsError(
				'InvalidRequestException',
				'You provided a VersionStage that is not associated to the provided VersionId.',
			);
		}
		return { version, labels };
	}

	/** PutSecretValue. Returns the id of the version, also where the call had no effect. */
	put(
		value: SecretValue,
		options: { token?: string | undefined; stages?: readonly string[] | undefined; now: number },
	): string {
		const id = options.token ?? randomUUID();
		if (id.length < 32 || id.length > 64) {
			throw new AwsError(
				'InvalidParameterException',
				'ClientRequestToken must be 32-64 characters long.',
			);
		}
		checkSize(value);
		const existing = this.#versions.get(id);
		if (existing) {
			if (existing.value.text === value.text && existing.value.binary === value.binary) return id;
			throw new AwsError(
				'ResourceExistsException',
				`You can't use ClientRequestToken ${id} because that value is already in use for a version of secret ${this.arn}.`,
			);
		}

		this.#makeRoom(options.now);
		const stages = new Set(options.stages ?? ['AWSCURRENT']);
		if (this.#versions.size === 0) stages.add('AWSCURRENT');
		const before = this.#now();
		this.#versions.set(id, { id, value, createdAt: options.now });
		for (const stage of stages) this.#attach(stage, id, before);
		return id;
	}

	/** UpdateSecretVersionStage. */
	moveLabel(label: string, from: string | undefined, to: string | undefined): void {
		const holder = this.#labels.get(label);
		for (const id of [from, to]) {
			if (id !== undefined && !this.#versions.has(id)) {
				throw new AwsError(
					'ResourceNotFoundException',
					`Secrets Manager can't find the specified secret version: ${id}.`,
				);
			}
		}
		if (holder !== undefined && holder !== from && holder !== to) {
			throw new AwsError(
				'InvalidParameterException',
				`The parameter RemoveFromVersionId can't be empty. Staging label ${label} is currently attached to version ${holder}, so you must explicitly reference that version in RemoveFromVersionId.`,
			);
		}
		if (from !== undefined && holder !== from) {
			throw new AwsError(
				'InvalidParameterException',
				`Staging label ${label} is not attached to version ${from}.`,
			);
		}
		if (to !== undefined) {
			this.#attach(label, to, this.#now());
		} else if (label === 'AWSCURRENT') {
			throw new AwsError(
				'InvalidParameterException',
				'You can only move staging label AWSCURRENT to a different secret version. It can’t be completely removed.',
			);
		} else {
			this.#labels.delete(label);
		}
	}

	#attach(label: string, id: string, before: View): void {
		const holder = this.#labels.get(label);
		if (holder === id) return;
		this.#labels.set(label, id);
		if (label !== 'AWSCURRENT') return;
		this.#before = before;
		if (holder !== undefined) this.#labels.set('AWSPREVIOUS', holder);
	}

	/** At the quota, the oldest versions without labels go, but none that is younger than 24 hours. */
	#makeRoom(now: number): void {
		const labelled = new Set(this.#labels.values());
		for (const version of this.#versions.values()) {
			if (this.#versions.size < this.#versionQuota) return;
			if (!labelled.has(version.id) && now - version.createdAt > DAY_MS) {
				this.#versions.delete(version.id);
			}
		}
		if (this.#versions.size >= this.#versionQuota) {
			throw new AwsError(
				'LimitExceededException',
				`You have reached the maximum number of versions (${this.#versionQuota}) for the secret ${this.arn}.`,
			);
		}
	}

	#now(): View {
		return { versions: new Map(this.#versions), labels: new Map(this.#labels) };
	}
}

/** 1 to 65,536 bytes. As AWS does for sensitive members, the message does not repeat the value. */
function checkSize(value: SecretValue): void {
	const member = value.text === undefined ? 'secretBinary' : 'secretString';
	const bytes = Buffer.from(
		value.text ?? value.binary ?? '',
		value.text === undefined ? 'base64' : 'utf8',
	).length;
	if (bytes === 0 || bytes > MAX_VALUE_BYTES) {
		throw new AwsError(
			'ValidationException',
			`1 validation error detected: Value at '${member}' failed to satisfy constraint: Member must have length ${
				bytes === 0 ? 'greater than or equal to 1' : `less than or equal to ${MAX_VALUE_BYTES}`
			}`,
		);
	}
}
