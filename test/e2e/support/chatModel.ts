import { text } from 'node:stream/consumers';
import { listenOnLoopback } from '../../support/loopback';

/** A server with the interface of OpenAI's chat completions: it calls every tool once, then it is satisfied. */
export interface ChatModel {
	/** What goes into the credential of n8n's OpenAI Chat Model node. */
	readonly url: string;
	/** The body of every request. */
	readonly heard: readonly string[];
	/** What tools answered, as the model was sent it. */
	toolAnswers(): string[];
	close(): Promise<void>;
}

interface Asked {
	readonly messages: readonly { readonly role: string; readonly content: unknown }[];
	readonly tools?: readonly { readonly function: { readonly name: string } }[];
}

/**
 * Starts a chat model on a loopback port.
 *
 * @param argument for the parameter `path` of every tool
 */
export async function startChatModel(argument: () => string): Promise<ChatModel> {
	const heard: string[] = [];
	const server = await listenOnLoopback();

	function reply({ messages, tools = [] }: Asked): object {
		if (messages.some(({ role }) => role === 'tool'))
			return { role: 'assistant', content: 'Done.' };
		const calls = tools.map(({ function: { name } }, index) => ({
			id: `call_${index}`,
			type: 'function',
			function: { name, arguments: JSON.stringify({ path: argument() }) },
		}));
		return { role: 'assistant', content: null, tool_calls: calls };
	}

	server.serve((request, response) => {
		void text(request).then((body) => {
			heard.push(body);
			const message = reply(JSON.parse(body) as Asked);
			const finish_reason = 'tool_calls' in message ? 'tool_calls' : 'stop';
			response.setHeader('content-type', 'application/json');
			response.end(
				JSON.stringify({
					id: 'chatcmpl-1',
					object: 'chat.completion',
					created: 0,
					model: 'test-model',
					choices: [{ index: 0, message, finish_reason }],
					usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
				}),
			);
		});
	});

	return {
		url: `${server.origin}/v1`,
		heard,
		toolAnswers: () =>
			heard
				.flatMap((body) => (JSON.parse(body) as Asked).messages)
				.filter(({ role }) => role === 'tool')
				.map(({ content }) => JSON.stringify(content)),
		close: async () => await server.close(),
	};
}
