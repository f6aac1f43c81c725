import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Connections } from '../../src/connections';
import { createEgress } from '../../src/http/createEgress';
import { startSecretsManagerServer, TEST_IDENTITY } from '../support/secretsManagerServer';
import type { Order } from './crew';
import { settingsOf, WORKER } from './settings';
import { startStrictProvider, type StrictProvider } from './strictProvider';

export type StoreKind = 'awsSecretsManager' | 'localVault';

/** An hour and a bit: every token has expired by then. */
const ROUND_MS = 3_700_000;

/** Where the processes of a crew meet: a provider, a store, and connections in it whose tokens have expired. */
export class Place {
	private constructor(
		readonly provider: StrictProvider,
		readonly folder: string,
		private readonly aws: Awaited<ReturnType<typeof startSecretsManagerServer>>,
	) {}

	static async open(): Promise<Place> {
		return new Place(
			await startStrictProvider(),
			await mkdtemp(join(tmpdir(), 'faults-')),
			await startSecretsManagerServer(),
		);
	}

	/** A new connection, sealed as a save in the editor does, at a time when its first token has expired. */
	async expired(kind: StoreKind): Promise<Pick<Order, 'userFolder' | 'fields' | 'aheadMs'>> {
		const fields = {
			label: `Example ${randomUUID()}`,
			grantType: 'refreshToken',
			tokenUrl: this.provider.tokenUrl,
			clientId: 'crm',
			clientAuthentication: 'post',
			clientSecretSource: 'enter',
			clientSecret: 'example-client-secret',
			refreshToken: this.provider.mint(),
			apiBaseUrl: 'https://api.example.test',
			secretStore: kind,
			awsRegion: this.aws.region,
			awsCredentials: 'accessKey',
			awsAccessKeyId: TEST_IDENTITY.accessKeyId,
			awsSecretAccessKey: TEST_IDENTITY.secretAccessKey,
			awsEndpoint: this.aws.url,
			refreshBufferSeconds: 300,
			secretRef: '',
		};
		const { delayMs } = this.provider;
		this.provider.delayMs = 0;
		const sealed = await this.connections().seal(await this.connections().read(fields));
		this.provider.delayMs = delayMs;
		this.provider.take();
		return { userFolder: this.folder, fields: { ...fields, ...sealed }, aheadMs: ROUND_MS };
	}

	/** The name of a file that does not exist yet. */
	mark(): string {
		return join(this.folder, randomUUID());
	}

	async close(): Promise<void> {
		await Promise.all([this.provider.close(), this.aws.close()]);
		await rm(this.folder, { recursive: true });
	}

	private connections(): Connections {
		return new Connections({
			settings: settingsOf(this.folder, WORKER),
			egress: createEgress(undefined, {}),
			now: Date.now,
			emit: () => undefined,
		});
	}
}
