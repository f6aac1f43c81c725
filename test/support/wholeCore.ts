import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { InstanceSettings } from '../../src/config/instanceSettings';
import { Connections } from '../../src/connections';
import { createEgress } from '../../src/http/createEgress';
import type { ConnectionEvent } from '../../src/events';
import type { SealedFields } from '../../src/sealing/sealing';
import type { WiringOptions } from '../../src/wiring';
import './nodeErrors';
import { startAuthorizationServer, type AuthorizationServer } from './authorizationServer';
import { startSampleApi, type SampleApi } from './sampleApi';
import {
	startSecretsManagerServer,
	TEST_IDENTITY,
	type SecretsManagerServer,
} from './secretsManagerServer';

export type StoreKind = 'awsSecretsManager' | 'localVault';
export type Form = Record<string, unknown>;

/** In what a process differs from a regular n8n: its settings, and parts of it that a test replaces. Its timers are real unless replaced. */
export type ProcessChanges = Partial<
	Omit<InstanceSettings, 'userFolder' | 'encryptionKey'> &
		Pick<WiringOptions, 'openStore' | 'egress' | 'after' | 'leaseMs' | 'limit'>
>;

export const CLIENT = { clientId: 'crm', clientSecret: 'example-client-secret' };

const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** A client that signs. */
export const SIGNER = {
	clientId: 'signer',
	privateKey: keys.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
};

/** A client that people connect their accounts to. */
export const APP = { clientId: 'app', clientSecret: 'example-app-secret' };
/** Nobody listens there: what arrives is handed to the core as it is. */
export const REDIRECT_URI = 'http://127.0.0.1:9/hooks/crm/callback';
/** An address that is no trigger's. */
export const PASTE_URI = 'http://127.0.0.1:9/return';

/**
 * The whole core between real servers: an OpenID provider, an API, a Secrets Manager. Only the clock is not real; it runs for the core and
 * for what the API takes for valid.
 */
export class WholeCore {
	now = Date.now();
	readonly events: ConnectionEvent[] = [];
	connections: Connections;

	readonly provider: AuthorizationServer;
	readonly api: SampleApi;
	readonly aws: SecretsManagerServer;

	private constructor(
		readonly kind: StoreKind,
		servers: Pick<WholeCore, 'provider' | 'api' | 'aws'>,
		private readonly folder: string,
	) {
		({ provider: this.provider, api: this.api, aws: this.aws } = servers);
		this.connections = this.process();
	}

	/** @param sharedClock whether AWS goes by the test's clock too: the quota of versions is one of 24 hours */
	static async start(kind: StoreKind, sharedClock = false): Promise<WholeCore> {
		const running: { core?: WholeCore } = {};
		const provider = await startAuthorizationServer({
			clients: [
				{ ...CLIENT },
				{
					clientId: 'poster',
					clientSecret: CLIENT.clientSecret,
					authentication: 'client_secret_post',
				},
				{ clientId: 'reader', clientSecret: CLIENT.clientSecret, scope: 'api:read' },
				{ clientId: 'public', authentication: 'none' },
				{
					clientId: SIGNER.clientId,
					authentication: 'private_key_jwt',
					redirectUris: [REDIRECT_URI],
					mustPush: true,
					publicKeys: [{ ...keys.publicKey.export({ format: 'jwk' }) }],
				},
				{ ...APP, redirectUris: [REDIRECT_URI, PASTE_URI] },
				{ ...APP, clientId: 'pushing', redirectUris: [REDIRECT_URI, PASTE_URI], mustPush: true },
				{ clientId: 'public-app', authentication: 'none', redirectUris: [REDIRECT_URI] },
			],
			loginPages: true,
			now: () => running.core?.now ?? Date.now(),
		});
		const api = await startSampleApi({ isActive: (token) => provider.isActive(token) });
		const aws = await startSecretsManagerServer(
			sharedClock ? { now: () => running.core?.now ?? Date.now() } : {},
		);
		running.core = new WholeCore(
			kind,
			{ provider, api, aws },
			await mkdtemp(join(tmpdir(), 'vaulted-')),
		);
		return running.core;
	}

