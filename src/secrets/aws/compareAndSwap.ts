import { createHash } from 'node:crypto';

import { SecretStoreError, VersionConflictError } from '../../errors';
import type { SecretVersion, WriteResult } from '../store';
import type { AwsSecretsClient, AwsVersion } from './client';
import { unless } from './unless';

/** How often an administrator can move AWSCURRENT back to one and the same version and we still write on from it. */
const MAX_GENERATIONS = 8;

/** The look for a slipped-in edit comes after the write has succeeded; it must not hold the caller up for long. */
const LOOK_TIMEOUT_MS = 5_000;

interface Swap {
	readonly secretId: string;
	readonly content: string;
	readonly expectedVersionId: string;
}

/**
 * Compare-and-swap by PutSecretValue's ClientRequestToken, which becomes the new version's id.
 *
 * The token is derived from the secret, the base version and a generation. So all writers that start from one version ask for the
 * same new version id, and AWS lets one of them have it. How each race ends:
 *
 * - Two of our writers from one base: the second gets ResourceExistsException, sees the first's version labelled AWSCURRENT: conflict.
 * - Our base is older than the current version: seen before the put by asking for the base *as* AWSCURRENT. Where that read is stale,
 *   the put itself meets the id that the base's successor took: conflict.
 * - The answer to a put is lost: the SDK repeats it with the same token and content, which AWS ignores. A repeat by the caller finds
 *   the derived id as AWSCURRENT with the same content: success, the same version.
 * - An administrator moved AWSCURRENT back to the base: the successor's id is taken, yet it is not current and the base is. Then the
 *   next generation's id is used. The successor's *own* labels decide, and a successor that a read does not find is a stale read:
 *   conflict, which only costs a re-read.
 * - An administrator's edit (random version id) lands between our check and our put: AWS lets the put pass, and AWSPREVIOUS then is
 *   that edit instead of our base. It is reported as `replaced`. Missed only where that look fails or is stale, or where yet
 *   another of our writers puts on top within the milliseconds before it.
 *
 * @throws VersionConflictError, SecretStoreError
 */
export async function compareAndSwap(client: AwsSecretsClient, swap: Swap): Promise<WriteResult> {
	const base = await baseIfCurrent(client, swap);
	if (!base) return await repeatOrConflict(client, swap);

	const conflict = new VersionConflictError(base.arn);
	const candidates = successorIds(base.arn, swap.expectedVersionId);
	for (const versionId of candidates) {
		if (await putAs(versionId, client, { ...swap, secretId: base.arn })) {
			const replaced = await slippedIn(client, base, candidates);
			return { versionId, ...(replaced && { replaced }) };
		}
		if (!(await wasMovedAwayFrom(versionId, client, base.arn))) throw conflict;
		if (!(await baseIfCurrent(client, swap))) throw conflict;
	}
	throw new SecretStoreError(
		`PutSecretValue: AWSCURRENT of ${base.arn} was moved back to one version more than ${MAX_GENERATIONS} times. Save the credential again with its secrets typed.`,
		{ code: 'LIMIT_EXCEEDED', action: 'PutSecretValue', secretId: base.arn },
	);
}

/**
 * Asks AWS to put the current version once more, under its own id. AWS does nothing then, but denies it to whoever may not write.
 *
 * The look before it is needed: AWS would take the put of a version that it has removed meanwhile for a new one. That the version
 * is no longer current shows there, or in the labels of the put if that read was stale.
 *
 * @throws VersionConflictError, SecretStoreError
 */
export async function assertWritable(
	client: AwsSecretsClient,
	{ secretId, versionId, content }: SecretVersion,
): Promise<void> {
	const current = await client.get({ SecretId: secretId, VersionStage: 'AWSCURRENT' });
	const isCurrent =
		current.versionId === versionId &&
		(await putAs(versionId, client, { secretId: current.arn, content }));
	if (!isCurrent) throw new VersionConflictError(current.arn);
}

