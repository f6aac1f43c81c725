import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
	Credentials,
	ErrorReporter,
	ExecuteContext,
	ExecutionLifecycleHooks,
	ExternalSecretsProxy,
	RoutingNode,
	WorkflowExecute,
} from 'n8n-core';
import {
	createEmptyRunExecutionData,
	deepCopy,
	jsonStringify,
	LoggerProxy,
	NodeConnectionTypes,
	NodeHelpers,
	Workflow,
	type ICredentialDataDecryptedObject,
	type ICredentialType,
	type IDataObject,
	type INode,
	type INodeCredentials,
	type INodeExecutionData,
	type INodeParameters,
	type INodeType,
	type INodeTypes,
	type IRun,
	type IWorkflowExecuteAdditionalData,
	type Logger,
} from 'n8n-workflow';
import { InMemoryCredentials } from './n8nCredentials';

export interface EngineOptions {
	/** By the names workflows use, such as `n8n-nodes-vaulted-oauth2.vaultedOAuth2`. */
	nodeTypes?: Record<string, INodeType>;
	credentialTypes?: readonly ICredentialType[];
	/** Environment variables of this instance, besides user folder and encryption key. */
	env?: Record<string, string>;
}

/** A node of a workflow; what is left out gets n8n's defaults. */
export interface EngineNode extends Partial<Omit<INode, 'credentials'>> {
	type: string;
	parameters?: INodeParameters;
	credentials?: INodeCredentials;
}

/** What became of an execution. */
export interface EngineRun {
	readonly status: IRun['status'];
	/** What the node put out; of its last run, on its first output unless told. */
	output(node: string, output?: number): INodeExecutionData[];
	/** What n8n shows beside the node's output, of its last run. */
	hints(node: string): string[];
	/** The error the execution ended with. */
	readonly error:
		| {
				message: string;
				description?: string | null;
				httpCode?: string | null;
				context?: IDataObject;
		  }
		| undefined;
	/** Everything n8n would store of the execution, as one text. */
	readonly text: string;
	/** Where in the execution's data a text can be reached, by an expression of a later node for example; undefined if nowhere. */
	pathTo(text: string): string | undefined;
}

/** What n8n shows after the test that every save runs. */
export interface CredentialTest {
	readonly status: 'OK' | 'Error';
	readonly message: string;
}

const START = 'engine.start';
const reportError = ErrorReporter.prototype.error;
/** The name n8n itself gives the node in whose place it tests a credential: without its package. */
const TEST_NODE = 'noOp';

/** Puts out the items an execution begins with. */
function startNode(items: INodeExecutionData[]): INodeType {
	return {
		description: {
			name: START,
			displayName: 'Start',
			group: ['trigger'],
			version: 1,
			description: '',
			defaults: {},
			inputs: [],
			outputs: [NodeConnectionTypes.Main],
			properties: [],
		},
		execute: async () => [items],
	};
}

/** Looks at every property, also at those that nobody would write down. */
function pathTo(text: string, data: object): string | undefined {
	const seen = new Set<unknown>();
	const open: [path: string, value: unknown][] = [['data', data]];
	for (let next = open.pop(); next !== undefined; next = open.pop()) {
		const [path, value] = next;
		if (typeof value === 'string' && value.includes(text)) return path;
		if (Buffer.isBuffer(value) && value.includes(text)) return path;
		if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) continue;
		if (seen.has(value)) continue;
		seen.add(value);
		for (const name of Reflect.ownKeys(value))
			open.push([`${path}.${String(name)}`, Reflect.get(value, name)]);
	}
	return undefined;
}

function registry(types: Record<string, INodeType>): INodeTypes {
	return {
		getKnownTypes: () => ({}),
		getByName: (name) => types[name]!,
		getByNameAndVersion: (name, version) => NodeHelpers.getVersionedNodeType(types[name]!, version),
	};
}

function complete(node: EngineNode, index: number): INode {
	return {
		id: `node-${index}`,
		name: node.type,
		typeVersion: 1,
		position: [index * 200, 0],
		...node,
		parameters: deepCopy(node.parameters ?? {}),
	};
}

