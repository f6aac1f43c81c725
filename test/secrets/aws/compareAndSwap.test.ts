import { SecretStoreError, VersionConflictError } from '../../../src/errors';
import type { SecretStore } from '../../../src/secrets/store';
import { rejectionOf, startAwsTestBed, type AwsTestBed } from '../../support/awsStore';
import { TEST_IDENTITY } from '../../support/secretsManagerServer';

const NAME = 'n8n/vaulted-oauth2/tenant-a/crm-a1b2c3';
const DAY_MS = 24 * 60 * 60 * 1000;

let bed: AwsTestBed;

beforeEach(async () => {
	bed = await startAwsTestBed();
});

afterEach(async () => {
	await bed.close();
});

const editByHand = (content: string): string =>
	String(
		bed.server.perform('PutSecretValue', { SecretId: NAME, SecretString: content })['VersionId'],
	);
const moveCurrent = (from: string, to: string) =>
	bed.server.perform('UpdateSecretVersionStage', {
		SecretId: NAME,
		VersionStage: 'AWSCURRENT',
		RemoveFromVersionId: from,
		MoveToVersionId: to,
	});

describe('a write to AWS Secrets Manager', () => {
	let store: SecretStore;
	let first: string;

	beforeEach(async () => {
		store = bed.open();
		first = (await store.create(NAME, '{"n":0}')).versionId;
	});

	const current = () => bed.server.secret(NAME)?.content;

	it('reads AWSCURRENT, and writes by full ARN', async () => {
		await store.read(NAME);
		await store.write(NAME, '{"n":1}', first);

		const arn = bed.server.secret(NAME)?.arn;
		expect(
			bed.server.calls
				.slice(1)
				.map(({ action, secretId, versionStage }) => [action, secretId === arn, versionStage]),
		).toEqual([
			['GetSecretValue', false, 'AWSCURRENT'],
			['GetSecretValue', false, 'AWSCURRENT'],
			['PutSecretValue', true, undefined],
			['GetSecretValue', true, 'AWSPREVIOUS'],
		]);
	});

	it('keeps the token of a put over its attempts, so that one version comes of it', async () => {
		bed.server.fail({ action: 'PutSecretValue', kind: 'connectionReset' });
		bed.server.fail({ action: 'PutSecretValue', kind: 'answerLost' });

		const { versionId } = await store.write(NAME, '{"n":1}', first);

		const puts = bed.server.calls.filter(({ action }) => action === 'PutSecretValue');
		expect(puts.map(({ clientRequestToken }) => clientRequestToken)).toEqual(
			Array(3).fill(versionId),
		);
		expect(versionId).toMatch(/^[0-9a-f]{64}$/);
		expect(bed.server.secret(NAME)?.versions).toHaveLength(2);
	});

	it('finds its own write again after every answer was lost', async () => {
		bed.server.fail({ action: 'PutSecretValue', kind: 'answerLost', times: 3 });
		const error = await rejectionOf(store.write(NAME, '{"n":1}', first), SecretStoreError);
		expect(error.code).toBe('UNREACHABLE');

		const { versionId, replaced } = await bed.open().write(NAME, '{"n":1}', first);

		expect(replaced).toBeUndefined();
		expect(bed.server.secret(NAME)?.versions.map(({ id }) => id)).toEqual([first, versionId]);
	});

	it('does not take the same content from another hand for its own write', async () => {
		editByHand('{"n":1}');

		await rejectionOf(store.write(NAME, '{"n":1}', first), VersionConflictError);
	});

	it('succeeds although the next writer is already done', async () => {
		bed.server.beforeNext('PutSecretValue', () => {
			bed.server.beforeNext('GetSecretValue', async () => {
				const { versionId } = await bed.open().read(NAME);
				await bed.open().write(NAME, '{"n":2}', versionId);
			});
		});

		expect((await store.write(NAME, '{"n":1}', first)).replaced).toBeUndefined();
		expect(bed.server.secret(NAME)?.versions.map(({ content }) => content)).toEqual([
			'{"n":0}',
			'{"n":1}',
			'{"n":2}',
		]);
	});

	it('conflicts with an administrator’s edit that came before it', async () => {
		editByHand('{"by":"hand"}');

		await rejectionOf(store.write(NAME, '{"n":1}', first), VersionConflictError);
		expect(current()).toBe('{"by":"hand"}');
	});

	it('conflicts where two other writers slip in just before it', async () => {
		bed.server.beforeNext('PutSecretValue', async () => {
			const second = await bed.open().write(NAME, '{"by":"second"}', first);
			await bed.open().write(NAME, '{"by":"third"}', second.versionId);
		});

		await rejectionOf(store.write(NAME, '{"n":1}', first), VersionConflictError);
		expect(current()).toBe('{"by":"third"}');
	});

	describe('where an administrator’s edit slips in just before it', () => {
		it('reports the edit, so that it can be merged', async () => {
			let edit = '';
			bed.server.beforeNext('PutSecretValue', () => (edit = editByHand('{"by":"hand"}')));

			const { versionId, replaced } = await store.write(NAME, '{"n":1}', first);

			expect(replaced).toEqual({
				secretId: bed.server.secret(NAME)?.arn,
				versionId: edit,
				content: '{"by":"hand"}',
			});
			const merged = await store.write(NAME, '{"n":1,"by":"hand"}', versionId);
			expect(merged.replaced).toBeUndefined();
			expect(current()).toBe('{"n":1,"by":"hand"}');
		});

		it('reports the edit also when the write is repeated', async () => {
			bed.server.beforeNext('PutSecretValue', () => editByHand('{"by":"hand"}'));
			bed.server.fail({ action: 'PutSecretValue', kind: 'answerLost', times: 3 });
			await rejectionOf(store.write(NAME, '{"n":1}', first), SecretStoreError);

			for (const client of [store, bed.open()]) {
				const again = await client.write(NAME, '{"n":1}', first);
				expect(again.replaced?.content).toBe('{"by":"hand"}');
			}
		});

		it('reports no binary edit, which nobody can merge', async () => {
			bed.server.beforeNext('PutSecretValue', () => {
				bed.server.perform('PutSecretValue', { SecretId: NAME, SecretBinary: 'AAEC' });
			});

			expect((await store.write(NAME, '{"n":1}', first)).replaced).toBeUndefined();
			expect(current()).toBe('{"n":1}');
		});

		it('succeeds although it cannot look for edits', async () => {
			bed.server.fail({ action: 'GetSecretValue', kind: 'kmsAccessDenied', after: 1 });

			expect((await store.write(NAME, '{"n":1}', first)).replaced).toBeUndefined();
			expect(current()).toBe('{"n":1}');
		});
	});

	describe('after an administrator moved AWSCURRENT back', () => {
		it('writes on from that version, each time', async () => {
			for (const n of [1, 2, 3]) {
				const { versionId, replaced } = await store.write(NAME, `{"n":${n}}`, first);
				expect(replaced).toBeUndefined();
				expect(current()).toBe(`{"n":${n}}`);
				const next = await store.write(NAME, `{"next":${n}}`, versionId);
				moveCurrent(next.versionId, first);
			}
			expect(bed.server.secret(NAME)?.versions).toHaveLength(7);
		});

		it('writes also what was written from that version before', async () => {
			const before = await store.write(NAME, '{"n":1}', first);
			moveCurrent(before.versionId, first);

			const after = await store.write(NAME, '{"n":1}', first);

			expect(after.versionId).not.toBe(before.versionId);
			expect(after.replaced).toBeUndefined();
			expect(current()).toBe('{"n":1}');
			expect(await store.write(NAME, '{"n":1}', first)).toEqual(after);
		});

		it('still lets exactly one of many writers win', async () => {
			const { versionId } = await store.write(NAME, '{"n":1}', first);
			moveCurrent(versionId, first);

			const outcomes = await Promise.allSettled(
				Array.from({ length: 10 }, (_, n) => bed.open().write(NAME, `{"again":${n}}`, first)),
			);

			const winners = outcomes.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
			expect(winners).toHaveLength(1);
			expect(winners[0]?.replaced).toBeUndefined();
			expect(bed.server.secret(NAME)?.versions).toHaveLength(3);
		});

		it('says so when it happened too often to one version', async () => {
			for (let round = 0; round < 8; round += 1) {
				const { versionId } = await store.write(NAME, `{"round":${round}}`, first);
				moveCurrent(versionId, first);
			}

			const error = await rejectionOf(
				store.write(NAME, '{"once":"more"}', first),
				SecretStoreError,
			);

			expect(error).toMatchObject({ code: 'LIMIT_EXCEEDED', action: 'PutSecretValue' });
			expect(current()).toBe('{"n":0}');
		});
	});

	describe('that is only tried', () => {
		it('puts the current version once more, which makes no new one', async () => {
			await store.assertWritable(await store.read(NAME));

			expect(bed.server.calls.slice(-2)).toMatchObject([
				{ action: 'GetSecretValue', versionStage: 'AWSCURRENT' },
				{ action: 'PutSecretValue', clientRequestToken: first },
			]);
			expect(bed.server.secret(NAME)?.versions.map(({ id }) => id)).toEqual([first]);
		});

		it('works for an administrator’s version too', async () => {
			const edit = editByHand('{"by":"hand"}');

			await store.assertWritable(await store.read(NAME));

			expect(bed.server.secret(NAME)?.versions.map(({ id }) => id)).toEqual([first, edit]);
		});

		it('is denied to whoever may not write, and names the action', async () => {
			bed.server.deny(TEST_IDENTITY.accessKeyId, 'PutSecretValue');
			const current = await store.read(NAME);

			const error = await rejectionOf(store.assertWritable(current), SecretStoreError);

			expect(error).toMatchObject({ code: 'ACCESS_DENIED', action: 'PutSecretValue' });
		});

		it.each([
			['kmsAccessDenied', 'ACCESS_DENIED'],
			['throttling', 'THROTTLED'],
			['hang', 'UNREACHABLE'],
		] as const)('fails as a write does: %s', async (kind, code) => {
			bed.server.fail({ action: 'PutSecretValue', kind, times: Infinity });
			const patient = bed.open({ timeouts: { connect: 1000, request: 30, call: 5000 } });

			const error = await rejectionOf(
				patient.assertWritable(await patient.read(NAME)),
				SecretStoreError,
			);

			expect(error).toMatchObject({ code, action: 'PutSecretValue' });
		});

		it.each<[string, (edit: () => string) => void]>([
			[
				'before a look that is stale',
				(edit) => {
					edit();
					bed.server.fail({ action: 'GetSecretValue', kind: 'stale' });
				},
			],
			['between look and put', (edit) => bed.server.beforeNext('PutSecretValue', edit)],
		])('conflicts if another version became current %s', async (_, arrange) => {
			const read = await store.read(NAME);
			arrange(() => editByHand('{"by":"hand"}'));

			await rejectionOf(store.assertWritable(read), VersionConflictError);
			expect(current()).toBe('{"by":"hand"}');
		});

		it('never puts back a version that AWS has removed meanwhile', async () => {
			await bed.close();
			bed = await startAwsTestBed({ versionQuota: 3 });
			store = bed.open();
			const old = await store.create(NAME, '{"day":0}');
			for (let day = 1; day <= 4; day += 1) {
				bed.advance(2 * DAY_MS);
				editByHand(`{"day":${day}}`);
			}
			expect(bed.server.secret(NAME)?.versions.map(({ id }) => id)).not.toContain(old.versionId);

			await rejectionOf(store.assertWritable(old), VersionConflictError);
			expect(current()).toBe('{"day":4}');
		});
	});

	describe('where reads are stale', () => {
		const staleReads = (times: number, after = 0) =>
			bed.server.fail({ action: 'GetSecretValue', kind: 'stale', times, after });

		it.each([1, 2, 3, 4])(
			'never overwrites another writer’s version: %i stale reads',
			async (n) => {
				await bed.open().write(NAME, '{"by":"other"}', first);
				staleReads(n);

				await rejectionOf(store.write(NAME, '{"n":1}', first), VersionConflictError);
				expect(current()).toBe('{"by":"other"}');
				expect(bed.server.secret(NAME)?.versions).toHaveLength(2);
			},
		);

		it('never overwrites a later version: stale read of a base whose successor is no longer current', async () => {
			const second = await bed.open().write(NAME, '{"by":"other"}', first);
			await bed.open().write(NAME, '{"by":"third"}', second.versionId);
			staleReads(4);

			await rejectionOf(store.write(NAME, '{"n":1}', second.versionId), VersionConflictError);
			expect(current()).toBe('{"by":"third"}');
		});

		it('conflicts where the labels of the other version cannot be read', async () => {
			await bed.open().write(NAME, '{"by":"other"}', first);
			staleReads(1);
			bed.server.fail({ action: 'GetSecretValue', kind: 'kmsAccessDenied', after: 0 });

			await rejectionOf(store.write(NAME, '{"n":1}', first), VersionConflictError);
		});

		it('conflicts with a base that is read too late, and goes on after a fresh read', async () => {
			await bed.open().write(NAME, '{"by":"other"}', first);
			staleReads(1);
			const stale = await store.read(NAME);
			expect(stale.versionId).toBe(first);
			await rejectionOf(store.write(NAME, '{"n":1}', stale.versionId), VersionConflictError);

			await store.write(NAME, '{"n":1}', (await store.read(NAME)).versionId);
			expect(current()).toBe('{"n":1}');
		});

		it('takes no older version for an edit that slipped in', async () => {
			const second = await store.write(NAME, '{"n":1}', first);
			const third = await store.write(NAME, '{"n":2}', second.versionId);
			staleReads(1, 1);

			const { replaced } = await store.write(NAME, '{"n":3}', third.versionId);

			expect(replaced).toBeUndefined();
			expect(bed.server.calls.slice(-3).map(({ action }) => action)).toEqual([
				'GetSecretValue',
				'PutSecretValue',
				'GetSecretValue',
			]);
		});
	});

	it('conflicts with a base so old that AWS has removed its successors', async () => {
		await bed.close();
		bed = await startAwsTestBed({ versionQuota: 4 });
		store = bed.open();
		let base = await store.create(NAME, '{"day":0}');
		const old = base.versionId;
		for (let day = 1; day <= 6; day += 1) {
			bed.advance(2 * DAY_MS);
			await store.write(NAME, `{"day":${day}}`, base.versionId);
			base = await store.read(NAME);
		}
		expect(bed.server.secret(NAME)?.versions).toHaveLength(4);

		await rejectionOf(store.write(NAME, '{"late":true}', old), VersionConflictError);
		expect(current()).toBe('{"day":6}');
	});
});
