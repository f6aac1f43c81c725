import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Egress } from '../../src/http/egress';
import { createEgress } from '../../src/http/createEgress';
import { failureOf } from '../support/failureOf';
import { REDIRECT_URI, WholeCore, type Form } from '../support/wholeCore';
import { accountsOf } from './accounts';

/** A request that left for the provider. */
interface Sent {
	readonly url: URL;
	readonly method: string;
	readonly body: URLSearchParams;
}

let core: WholeCore;
const sent: Sent[] = [];
const { saved, flowOf, linkOf, visit, visitOfAnother, connect } = accountsOf(() => core);

beforeAll(async () => {
	core = await WholeCore.start('localVault');
	const egress = createEgress(undefined, {});
	const recording: Egress = {
		...egress,
		request: async (url, request) => {
			const body = typeof request.body === 'string' ? request.body : '';
			sent.push({
				url: new URL(url),
				method: request.method,
				body: new URLSearchParams(body),
			});
			return await egress.request(url, request);
		},
	};
	core.connections = core.process({ egress: recording });
});
beforeEach(() => {
	sent.length = 0;
});
afterAll(async () => {
	await core.close();
});

/** The authorization address of a new sign-in. */
async function authorization(form: Form): Promise<URL> {
	const { location } = await (await flowOf(form)).connect(await linkOf(form));
	return new URL(location);
}

function tokenRequests(grant: string): Sent[] {
	return sent.filter(({ body }) => body.get('grant_type') === grant);
}

describe('§2.1 redirect-based flows', () => {
	it('the redirect URI is sent as it was entered, the same in both requests', async () => {
		const form = await saved();
		const { searchParams } = await authorization(form);
		expect(searchParams.getAll('redirect_uri')).toEqual([REDIRECT_URI]);
		await connect(form);
		expect(
			tokenRequests('authorization_code').map(({ body }) => body.getAll('redirect_uri')),
		).toEqual([[REDIRECT_URI]]);
	});

	it('every sign-in has a state of its own, which says nothing', async () => {
		const form = await saved();
		const states = [];
		for (let index = 0; index < 3; index += 1)
			states.push((await authorization(form)).searchParams.get('state'));
		expect(new Set(states).size).toBe(3);
		for (const state of states) expect(state).toMatch(/^browser\.[\w.-]+$/);
	});

	it('the code is asked for and nothing else, whatever the additional parameters say', async () => {
		const form = await saved();
		expect((await authorization(form)).searchParams.getAll('response_type')).toEqual(['code']);
		for (const name of [
			'response_type',
			'response_mode',
			'state',
			'nonce',
			'redirect_uri',
			'code_challenge',
			'code_challenge_method',
			'request',
			'request_uri',
		]) {
			const authorizationParameters = JSON.stringify({ [name]: 'x' });
			await expect(
				failureOf(core.save({ ...form, authorizationParameters })),
			).resolves.toMatchObject({ field: 'Additional Authorization Parameters' });
		}
	});

	it.each([
		['longer', (issuer: string) => `${issuer}x`],
		['a subdomain of another', (issuer: string) => `${issuer}.attacker.example`],
		['with a slash', (issuer: string) => `${issuer}/`],
		['with a path', (issuer: string) => `${issuer}/tenant`],
		['shorter', (issuer: string) => issuer.slice(0, -1)],
		['the beginning alone', () => 'http://'],
		['in capitals', (issuer: string) => issuer.toUpperCase()],
		['with a user', (issuer: string) => issuer.replace('//', '//x@')],
		['empty', () => ''],
	])('an issuer that is %s is another one: the code is not sent', async (_name, change) => {
		const form = await saved();
		const { response, cookies } = await visit(form);
		const iss = change(core.provider.issuer);
		const mixed = new URLSearchParams({ ...Object.fromEntries(response), iss });
		await expect(failureOf((await flowOf(form)).callback(mixed, cookies))).resolves.toMatchObject({
			code: 'ISSUER_MISMATCH',
		});
		expect(tokenRequests('authorization_code')).toEqual([]);
		// The genuine answer is still good.
		await expect((await flowOf(form)).callback(response, cookies)).resolves.toBeDefined();
	});
});

