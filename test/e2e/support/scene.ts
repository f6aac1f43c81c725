import { randomBytes } from 'node:crypto';
import { properties } from '../../../credentials/properties';
import {
	apiRequestNode,
	connectTrigger,
	CREDENTIAL_TYPE,
	MANUAL_TRIGGER,
} from '../../../demo/connection';
import type {
	CredentialTest,
	Execution,
	N8nRest,
	SavedCredential,
	WorkflowNode,
} from '../../../demo/harness/n8nRest';
import { Person } from '../../../demo/harness/person';
import { canonicalUrl } from '../../../src/config/canonicalUrl';
import { parseSecretRef, type SecretRef } from '../../../src/secrets/pointer';
import {
	startAuthorizationServer,
	type AuthorizationServer,
} from '../../support/authorizationServer';
import { ACCOUNTING_SCOPE, startAccounting } from '../../support/accounting';
import { startSampleApi, type SampleApi } from '../../support/sampleApi';
import type { Fields } from './database';
import type { Instance } from './instance';
import { openLocalVault, startSecretsManager, type Store, type StoreKind } from './stores';

/** What the form holds before anything is typed. */
const DEFAULTS: Fields = Object.fromEntries(properties.map((field) => [field.name, field.default]));

/** How a client is known to the provider. */
export interface Client {
	readonly clientId: string;
	readonly clientSecret: string;
}

/** A credential that was saved, and what the form showed then. */
export interface Saved {
	readonly id: string;
	readonly name: string;
	readonly test: CredentialTest;
}

/** A sealed bundle, as far as the tests look into it. */
export interface SealedContent {
	readonly client_secret?: string;
	readonly refresh_token?: string;
	readonly token: { readonly access_token: string; readonly scope?: string };
}

interface Servers {
	readonly provider: AuthorizationServer;
	readonly api: SampleApi;
	/** Somebody else's server, which takes any token and remembers that it came. */
	readonly attacker: SampleApi;
	/** An accounting API, and the identity server where its users consent. */
	readonly accounting: { readonly provider: AuthorizationServer; readonly api: SampleApi };
	readonly store: Store;
}

/** Secrets that are random, and do not look real. */
export function newSecret(kind: string): string {
	return `${kind}-${randomBytes(18).toString('base64url')}`;
}

function newClient(clientId: string): Client {
	return { clientId, clientSecret: newSecret('client-secret') };
}

/** The fields that are not at their default: the editor sends no others when it saves. */
function changed(fields: Fields): Fields {
	return Object.fromEntries(
		Object.entries(fields).filter(([name, value]) => value !== DEFAULTS[name]),
	);
}

/** Accounts that one suite connects; each has a redirect URI that the provider has to know in advance. */
const MOST_ACCOUNTS = 24;

/** A redirect URI that leads nowhere: the address the browser ends at is pasted into the credential. */
export const PASTE_URI = 'http://127.0.0.1:9/return';

function redirectUri({ n8n }: Instance, path: string): string {
	return `${n8n.url}/webhook/connect-${path}/callback`;
}

/** n8n between real servers: a provider, its API, a secret store, and somebody else's server. */
export class Scene {
	/** Secrets that were typed and failed validation. Nothing else uses them. */
	readonly refused: string[] = [];
	/** The pointers that were seen, by the secret they lead to. */
	readonly pointers = new Map<string, SecretRef>();
	/** Most connections are this client's. */
	readonly client: Client;
	/** Its secret is changed at the provider, and here. */
	changingClient: Client;
	readonly provider: AuthorizationServer;
	readonly api: SampleApi;
	readonly attacker: SampleApi;
	readonly accounting: Servers['accounting'];
	readonly store: Store;

	/** The client that people connect their accounting to. */
	readonly app: Client;

	readonly #unsealed: Saved[] = [];
	#connections = 0;
	#accounts = 0;

	private constructor(
		readonly instance: Instance,
		clients: [Client, Client, Client],
		servers: Servers,
	) {
		[this.client, this.changingClient, this.app] = clients;
		({
			provider: this.provider,
			api: this.api,
			attacker: this.attacker,
			accounting: this.accounting,
			store: this.store,
		} = servers);
	}

