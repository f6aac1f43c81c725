import { apiRequestNode, httpRequestNode, MANUAL_TRIGGER } from '../../../demo/connection';
import type { Execution, WorkflowNode } from '../../../demo/harness/n8nRest';
import type { ApiAnswer } from '../../support/sampleApi';
import { base64, reveals } from '../../support/secretEncodings';
import { startChatModel, type ChatModel } from '../support/chatModel';
import type { Saved, Scene } from '../support/scene';

const AGENT = '@n8n/n8n-nodes-langchain.agent';
const MODEL = '@n8n/n8n-nodes-langchain.lmChatOpenAi';

type Tool = [string, (scene: Scene, saved: Saved) => WorkflowNode];

/** The node as n8n offers it to agents. */
function asTool(node: WorkflowNode, parameters: Record<string, unknown>): WorkflowNode {
	return {
		...node,
		type: `${node.type}Tool`,
		parameters: {
			...node.parameters,
			...parameters,
			descriptionType: 'manual',
			toolDescription: 'Calls the API',
		},
	};
}

const VAULTED_OAUTH2: Tool = [
	'Vaulted OAuth2',
	(_scene, saved) =>
		asTool(apiRequestNode(saved, ''), { path: "={{ $fromAI('path', 'the path', 'string') }}" }),
];

const HTTP_REQUEST: Tool = [
	'HTTP Request',
	({ api }, saved) =>
		asTool(httpRequestNode(saved, ''), {
			url: `=${api.url}{{ $fromAI('path', 'the path', 'string') }}`,
		}),
];

const BROKEN: ApiAnswer = {
	status: 200,
	headers: { 'content-type': 'text/plain', 'content-length': '1000' },
	body: 'the first of many',
};

/** An AI agent has the nodes as tools: what they put out goes to the company that runs the model. */
export function agentStories(scene: () => Scene): void {
	let model: ChatModel;
	let path = '/me';
	let openAi: { id: string; name: string };

	beforeAll(async () => {
		model = await startChatModel(() => path);
		openAi = await scene().instance.owner.request('POST', '/credentials', {
			name: 'Model',
			type: 'openAiApi',
			data: { apiKey: 'not-a-key', url: model.url },
		});
	});
	afterAll(async () => await model.close());

	/** Runs an agent that calls its one tool with a path. */
	async function run(tool: WorkflowNode, called: string): Promise<Execution> {
		path = called;
		const { owner } = scene().instance;
		const nodes: WorkflowNode[] = [
			MANUAL_TRIGGER,
			{
				name: 'Agent',
				type: AGENT,
				typeVersion: 3,
				parameters: { promptType: 'define', text: 'Call the API.', options: {} },
			},
			{
				name: 'Model',
				type: MODEL,
				typeVersion: 1.2,
				parameters: { model: { __rl: true, mode: 'id', value: 'test-model' }, options: {} },
				credentials: { openAiApi: { id: openAi.id, name: openAi.name } },
			},
			tool,
		];
		const leadTo = (type: string) => ({ [type]: [[{ node: 'Agent', type, index: 0 }]] });
		const { id } = await owner.request<{ id: string }>('POST', '/workflows', {
			name: 'Agent',
			nodes: nodes.map((node, index) => ({
				id: `node-${index}`,
				position: [index * 220, 0],
				...node,
			})),
			connections: {
				[MANUAL_TRIGGER.name]: leadTo('main'),
				Model: leadTo('ai_languageModel'),
				[tool.name]: leadTo('ai_tool'),
			},
			// In the order of n8n 0.x the agent goes on before its tools have run.
			settings: { executionOrder: 'v1' },
			active: false,
		});
		return await owner.runWorkflow(id, MANUAL_TRIGGER.name);
	}

	async function token(saved: Saved): Promise<string> {
		return (await scene().bundle(saved)).token.access_token;
	}

	/** What the model was sent of one run, and what n8n keeps of it. */
	async function afterRun(
		[, tool]: Tool,
		called: string,
		answer?: (token: string) => ApiAnswer,
	): Promise<{ answers: string[]; revealed: boolean }> {
		const saved = await scene().seal();
		const secret = await token(saved);
		const [heard, answered] = [model.heard.length, model.toolAnswers().length];
		if (answer !== undefined) scene().api.answerNext(answer(secret));
		const { raw } = await run(tool(scene(), saved), called);
		const answers = model.toolAnswers().slice(answered);
		const seen = [raw, ...model.heard.slice(heard)];
		return { answers, revealed: seen.some((text) => reveals(text, secret)) };
	}

	describe.each([VAULTED_OAUTH2, HTTP_REQUEST])('%s', (...tool) => {
		it('calls the API for an agent', async () => {
			const calls = scene().api.countRequests({ path: '/me', authorization: 'accepted' });
			const { answers, revealed } = await afterRun(tool, '/me');
			expect(answers).toEqual([expect.stringContaining('Test User')]);
			expect(scene().api.countRequests({ path: '/me', authorization: 'accepted' })).toBe(calls + 1);
			expect(revealed).toBe(false);
		});

		it.each<[string, string, ApiAnswer | undefined]>([
			['an error', '/status/500', undefined],
			['a refused token', '/status/401', undefined],
			['a file', '/file', undefined],
			['a connection that breaks', '/me', BROKEN],
		])('tells the model no token: %s', async (_name, called, answer) => {
			const { answers, revealed } = await afterRun(tool, called, answer && (() => answer));
			expect(answers).toHaveLength(1);
			expect(revealed).toBe(false);
		});
	});

	it('Vaulted OAuth2 tells the model no token that the API repeats', async () => {
		const echo = (secret: string): ApiAnswer => ({
			status: 200,
			headers: { 'x-sent': secret },
			body: {
				headers: { authorization: `Bearer ${secret}` },
				[secret]: encodeURIComponent(secret),
				encoded: base64(`Bearer ${secret}`),
			},
		});
		const asItIs = await afterRun(VAULTED_OAUTH2, '/me', echo);
		expect(asItIs.answers).toEqual([expect.stringContaining('**hidden**')]);
		expect(asItIs.revealed).toBe(false);
		const inAnError = await afterRun(VAULTED_OAUTH2, '/me', (secret) => ({
			...echo(secret),
			status: 500,
		}));
		expect(inAnError.answers).toEqual([expect.stringContaining('error')]);
		expect(inAnError.revealed).toBe(false);
	});

	it('leads away from the API neither node', async () => {
		const before = scene().attacker.requests.length;
		for (const [, tool] of [VAULTED_OAUTH2, HTTP_REQUEST]) {
			const saved = await scene().seal();
			await run(tool(scene(), saved), `@${new URL(scene().attacker.url).host}/echo`);
			await run(tool(scene(), saved), `${scene().attacker.url}/echo`);
		}
		expect(scene().attacker.requests).toHaveLength(before);
	});
}
