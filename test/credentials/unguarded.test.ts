import type * as N8nWorkflow from 'n8n-workflow';
import type { IHttpRequestOptions } from 'n8n-workflow';

import type * as Authenticate from '../../credentials/authenticateRequest';

let sentHeaders: Record<string, string> = { authorization: 'Bearer an-access-token' };

const CONNECTIONS = {
	read: async () => await Promise.resolve({}),
	needsSealing: () => false,
	open: () => ({
		connection: {
			apiOrigins: ['https://api.example.com'],
			tokenPlacement: { in: 'header', name: 'authorization', prefix: 'Bearer' },
		},
		authorize: async () => await Promise.resolve({ headers: sentHeaders, secrets: [] }),
		tokens: { get: async () => await Promise.resolve({ accessToken: 'an-access-token' }) },
	}),
};

describe('in an n8n with an HTTP client that this package does not know', () => {
	const warnings: unknown[] = [];
	let authenticateRequest: (typeof Authenticate)['authenticateRequest'];

	beforeAll(() => {
		jest.doMock('../../credentials/n8nModules', () => ({
			loadAsN8n: () => {
				throw new Error('Cannot find module');
			},
		}));
		const { LoggerProxy } = jest.requireActual<typeof N8nWorkflow>('n8n-workflow');
		const log = (text: string): void => void warnings.push(text);
		LoggerProxy.init({ debug: log, error: log, info: log, warn: log });
		({ authenticateRequest } = jest.requireActual<typeof Authenticate>(
			'../../credentials/authenticateRequest',
		));
	});

	async function authenticated(options: object): Promise<IHttpRequestOptions> {
		const request = { url: 'https://api.example.com/me', ...options };
		return await authenticateRequest(CONNECTIONS as never, {}, request);
	}

	it('n8n’s log says so, once', async () => {
		await authenticated({});
		await authenticated({});
		expect(warnings).toEqual([
			expect.stringMatching(/^Vaulted OAuth2: this n8n sends .* a client that .* not known/),
		]);
	});

	it.each([
		[
			{ useStream: true, json: false },
			{ useStream: false, encoding: null, json: false },
		],
		[{ encoding: 'stream' }, { encoding: 'arraybuffer' }],
		[{ json: true }, { json: true }],
	])('%j becomes a whole answer: %j', async (options, asked) => {
		const { headers, ...rest } = await authenticated(options);
		expect(rest).toEqual({
			url: 'https://api.example.com/me',
			sendCredentialsOnCrossOriginRedirect: false,
			...asked,
		});
		// No mark: nobody would take it off.
		expect(headers).toEqual({ authorization: 'Bearer an-access-token' });
	});

	it('no redirect is followed with a header that n8n would take along', async () => {
		const usual = sentHeaders;
		sentHeaders = { 'x-auth-token': 'an-access-token' };
		await expect(authenticated({ followRedirect: true, maxRedirects: 5 })).resolves.toMatchObject({
			followRedirect: false,
			followAllRedirects: false,
			maxRedirects: 0,
			disableFollowRedirect: true,
		});
		sentHeaders = usual;
	});
});
