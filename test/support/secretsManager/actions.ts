import { AwsError } from './awsError.ts';
import {
	objects,
	optionalNumber,
	optionalText,
	optionalTexts,
	optionalValue,
	text,
	type Input,
} from './input.ts';
import type { Secret } from './secret.ts';
import type { Secrets } from './secrets.ts';

export type Output = Record<string, unknown>;

/** `stale` asks a read to answer as before AWSCURRENT last moved. */
type Action = (secrets: Secrets, input: Input, stale: boolean) => Output;

const DAY_MS = 24 * 60 * 60 * 1000;

/** The actions of Secrets Manager this server knows, by name. */
export const ACTIONS: Readonly<Record<string, Action>> = {
	CreateSecret(secrets, input) {
		const name = text(input, 'Name');
		const value = optionalValue(input);
		const token = optionalText(input, 'ClientRequestToken');
		const existing = secrets.lookUp(name);
		if (existing?.deletion) {
			throw new AwsError(
				'InvalidRequestException',
				"You can't create this secret because a secret with this name is already scheduled for deletion.",
			);
		}
		if (existing) {
			// A repeat after a lost answer: the same token with the same value succeeds and does nothing.
			const version = existing.versions.find(({ id }) => id === token);
			if (
				version &&
				value &&
				version.value.text === value.text &&
				version.value.binary === value.binary
			) {
				return { ARN: existing.arn, Name: name, VersionId: version.id };
			}
			throw new AwsError(
				'ResourceExistsException',
				`The operation failed because the secret ${name} already exists.`,
			);
		}

		const secret = secrets.add(name);
		try {
			const versionId = value && secret.put(value, { token, now: secrets.now() });
			secret.description = optionalText(input, 'Description');
			secret.kmsKeyId = optionalText(input, 'KmsKeyId');
			setTags(secret, input);
			return { ARN: secret.arn, Name: name, ...(versionId && { VersionId: versionId }) };
		} catch (error) {
			secrets.remove(secret);
			throw error;
		}
	},

	GetSecretValue(secrets, input, stale) {
		const secret = secrets.requireLive(text(input, 'SecretId'));
		const { version, labels } = secret.find(
			optionalText(input, 'VersionId'),
			optionalText(input, 'VersionStage'),
			stale,
		);
		return {
			ARN: secret.arn,
			Name: secret.name,
			VersionId: version.id,
			...(version.value.text !== undefined && { SecretString: version.value.text }),
			...(version.value.binary !== undefined && { SecretBinary: version.value.binary }),
			VersionStages: labels,
			CreatedDate: version.createdAt / 1000,
		};
	},

	DescribeSecret(secrets, input) {
		return description(secrets.require(text(input, 'SecretId')), 'VersionIdsToStages');
	},

	PutSecretValue(secrets, input) {
		const secret = secrets.requireLive(text(input, 'SecretId'));
		const value = optionalValue(input);
		if (!value) {
			throw new AwsError(
				'InvalidRequestException',
				'You must provide either SecretString or SecretBinary.',
			);
		}
		const versionId = secret.put(value, {
			token: optionalText(input, 'ClientRequestToken'),
			stages: optionalTexts(input, 'VersionStages'),
			now: secrets.now(),
		});
		return {
			ARN: secret.arn,
			Name: secret.name,
			VersionId: versionId,
			VersionStages: secret.labelsOf(versionId),
		};
	},

	UpdateSecretVersionStage(secrets, input) {
		const secret = secrets.requireLive(text(input, 'SecretId'));
		secret.moveLabel(
			text(input, 'VersionStage'),
			optionalText(input, 'RemoveFromVersionId'),
			optionalText(input, 'MoveToVersionId'),
		);
		return { ARN: secret.arn, Name: secret.name };
	},

	TagResource(secrets, input) {
		setTags(secrets.requireLive(text(input, 'SecretId')), input);
		return {};
	},

	DeleteSecret(secrets, input) {
		const days = optionalNumber(input, 'RecoveryWindowInDays');
		const force = input['ForceDeleteWithoutRecovery'] === true;
		if (force && days !== undefined) {
			throw new AwsError(
				'InvalidParameterException',
				"You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
			);
		}
		if (days !== undefined && (days < 7 || days > 30)) {
			throw new AwsError(
				'InvalidParameterException',
				'The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).',
			);
		}
		const secret = secrets.requireLive(text(input, 'SecretId'));
		const requestedAt = secrets.now();
		if (force) secrets.remove(secret);
		else secret.deletion = { requestedAt, dueAt: requestedAt + (days ?? 30) * DAY_MS };
		return {
			ARN: secret.arn,
			Name: secret.name,
			DeletionDate: (secret.deletion?.dueAt ?? requestedAt) / 1000,
		};
	},

	RestoreSecret(secrets, input) {
		const secret = secrets.require(text(input, 'SecretId'));
		secret.deletion = undefined;
		return { ARN: secret.arn, Name: secret.name };
	},

	ListSecretVersionIds(secrets, input) {
		const secret = secrets.require(text(input, 'SecretId'));
		const versions = secret.versions
			.map((version) => ({
				VersionId: version.id,
				VersionStages: secret.labelsOf(version.id),
				CreatedDate: version.createdAt / 1000,
			}))
			.filter((version) => input['IncludeDeprecated'] === true || version.VersionStages.length > 0);
		const { items, next } = page(versions, input);
		return { ARN: secret.arn, Name: secret.name, Versions: items, ...next };
	},

	ListSecrets(secrets, input) {
		const prefixes = objects(input, 'Filters')
			.filter((filter) => filter['Key'] === 'name')
			.flatMap((filter) => optionalTexts(filter, 'Values') ?? []);
		const found = secrets
			.all()
			.filter((secret) => input['IncludePlannedDeletion'] === true || !secret.deletion)
			.filter(
				({ name }) => prefixes.length === 0 || prefixes.some((each) => name.startsWith(each)),
			);
		const { items, next } = page(found, input);
		return {
			SecretList: items.map((each) => description(each, 'SecretVersionsToStages')),
			...next,
		};
	},
};

function setTags(secret: Secret, input: Input): void {
	for (const tag of objects(input, 'Tags')) secret.tags.set(text(tag, 'Key'), text(tag, 'Value'));
}

function description(secret: Secret, stagesKey: string): Output {
	const stages = secret.versions
		.map(({ id }) => [id, secret.labelsOf(id)] as const)
		.filter(([, labels]) => labels.length > 0);
	return {
		ARN: secret.arn,
		Name: secret.name,
		...(secret.description !== undefined && { Description: secret.description }),
		...(secret.kmsKeyId !== undefined && { KmsKeyId: secret.kmsKeyId }),
		...(secret.deletion && { DeletedDate: secret.deletion.requestedAt / 1000 }),
		CreatedDate: secret.createdAt / 1000,
		Tags: [...secret.tags].map(([Key, Value]) => ({ Key, Value })),
		[stagesKey]: Object.fromEntries(stages),
	};
}

function page<T>(all: readonly T[], input: Input): { items: T[]; next: Output } {
	const start = Number(optionalText(input, 'NextToken') ?? 0);
	const end = start + (optionalNumber(input, 'MaxResults') ?? 100);
	return {
		items: all.slice(start, end),
		next: end < all.length ? { NextToken: String(end) } : {},
	};
}
