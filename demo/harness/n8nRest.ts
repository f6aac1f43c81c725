import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { parseFlatted } from './flatted.ts';

/** Milliseconds. */
const LONGEST_EXECUTION = 300_000;

export interface Login {
	readonly email: string;
	readonly password: string;
}

export interface CredentialInput {
	name: string;
	type: string;
	data: Record<string, unknown>;
}

export interface SavedCredential extends CredentialInput {
	readonly id: string;
}

/** What n8n answers to a credential's test: the text that the form shows in green or red. */
export interface CredentialTest {
	readonly status: 'OK' | 'Error';
	readonly message: string;
}

export interface WorkflowNode {
	name: string;
	type: string;
	typeVersion: number;
	parameters: Record<string, unknown>;
	credentials?: Record<string, { id: string; name: string }>;
	[setting: string]: unknown;
}

export interface NodeRun {
	/** Output items of the first output. */
	readonly items: readonly Record<string, unknown>[];
	/** The message of the error that stopped the node. */
	readonly error: string | undefined;
	/** What n8n measured. */
	readonly milliseconds: number;
}

export interface Execution {
	readonly id: string;
	/** `success`, `error`, … */
	readonly status: string;
	/** The last run of each node that ran. */
	readonly nodes: Readonly<Record<string, NodeRun>>;
	/** Everything n8n stored of the execution, as it sends it: for searching. */
	readonly raw: string;
}

/** n8n's message, without the stack that it sends along. */
function messageIn(text: string): string {
	try {
		return (JSON.parse(text) as { message?: string }).message ?? text;
	} catch {
		return text;
	}
}

/** n8n's own answer to a request that it refused. */
export class N8nRestError extends Error {
	readonly status: number;

	constructor(request: string, status: number, text: string) {
		super(`${request} was answered with ${status}: ${messageIn(text)}`);
		this.name = 'N8nRestError';
		this.status = status;
	}
}

interface RunRecord {
	data?: { main?: ({ json: Record<string, unknown> }[] | null)[] };
	error?: { message?: string };
	executionTime?: number;
}

interface StoredResult {
	resultData?: {
		runData?: Record<string, RunRecord[]>;
		lastNodeExecuted?: string;
		error?: unknown;
	};
}

function readRuns(resultData: StoredResult['resultData']): Record<string, NodeRun> {
	const runs = Object.entries(resultData?.runData ?? {});
	return Object.fromEntries(
		runs.map(([name, records]) => {
			const last = records.at(-1);
			const items = (last?.data?.main?.[0] ?? []).map((item) => item.json);
			return [name, { items, error: last?.error?.message, milliseconds: last?.executionTime ?? 0 }];
		}),
	);
}

/** n8n's internal REST interface, used as the editor uses it. */
export class N8nRest {
	readonly #url: string;
	readonly #signal: AbortSignal | null;
	readonly #received: (text: string) => void;
	// n8n ties a session to the browser that logged in.
	readonly #browserId = randomBytes(16).toString('hex');
	#cookie = '';

	/**
	 * @param url n8n's, without a trailing slash
	 * @param signal ends every request and every wait
	 * @param received takes the text of every answer, for searching
	 */
	constructor(
		url: string,
		signal?: AbortSignal,
		received: (text: string) => void = () => undefined,
	) {
		this.#url = url;
		this.#signal = signal ?? null;
		this.#received = received;
	}

	/**
	 * Sends one request to a path under `/rest`.
	 *
	 * @returns the `data` of n8n's answer
	 * @throws N8nRestError where n8n refuses it
	 */
	async request<T>(method: string, path: string, body?: unknown): Promise<T> {
		const response = await fetch(`${this.#url}/rest${path}`, {
			method,
			signal: this.#signal,
			headers: {
				'browser-id': this.#browserId,
				cookie: this.#cookie,
				...(body === undefined ? {} : { 'content-type': 'application/json' }),
			},
			...(body === undefined ? {} : { body: JSON.stringify(body) }),
		});
		const text = await response.text();
		this.#received(text);
		if (!response.ok) throw new N8nRestError(`${method} /rest${path}`, response.status, text);
		const session = response.headers
			.getSetCookie()
			.find((cookie) => cookie.startsWith('n8n-auth='));
		if (session) this.#cookie = session.split(';')[0] ?? '';
		return (JSON.parse(text) as { data: T }).data;
	}

	/** Makes the first user of a new n8n, and is logged in as that user. */
	async setUpOwner(login: Login): Promise<void> {
		await this.request('POST', '/owner/setup', { ...login, firstName: 'Demo', lastName: 'Owner' });
	}

