import type { INodeExecutionData, INodeParameters } from 'n8n-workflow';
import { HIDDEN } from '../../src/redact';
import { ENCODINGS, reveals } from '../support/secretEncodings';
import type { Answer } from './recorder';
import { Rig, type Credential } from './rig';

/** With everything that encoders treat in different ways (RFC 6750 §2.1: b64token). */
const TOKEN = 'tQ7~v+Zk/2m-X_9.wR4+hN/81aBcD==';
const WRITTEN = Object.entries(ENCODINGS).map(([name, write]) => ({ name, text: write(TOKEN) }));

let rig: Rig;
let credential: Credential;

beforeAll(async () => {
	rig = await Rig.start();
	rig.elsewhere.answers = {
		'/token': { body: JSON.stringify({ access_token: TOKEN, expires_in: 3600 }) },
	};
	credential = await rig.saved({
		tokenUrl: `${rig.elsewhere.url}/token`,
		apiBaseUrl: `${rig.recorder.url}/v1`,
	});
});
afterAll(async () => {
	await rig.close();
});

const json = (body: unknown): Answer => ({
	headers: { 'content-type': 'application/json' },
	body: JSON.stringify(body),
});
const response = (options: INodeParameters): INodeParameters => ({
	options: { response: { response: options } },
});
const FULL = response({ fullResponse: true });
const FILE = response({ responseFormat: 'file' });
const file = (headers: Record<string, string>, body: string | Buffer = 'content'): Answer => ({
	headers: { 'content-type': 'application/octet-stream', ...headers },
	body,
});
const inHeader = (text: string): boolean => /^[\x20-\x7e]*$/.test(text);
const quoted = (text: string): string => text.replace(/["\\]/g, '\\$&');

interface Place {
	answer(text: string): Answer;
	parameters?: INodeParameters;
	/** Which texts can be there. */
	takes?: (text: string) => boolean;
}

/** Every place of an answer from which something gets into items, errors or files. */
const PLACES: Record<string, Place> = {
	'a value of JSON': { answer: (text) => json({ deep: [{ value: `Bearer ${text}` }] }) },
	'a value of JSON that was not encoded as one': {
		answer: (text) => ({
			headers: { 'content-type': 'application/json' },
			body: `{"value":"${text}"}`,
		}),
		takes: (text) => !/[\r\n]/.test(text),
	},
	'a name of JSON': { answer: (text) => json({ [`token ${text}`]: 1 }) },
	'a list': { answer: (text) => json([text, { text }]) },
	'a text': {
		answer: (text) => ({ headers: { 'content-type': 'text/plain' }, body: `<p>${text}</p>` }),
	},
	'a file': { answer: (text) => file({}, `\0\xff${text}\n`), parameters: FILE },
	'the name of a file': {
		answer: (text) => file({ 'content-disposition': `attachment; filename="${quoted(text)}.bin"` }),
		parameters: FILE,
		takes: inHeader,
	},
	'the extended name of a file': {
		answer: (text) =>
			file({ 'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(text)}` }),
		parameters: FILE,
		takes: inHeader,
	},
	'the type of a file': {
		answer: (text) => file({ 'content-type': `application/${text}` }),
		parameters: FILE,
		takes: inHeader,
	},
	'a header': {
		answer: (text) => ({ headers: { 'x-echo': text, 'set-cookie': `a=${text}` } }),
		parameters: FULL,
		takes: inHeader,
	},
	'a header of a file': {
		answer: (text) => file({ 'x-echo': text }),
		parameters: response({ responseFormat: 'file', fullResponse: true }),
		takes: inHeader,
	},
	'the reason phrase': {
		answer: (text) => ({ statusText: text }),
		parameters: FULL,
		takes: inHeader,
	},
	'an error of JSON': {
		answer: (text) => ({ ...json({ error: { message: text, [text]: 1 } }), status: 400 }),
	},
	'a page with an error': {
		answer: (text) => ({
			status: 502,
			headers: { 'content-type': 'text/html' },
			body: `<h1>${text}</h1>`,
		}),
	},
	'an error that is none (Never Error)': {
		answer: (text) => ({ ...json({ message: text }), status: 418, statusText: 'Teapot' }),
		parameters: response({ neverError: true, fullResponse: true }),
	},
	'a text that is no JSON (Never Error)': {
		answer: (text) => ({
			headers: { 'content-type': 'application/json' },
			body: `{${text}`,
			statusText: 'OK',
		}),
		parameters: response({ neverError: true, responseFormat: 'text' }),
	},
};

/** Everything of an item that n8n keeps, files decoded. */
function everything({ binary, ...item }: INodeExecutionData): string {
	const files = Object.values(binary ?? {});
	const contents = files.map(({ data }) => Buffer.from(data, 'base64').toString('latin1'));
	return [
		JSON.stringify({ ...item, files: files.map((file) => ({ ...file, data: '' })) }),
		...contents,
	].join('\n');
}

describe.each(Object.entries(PLACES))(
	'the token in %s',
	(_place, { answer, parameters, takes }) => {
		it('is hidden, however it is written', async () => {
			const written = WRITTEN.filter(({ text }) => takes?.(text) ?? true);
			rig.recorder.answers = Object.fromEntries(
				written.map(({ text }, index) => [`/v1/${index}`, answer(text)]),
			);
			const run = await rig.run(
				credential,
				{ resource: 'apiRequest', path: '=/{{ $json.index }}', ...parameters },
				{
					items: written.map((_, index) => ({ index })),
					node: { onError: 'continueRegularOutput' },
				},
			);
			const items = run.output('Node');
			const found = written.map(({ name }, index) => {
				const own = items.filter(
					({ pairedItem }) => (pairedItem as { item: number }).item === index,
				);
				const text = own.map(everything).join('\n');
				return [
					name,
					reveals(text, TOKEN) ? 'readable' : text.includes(HIDDEN) ? 'hidden' : 'missing',
				];
			});
			expect(found).toEqual(written.map(({ name }) => [name, 'hidden']));
			expect(run.text).not.toContain(TOKEN);
		});
	},
);

it('an error of an API is no link in n8n’s messages', async () => {
	const link = '<a href="https://evil.example">Sign in</a>';
	rig.recorder.answers = {
		'/v1/x': { ...json({ message: link, error: { message: link } }), status: 403 },
	};
	const { error } = await rig.run(credential, { resource: 'apiRequest', path: '/x' });
	expect(error?.description).toContain('‹a href="https://evil.example"›Sign in‹/a›');
	expect(`${error?.message} ${error?.description}`).not.toMatch(/[<>]/);
});

it('the label makes no lines of its own in the log', async () => {
	await rig.saved({ label: 'CRM"\n2026-01-01 | error | forged\u001b[2J\u2028<b>' });
	const lines = rig.engine.log.filter((line) => line.includes('forged'));
	expect(lines).not.toEqual([]);
	for (const line of lines) expect(line).not.toMatch(/[\p{Cc}\u2028<>]/u);
});
