import type * as N8nWorkflow from 'n8n-workflow';
import type { INode } from 'n8n-workflow';

import type * as Credential from '../../nodes/VaultedOAuth2/credential';
import type * as Transport from '../../nodes/VaultedOAuth2/transport';

const NODE = { name: 'Vaulted OAuth2', type: 'vaultedOAuth2' } as INode;

interface Fields {
	readonly allowedHttpRequestDomains?: string;
	readonly allowedDomains?: string;
}

/** n8n-workflow's function for the field, as each version has it. */
const VERSIONS: [string, Record<string, unknown>][] = [
	['1.120 (n8n 1.123) and 2.20: the fields come first', { getCredentialAllowedDomains: byFields }],
	['2.0: there is none', { getCredentialAllowedDomains: undefined }],
	['2.39: options', {}],
];

function byFields({ allowedHttpRequestDomains, allowedDomains }: Fields): string | undefined {
	return allowedHttpRequestDomains === 'domains' ? allowedDomains : undefined;
}

describe.each(VERSIONS)('with n8n-workflow %s', (_version, changes) => {
	/** The modules of the node, loaded beside that version. */
	let modules: typeof Credential & typeof Transport;

	beforeAll(() => {
		jest.resetModules();
		jest.doMock('n8n-workflow', () => ({
			...jest.requireActual<typeof N8nWorkflow>('n8n-workflow'),
			...changes,
		}));
		modules = {
			...jest.requireActual<typeof Credential>('../../nodes/VaultedOAuth2/credential'),
			...jest.requireActual<typeof Transport>('../../nodes/VaultedOAuth2/transport'),
		};
	});

	test.each([
		['https://api.example.com/v1', true],
		['https://API.Example.com./', true],
		['https://a.b.example.org:8443/', true],
		['https://example.org/', false],
		['https://notexample.org/', false],
		['https://api.example.com.evil.test/', false],
		['https://example.com/', false],
	])('a list of domains allows %s: %s', (url, allowed) => {
		const { allowedDomainsOf, assertDomainAllowed } = modules;
		const domains = allowedDomainsOf(NODE, {
			allowedHttpRequestDomains: 'domains',
			allowedDomains: ' Api.example.com , *.example.org,',
		});
		const check = (): void => assertDomainAllowed(NODE, domains, new URL(url));
		if (allowed) expect(check).not.toThrow();
		else expect(check).toThrow(/^Domain not allowed: /);
	});

	test.each([undefined, 'all', 'none'])('%s leaves every domain', (mode) => {
		const { allowedDomainsOf } = modules;
		const fields = { allowedDomains: 'example.com' };
		expect(
			allowedDomainsOf(
				NODE,
				mode === undefined ? fields : { ...fields, allowedHttpRequestDomains: mode },
			),
		).toBeUndefined();
	});

	test.each(['', ' , ', undefined])('an empty list (%p) leaves none', (allowedDomains) => {
		const { allowedDomainsOf } = modules;
		expect(() =>
			allowedDomainsOf(NODE, {
				allowedHttpRequestDomains: 'domains',
				...(allowedDomains === undefined ? {} : { allowedDomains }),
			}),
		).toThrow('Enter Allowed Domains in the credential');
	});

	test('nothing is sent elsewhere, though n8n’s request function knows no such list', async () => {
		const { callApi } = modules;
		const sent: unknown[] = [];
		const node = {
			getNode: () => NODE,
			getExecutionCancelSignal: () => undefined,
			helpers: {
				httpRequest: async (request: unknown) => await Promise.resolve(sent.push(request)),
			},
		};
		const call = callApi(
			{ node, itemIndex: 0 } as never,
			{
				connection: { apiOrigins: ['https://api.example.com'] },
				tokens: { get: async () => await Promise.resolve({ accessToken: 'an-access-token' }) },
				allowedDomains: ['other.example.com'],
			} as never,
			{
				method: 'GET',
				url: new URL('https://api.example.com/'),
				headers: {},
				queryArrays: 'repeat',
				timeoutMs: 1,
				maxRedirects: 0,
			},
		);
		await expect(call).rejects.toThrow(/^Domain not allowed: /);
		expect(sent).toEqual([]);
	});
});
