import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { InstanceSettings } from '../../src/config/instanceSettings';
import { Connections } from '../../src/connections';
import { SecretStoreError } from '../../src/errors';
import { createEgress } from '../../src/http/createEgress';
import { openStore } from '../../src/secrets/openStore';
import { failureOf } from '../support/failureOf';
import { startSecretsManagerServer, TEST_IDENTITY } from '../support/secretsManagerServer';
import { aroundStore } from './aroundStore';
import { formOf, REGULAR, type Form } from './environment';
import { startStrictProvider, type StrictProvider } from './strictProvider';

/* The store can be read and not be written: no refresh token is spent, whatever the process is. */

const HOUR_MS = 3_700_000;

let provider: StrictProvider;
let aws: Awaited<ReturnType<typeof startSecretsManagerServer>>;
let folder: string;
let now: number;
let isVaultReadOnly: boolean;

beforeAll(async () => {
	provider = await startStrictProvider();
	aws = await startSecretsManagerServer();
	folder = await mkdtemp(join(tmpdir(), 'denied-'));
});
afterAll(async () => {
	await Promise.all([provider.close(), aws.close()]);
	await rm(folder, { recursive: true, force: true });
});
beforeEach(() => {
	now = Date.now();
	deny(false);
});

/** AWS denies the action itself; for root no folder is read-only, so that the vault's refusal comes from in front of it. */
function deny(isDenied: boolean): void {
	isVaultReadOnly = isDenied;
	if (isDenied) aws.deny(TEST_IDENTITY.accessKeyId, 'PutSecretValue');
	else aws.allow(TEST_IDENTITY.accessKeyId, 'PutSecretValue');
}

function processOf(settings: Partial<InstanceSettings>): Connections {
	return new Connections({
		settings: { ...REGULAR, userFolder: folder, ...settings },
		egress: createEgress(undefined, {}),
		now: () => now,
		openStore: (store, parts) =>
			aroundStore(openStore(store, parts), async ({ action, secretId }, act) => {
				const isWrite = action === 'write' || action === 'assertWritable';
				if (isWrite && isVaultReadOnly && store.kind === 'localVault')
					throw new SecretStoreError('read-only', { code: 'ACCESS_DENIED', action, secretId });
				return await act();
			}),
		emit: () => undefined,
	});
}

const MODES: readonly [name: string, settings: Partial<InstanceSettings>][] = [
	['regular mode', {}],
	['several processes', { severalProcesses: true }],
	['n8n execute', { endsAfterRun: true }],
	['VAULTED_OAUTH2_LEASE=always', { lease: 'always' }],
	['VAULTED_OAUTH2_LEASE=never', { lease: 'never' }],
	['several processes, VAULTED_OAUTH2_LEASE=never', { severalProcesses: true, lease: 'never' }],
];

describe.each(['awsSecretsManager', 'localVault'])('%s', (secretStore) => {
	describe.each(MODES)('%s', (_name, settings) => {
		it.each([
			['the first redemption, tokens of 60 minutes', 3_600, 0],
			['a later redemption, tokens of 60 minutes', 3_600, 2],
			['the first redemption, tokens of 30 minutes', 1_800, 0],
			['a later redemption, tokens of 30 minutes', 1_800, 2],
		])('%s', async (_moment, lifetime, redemptionsBefore) => {
			provider.rotation.lifetime = lifetime;
			const form = formOf('refreshToken', {
				tokenUrl: provider.tokenUrl,
				refreshToken: provider.mint(),
				secretStore,
				awsAccessKeyId: TEST_IDENTITY.accessKeyId,
				awsSecretAccessKey: TEST_IDENTITY.secretAccessKey,
				awsEndpoint: aws.url,
			});
			const sealed: Form = {
				...form,
				...(await processOf(settings).seal(await processOf(settings).read(form))),
			};
			const { tokens } = processOf(settings).open(await processOf(settings).read(sealed));
			await tokens.get();
			for (let redemption = 0; redemption < redemptionsBefore; redemption += 1) {
				now += HOUR_MS;
				await tokens.get();
			}
			provider.take();

			// Due, and then ended; and a person who insists, or saves.
			deny(true);
			now += lifetime * 1000 - 60_000;
			await tokens.get();
			now += HOUR_MS;
			await expect(failureOf(tokens.get())).resolves.toMatchObject({ code: 'ACCESS_DENIED' });
			await expect(failureOf(tokens.refreshNow())).resolves.toMatchObject({
				code: 'ACCESS_DENIED',
			});
			const editor = processOf(settings);
			const saved = editor.seal(await editor.read({ ...sealed, clientSecret: 'typed again' }));
			await expect(failureOf(saved)).resolves.toMatchObject({ code: 'ACCESS_DENIED' });
			expect(provider.take()).toEqual({ redeemed: 0, reused: 0, refused: 0 });

			deny(false);
			now += HOUR_MS;
			const { accessToken } = await tokens.get();
			expect(provider.isLatest(accessToken)).toBe(true);
			expect(provider.take()).toEqual({ redeemed: 1, reused: 0, refused: 0 });
		});
	});
});
