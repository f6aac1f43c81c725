import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { ICredentialDataDecryptedObject } from 'n8n-workflow';
import { peek } from '../../src/http/peek';
import type { Answer } from './recorder';
import { useRig, type Rig, type Credential } from './rig';

let rig: Rig;

useRig((started) => {
	rig = started;
});

const POST = { method: 'POST', sendBody: true, specifyBody: 'json', jsonBody: '{"a":1}' };
const NEVER_ERROR = {
	options: { response: { response: { neverError: true, fullResponse: true } } },
};
const json = (body: unknown, status = 200): Answer => ({
	status,
	headers: { 'content-type': 'application/json' },
	body: JSON.stringify(body),
});

/** An API that takes only the newest token for good, and says otherwise with `refusal`. */
async function apiThatSays(
	refusal: Answer,
	fields: ICredentialDataDecryptedObject,
): Promise<{ credential: Credential; tokens: () => number }> {
	rig.recorder.reset();
	const credential = await rig.saved({ apiBaseUrl: rig.recorder.url, ...fields });
	const expired = rig.provider.issued.at(-1)!.value;
	rig.recorder.reset();
	rig.recorder.answers = {
		'/x': ({ headers }) =>
			headers.authorization?.includes(expired) === true ? refusal : json({ fine: true }),
		'/always': refusal,
	};
	const before = rig.provider.countTokenRequests();
	return { credential, tokens: () => rig.provider.countTokenRequests() - before };
}

const SAYS: Record<string, [Answer, ICredentialDataDecryptedObject]> = {
	'a status of its own': [json({}, 419), { tokenExpiredStatusCodes: '401, 419' }],
	'403': [json({}, 403), { tokenExpiredStatusCodes: '403' }],
	'a challenge with 400': [
		{ status: 400, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } },
		{ tokenExpiredRule: 'challenge' },
	],
	'200 with an error in the body': [
		json({ ok: false, error: 'token_expired' }),
		{ tokenExpiredRule: 'body', tokenExpiredPath: 'error', tokenExpiredValue: 'token_expired' },
	],
};

describe.each(Object.entries(SAYS))(
	'an API that says by %s that the token has expired',
	(_name, [refusal, fields]) => {
		test('gets the request once more, with its body and a new token', async () => {
			const { credential, tokens } = await apiThatSays(refusal, fields);
			const items = await rig.request(credential, { path: '/x', ...POST });
			expect(items).toMatchObject([{ json: { fine: true } }]);
			expect(rig.recorder.requests.map(({ body }) => body)).toEqual(['{"a":1}', '{"a":1}']);
			expect(tokens()).toBe(1);
		});

		test('and says so of every token costs one token request for many calls; its answer is the result', async () => {
			const { credential, tokens } = await apiThatSays(refusal, fields);
			const items = Array.from({ length: 10 }, () => ({}));
			const output = await rig.request(credential, { path: '/always', ...NEVER_ERROR }, { items });
			expect(output).toHaveLength(10);
			expect(output[9]!.json).toMatchObject({ statusCode: refusal.status });
			expect(tokens()).toBe(1);
		});

		test('is answered once by a credential that does not say so', async () => {
			const { credential, tokens } = await apiThatSays(refusal, {});
			await rig.request(credential, { path: '/x', ...NEVER_ERROR });
			expect(rig.recorder.requests).toHaveLength(1);
			expect(tokens()).toBe(0);
		});
	},
);

test('403 for a missing scope is never worth a token', async () => {
	const challenge = 'Bearer error="insufficient_scope", scope="admin"';
	const { credential, tokens } = await apiThatSays(
		{ status: 403, headers: { 'www-authenticate': challenge } },
		{ tokenExpiredStatusCodes: '401, 403', tokenExpiredRule: 'challenge' },
	);
	const run = await rig.run(credential, { resource: 'apiRequest', path: '/x' });
	expect(run.error).toMatchObject({ httpCode: '403' });
	expect(rig.recorder.requests).toHaveLength(1);
	expect(tokens()).toBe(0);
});

test('a long answer is not held up, and arrives whole', async () => {
	const long = { text: 'x'.repeat(300_000), error: 'token_expired' };
	const { credential, tokens } = await apiThatSays(json(long), {
		...{ tokenExpiredRule: 'body', tokenExpiredPath: 'error', tokenExpiredValue: 'token_expired' },
	});
	const [item] = await rig.request(credential, { path: '/always' });
	expect(item!.json).toEqual(long);
	expect(tokens()).toBe(0);
});

describe('a look at a body', () => {
	const chunks = (...sizes: number[]): Readable =>
		Readable.from(sizes.map((size) => Buffer.alloc(size, 'x')));

	test.each([
		[[], 0],
		[[3, 4], 7],
		[[10], 10],
	])('of %j bytes has it all', async (sizes, length) => {
		const { content, body } = await peek(chunks(...sizes), 10);
		expect(content).toHaveLength(length);
		expect(body).toBe(content);
	});

	test('that is longer leaves it as it was', async () => {
		const { content, body } = await peek(chunks(6, 6, 100, 1), 10);
		expect(content).toBeUndefined();
		await expect(buffer(body as Readable)).resolves.toHaveLength(113);
	});

	test('that breaks off leaves it broken', async () => {
		const source = new Readable({ read: () => undefined });
		source.push('abc');
		const looking = peek(source, 10);
		source.destroy(new Error('gone'));
		const { content, body } = await looking;
		expect(content).toBeUndefined();
		await expect(buffer(body as Readable)).rejects.toThrow('gone');
	});

	test('that nobody reads on gives it up', async () => {
		const source = new Readable({ read: () => undefined });
		source.push(Buffer.alloc(20));
		const { body } = await peek(source, 10);
		(body as Readable).destroy();
		await new Promise((resolve) => source.once('close', resolve));
		expect(source.destroyed).toBe(true);
	});
});
