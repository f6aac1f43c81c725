import type { IncomingMessage, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import type { IDataObject, IWebhookFunctions, INodeParameters } from 'n8n-workflow';

import { VaultedOAuth2Trigger } from '../../nodes/VaultedOAuth2Trigger/VaultedOAuth2Trigger.node';
import { listenOnLoopback, type LoopbackServer } from '../support/loopback';

const TRIGGER = new VaultedOAuth2Trigger();

/** What n8n's webhook server hands to the trigger, and nothing more: whatever else it touches is an error. */
function strict<T extends object>(functions: Partial<T>): T {
	return new Proxy(functions, {
		get(target, name) {
			const value: unknown = Reflect.get(target, name);
			if (value === undefined) throw new Error(`${String(name)} is not there`);
			return value;
		},
	}) as T;
}

/** Express's answer, as far as the trigger uses it. */
function expressAnswer(response: ServerResponse) {
	const answer = {
		status: (code: number) => {
			response.statusCode = code;
			return answer;
		},
		set: (headers: Record<string, string>) => {
			for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
			return answer;
		},
		send: (body: string) => {
			response.end(body);
			return answer;
		},
	};
	return answer;
}

/** A trigger behind a path prefix on a loopback port, as n8n's webhook server would have it. */
export class TriggerHost {
	/** The credential that is chosen in the trigger. */
	fields: IDataObject | Error = new Error('no credential was chosen');
	parameters: INodeParameters = {};
	/** The items the workflow was started with. */
	readonly started: IDataObject[] = [];
	/** What went into n8n's log. */
	readonly logged: string[] = [];

	private constructor(private readonly server: LoopbackServer) {
		server.serve((request, response) => void this.answer(request, response));
	}

	static async start(): Promise<TriggerHost> {
		return new TriggerHost(await listenOnLoopback());
	}

	get origin(): string {
		return this.server.origin;
	}

	get callbackUrl(): string {
		return `${this.origin}/prefix/webhook/crm/callback`;
	}

	async close(): Promise<void> {
		await this.server.close();
	}

	private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const { pathname } = new URL(request.url ?? '', this.origin);
		const webhook = TRIGGER.description.webhooks?.find(
			({ path, httpMethod }) =>
				path === pathname.split('/').at(-1) && httpMethod === request.method,
		);
		if (webhook === undefined) {
			response.writeHead(404).end();
			return;
		}
		// n8n takes multipart bodies apart on its own, and keeps the bytes of every other.
		const isMultipart = request.headers['content-type']?.startsWith('multipart/') === true;
		const hasBody = request.method === 'POST' && !isMultipart;
		const body = hasBody ? { rawBody: await buffer(request) } : {};
		const { fields, parameters } = this;
		const functions = strict<IWebhookFunctions>({
			getWebhookName: () => webhook.name,
			getWorkflow: () => ({ id: 'workflow-1', active: true }),
			getRequestObject: () =>
				Object.assign(request, { originalUrl: request.url, ...body }) as never,
			getResponseObject: () => expressAnswer(response) as never,
			getNodeParameter: ((parameter: string, fallback: unknown) =>
				parameters[parameter] ?? fallback) as never,
			getCredentials: (async () => {
				if (fields instanceof Error) throw fields;
				return await Promise.resolve(fields);
			}) as never,
			logger: { error: (message: string) => this.logged.push(message) } as never,
		});
		const result = await TRIGGER.webhook.call(functions);
		if (result.noWebhookResponse !== true) throw new Error('n8n would answer as well');
		for (const item of result.workflowData?.[0] ?? []) this.started.push(item.json);
	}
}