/** The expected version, where it still carries AWSCURRENT. */
async function baseIfCurrent(
	client: AwsSecretsClient,
	{ secretId, expectedVersionId }: Swap,
): Promise<AwsVersion | undefined> {
	const query = { SecretId: secretId, VersionId: expectedVersionId, VersionStage: 'AWSCURRENT' };
	return await unless(['NOT_FOUND', 'INVALID_REQUEST'], client.get(query));
}

/** Our own write, made before and now repeated, or somebody else's. */
async function repeatOrConflict(client: AwsSecretsClient, swap: Swap): Promise<WriteResult> {
	const { secretId, content, expectedVersionId } = swap;
	const current = await client.get({ SecretId: secretId, VersionStage: 'AWSCURRENT' });
	const candidates = successorIds(current.arn, expectedVersionId);
	if (!candidates.includes(current.versionId) || current.content !== content) {
		throw new VersionConflictError(current.arn);
	}
	const base = await unless(
		['NOT_FOUND', 'ACCESS_DENIED'],
		client.get({ SecretId: current.arn, VersionId: expectedVersionId }),
	);
	const replaced = base && (await slippedIn(client, base, candidates));
	return { versionId: current.versionId, ...(replaced && { replaced }) };
}

/** True where the version is current now; false where its id was taken before. */
async function putAs(
	versionId: string,
	client: AwsSecretsClient,
	{ secretId, content }: Pick<Swap, 'secretId' | 'content'>,
): Promise<boolean> {
	const written = await unless(
		['ALREADY_EXISTS'],
		client.put({ SecretId: secretId, SecretString: content, ClientRequestToken: versionId }),
	);
	// AWS ignores a put that repeats token and content, wherever AWSCURRENT is by then; the labels tell.
	return written !== undefined && (written.labels?.includes('AWSCURRENT') ?? true);
}

/** True only where the version is there for certain and certainly not current. */
async function wasMovedAwayFrom(
	versionId: string,
	client: AwsSecretsClient,
	secretId: string,
): Promise<boolean> {
	// A policy can limit reads to AWSCURRENT; then nothing is certain.
	const version = await unless(
		['NOT_FOUND', 'ACCESS_DENIED'],
		client.get({ SecretId: secretId, VersionId: versionId }),
	);
	return version?.labels !== undefined && !version.labels.includes('AWSCURRENT');
}

/**
 * The edit that took the base's place before our put did.
 *
 * A version older than the base is no edit but a stale read, or a label that was moved: merging it would bring old tokens back.
 */
async function slippedIn(
	client: AwsSecretsClient,
	base: AwsVersion,
	ours: readonly string[],
): Promise<SecretVersion | undefined> {
	let previous: AwsVersion;
	try {
		const query = { SecretId: base.arn, VersionStage: 'AWSPREVIOUS' };
		previous = await client.get(query, LOOK_TIMEOUT_MS);
	} catch {
		// The write has succeeded; only the extra look has not.
		return undefined;
	}
	const { arn, versionId, content, createdAt = 0 } = previous;
	if (versionId === base.versionId || ours.includes(versionId) || content === undefined) {
		return undefined;
	}
	return createdAt < (base.createdAt ?? 0) ? undefined : { secretId: arn, versionId, content };
}

/** Whether {@link compareAndSwap} or `create` gave the version its id; the SDK, the console and the CLI give UUIDs. */
export function isOwnVersionId(versionId: string): boolean {
	return /^[0-9a-f]{64}$/.test(versionId);
}

/** The ids a successor of the base can have, by generation: SHA-256 in hex, which is within AWS's 32 to 64 characters. */
function successorIds(arn: string, baseVersionId: string): string[] {
	return Array.from({ length: MAX_GENERATIONS }, (_, generation) =>
		createHash('sha256').update(`${arn}\n${baseVersionId}\n${generation}`).digest('hex'),
	);
}
