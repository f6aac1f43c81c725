import { inspect } from 'node:util';

import { SecretStoreError, VersionConflictError, type SecretStoreCode } from '../../src/errors';
import type { SecretStore, SecretVersion, WriteResult } from '../../src/secrets/store';

/** One empty store, seen through two clients that share nothing in memory (as two processes would). */
export interface SecretStoreUnderTest {
	readonly store: SecretStore;
	readonly secondClient: SecretStore;
	close(): Promise<void>;
}

const NAME = 'n8n/vaulted-oauth2/tenant-a/crm-production-7f3kq2';
/** What names an attempt to create a secret. */
const ATTEMPT = 'a1'.repeat(32);
/** Stands for a secret; looked for in everything an error carries. */
const MARKER = 'must-never-be-in-an-error';

/**
 * The contract every secret store keeps. `setUp` gives a fresh, empty store for each test.
 */
export function describeSecretStore(
	name: string,
	setUp: () => Promise<SecretStoreUnderTest>,
): void {
	describe(`${name} keeps the contract of a secret store`, () => {
		let store: SecretStore;
		let secondClient: SecretStore;
		let close: () => Promise<void>;

		beforeEach(async () => {
			const underTest = await setUp();
			({ store, secondClient } = underTest);
			close = () => underTest.close();
		});

		afterEach(async () => {
			await close();
		});

		describe('create and read', () => {
			it('reads what was created, by the returned id and by name, through both clients', async () => {
				const created = await store.create(NAME, '{"a":1}');

				expect(created.content).toBe('{"a":1}');
				for (const client of [store, secondClient]) {
					expect(await client.read(created.secretId)).toEqual(created);
					expect(await client.read(NAME)).toEqual(created);
				}
			});

			it('takes a description and tags', async () => {
				const created = await store.create(NAME, '{}', {
					description: 'CRM production',
					tags: { 'managed-by': 'n8n-nodes-vaulted-oauth2', tenant: 'tenant-a' },
				});

				expect((await secondClient.read(created.secretId)).content).toBe('{}');
			});

			it('never overwrites an existing secret', async () => {
				const created = await store.create(NAME, '{"first":true}');

				for (const client of [store, secondClient]) {
					const error = await storeErrorOf(client.create(NAME, '{"second":true}'));
					expect(error.code).toBe<SecretStoreCode>('ALREADY_EXISTS');
				}
				expect(await store.read(NAME)).toEqual(created);
			});

			it('lets exactly one of many concurrent creators win', async () => {
				const outcomes = await Promise.allSettled(
					numbered(8).map((n) => clientFor(n).create(NAME, JSON.stringify({ creator: n }))),
				);

				const winners = fulfilled(outcomes);
				expect(winners).toHaveLength(1);
				for (const reason of rejections(outcomes)) {
					expect(reason).toBeInstanceOf(SecretStoreError);
					expect(reason).toHaveProperty('code', 'ALREADY_EXISTS');
				}
				expect(await store.read(NAME)).toEqual(winners[0]);
			});

			it('keeps secrets whose names differ in one path segment or in case apart', async () => {
				const names = [
					'n8n/vaulted-oauth2/label-a1b2c3',
					'n8n/vaulted-oauth2/tenant-a/label-a1b2c3',
					'n8n/vaulted-oauth2/tenant-b/label-a1b2c3',
					'n8n/vaulted-oauth2/tenant-b/Label-a1b2c3',
					'n8n/vaulted-oauth2/tenant-b-label-a1b2c3',
					'n8n/vaulted-oauth2/tenant.b@example.com/label_a+b=c',
				];
				for (const each of names) await store.create(each, JSON.stringify({ name: each }));

				for (const each of names) {
					expect((await secondClient.read(each)).content).toBe(JSON.stringify({ name: each }));
				}
			});

			it('answers NOT_FOUND for a secret that does not exist', async () => {
				const error = await storeErrorOf(store.read('n8n/vaulted-oauth2/absent-000000'));

				expect(error.code).toBe<SecretStoreCode>('NOT_FOUND');
				expect(error.message).toContain('n8n/vaulted-oauth2/absent-000000');
				expect(error.secretId).toBe('n8n/vaulted-oauth2/absent-000000');
				expect(error.temporary).toBe(false);
			});
		});

		describe('a repeated attempt to create a secret', () => {
			it('reports the secret as created, and makes no second version', async () => {
				const created = await store.create(NAME, '{"a":1}', { attempt: ATTEMPT });

				for (const client of [store, secondClient]) {
					expect(await client.create(NAME, '{"a":1}', { attempt: ATTEMPT })).toEqual(created);
				}
				expect(await secondClient.read(NAME)).toEqual(created);
				expect(await store.previous(NAME)).toBeUndefined();
			});

			it('may overlap with the first', async () => {
				const all = await Promise.all(
					numbered(6).map((n) => clientFor(n).create(NAME, '{"a":1}', { attempt: ATTEMPT })),
				);

				const current = await store.read(NAME);
				expect(all).toEqual(all.map(() => current));
			});

			it.each([
				['another attempt', '{"a":1}', { attempt: 'b2'.repeat(32) }],
				['an attempt that is not named', '{"a":1}', {}],
				['other content', '{"a":2}', { attempt: ATTEMPT }],
			])('is not taken for %s', async (_, content, options) => {
				const created = await store.create(NAME, '{"a":1}', { attempt: ATTEMPT });

				for (const client of [store, secondClient]) {
					const error = await storeErrorOf(client.create(NAME, content, options));
					expect(error.code).toBe<SecretStoreCode>('ALREADY_EXISTS');
				}
				expect(await store.read(NAME)).toEqual(created);
			});
		});

		describe('describe', () => {
			it('names the secret and its tags, if the store has any, and no content', async () => {
				const tags = { 'managed-by': 'n8n-nodes-vaulted-oauth2', tenant: 'tenant-a' };
				const { secretId } = await store.create(NAME, JSON.stringify({ old: MARKER }), { tags });

				for (const id of [NAME, secretId]) {
					const described = await secondClient.describe(id);
					expect(described.secretId).toBe(secretId);
					expect([tags, {}]).toContainEqual(described.tags);
					expect(JSON.stringify(described)).not.toContain(MARKER);
				}
			});

			it('answers NOT_FOUND for a secret that does not exist', async () => {
				expect((await storeErrorOf(store.describe(NAME))).code).toBe<SecretStoreCode>('NOT_FOUND');
			});
		});

		describe('list', () => {
			const names = ['a/x/1', 'a/x/2', 'a/X/3', 'a/y/4', 'b/x/5'].map((name) => `n8n/${name}`);

			it('names the secrets that begin with a text, and no content', async () => {
				const ids = new Map<string, string>();
				for (const each of names)
					ids.set(each, (await store.create(each, JSON.stringify({ old: MARKER }))).secretId);
				const idsOf = (found: readonly string[]) => found.map((name) => ids.get(name)).sort();

				for (const [prefix, expected] of [
					['n8n/a/x/', names.slice(0, 2)],
					['n8n/a/x/1', names.slice(0, 1)],
					['n8n/a', names.slice(0, 4)],
					['', names],
					['n8n/c', []],
				] as const) {
					const found = await secondClient.list(prefix, 10);
					expect([...found.secretIds].sort()).toEqual(idsOf(expected));
					expect(found.isCut).toBe(false);
					expect(JSON.stringify(found)).not.toContain(MARKER);
				}
			});

			it('names as many as are asked for, and says if there are more', async () => {
				for (const each of names) await store.create(each, '{}');

				const some = await store.list('n8n/', 3);
				expect(new Set(some.secretIds).size).toBe(3);
				expect(some.isCut).toBe(true);
				expect(await store.list('n8n/', 5)).toMatchObject({ isCut: false });
				await expect(store.list('n8n/', 5)).resolves.toHaveProperty('secretIds.length', 5);
			});

			it('names none where there is nothing', async () => {
				expect(await store.list('n8n/', 5)).toEqual({ secretIds: [], isCut: false });
			});
		});

		it('takes at least as many versions as it says', async () => {
			const { secretId, versionId } = await store.create(NAME, '{"n":0}');
			const before = await secondClient.versionsLeft(secretId);
			await store.write(secretId, '{"n":1}', versionId);
			const after = await secondClient.versionsLeft(secretId);

			if (store.kind === 'awsSecretsManager') expect([before, after]).toEqual([99, 98]);
			else expect(after).toBe(before);
		});

		describe('previous', () => {
			it('is nothing before the first write', async () => {
				const { secretId } = await store.create(NAME, '{"n":0}');

				expect(await store.previous(secretId)).toBeUndefined();
			});

			it('is the version that the current one replaced, if the store knows it', async () => {
				let base = await store.create(NAME, '{"n":0}');
				for (const n of [1, 2]) {
					await store.write(base.secretId, `{"n":${n}}`, base.versionId);

					for (const client of [store, secondClient]) {
						expect([base, undefined]).toContainEqual(await client.previous(base.secretId));
					}
					base = await store.read(base.secretId);
				}
			});
		});

		it('knows the versions it made as its own', async () => {
			const created = await store.create(NAME, '{"n":0}');
			const named = await store.create(`${NAME}-2`, '{"n":0}', { attempt: ATTEMPT });
			const { versionId } = await store.write(NAME, '{"n":1}', created.versionId);

			for (const each of [created.versionId, named.versionId, versionId]) {
				expect(secondClient.isOwn(each)).toBe(true);
			}
		});

		describe('assertWritable', () => {
			it('agrees for the current version, as often as asked, and makes no new one', async () => {
				const created = await store.create(NAME, '{"n":0}');
				for (const client of [store, secondClient, store]) await client.assertWritable(created);
				expect(await store.read(NAME)).toEqual(created);

				const { versionId } = await store.write(NAME, '{"n":1}', created.versionId);
				const current = await secondClient.read(NAME);
				await secondClient.assertWritable(current);
				expect(current.versionId).toBe(versionId);
				expect(await store.read(NAME)).toEqual(current);
			});

			it('conflicts for a version that is no longer current, and puts nothing back', async () => {
				const created = await store.create(NAME, '{"n":0}');
				await secondClient.write(NAME, '{"n":1}', created.versionId);
				const current = await store.read(NAME);

				const reason = await rejectionOf(store.assertWritable(created));

				expect(reason).toBeInstanceOf(VersionConflictError);
				expect(await store.read(NAME)).toEqual(current);
			});

			it('answers NOT_FOUND for a secret that does not exist, and creates none', async () => {
				const absent = { secretId: NAME, versionId: 'a'.repeat(64), content: '{}' };

				for (const call of [() => store.assertWritable(absent), () => store.read(NAME)]) {
					expect((await storeErrorOf(call())).code).toBe<SecretStoreCode>('NOT_FOUND');
				}
			});
		});

		describe('content', () => {
			const contents: ReadonlyArray<readonly [string, string]> = [
				['unknown keys and odd spacing', '{ "rotatedBy" : "someone",\r\n\t"a":1 ,"a":2}\n'],
				['numbers beyond double precision', '{"n":12345678901234567890.10,"e":1E5}'],
				['text that is not JSON', 'edited by hand, not JSON'],
				['unicode', '{"label":"Zürich 東京 🔐 e\u0301","esc":"\\u00e9\\ud83d\\ude00"}'],
				['60 KB', JSON.stringify({ filler: 'x'.repeat(60 * 1024 - 13) })],
				['many bytes per character', JSON.stringify({ filler: '🔐'.repeat(15_000) })],
			];

			it.each(contents)('keeps %s byte for byte', async (_, content) => {
				const created = await store.create(NAME, content);
				expect(await secondClient.read(NAME)).toEqual(created);
				expect((await store.read(NAME)).content).toBe(content);

				const second = await store.create(`${NAME}-written`, '{}');
				await store.write(second.secretId, content, second.versionId);
				expect((await secondClient.read(second.secretId)).content).toBe(content);
			});
		});

		describe('write', () => {
			it('makes the content the current version for both clients', async () => {
				const created = await store.create(NAME, '{"n":0}');

				const written = await store.write(created.secretId, '{"n":1}', created.versionId);

				expect(written.versionId).not.toBe(created.versionId);
				expect(written.replaced).toBeUndefined();
				for (const client of [store, secondClient]) {
					expect(await client.read(created.secretId)).toEqual({
						secretId: created.secretId,
						versionId: written.versionId,
						content: '{"n":1}',
					});
				}
			});

			it('works by name as well as by the returned id', async () => {
				const created = await store.create(NAME, '{"n":0}');

				const byName = await store.write(NAME, '{"n":1}', created.versionId);
				await secondClient.write(created.secretId, '{"n":2}', byName.versionId);

				expect((await store.read(NAME)).content).toBe('{"n":2}');
			});

			it('takes content equal to the current one as a new version or as no change, never as a conflict', async () => {
				const created = await store.create(NAME, '{"n":0}');

				const written = await store.write(created.secretId, '{"n":0}', created.versionId);

				expect(await secondClient.read(NAME)).toEqual({ ...created, versionId: written.versionId });
			});

			it('is without effect when repeated, and reports the same version', async () => {
				const created = await store.create(NAME, '{"n":0}');
				const first = await store.write(created.secretId, '{"n":1}', created.versionId);

				const again = await store.write(created.secretId, '{"n":1}', created.versionId);
				const elsewhere = await secondClient.write(created.secretId, '{"n":1}', created.versionId);

				expect(again).toEqual(first);
				expect(elsewhere).toEqual(first);
				expect((await store.read(created.secretId)).versionId).toBe(first.versionId);
			});

			it('conflicts after another writer was first, and leaves what that one wrote', async () => {
				const created = await store.create(NAME, '{"n":0}');
				const first = await secondClient.write(created.secretId, '{"by":2}', created.versionId);

				const reason = await rejectionOf(
					store.write(created.secretId, '{"by":1}', created.versionId),
				);

				expect(reason).toBeInstanceOf(VersionConflictError);
				expect(reason).toHaveProperty('secretId', created.secretId);
				expect(await store.read(created.secretId)).toEqual({
					secretId: created.secretId,
					versionId: first.versionId,
					content: '{"by":2}',
				});
			});

			it('conflicts from every older version, also with the content that once succeeded', async () => {
				const created = await store.create(NAME, '{"n":0}');
				const first = await store.write(created.secretId, '{"n":1}', created.versionId);
				const second = await store.write(created.secretId, '{"n":2}', first.versionId);
				const third = await store.write(created.secretId, '{"n":3}', second.versionId);

				for (const [content, base] of [
					['{"n":1}', created.versionId],
					['{"other":1}', created.versionId],
					['{"n":2}', first.versionId],
					['{"other":2}', first.versionId],
					['{"other":3}', second.versionId],
				] as const) {
					const reason = await rejectionOf(secondClient.write(created.secretId, content, base));
					expect(reason).toBeInstanceOf(VersionConflictError);
				}
				expect(await store.read(created.secretId)).toEqual({
					secretId: created.secretId,
					versionId: third.versionId,
					content: '{"n":3}',
				});
			});

			it('conflicts where the expected version never existed', async () => {
				const created = await store.create(NAME, '{"n":0}');

				const reason = await rejectionOf(
					store.write(created.secretId, '{"n":1}', '00000000-0000-4000-8000-000000000000'),
				);

				expect(reason).toBeInstanceOf(VersionConflictError);
				expect(await store.read(created.secretId)).toEqual(created);
			});

			it('answers NOT_FOUND for a secret that does not exist, and creates none', async () => {
				const version = '00000000-0000-4000-8000-000000000000';

				const error = await storeErrorOf(store.write(NAME, '{}', version));

				expect(error.code).toBe<SecretStoreCode>('NOT_FOUND');
				expect((await storeErrorOf(store.read(NAME))).code).toBe<SecretStoreCode>('NOT_FOUND');
			});

			it('lets exactly one of many concurrent writers from one version win', async () => {
				let base = await store.create(NAME, '{"round":0}');
				for (const round of numbered(3)) {
					const from = base;
					const outcomes = await Promise.allSettled(
						numbered(12).map((n) =>
							clientFor(n).write(from.secretId, JSON.stringify({ round, n }), from.versionId),
						),
					);

					const winners = fulfilled<WriteResult>(outcomes);
					expect(winners).toHaveLength(1);
					expect(winners[0]?.replaced).toBeUndefined();
					for (const reason of rejections(outcomes)) {
						expect(reason).toBeInstanceOf(VersionConflictError);
					}

					base = await secondClient.read(from.secretId);
					expect(base.versionId).toBe(winners[0]?.versionId);
					const winnerNumber = outcomes.findIndex((outcome) => outcome.status === 'fulfilled');
					expect(base.content).toBe(JSON.stringify({ round, n: winnerNumber }));
				}
			});

			it('loses no update of writers that re-read after a conflict', async () => {
				const { secretId } = await store.create(NAME, '{"count":0}');
				const increment = async (client: SecretStore): Promise<void> => {
					for (;;) {
						const current = await client.read(secretId);
						const { count } = JSON.parse(current.content) as { count: number };
						const next = JSON.stringify({ count: count + 1, by: Math.random() });
						try {
							await client.write(secretId, next, current.versionId);
							return;
						} catch (error) {
							if (!(error instanceof VersionConflictError)) throw error;
						}
					}
				};

				await Promise.all(numbered(12).map((n) => increment(clientFor(n))));

				expect(JSON.parse((await store.read(secretId)).content)).toHaveProperty('count', 12);
			});

			it('keeps a chain of 30 writes by alternating clients in order', async () => {
				const created = await store.create(NAME, '{"n":0}');
				const versions = [created.versionId];
				for (const n of numbered(30)) {
					const base = versions[versions.length - 1] ?? '';
					const written = await clientFor(n).write(created.secretId, `{"n":${n + 1}}`, base);
					expect(written.replaced).toBeUndefined();
					versions.push(written.versionId);
				}

				expect(new Set(versions).size).toBe(31);
				expect((await store.read(NAME)).content).toBe('{"n":30}');
			});
		});

		it('carries content in no error', async () => {
			const created: SecretVersion = await store.create(NAME, JSON.stringify({ old: MARKER }));
			await store.write(created.secretId, JSON.stringify({ current: MARKER }), created.versionId);
			const secret = JSON.stringify({ secret: MARKER });

			const reasons = [
				await rejectionOf(store.create(NAME, secret)),
				await rejectionOf(store.write(created.secretId, secret, created.versionId)),
				await rejectionOf(store.write('n8n/vaulted-oauth2/absent-000000', secret, 'a'.repeat(32))),
			];

			for (const reason of reasons) {
				expect(inspect(reason, { depth: 10, showHidden: true })).not.toContain(MARKER);
				expect(JSON.stringify(reason)).not.toContain(MARKER);
			}
		});

		function clientFor(n: number): SecretStore {
			return n % 2 === 0 ? store : secondClient;
		}
	});
}

function numbered(count: number): number[] {
	return Array.from({ length: count }, (_, index) => index);
}

function fulfilled<T>(outcomes: ReadonlyArray<PromiseSettledResult<T>>): T[] {
	return outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
}

function rejections(outcomes: ReadonlyArray<PromiseSettledResult<unknown>>): unknown[] {
	return outcomes.flatMap((outcome) =>
		outcome.status === 'rejected' ? [outcome.reason as unknown] : [],
	);
}

async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
	const [outcome] = await Promise.allSettled([promise]);
	if (outcome.status !== 'rejected') throw new Error('Expected a rejection');
	return outcome.reason;
}

async function storeErrorOf(promise: Promise<unknown>): Promise<SecretStoreError> {
	const reason = await rejectionOf(promise);
	if (!(reason instanceof SecretStoreError)) {
		throw new Error(`Expected a SecretStoreError, got ${inspect(reason)}`);
	}
	return reason;
}
