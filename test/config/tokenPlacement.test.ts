import { parseForm } from '../../src/config/parseForm';
import { withParameter } from '../../src/config/queryParameter';
import { FIELD_NAMES } from '../../src/config/fields';
import { failureOf } from '../support/failureOf';
import { form } from './fixtures';

const placementOf = async (fields: Record<string, unknown>): Promise<unknown> =>
	(await parseForm(form(fields))).connection.tokenPlacement;

it.each<[Record<string, unknown>, unknown]>([
	[{}, { in: 'header', name: 'authorization', prefix: 'Bearer' }],
	[
		{ tokenHeader: '', tokenPrefix: 'Token' },
		{ in: 'header', name: 'authorization', prefix: 'Token' },
	],
	[
		{ tokenPrefix: ' Zoho-oauthtoken ' },
		{ in: 'header', name: 'authorization', prefix: 'Zoho-oauthtoken' },
	],
	[
		{ tokenHeader: 'X-Auth-Token', tokenPrefix: '' },
		{ in: 'header', name: 'x-auth-token', prefix: '' },
	],
	[{ tokenPlacement: 'query' }, { in: 'query', name: 'access_token' }],
	[
		{ tokenPlacement: 'query', tokenQueryParameter: 'oauth_token', tokenHeader: 'Host' },
		{ in: 'query', name: 'oauth_token' },
	],
	[{ tokenPlacement: 'cookie' }, { in: 'cookie', name: 'access_token' }],
	[
		{ tokenPlacement: 'cookie', tokenCookie: 'sid' },
		{ in: 'cookie', name: 'sid' },
	],
])('%j means %j', async (fields, expected) => {
	await expect(placementOf(fields)).resolves.toEqual(expected);
});

it.each([
	...['Host', 'Content-Type', 'content-length', 'Transfer-Encoding', 'Connection', 'TE', 'Proxy-Authorization', 'DPoP', 'Upgrade', 'Expect', 'X-Vaulted-OAuth2-Guard', 'Cookie', 'two words', 'name:', 'näme', 'a\r\nb', 'x'.repeat(129)].map((tokenHeader) => ['tokenHeader', { tokenHeader }] as const), // prettier-ignore
	...['Bearer\r\nX-Evil: 1', 'Bëarer', 'x'.repeat(129)].map((tokenPrefix) => ['tokenPrefix', { tokenPrefix }] as const), // prettier-ignore
	...['a b', 'a&b', 'a=b', 'a#', 'ä'].map((tokenQueryParameter) => ['tokenQueryParameter', { tokenPlacement: 'query', tokenQueryParameter }] as const), // prettier-ignore
	...['a b', 'a;b', 'a=b', 'a,b'].map((tokenCookie) => ['tokenCookie', { tokenPlacement: 'cookie', tokenCookie }] as const), // prettier-ignore
	['tokenPlacement', { tokenPlacement: 'body' }] as const,
])('%s: %j is refused', async (field, fields) => {
	await expect(failureOf(placementOf(fields))).resolves.toMatchObject({
		code: 'INVALID_FIELD',
		field: FIELD_NAMES[field],
	});
});

it.each([
	{ tokenPlacement: 'query' },
	{ tokenPlacement: 'cookie' },
	{ tokenHeader: 'X-Auth-Token' },
])(
	'DPoP needs the Authorization header (RFC 9449 §7.1), so it is refused with %j',
	async (fields) => {
		for (const dpop of ['always', 'ifOffered']) {
			const failure = await failureOf(placementOf({ ...fields, dpop }));
			expect(failure).toMatchObject({ code: 'INVALID_FIELD', field: 'Send Token In' });
			expect(failure.message).toContain('DPoP');
		}
		await expect(placementOf({ dpop: 'always' })).resolves.toBeDefined();
	},
);

describe('a parameter of an address', () => {
	it.each([
		['https://a.test/x', 'https://a.test/x?t=1%26'],
		['https://a.test/x?a=%20+b&c', 'https://a.test/x?a=%20+b&c&t=1%26'],
		['https://a.test/x?t=other&a=1&t=&%74=3#part', 'https://a.test/x?a=1&t=1%26#part'],
		['/x?T=1&tt=2', '/x?T=1&tt=2&t=1%26'],
		['?t=0', '?t=1%26'],
	])('of %s: %s', (address, expected) => {
		expect(withParameter(address, 't', '1&')).toBe(expected);
	});

	it.each([
		['https://a.test/x?t=1&a=b', 'https://a.test/x?a=b'],
		['https://a.test/x?%74=1', 'https://a.test/x'],
		['https://a.test/x#?t=1', 'https://a.test/x#?t=1'],
	])('is taken out of %s', (address, expected) => {
		expect(withParameter(address, 't')).toBe(expected);
	});
});
