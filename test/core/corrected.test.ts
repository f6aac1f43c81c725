import type { Clock } from '../../src/tokens/clock';
import { eventually } from '../support/eventually';
import { failureOf } from '../support/failureOf';
import { TEST_IDENTITY } from '../support/secretsManagerServer';
import { WholeCore, type Form, type StoreKind } from '../support/wholeCore';

const FIRST = TEST_IDENTITY.accessKeyId;
const SECOND = 'second-key';
const second = { awsAccessKeyId: SECOND, awsSecretAccessKey: 'second-secret-access-key' };

/** What happens, happens because of the correction. */
const noTimers: Clock['after'] = () => () => undefined;

/** A store setting that was wrong and is corrected; no time passes but where a test says so. */
describe('a corrected store setting works at once, without a restart', () => {
	let core: WholeCore;

	beforeAll(async () => {
		core = await WholeCore.start('awsSecretsManager');
		core.aws.addIdentity({
			accessKeyId: SECOND,
			secretAccessKey: second.awsSecretAccessKey,
			arn: 'arn:aws:iam::123456789012:user/second',
		});
	});
	beforeEach(() => {
		core.connections = core.process({ after: noTimers });
	});
	afterEach(() => {
		core.aws.allow(FIRST, 'GetSecretValue', 'PutSecretValue', 'CreateSecret');
		core.aws.allow(SECOND, 'GetSecretValue', 'PutSecretValue');
		expect(core.provider.countTokenRequests({ result: 'invalid_grant' })).toBe(0);
	});
	afterAll(async () => {
		await core.close();
	});

	/** Saved by another process, with a token that has ended: the next call needs store and provider. */
	async function saved(grant: 'client credentials' | 'refresh token'): Promise<Form> {
		const typed = grant === 'refresh token' ? await core.refreshForm() : core.form();
		const form = await core.save(typed, core.process());
		core.wait(3_601);
		return form;
	}

	/** As often as it takes until it waits. */
	async function fails(form: Form, code: string): Promise<void> {
		for (let call = 0; call < 3; call += 1)
			await expect(failureOf(core.call(form))).resolves.toMatchObject({ code });
	}

	describe.each(['client credentials', 'refresh token'] as const)('%s', (grant) => {
		it.each<[string, Form, string]>([
			['secret access key', { awsSecretAccessKey: 'wrong' }, 'AWS_CREDENTIALS_REFUSED'],
			['access key', { awsAccessKeyId: 'nobody' }, 'AWS_CREDENTIALS_REFUSED'],
			['endpoint', { awsEndpoint: 'http://127.0.0.1:9' }, 'SEALED_ELSEWHERE'],
			['region', { awsRegion: 'us-east-1' }, 'SEALED_ELSEWHERE'],
		])('a wrong %s', async (_name, wrong, code) => {
			const form = await saved(grant);
			await fails({ ...form, ...wrong }, code);
			await expect(core.call(form)).resolves.toBe(200);
		});

		it('a key that is denied, another one, and the former one again once that is allowed', async () => {
			const form = await saved(grant);
			core.aws.deny(FIRST, 'GetSecretValue');
			await fails(form, 'ACCESS_DENIED');
			const corrected = { ...form, ...second };
			await expect(core.call(corrected)).resolves.toBe(200);
			core.aws.allow(FIRST, 'GetSecretValue');
			core.aws.deny(SECOND, 'GetSecretValue');
			core.wait(3_601);
			await fails(corrected, 'ACCESS_DENIED');
			await expect(core.call(form)).resolves.toBe(200);
		});
	});

	it('the former key again, once that is allowed, though it was refused a moment ago', async () => {
		const form = await saved('client credentials');
		core.aws.deny(FIRST, 'GetSecretValue');
		await fails(form, 'ACCESS_DENIED');
		core.aws.deny(SECOND, 'GetSecretValue');
		await fails({ ...form, ...second }, 'ACCESS_DENIED');
		core.aws.allow(FIRST, 'GetSecretValue');
		await expect(core.call(form)).resolves.toBe(200);
	});

	it('spends nothing while nothing can be written, and goes on with the corrected key', async () => {
		const form = await saved('refresh token');
		core.aws.deny(FIRST, 'PutSecretValue');
		const before = core.provider.countTokenRequests();
		await fails(form, 'ACCESS_DENIED');
		expect(core.provider.countTokenRequests()).toBe(before);
		await expect(core.call({ ...form, ...second })).resolves.toBe(200);
	});

	/** A rotated refresh token that is nowhere but in this process. */
	async function pending(): Promise<Form> {
		const form = await saved('refresh token');
		core.aws.fail({ action: 'PutSecretValue', kind: 'kmsAccessDenied', after: 1 });
		await expect(core.call(form)).resolves.toBe(200);
		expect(newestStored()).toBe(false);
		core.aws.deny(FIRST, 'PutSecretValue');
		return form;
	}

	function newestStored(): boolean {
		const newest = core.provider.issued.filter(({ kind }) => kind === 'RefreshToken').at(-1);
		return core.aws.secrets().some(({ content }) => content?.includes(newest?.value ?? '-'));
	}

	it('writes at once what was not written, by the corrected key', async () => {
		const form = await pending();
		await expect(core.call({ ...form, ...second })).resolves.toBe(200);
		await eventually(newestStored);
	});

	it('writes at once what was not written, by the former key once that is allowed', async () => {
		const form = await pending();
		core.aws.deny(SECOND, 'PutSecretValue');
		await expect(core.call({ ...form, ...second })).resolves.toBe(200);
		core.aws.allow(FIRST, 'PutSecretValue');
		await expect(core.call(form)).resolves.toBe(200);
		await eventually(newestStored);
	});

	it.each<StoreKind>(['awsSecretsManager', 'localVault'])(
		'saves what was redeemed already in %s',
		async (secretStore) => {
			const form = await core.refreshForm();
			core.aws.deny(FIRST, 'CreateSecret');
			await expect(failureOf(core.save(form))).resolves.toMatchObject({ code: 'ACCESS_DENIED' });
			const after = await core.save({ ...form, ...second, secretStore });
			core.wait(3_601);
			await expect(core.call(after, core.process())).resolves.toBe(200);
		},
	);
});
