import { randomUUID } from 'node:crypto';

import type { InstanceSettings } from '../../src/config/instanceSettings';
import { Connections, type OpenConnection } from '../../src/connections';
import { VaultedOAuth2Error } from '../../src/errors';
import { createEgress } from '../../src/http/createEgress';
import { EgressError, type EgressResponse } from '../../src/http/egress';
import type { ConnectionEvent } from '../../src/events';
import { MemoryStore } from '../support/memoryStore';
import { VirtualTime } from '../tokens/virtualTime';
import { aroundStore, type AroundCall } from './aroundStore';
import { StrictRotation, type TokenAnswer } from './strictRotation';

export type Form = Readonly<Record<string, unknown>>;
export type Grant = 'clientCredentials' | 'refreshToken' | 'authorizationCode';

/** What a provider does with a request. `hang`: no answer, until the client's time limit of 15 s. */
export type Behaviour = TokenAnswer | EgressError | 'hang';

const TOKEN_URL = 'https://login.example.com/oauth2/token';
const REDIRECT_URI = 'https://n8n.example.com/webhook/crm/callback';
const CLIENT_TIMEOUT_MS = 15_000;
/** As AWS's. */
const VERSIONS_PER_DAY = 96;

/** The settings of an instance in regular mode. */
export const REGULAR: InstanceSettings = {
	userFolder: '/nowhere',
	encryptionKey: 'key of a test instance',
	awsSystemCredentialsAllowed: false,
	severalProcesses: false,
	endsAfterRun: false,
	lease: 'automatic',
	shutdownMs: 30_000,
	egressPolicy: undefined,
};

/** A filled-in form. */
export function formOf(grant: Grant, changes: Form): Form {
	return {
		label: `Example ${randomUUID()}`,
		grantType: grant,
		tokenUrl: TOKEN_URL,
		clientId: 'crm',
		clientAuthentication: 'post',
		clientSecretSource: 'enter',
		clientSecret: 'example-client-secret',
		...(grant === 'authorizationCode'
			? {
					authorizationUrl: 'https://login.example.com/oauth2/authorize',
					redirectUri: REDIRECT_URI,
					scope: 'offline_access',
				}
			: {}),
		apiBaseUrl: 'https://api.example.test',
		secretStore: 'awsSecretsManager',
		awsRegion: 'eu-central-1',
		awsCredentials: 'accessKey',
		awsAccessKeyId: 'test-access-key',
		awsSecretAccessKey: 'not-a-real-secret-access-key',
		refreshBufferSeconds: 300,
		secretRef: '',
		...changes,
	};
}

/** A person follows a link, consents, and the browser comes back. @throws as AuthorizationFlow does */
export async function connectAccount({ authorization }: OpenConnection): Promise<void> {
	if (authorization === undefined) throw new Error('Nobody connects this connection');
	const { connectUrl = '' } = await authorization.links({ by: { from: 'form' } });
	const link = new URL(connectUrl).searchParams.get('link') ?? '';
	const { location, cookie } = await authorization.connect(link);
	const state = new URL(location).searchParams.get('state') ?? '';
	const response = new URLSearchParams({ code: `code-${randomUUID()}`, state });
	await authorization.callback(response, `${cookie.name}=${cookie.value}`);
}

/**
 * The whole core between a provider and a store in this process, in simulated time: no thread, socket or file is waited for, so that a day
 * takes a second. The store has AWS's limit of versions.
 */
export class FaultEnvironment {
	readonly time = new VirtualTime(settled);
	readonly store = new MemoryStore();
	readonly rotation = new StrictRotation();
	readonly events: ConnectionEvent[] = [];
	/** When a token request was sent, in milliseconds of {@link VirtualTime.elapsed}. */
	readonly sentAt: number[] = [];
	/** What the provider does in place of what it should. */
	provider: (request: URLSearchParams) => Behaviour | undefined = () => undefined;
	/** Around each call of the store. */
	around: AroundCall = async (_call, act) => await act();