	/** Connections with a memory of their own, as another process would have them. */
	process({
		openStore,
		egress,
		after,
		leaseMs,
		limit,
		...settings
	}: ProcessChanges = {}): Connections {
		return new Connections({
			settings: {
				userFolder: this.folder,
				encryptionKey: 'key of a test instance',
				awsSystemCredentialsAllowed: false,
				severalProcesses: false,
				endsAfterRun: false,
				lease: 'automatic',
				shutdownMs: 30_000,
				egressPolicy: undefined,
				...settings,
			},
			egress: egress ?? createEgress(undefined, {}),
			now: () => this.now,
			emit: (event) => this.events.push(event),
			...(openStore === undefined ? {} : { openStore }),
			...(after === undefined ? {} : { after }),
			...(leaseMs === undefined ? {} : { leaseMs }),
			...(limit === undefined ? {} : { limit }),
		});
	}

	/** A filled-in form for these servers. */
	form(changes: Form = {}): Form {
		return {
			label: 'Example CRM',
			grantType: 'clientCredentials',
			tokenUrl: this.provider.tokenEndpoint,
			clientId: CLIENT.clientId,
			clientAuthentication: 'automatic',
			clientSecretSource: 'enter',
			clientSecret: CLIENT.clientSecret,
			scope: 'api:read',
			apiBaseUrl: this.api.url,
			secretStore: this.kind,
			...(this.kind === 'awsSecretsManager'
				? {
						awsRegion: this.aws.region,
						awsCredentials: 'accessKey',
						awsAccessKeyId: TEST_IDENTITY.accessKeyId,
						awsSecretAccessKey: TEST_IDENTITY.secretAccessKey,
						awsEndpoint: this.aws.url,
					}
				: {}),
			refreshBufferSeconds: 300,
			secretRef: '',
			...changes,
		};
	}

	/** The same for the refresh token grant, with a refresh token a user has just consented to. */
	async refreshForm(changes: Form = {}): Promise<Form> {
		return this.form({
			grantType: 'refreshToken',
			refreshToken: await this.provider.mintRefreshToken(CLIENT.clientId),
			scope: '',
			...changes,
		});
	}

	/** The same for a client that signs. */
	signerForm(changes: Form = {}): Form {
		return this.form({
			...SIGNER,
			clientAuthentication: 'privateKeyJwt',
			clientSecret: '',
			...changes,
		});
	}

	/** The same for an account that a person connects. */
	codeForm(changes: Form = {}): Form {
		return this.form({
			grantType: 'authorizationCode',
			issuerUrl: this.provider.issuer,
			tokenUrl: '',
			redirectUri: REDIRECT_URI,
			...APP,
			scope: 'openid offline_access api:read',
			// Without it the provider leaves offline_access out (OpenID Connect Core 1.0 §11).
			authorizationParameters: '{"prompt":"consent"}',
			...changes,
		});
	}

	/** What n8n does on saving: the form with what sealing returned in it. */
	async save(form: Form, connections = this.connections): Promise<Form & SealedFields> {
		return { ...form, ...(await connections.seal(await connections.read(form))) };
	}

	/** Calls the API as a node would; the status. */
	async call(form: Form, connections = this.connections): Promise<number> {
		const { tokens } = connections.open(await connections.read(form));
		const { accessToken } = await tokens.get();
		const response = await fetch(`${this.api.url}/me`, {
			headers: { authorization: `Bearer ${accessToken}` },
		});
		return response.status;
	}

	/** Lets `seconds` pass. */
	wait(seconds: number): void {
		this.now += seconds * 1000;
	}

	/** Number of secrets in the store. */
	async stored(): Promise<number> {
		if (this.kind === 'awsSecretsManager') return this.aws.secrets().length;
		const entries = await readdir(join(this.folder, 'vaulted-oauth2'), {
			withFileTypes: true,
		}).catch(() => []);
		return entries.length;
	}

	async close(): Promise<void> {
		await Promise.all([this.provider.close(), this.api.close(), this.aws.close()]);
		await rm(this.folder, { recursive: true, force: true });
	}
}
