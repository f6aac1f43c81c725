import type {
	ICredentialDataDecryptedObject,
	IDataObject,
	INodeExecutionData,
	INodeParameters,
} from 'n8n-workflow';
import { Person } from '../../demo/harness/person';
import { VaultedOAuth2Api } from '../../credentials/VaultedOAuth2Api.credentials';
import { VaultedOAuth2 } from '../../nodes/VaultedOAuth2/VaultedOAuth2.node';
import { asTool } from '../support/asTool';
import { startAuthorizationServer, type AuthorizationServer } from '../support/authorizationServer';
import { N8nEngine, type EngineNode, type EngineRun } from '../support/n8nEngine';
import { startSampleApi, type SampleApi } from '../support/sampleApi';
import { startRecorder, type Recorder } from './recorder';

export const CREDENTIAL_TYPE = 'vaultedOAuth2Api';
export const NODE_TYPE = 'n8n-nodes-vaulted-oauth2.vaultedOAuth2';
/** What n8n makes of the node for an AI agent. */
export const TOOL_TYPE = `${NODE_TYPE}Tool`;
const CLIENT = { clientId: 'crm', clientSecret: 'example-client-secret' };

const APP = { clientId: 'app', clientSecret: 'example-app-secret' };
/** A trigger's callback; nobody listens there. */
const REDIRECT_URI = 'http://127.0.0.1:9/webhook/crm/callback';

export interface Credential {
	readonly id: string;
	readonly name: string;
}

/** How a node under test is set up, besides its parameters. */
export interface RunOptions {
	items?: readonly (INodeExecutionData | IDataObject)[];
	node?: Partial<EngineNode>;
	/** Stops the execution once it is resolved. */
	stopped?: Promise<void>;
}

interface Servers {
	readonly provider: AuthorizationServer;
	readonly api: SampleApi;
	readonly recorder: Recorder;
	readonly elsewhere: Recorder;
}

/** The node and its credential type in n8n's engine, between a real provider and two APIs. */
export class Rig {
	readonly runs: EngineRun[] = [];
	private forms = 0;

	private constructor(
		readonly engine: N8nEngine,
		private readonly servers: Servers,
	) {}

	get provider(): AuthorizationServer {
		return this.servers.provider;
	}

	/** Wants a good token, and answers by path. */
	get api(): SampleApi {
		return this.servers.api;
	}

	/** Takes everything, and keeps what it was sent. */
	get recorder(): Recorder {
		return this.servers.recorder;
	}

	/** Another origin. */
	get elsewhere(): Recorder {
		return this.servers.elsewhere;
	}

	static async start(env: Record<string, string> = {}): Promise<Rig> {
		const engine = await N8nEngine.start({
			nodeTypes: { [NODE_TYPE]: new VaultedOAuth2(), [TOOL_TYPE]: asTool(new VaultedOAuth2()) },
			credentialTypes: [new VaultedOAuth2Api()],
			env,
		});
		const provider = await startAuthorizationServer({
			clients: [CLIENT, { ...APP, redirectUris: [REDIRECT_URI] }],
			loginPages: true,
		});
		const api = await startSampleApi({ isActive: (token) => provider.isActive(token) });
		const [recorder, elsewhere] = [await startRecorder(), await startRecorder()];
		return new Rig(engine, { provider, api, recorder, elsewhere });
	}

	/** A filled-in form. Each has its own label: the same form again would be the same connection. */
	form(changes: ICredentialDataDecryptedObject = {}): ICredentialDataDecryptedObject {
		this.forms += 1;
		return {
			label: `Example CRM ${this.forms}`,
			grantType: 'clientCredentials',
			tokenUrl: this.provider.tokenEndpoint,
			...CLIENT,
			scope: 'api:read',
			apiBaseUrl: this.api.url,
			secretStore: 'localVault',
			...changes,
		};
	}

	/** Changes that make the form one for an account that a person connects. */
	get byCode(): ICredentialDataDecryptedObject {
		return {
			grantType: 'authorizationCode',
			tokenUrl: '',
			issuerUrl: this.provider.issuer,
			redirectUri: REDIRECT_URI,
			...APP,
			scope: 'openid offline_access api:read',
			authorizationParameters: '{"prompt":"consent"}',
		};
	}

	/** A person signs in and consents; where the browser ends. */
	async consent(authorizationUrl: string): Promise<URL> {
		const person = new Person(({ href }) => href.startsWith(REDIRECT_URI));
		return (await person.consent(authorizationUrl)).url;
	}

	/** A credential that was saved and tested in the editor. */
	async saved(changes: ICredentialDataDecryptedObject = {}): Promise<Credential> {
		const { id, test } = await this.engine.saveAndTest(CREDENTIAL_TYPE, this.form(changes));
		if (test.status !== 'OK') throw new Error(test.message);
		return { id, name: 'Example CRM' };
	}

	/** A credential that was written into the database only. */
	unsaved(changes: ICredentialDataDecryptedObject = {}): Credential {
		return this.engine.credentials.save(CREDENTIAL_TYPE, this.form(changes));
	}

	async run(
		credential: Credential,
		parameters: INodeParameters,
		{ items, node, stopped }: RunOptions = {},
	): Promise<EngineRun> {
		const run = await this.engine.run(
			[
				{
					type: NODE_TYPE,
					name: 'Node',
					parameters,
					credentials: { [CREDENTIAL_TYPE]: { ...credential } },
					...node,
				},
			],
			items,
			stopped,
		);
		this.runs.push(run);
		return run;
	}

	/** Runs an API request that has to succeed; the items it puts out. */
	async request(
		credential: Credential,
		parameters: INodeParameters,
		options: RunOptions = {},
	): Promise<INodeExecutionData[]> {
		const run = await this.run(credential, { resource: 'apiRequest', ...parameters }, options);
		if (run.error !== undefined) throw new Error(`${run.error.message}: ${run.error.description}`);
		return run.output('Node');
	}

	/** Runs a Connection operation on one item; its output. */
	async connection(credential: Credential, operation: string): Promise<IDataObject> {
		const run = await this.run(credential, { resource: 'connection', operation });
		if (run.error !== undefined) throw new Error(run.error.message);
		return run.output('Node')[0]!.json;
	}

	/**
	 * The secrets and tokens that can be found in what n8n stored, logged or put out. A form that could not be sealed stays in the
	 * database as it was typed.
	 */
	leaks(): string[] {
		const database = this.engine.credentials.dump((fields) => fields['secretRef'] !== '');
		const places = [database, ...this.engine.log, ...this.runs.map(({ text }) => text)];
		return this.provider
			.confidential()
			.filter((secret) => places.some((place) => place.includes(secret)));
	}

	async close(): Promise<void> {
		await Promise.all(
			Object.values(this.servers).map((server: { close(): Promise<void> }) => server.close()),
		);
		await this.engine.close();
	}
}

/**
 * A rig for all tests of a file, handed over before the first. Each test begins with servers that remember nothing, and leaves no token or
 * secret where it can be read.
 */
export function useRig(started: (rig: Rig) => void | Promise<void>): void {
	let rig: Rig;
	beforeAll(async () => {
		rig = await Rig.start();
		await started(rig);
	});
	afterAll(async () => {
		await rig.close();
	});
	beforeEach(() => {
		rig.recorder.reset();
		rig.elsewhere.reset();
		rig.provider.clearFaults();
	});
	afterEach(() => {
		expect(rig.leaks()).toEqual([]);
	});
}