	/** Connections with a memory of their own, as another process would have them. */
	process(settings: Partial<InstanceSettings> = {}): Connections {
		const clock = this.time.clock();
		return new Connections({
			settings: { ...REGULAR, ...settings },
			egress: {
				...createEgress(undefined, {}),
				request: async (_url, { body = '' }) => await this.request(new URLSearchParams(body)),
			},
			...clock,
			openStore: ({ kind }) =>
				aroundStore(this.store, async (call, act) => await this.around(call, act), {
					kind,
					versionsPerDay: VERSIONS_PER_DAY,
				}),
			emit: (event) => this.events.push(event),
		});
	}

	/** A connection that was saved, and connected where a person does that. */
	async sealed(grant: Grant, changes: Form = {}): Promise<Form> {
		const connections = this.process();
		const form = formOf(grant, {
			...(grant === 'refreshToken' ? { refreshToken: this.rotation.mint() } : {}),
			...changes,
		});
		const sealed = { ...form, ...(await connections.seal(await connections.read(form))) };
		if (grant === 'authorizationCode')
			await connectAccount(connections.open(await connections.read(sealed)));
		await connections.end();
		this.sentAt.length = 0;
		return sealed;
	}

	/** Lets so many seconds pass, and calls back whoever is due. */
	async wait(seconds: number): Promise<void> {
		await this.time.run(seconds * 1000);
	}

	private async request(form: URLSearchParams): Promise<EgressResponse> {
		this.sentAt.push(this.time.elapsed);
		const answer = this.provider(form) ?? this.rotation.answer(form);
		if (answer === 'hang') {
			await new Promise<void>((resolve) => this.time.clock().after(CLIENT_TIMEOUT_MS, resolve));
			throw new EgressError('TIMEOUT', 'ETIMEDOUT', 'login.example.com');
		}
		if (answer instanceof Error) throw answer;
		const { status, headers = {}, body } = answer;
		return {
			status,
			headers: { 'content-type': 'application/json', ...headers },
			body: typeof body === 'string' ? body : JSON.stringify(body),
		};
	}
}

/** Reading an answer takes the library a few turns of the event loop. */
async function settled(): Promise<void> {
	for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
}

/** What became of one call. */
export interface Outcome {
	/** Number of the process that called. */
	readonly process: number;
	/** Milliseconds of {@link VirtualTime.elapsed}. */
	readonly startedAt: number;
	readonly tookMs: number;
	/** `served`, or the code of the error. */
	readonly result: string;
	readonly message: string;
}

/** Processes that use one connection. */
export class Users {
	readonly outcomes: Outcome[] = [];
	private readonly running = new Set<Promise<void>>();
	private readonly opened = new Map<number, OpenConnection>();

	constructor(
		private readonly environment: FaultEnvironment,
		private readonly form: Form,
		private readonly processes: readonly Connections[],
	) {}

	/** Each process asks for a token so many times a second, for so long. Nobody waits for an answer before the next call. */
	async callFor(
		seconds: number,
		{ perSecond = 1, only }: { perSecond?: number; only?: readonly number[] } = {},
	): Promise<void> {
		const callers = only ?? this.processes.map((_, number) => number);
		for (let call = 0; call < seconds * perSecond; call += 1) {
			for (const number of callers) this.call(number);
			await this.environment.wait(1 / perSecond);
		}
	}

	/** Waits until every call has ended. */
	async ended(): Promise<void> {
		await this.environment.time.until(Promise.all(this.running));
	}

	private call(process: number): void {
		const { time } = this.environment;
		const startedAt = time.elapsed;
		const record = (result: string, message = ''): void => {
			const tookMs = time.elapsed - startedAt;
			this.outcomes.push({ process, startedAt, tookMs, result, message });
		};
		const call = this.ask(process)
			.then(
				() => record('served'),
				(error: unknown) => {
					if (!(error instanceof VaultedOAuth2Error)) throw error;
					record(error.code, error.message);
				},
			)
			.finally(() => this.running.delete(call));
		this.running.add(call);
	}

	private async ask(process: number): Promise<void> {
		const connections = this.processes[process];
		if (connections === undefined) throw new Error(`There is no process ${process}`);
		const opened = this.opened.get(process) ?? connections.open(await connections.read(this.form));
		this.opened.set(process, opened);
		const { tokens } = opened;
		await tokens.get();
	}
}