	static async start(instance: Instance, kind: StoreKind): Promise<Scene> {
		const clients: [Client, Client] = [newClient('example-crm'), newClient('example-erp')];
		const provider = await startAuthorizationServer({ clients });
		const app = newClient('example-books');
		const redirectUris = Array.from({ length: MOST_ACCOUNTS }, (_, index) =>
			redirectUri(instance, `${kind}-${index + 1}`),
		);
		return new Scene(instance, [...clients, app], {
			accounting: await startAccounting([{ ...app, redirectUris: [...redirectUris, PASTE_URI] }]),
			provider,
			api: await startSampleApi({ isActive: (token) => provider.isActive(token) }),
			attacker: await startSampleApi({ isActive: () => true }),
			store: kind === 'localVault' ? openLocalVault(instance) : await startSecretsManager(),
		});
	}

	async close(): Promise<void> {
		const { provider, api, attacker, accounting, store } = this;
		const servers = [provider, api, attacker, accounting.provider, accounting.api, store];
		await Promise.all(servers.map((server) => server.close()));
	}

	/** What a builder fills in for Client Credentials. Every form has a label of its own, since one label is one connection. */
	form(changes: Fields = {}): Fields {
		this.#connections += 1;
		return {
			label: `Connection ${this.#connections} (${this.store.kind})`,
			tokenUrl: this.provider.tokenEndpoint,
			...this.client,
			scope: 'api:read',
			apiBaseUrl: this.api.url,
			...this.store.fields,
			...changes,
		};
	}

	/** The same for a refresh token that a person has just consented to. */
	async refreshTokenForm(changes: Fields = {}): Promise<Fields> {
		return this.form({
			grantType: 'refreshToken',
			refreshToken: await this.provider.mintRefreshToken(this.client.clientId),
			scope: '',
			...changes,
		});
	}

	/** A form for an account that a person connects, by a trigger of its own; see {@link connectWorkflow}. */
	accountForm(changes: Fields = {}): Fields & { readonly redirectUri: string } {
		this.#accounts += 1;
		return {
			...this.form({
				grantType: 'authorizationCode',
				tokenUrl: '',
				issuerUrl: this.accounting.provider.issuer,
				...this.app,
				scope: ACCOUNTING_SCOPE,
				// Without it the provider leaves offline_access out (OpenID Connect Core 1.0 §11).
				authorizationParameters: '{"prompt":"consent"}',
				accountChangesByWorkflows: true,
				apiBaseUrl: this.accounting.api.url,
				...changes,
			}),
			redirectUri: redirectUri(this.instance, `${this.store.kind}-${this.#accounts}`),
		};
	}

	/** A connected account. Nothing listens at its redirect URI: the provider's answer is pasted into the form. */
	async connectByPasting(): Promise<Saved> {
		const saved = await this.save({ ...this.accountForm(), redirectUri: PASTE_URI });
		const [address = ''] = /http\S+$/.exec(saved.test.message) ?? [];
		const { url } = await new Person(({ href }) => href.startsWith(PASTE_URI)).consent(address);
		const test = await this.edit(saved, { authorizationResponse: url.href });
		if (test.status !== 'OK') throw new Error(`Not connected: ${test.message}`);
		return saved;
	}

	/** Publishes a workflow that connects accounts to a credential, and calls the API with each; its id. */
	async connectWorkflow(
		saved: Saved,
		{ redirectUri: address }: { readonly redirectUri: string },
		parameters: Record<string, unknown> = {},
	): Promise<string> {
		const { owner } = this.instance;
		const webhookId = new URL(address).pathname.split('/').at(-2) ?? '';
		const id = await owner.createWorkflow('Connect', [
			{ ...connectTrigger(saved), webhookId, parameters },
			apiRequestNode(saved, '/me'),
		]);
		await owner.publishWorkflow(id);
		return id;
	}

	/** A secret that no provider takes. */
	wrongSecret(): string {
		const secret = newSecret('wrong-secret');
		this.refused.push(secret);
		return secret;
	}

	/** Save in a new form: n8n stores what was typed, then tests the whole form. */
	async save(typed: Fields, user: N8nRest = this.instance.owner): Promise<Saved> {
		const credential = { name: String(typed['label']), type: CREDENTIAL_TYPE };
		const { id } = await user.request<{ id: string }>('POST', '/credentials', {
			...credential,
			data: changed(typed),
		});
		const data = { ...DEFAULTS, ...typed };
		return { ...credential, id, test: await user.testCredential({ ...credential, id, data }) };
	}

	/** Has a credential deleted at the end of the test, since what was typed into it stays in n8n's database. */
	discardLater(saved: Saved): void {
		this.#unsealed.push(saved);
	}

