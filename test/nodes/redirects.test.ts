import { nextHop, type Hop } from '../../nodes/VaultedOAuth2/redirects';
import { mayReceiveToken } from '../../src';

const API = {
	apiBaseUrl: 'https://api.example.com/v1',
	apiOrigins: ['https://api.example.com', 'https://uploads.example.com'],
};
const HOP: Hop = {
	method: 'GET',
	url: new URL('https://api.example.com/v1/a'),
	headers: { accept: '*/*', 'x-api-key': 'k' },
	query: { q: '1' },
	withToken: true,
};

const follow = (
	location: unknown,
	changes: { status?: number; hop?: Partial<Hop> } = {},
): Hop | undefined =>
	nextHop({ ...HOP, ...changes.hop }, { status: changes.status ?? 302, location }, (url) =>
		mayReceiveToken(API, url),
	);

test.each([
	['b', 'https://api.example.com/v1/b', true],
	['/', 'https://api.example.com/', true],
	['https://API.example.com:443/x', 'https://api.example.com/x', true],
	['https://uploads.example.com/x', 'https://uploads.example.com/x', true],
	['https://sub.api.example.com/x', 'https://sub.api.example.com/x', false],
	['https://example.com/x', 'https://example.com/x', false],
	['https://api.example.com.evil.test/x', 'https://api.example.com.evil.test/x', false],
	['https://api.example.com:8443/x', 'https://api.example.com:8443/x', false],
	['https://me@api.example.com/x', 'https://me@api.example.com/x', false],
	['\\\\evil.test/x', 'https://evil.test/x', false],
	['//evil.test/x', 'https://evil.test/x', false],
])('a redirect to %s leads to %s, with the token: %s', (location, url, withToken) => {
	const hop = follow(location);
	expect(hop).toMatchObject({ withToken, query: undefined });
	expect(hop!.url.href).toBe(url);
	expect(hop!.headers).toEqual(withToken ? HOP.headers : { accept: '*/*' });
});

test('a redirect from https to http is not followed, wherever it leads', () => {
	expect(() => follow('http://api.example.com/x')).toThrow(
		'The API redirects from https to http://api.example.com, which is not encrypted. It is not followed.',
	);
});

test.each(['data:text/plain,x', 'file:///etc/passwd', 'javascript:alert(1)', 'https://'])(
	'a redirect to %s is not followed',
	(location) => {
		expect(() => follow(location)).toThrow('not a web address');
	},
);

test.each([200, 300, 304, 305, 401, 500])('%i is no redirect', (status) => {
	expect(follow('/b', { status })).toBeUndefined();
});

test.each([undefined, '', ['/a', '/b']])('a redirect needs one location, not %p', (location) => {
	expect(follow(location)).toBeUndefined();
});

test.each([
	['HEAD', 303, 'HEAD'],
	['GET', 303, 'GET'],
	['DELETE', 303, 'GET'],
	['PUT', 301, 'PUT'],
	['POST', 301, 'GET'],
	['DELETE', 307, 'DELETE'],
])('%s after %i becomes %s', (method, status, expected) => {
	expect(follow('/b', { status, hop: { method } })!.method).toBe(expected);
});

test('a request that becomes a GET loses its body and what describes it', () => {
	const headers = {
		'content-type': 'text/csv',
		'content-language': 'en',
		accept: '*/*',
		'x-mine': '1',
	};
	const hop = follow('/b', { hop: { method: 'POST', headers, body: 'a,b' } });
	expect(hop).toEqual({
		method: 'GET',
		url: new URL('https://api.example.com/b'),
		headers: { accept: '*/*', 'x-mine': '1' },
		withToken: true,
	});
});