function toItem(item: INodeExecutionData | IDataObject): INodeExecutionData {
	return 'json' in item ? (item as INodeExecutionData) : { json: item };
}

/**
 * n8n's real execution engine (`n8n-core`) in this process, with the database in memory. Credentials and nodes run in it as in n8n:
 * expressions, paired items, continue on fail, request helpers, preAuthentication and authenticate.
 *
 * Where n8n's user folder and its encryption key are is told by the environment, so that an engine belongs to one test file, which has
 * to start it before anything of `src` is used.
 */
export class N8nEngine {
	/** Every line n8n and the package logged. */
	readonly log: string[] = [];
	readonly credentials: InMemoryCredentials;
	private readonly nodeTypes: Record<string, INodeType>;
	private executions = 0;

	private constructor(
		options: EngineOptions,
		readonly userFolder: string,
	) {
		this.credentials = new InMemoryCredentials(options.credentialTypes ?? []);
		this.nodeTypes = options.nodeTypes ?? {};
		this.keepLog();
	}

	static async start(options: EngineOptions = {}): Promise<N8nEngine> {
		const userFolder = await mkdtemp(join(tmpdir(), 'vaulted-engine-'));
		Object.assign(process.env, {
			N8N_USER_FOLDER: userFolder,
			N8N_ENCRYPTION_KEY: 'encryption key of a test instance',
			...options.env,
		});
		return new N8nEngine(options, userFolder);
	}

	/** Removes the user folder, and with it the local vault. */
	async close(): Promise<void> {
		await rm(this.userFolder, { recursive: true, force: true });
	}

	/**
	 * Runs the nodes in a row, the first one on `items` (one empty item unless told).
	 *
	 * @param stopped stops the execution once it is resolved
	 */
	async run(
		nodes: readonly EngineNode[],
		items: readonly (INodeExecutionData | IDataObject)[] = [{}],
		stopped?: Promise<void>,
	): Promise<EngineRun> {
		const chain = [
			complete({ type: START, name: 'Start' }, 0),
			...nodes.map((node, index) => complete(node, index + 1)),
		];
		const workflow = new Workflow({
			id: 'workflow',
			name: 'Workflow',
			active: false,
			nodes: chain,
			connections: Object.fromEntries(
				chain
					.slice(1)
					.map((node, index) => [
						chain[index]!.name,
						{ main: [[{ node: node.name, type: NodeConnectionTypes.Main, index: 0 }]] },
					]),
			),
			nodeTypes: registry({ ...this.nodeTypes, [START]: startNode(items.map(toItem)) }),
			settings: { executionOrder: 'v1' },
		});
		const running = new WorkflowExecute(this.additionalData(workflow), 'manual').run({
			workflow,
			startNode: workflow.getNode('Start')!,
		});
		void stopped?.then(() => running.cancel());
		const run = await running;
		const { runData, error } = run.data.resultData;
		return {
			status: run.status,
			output: (name, output = 0) => runData[name]?.at(-1)?.data?.['main']?.[output] ?? [],
			hints: (name) => (runData[name]?.at(-1)?.hints ?? []).map(({ message }) => message),
			error: error as EngineRun['error'],
			text: jsonStringify(run.data, { replaceCircularRefs: true }),
			pathTo: (text) => pathTo(text, run.data),
		};
	}

	/** What the editor does on Save: writes the form into the database, then tests it with the credential's id. */
	async saveAndTest(
		type: string,
		data: ICredentialDataDecryptedObject,
		id?: string,
	): Promise<{ id: string; test: CredentialTest }> {
		const saved = this.credentials.save(type, data, id);
		return { id: saved.id, test: await this.testCredential(type, saved.id) };
	}

