import { mayReceiveToken, resolveApiUrl } from '../../src/config/apiUrl';

const target = {
	apiBaseUrl: 'https://api.example.com/v1',
	apiOrigins: ['https://api.example.com', 'https://files.example.com'],
};
const resolve = (path: string): string => resolveApiUrl(target, path, 'Path').href;

it.each([
	['', 'https://api.example.com/v1'],
	['/', 'https://api.example.com/v1/'],
	['me', 'https://api.example.com/v1/me'],
	['/me', 'https://api.example.com/v1/me'],
	['/me?x=1&y=a%20b', 'https://api.example.com/v1/me?x=1&y=a%20b'],
	['?x=1', 'https://api.example.com/v1/?x=1'],
	['/a/./b/../c', 'https://api.example.com/v1/a/c'],
	['/time:09/@me', 'https://api.example.com/v1/time:09/@me'],
	['https://api.example.com/v2/me', 'https://api.example.com/v2/me'],
	['https://files.example.com/upload', 'https://files.example.com/upload'],
])('resolves %j under the base', (path, expected) => {
	expect(resolve(path)).toBe(expected);
});

it.each([
	'https://evil.example/',
	'HTTPS://evil.example/',
	'http://api.example.com/v1/me',
	'https://api.example.com:8443/me',
	'https://api.example.com.evil.example/',
	'https://api.example.com@evil.example/',
	'https://user@api.example.com/me',
	'//evil.example/me',
	'/\\evil.example/me',
	'\\\\evil.example',
	'/\t/evil.example',
	'/me\n/x',
	'/a b',
	'..',
	'../admin',
	'/../../admin',
	'/%2e%2e/admin',
	'/%2E%2E/%2e./admin',
	'/me/../../../admin',
	'/..;/admin',
	'/..%2f..%2fadmin',
	'/x%2F..%2F..%2Fadmin',
	'/..%5cadmin',
	'javascript:alert(1)',
	'data:text/plain,x',
	'https:evil.example',
	'https:///evil.example',
])('refuses %j', (path) => {
	expect(() => resolve(path)).toThrow(
		expect.objectContaining({ field: 'Path', code: 'ADDRESS_NOT_ALLOWED' }) as Error,
	);
});

it('tells which addresses may receive the token', () => {
	expect(mayReceiveToken(target, new URL('https://files.example.com/x'))).toBe(true);
	expect(mayReceiveToken(target, new URL('https://sub.api.example.com/x'))).toBe(false);
	expect(mayReceiveToken(target, new URL('https://u:p@api.example.com/x'))).toBe(false);
});