	/** Deletes what was to be discarded. */
	async discard(): Promise<void> {
		for (const { id } of this.#unsealed.splice(0)) await this.instance.owner.deleteCredential(id);
	}

	/** Saves, and insists that it succeeds. */
	async seal(typed: Fields = this.form(), user?: N8nRest): Promise<Saved> {
		const saved = await this.save(typed, user);
		if (saved.test.status !== 'OK') throw new Error(`Not sealed: ${saved.test.message}`);
		return saved;
	}

	/** Save once more in a form that was not closed: what was typed is still in it, and of the pointer it knows nothing. */
	async saveAgain({ id, name }: Saved, typed: Fields): Promise<CredentialTest> {
		const { owner } = this.instance;
		const credential = { id, name, type: CREDENTIAL_TYPE };
		await owner.request('PATCH', `/credentials/${id}`, { ...credential, data: changed(typed) });
		return await owner.testCredential({ ...credential, data: { ...DEFAULTS, ...typed } });
	}

	/** Opens a saved credential: n8n fills the form, redacted, and tests it. */
	async reopen({ id }: Saved): Promise<{ form: SavedCredential; test: CredentialTest }> {
		const { owner } = this.instance;
		const form = await owner.getCredential(id);
		return { form, test: await owner.testCredential(form) };
	}

	/** Changes fields of a form that was opened, and saves, as any user that may. */
	async submit(
		form: SavedCredential,
		changes: Fields,
		user: N8nRest = this.instance.owner,
	): Promise<CredentialTest> {
		const { id, name, type } = form;
		const data = { ...DEFAULTS, ...form.data, ...changes };
		await user.request('PATCH', `/credentials/${id}`, { name, type, data: changed(data) });
		return await user.testCredential({ id, name, type, data });
	}

	/** Opens a saved credential, changes fields, saves. */
	async edit(saved: Saved, changes: Fields): Promise<CredentialTest> {
		return await this.submit((await this.reopen(saved)).form, changes);
	}

	/** The fields that n8n's database holds of a credential, without those that are blank or at their default: not every n8n keeps these. */
	stored({ id }: Pick<Saved, 'id'>): Fields {
		return changed(this.instance.database.credential(id));
	}

	/** The typed secrets that n8n's database holds: none, once they are sealed. */
	secretsInForm(saved: Pick<Saved, 'id'>): Fields {
		const { clientSecret, refreshToken } = this.stored(saved);
		return {
			...(clientSecret === undefined ? {} : { clientSecret }),
			...(refreshToken === undefined ? {} : { refreshToken }),
		};
	}

	/** The pointer that n8n's database holds. @throws ConfigurationError where it holds none */
	pointer(saved: Pick<Saved, 'id'>): SecretRef {
		const { secretRef, awsRegion, awsEndpoint } = this.instance.database.credential(saved.id);
		const { kind } = this.store;
		const ref = parseSecretRef(
			String(secretRef),
			kind === 'localVault'
				? { kind }
				: { kind, region: String(awsRegion), endpoint: canonicalUrl(String(awsEndpoint)) },
		);
		this.pointers.set(ref.secretId, ref);
		return ref;
	}

	/** The bundle that the pointer leads to, read from the store. */
	async bundle(saved: Pick<Saved, 'id'>): Promise<SealedContent> {
		const content = await this.store.read(this.pointer(saved).secretId);
		return JSON.parse(content) as SealedContent;
	}

	/** What the world outside n8n has noticed so far. */
	async noticed(): Promise<{ secrets: number; tokenRequests: number; apiCalls: number }> {
		return {
			secrets: await this.store.count(),
			tokenRequests: this.provider.countTokenRequests(),
			apiCalls: this.api.requests.length,
		};
	}

	/** Saves a workflow of a trigger and these nodes, one after the other; its id. */
	async workflow(...nodes: WorkflowNode[]): Promise<string> {
		return await this.instance.owner.createWorkflow('Sync contacts', [MANUAL_TRIGGER, ...nodes]);
	}

	/** Runs a workflow to its end. */
	async run(workflowId: string): Promise<Execution> {
		return await this.instance.owner.runWorkflow(workflowId, MANUAL_TRIGGER.name);
	}

	/** Runs a workflow that often at once. */
	async runAtOnce(workflowId: string, times: number): Promise<Execution[]> {
		const { owner } = this.instance;
		const started = await Promise.all(
			Array.from({ length: times }, () => owner.startWorkflow(workflowId, MANUAL_TRIGGER.name)),
		);
		// One after the other: asking for all of them all the time would keep n8n busier than the executions do.
		const ended: Execution[] = [];
		for (const id of started) ended.push(await owner.finishedExecution(id));
		return ended;
	}
}