	/** Tests a stored credential by its own test request, in place of a node, as n8n does. */
	async testCredential(type: string, id: string): Promise<CredentialTest> {
		const credentialType = this.credentials.type(type);
		const { test } = credentialType;
		if (test === undefined)
			return { status: 'Error', message: 'No testing function found for this credential.' };
		const node = complete({ type: TEST_NODE, credentials: { [type]: { id, name: type } } }, 0);
		const nodeType: INodeType = {
			...startNode([]),
			description: {
				...startNode([]).description,
				name: TEST_NODE,
				credentials: [{ name: type, required: true }],
				properties: [
					{
						displayName: 'Temp',
						name: 'temp',
						type: 'string',
						routing: { request: test.request },
						default: '',
					},
				],
			},
		};
		const workflow = new Workflow({
			nodes: [node],
			connections: {},
			active: false,
			nodeTypes: registry({ [TEST_NODE]: nodeType }),
		});
		const additionalData = {
			...this.additionalData(workflow),
			currentNodeParameters: node.parameters,
		};
		const data = await this.credentials.resolve(this.credentials.stored(id), {
			additionalData,
			type,
			mode: 'internal',
		});
		const context = new ExecuteContext(
			workflow,
			node,
			additionalData,
			'internal',
			createEmptyRunExecutionData(),
			0,
			[],
			{ main: [[{ json: {} }]] },
			{ node, data: {}, source: null },
			[],
		);
		try {
			await workflow.expression.acquireIsolate();
			await new RoutingNode(context, nodeType, { id, name: type, type, data }).runNode();
		} catch (error) {
			return { status: 'Error', message: failureOf(error, credentialType) };
		} finally {
			await workflow.expression.releaseIsolate();
		}
		return { status: 'OK', message: 'Connection successful!' };
	}

	/** Everything that is logged goes to {@link log}, and not to the console. */
	private keepLog(): void {
		const write = (message: string, meta?: object): void => {
			this.log.push(`${message} ${jsonStringify(meta ?? {})}`);
		};
		const logger = { error: write, warn: write, info: write, debug: write };
		// The first object that wants n8n's own logger makes it, and it takes LoggerProxy over: now, not in the middle of a run.
		new Credentials({ id: null, name: '' }, '');
		LoggerProxy.init({ ...logger, scoped: () => logger } as unknown as Logger);
		// n8n logs every error of a node with all its causes.
		ErrorReporter.prototype.error = function (...report) {
			Object.assign(this, { logger });
			reportError.apply(this, report);
		};
	}

	private additionalData(workflow: Workflow): IWorkflowExecuteAdditionalData {
		this.executions += 1;
		const executionId = String(this.executions);
		const workflowData = {
			id: workflow.id,
			name: workflow.name ?? '',
			active: false,
			isArchived: false,
			createdAt: new Date(),
			updatedAt: new Date(),
			nodes: Object.values(workflow.nodes),
			connections: workflow.connectionsBySourceNode,
			activeVersionId: null,
		};
		return {
			credentialsHelper: this.credentials,
			hooks: new ExecutionLifecycleHooks('manual', executionId, workflowData),
			executionId,
			currentNodeExecutionIndex: 0,
			restApiUrl: '',
			instanceBaseUrl: '',
			formBaseUrl: '',
			formWaitingBaseUrl: 'http://127.0.0.1/waiting',
			formTestBaseUrl: '',
			webhookBaseUrl: '',
			webhookWaitingBaseUrl: 'http://127.0.0.1/waiting',
			webhookTestBaseUrl: '',
			mcpBaseUrl: '',
			mcpTestBaseUrl: '',
			variables: {},
			logAiEvent: () => {},
			executeWorkflow: unavailable,
			getRunExecutionData: unavailable,
			getRuntimeCredential: unavailable,
			startRunnerTask: unavailable,
			externalSecretsProxy: new ExternalSecretsProxy(),
		};
	}
}

async function unavailable(): Promise<never> {
	throw new Error('Not part of this engine');
}

interface RequestFailure {
	message: string;
	cause?: { response?: { status: number; statusText?: string }; code?: string };
}

/** n8n's words for a failed test: its rules first, then the status, the code, and else the error's own message. */
function failureOf(error: unknown, { test }: ICredentialType): string {
	const { message, cause } = error as RequestFailure;
	if (cause?.response) {
		const { status, statusText } = cause.response;
		const rule = test?.rules?.find(
			({ type, properties }) => type === 'responseCode' && properties.value === status,
		);
		if (rule) return rule.properties.message;
		if (status < 199 || status > 299) return statusText ?? `Received HTTP status code: ${status}`;
	}
	return cause?.code ?? message;
}