describe('§2.1.1 authorization code grant', () => {
	it('PKCE: each code is redeemed with the verifier of its own challenge, by S256', async () => {
		const form = await saved();
		const [first, second] = [await authorization(form), await authorization(form)];
		const challenges = [first, second].map(({ searchParams }) =>
			searchParams.get('code_challenge'),
		);
		expect(new Set(challenges).size).toBe(2);
		const mine = await visit(form);
		const visited =
			mine.person.visited.find((address) => address.includes('code_challenge=')) ?? '';
		const { searchParams } = new URL(visited);
		expect(searchParams.get('code_challenge_method')).toBe('S256');
		await (await flowOf(form)).callback(mine.response, mine.cookies);
		const [request] = tokenRequests('authorization_code');
		const verifier = request?.body.get('code_verifier') ?? '';
		expect(createHash('sha256').update(verifier).digest('base64url')).toBe(
			searchParams.get('code_challenge'),
		);
	});

	it('PKCE cannot be taken away by an answer', async () => {
		const form = await saved();
		const { response, cookies } = await visit(form);
		response.set('code_challenge_method', 'plain');
		response.set('code_verifier', 'x');
		await (await flowOf(form)).callback(response, cookies);
		expect(tokenRequests('authorization_code')[0]?.body.getAll('code_verifier')).toEqual([
			expect.stringMatching(/^[\w-]{43}$/),
		]);
	});

	it('a code is sent once, also if the provider failed', async () => {
		const form = await saved();
		const { response, cookies } = await visit(form);
		core.provider.injectFault({ instead: { status: 503, body: 'maintenance' } });
		const flow = await flowOf(form);
		await expect(failureOf(flow.callback(response, cookies))).resolves.toMatchObject({
			failureClass: 'provider',
		});
		await expect(failureOf(flow.callback(response, cookies))).resolves.toMatchObject({
			code: 'RESPONSE_USED',
		});
		expect(tokenRequests('authorization_code')).toHaveLength(1);
	});
});

describe('§2.2 tokens', () => {
	it('a refresh token is redeemed once and replaced by its successor', async () => {
		const form = await saved();
		await connect(form);
		for (let turn = 0; turn < 3; turn += 1) {
			core.wait(2 * 3600);
			await expect(core.call(form)).resolves.toBe(200);
		}
		const redeemed = tokenRequests('refresh_token').map(({ body }) => body.get('refresh_token'));
		expect(redeemed).toHaveLength(3);
		expect(new Set(redeemed).size).toBe(3);
	});

	it('the refresh token of a former consent ends with it, also if the new one brings none', async () => {
		const form = await saved();
		const { response, cookies } = await visitOfAnother(form);
		core.provider.injectFault({
			alter: (answer) => {
				const { refresh_token: _none, ...body } = answer.body as Record<string, unknown>;
				return { ...answer, body };
			},
		});
		await expect((await flowOf(form)).callback(response, cookies)).resolves.toMatchObject({
			refreshable: false,
			reconnected: true,
		});
		core.wait(2 * 3600);
		for (const connections of [core.connections, core.process()])
			await expect(failureOf(core.call(form, connections))).resolves.toMatchObject({
				code: 'NO_REFRESH_TOKEN',
			});
		expect(tokenRequests('refresh_token')).toEqual([]);
	});

	it('secrets, codes, verifiers and tokens are in the body of a POST, never in an address', async () => {
		const form = await saved();
		const { response, cookies, person } = await visit(form);
		await (await flowOf(form)).callback(response, cookies);
		core.wait(2 * 3600);
		await core.call(form);
		const verifier = tokenRequests('authorization_code')[0]?.body.get('code_verifier') ?? '';
		const code = response.get('code') ?? '';
		const confidential = [...core.provider.confidential(), verifier];
		const asked = sent.map(({ url }) => url.href).join('\n');
		const addresses = `${asked}\n${person.visited.join('\n')}`.replaceAll(code, '');
		expect(confidential.filter((secret) => addresses.includes(secret))).toEqual([]);
		expect(asked).not.toContain(code);
		const grants = sent.filter(({ body }) => body.has('grant_type'));
		expect(new Set(grants.map(({ method }) => method))).toEqual(new Set(['POST']));
	});
});

describe('§2.6 transport', () => {
	it.each(['http://n8n.example.com/webhook/crm/callback', 'http://192.0.2.1/webhook/crm/callback'])(
		'an answer does not come back over plain http: %s',
		async (redirectUri) => {
			await expect(failureOf(core.save(core.codeForm({ redirectUri })))).resolves.toMatchObject({
				field: 'Redirect URI',
				code: 'INVALID_FIELD',
			});
		},
	);
});

describe('docs/rfc9700.md', () => {
	const root = join(__dirname, '..', '..');
	const text = readFileSync(join(root, 'docs', 'rfc9700.md'), 'utf8');
	const proofs = [...text.matchAll(/\[([^\]]+\.test\.ts)\]\(\.\.\/([^)]+)\): “([^”]+)”/g)];

	it.each(proofs.map(([, , file = '', title = '']) => [title, file]))(
		'names a test that there is: %s',
		(title, file) => {
			expect(readFileSync(join(root, file), 'utf8')).toContain(title);
		},
	);

	it('has a test, or a reason, in every line', () => {
		const lines = text.split('\n').filter((line) => line.startsWith('| §'));
		expect(lines.length).toBeGreaterThanOrEqual(25);
		expect(lines.filter((line) => !/“[^”]+”|not applicable|not yet/.test(line))).toEqual([]);
	});
});
