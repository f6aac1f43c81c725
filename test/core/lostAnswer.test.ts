import { openStore } from '../../src/secrets/openStore';
import { SecretStoreError } from '../../src/errors';
import { failureOf } from '../support/failureOf';
import { WholeCore, type Form, type StoreKind } from '../support/wholeCore';

/** The SDK tries each call three times. */
const ALL_TRIES = 3;

/** The secret is made, and nobody hears of it. */
function losingFirstAnswer(): typeof openStore {
	let isLost = false;
	return (...parts) => {
		const store = openStore(...parts);
		return {
			...store,
			create: async (...secret) => {
				const created = await store.create(...secret);
				if (isLost) return created;
				isLost = true;
				throw new SecretStoreError('lost', {
					code: 'UNAVAILABLE',
					action: 'create',
					secretId: created.secretId,
				});
			},
		};
	};
}

const GRANTS = ['client credentials', 'refresh token'] as const;

async function formOf(core: WholeCore, grant: (typeof GRANTS)[number], changes: Form) {
	return grant === 'refresh token' ? await core.refreshForm(changes) : core.form(changes);
}

describe.each<StoreKind>(['localVault', 'awsSecretsManager'])(
	'the answer to the creation of a secret is lost, %s',
	(kind) => {
		let core: WholeCore;

		beforeEach(async () => {
			core = await WholeCore.start(kind);
			core.connections = core.process({ openStore: losingFirstAnswer() });
		});
		afterEach(async () => {
			await core.close();
		});

		it.each(GRANTS)(
			'%s: saving again finds the secret, and nothing is redeemed twice',
			async (grant) => {
				const form = await formOf(core, grant, {});
				await expect(failureOf(core.save(form))).resolves.toMatchObject({ code: 'UNAVAILABLE' });
				const saved = await core.save(form);
				expect(await core.stored()).toBe(1);
				expect(core.provider.countTokenRequests()).toBe(1);
				core.wait(3_601);
				await expect(core.call(saved, core.process())).resolves.toBe(200);
				expect(core.provider.countTokenRequests({ result: 'ok' })).toBe(2);
			},
		);
	},
);

describe('AWS loses answers to CreateSecret', () => {
	let core: WholeCore;

	beforeEach(async () => {
		core = await WholeCore.start('awsSecretsManager');
	});
	afterEach(async () => {
		await core.close();
	});

	const NAMES = [
		['a name of its own', ''],
		['a fixed name', 'crm/oauth'],
	];

	describe.each(GRANTS)('%s', (grant) => {
		it.each(NAMES)('one of them, %s: the SDK repeats it', async (_name, secretName) => {
			const form = await formOf(core, grant, { secretName });
			core.aws.fail({ action: 'CreateSecret', kind: 'answerLost' });
			await expect(core.call(await core.save(form))).resolves.toBe(200);
			expect(await core.stored()).toBe(1);
		});

		it.each(NAMES)('all of them, %s: saving again finds the secret', async (_name, secretName) => {
			const form = await formOf(core, grant, { secretName });
			core.aws.fail({ action: 'CreateSecret', kind: 'answerLost', times: ALL_TRIES });
			await expect(failureOf(core.save(form))).resolves.toMatchObject({
				failureClass: 'secretStore',
			});
			expect(await core.stored()).toBe(1);
			const saved = await core.save(form);
			expect(await core.stored()).toBe(1);
			expect(core.provider.countTokenRequests()).toBe(1);
			core.wait(3_601);
			await expect(core.call(saved, core.process())).resolves.toBe(200);
			expect(core.provider.countTokenRequests({ result: 'ok' })).toBe(2);
		});

		it.each(NAMES)(
			'of every second save, %s: the same secret is found each time',
			async (_name, secretName) => {
				const form = await formOf(core, grant, { secretName });
				for (let save = 0; save < 2; save += 1) {
					core.aws.fail({ action: 'CreateSecret', kind: 'answerLost', times: ALL_TRIES });
					await failureOf(core.save(form));
				}
				await core.save(form);
				expect(await core.stored()).toBe(1);
				expect(core.provider.countTokenRequests()).toBe(1);
			},
		);

		it('and then says that the name is taken: the secret is known by its attempt', async () => {
			const form = await formOf(core, grant, { secretName: 'crm/oauth' });
			core.aws.fail({ action: 'CreateSecret', kind: 'answerLost', times: ALL_TRIES });
			await failureOf(core.save(form));
			core.aws.fail({ action: 'CreateSecret', kind: 'nameTaken' });
			await expect(core.call(await core.save(form))).resolves.toBe(200);
			expect(await core.stored()).toBe(1);
		});
	});

	it('and the secret of somebody else is not taken for it', async () => {
		const form = await core.refreshForm({ secretName: 'crm/oauth' });
		core.aws.fail({ action: 'CreateSecret', kind: 'connectionReset', times: ALL_TRIES });
		await failureOf(core.save(form));
		core.aws.perform('CreateSecret', { Name: 'crm/oauth', SecretString: 'theirs' });
		await expect(failureOf(core.save(form))).resolves.toMatchObject({ code: 'ALREADY_EXISTS' });
		expect(core.aws.secret('crm/oauth')?.content).toBe('theirs');
		// What was redeemed is not lost: another name takes it.
		core.aws.perform('DeleteSecret', {
			SecretId: 'crm/oauth',
			ForceDeleteWithoutRecovery: true,
		});
		await expect(core.call(await core.save(form))).resolves.toBe(200);
		expect(core.provider.countTokenRequests()).toBe(1);
	});
});
