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
	['https://api.example.com/v1', 'https://api.example.com/v1'],
	['https://api.example.com/v1?page=2', 'https://api.example.com/v1?page=2'],
	['HTTPS://API.example.com:443/v1/me?page=2', 'https://api.example.com/v1/me?page=2'],
	['https://files.example.com/upload', 'https://files.example.com/upload'],
	['https://files.example.com/a/..%2fb', 'https://files.example.com/a/..%2fb'],
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
	'https:api.example.com/v1/me',
	'https:/api.example.com/v1/me',
	'https:///api.example.com/v1/me',
	'https:///evil.example',
	'blob:https://api.example.com/v1/me',
	'blob:https://files.example.com/upload',
	'https://api.example.com',
	'https://api.example.com/v2/me',
	'https://api.example.com/v10/me',
	'https://api.example.com/V1/me',
	'https://api.example.com/v1/../v2/me',
	'https://api.example.com/v1/%2e%2e/v2/me',
	'https://api.example.com/v1/..%2fv2/me',
	'https://api.example.com//v1/me',
	'//api.example.com/v2/me',
	'/%252e%252e/admin',
	'/..%252fadmin',
	'/%2%65%2%65/admin',
	'/%25252e%25252e/admin',
	'/..%3bx/admin',
	'/..;x=1%2f..;/admin',
])('refuses %j', (path) => {
	expect(() => resolve(path)).toThrow(
		expect.objectContaining({ field: 'Path', code: 'ADDRESS_NOT_ALLOWED' }) as Error,
	);
});

it('says how to reach more of the host than the base path', () => {
	expect(() => resolve('https://api.example.com/v2/items?page=2')).toThrow(
		'shorten API Base URL in the credential to reach more of https://api.example.com.',
	);
	const whole = { ...target, apiBaseUrl: 'https://api.example.com' };
	expect(resolveApiUrl(whole, 'https://api.example.com/v2/items?page=2', 'Path').href).toBe(
		'https://api.example.com/v2/items?page=2',
	);
});

it('tells which addresses may receive the token', () => {
	expect(mayReceiveToken(target, new URL('https://files.example.com/x'))).toBe(true);
	expect(mayReceiveToken(target, new URL('https://sub.api.example.com/x'))).toBe(false);
	expect(mayReceiveToken(target, new URL('https://u:p@api.example.com/x'))).toBe(false);
	expect(mayReceiveToken(target, new URL('https://u@api.example.com/x'))).toBe(false);
	expect(mayReceiveToken(target, new URL('https://:p@api.example.com/x'))).toBe(false);
	for (const address of ['blob:https://api.example.com/x', 'http://api.example.com/x']) {
		expect(mayReceiveToken(target, new URL(address))).toBe(false);
	}
});