	async logIn({ email, password }: Login): Promise<void> {
		await this.request('POST', '/login', { emailOrLdapLoginId: email, password });
	}

	/** Saves a new credential and tests it, as pressing Save in the form does. */
	async saveCredential(
		input: CredentialInput,
	): Promise<{ credential: SavedCredential; test: CredentialTest }> {
		const { id } = await this.request<{ id: string }>('POST', '/credentials', input);
		const credential = { ...input, id };
		return { credential, test: await this.testCredential(credential) };
	}

	/** Saves a changed credential and tests it, as pressing Save in the form does. */
	async updateCredential(credential: SavedCredential): Promise<CredentialTest> {
		const { id, name, type, data } = credential;
		await this.request('PATCH', `/credentials/${id}`, { name, type, data });
		return await this.testCredential(credential);
	}

	async testCredential(credential: SavedCredential): Promise<CredentialTest> {
		return await this.request('POST', '/credentials/test', { credentials: credential });
	}

	/** What the form is filled with when a credential is opened: password fields redacted by n8n. */
	async getCredential(id: string): Promise<SavedCredential> {
		return await this.request('GET', `/credentials/${id}?includeData=true`);
	}

	async deleteCredential(id: string): Promise<void> {
		await this.request('DELETE', `/credentials/${id}`);
	}

	/**
	 * Saves a new workflow of nodes that follow one another.
	 *
	 * @returns the workflow's id
	 */
	async createWorkflow(name: string, nodes: readonly WorkflowNode[]): Promise<string> {
		const placed = nodes.map((node, index) => ({
			id: `node-${index}`,
			position: [index * 220, 0],
			...node,
		}));
		const connections: Record<string, unknown> = {};
		for (const [index, node] of nodes.slice(1).entries()) {
			const before = nodes[index]?.name ?? '';
			connections[before] = { main: [[{ node: node.name, type: 'main', index: 0 }]] };
		}
		const workflow = {
			name,
			nodes: placed,
			connections,
			settings: {},
			active: false,
		};
		return (await this.request<{ id: string }>('POST', '/workflows', workflow)).id;
	}

	/** Publishes a stored workflow, so that its triggers and webhooks work. */
	async publishWorkflow(id: string): Promise<void> {
		const { versionId } = await this.request<{ versionId: string }>('GET', `/workflows/${id}`);
		await this.request('POST', `/workflows/${id}/activate`, { versionId });
	}

	/** The last executions of a workflow, the newest first. */
	async executionsOf(workflowId: string): Promise<{ id: string; status: string }[]> {
		const filter = encodeURIComponent(JSON.stringify({ workflowId }));
		const { results } = await this.request<{ results: { id: string; status: string }[] }>(
			'GET',
			`/executions?filter=${filter}&limit=100`,
		);
		return results;
	}

	/**
	 * Runs a stored workflow from the named trigger, as the editor does.
	 *
	 * @returns the execution's id
	 */
	async startWorkflow(id: string, trigger: string): Promise<string> {
		// Older versions, 1.123 among them, run what is sent, later ones what is stored.
		const workflowData = await this.request('GET', `/workflows/${id}`);
		const run = { workflowData, triggerToStartFrom: { name: trigger } };
		const { executionId } = await this.request<{ executionId: string }>(
			'POST',
			`/workflows/${id}/run`,
			run,
		);
		return executionId;
	}

	/** The same, and waits for its end. */
	async runWorkflow(id: string, trigger: string): Promise<Execution> {
		return await this.finishedExecution(await this.startWorkflow(id, trigger));
	}

	/** An execution as it is now. n8n 2.20 answers 500 for one that has just begun. */
	async #execution(id: string): Promise<{ status: string; data: string }> {
		return await this.request<{ status: string; data: string }>('GET', `/executions/${id}`).catch(
			(error: unknown) => {
				if (!(error instanceof N8nRestError && error.status === 500)) throw error;
				return { status: 'new', data: '[]' };
			},
		);
	}

	/** Waits until an execution has ended. */
	async finishedExecution(id: string): Promise<Execution> {
		const deadline = Date.now() + LONGEST_EXECUTION;
		while (Date.now() < deadline) {
			const answer = await this.#execution(id);
			const { resultData } = (parseFlatted(answer.data) ?? {}) as StoredResult;
			// n8n 1 stores how it ended before what came of it.
			const isStored = (resultData?.lastNodeExecuted ?? resultData?.error) !== undefined;
			if (!['new', 'running', 'waiting'].includes(answer.status) && isStored)
				return { id, status: answer.status, nodes: readRuns(resultData), raw: answer.data };
			await pause(100);
		}
		throw new Error(`Execution ${id} has not ended after five minutes`);
	}
}
