import { normalise, readBody, readLifetime, readOAuthError } from '../../src/oauth/tokenResponse';

const response = (
	body: string,
	contentType = 'application/json',
): { status: number; headers: Record<string, string>; body: string } => ({
	status: 200,
	headers: { 'content-type': contentType },
	body,
});
const normalised = (json: Record<string, unknown>): unknown => {
	const result = normalise(json);
	return result && { ...(JSON.parse(result.body) as object), expiresIn: result.expiresIn };
};

it('takes what real servers send for what RFC 6749 asks for', () => {
	const plain = { access_token: 'at', token_type: 'bearer', expiresIn: undefined };
	expect(normalised({ access_token: 'at' })).toEqual(plain);
	expect(normalised({ access_token: 'at', token_type: 'BearerToken', expires_in: null })).toEqual(
		plain,
	);
	expect(
		normalised({ access_token: 'at', refresh_token: '', scope: 7, id_token: 'x.y.z' }),
	).toEqual(plain);
	expect(
		normalised({ access_token: 'at', refresh_token: null, scope: ['a', 'b'], expires_in: '60' }),
	).toEqual({
		...plain,
		scope: 'a b',
		expiresIn: 60,
	});
	expect(normalised({ access_token: 'at', refresh_token: 'rt' })).toEqual({
		...plain,
		refresh_token: 'rt',
	});
});

it('does not take what cannot be used as a bearer token', () => {
	expect(normalise({})).toBeUndefined();
	expect(normalise({ access_token: '' })).toBeUndefined();
	expect(normalise({ access_token: 'at', token_type: 'DPoP' })).toBeUndefined();
	expect(normalise({ access_token: 'at', token_type: 'N_A' })).toBeUndefined();
});

it('reads JSON and form bodies whatever their content type says, and nothing else', () => {
	expect(readBody(response('{"access_token":"at"}', 'text/html'))).toEqual({ access_token: 'at' });
	expect(readBody(response('access_token=at&expires_in=60', 'text/plain'))).toEqual({
		access_token: 'at',
		expires_in: '60',
	});
	expect(readBody(response('<html><a href="x=y">', 'text/html'))).toBeUndefined();
	expect(readBody(response('{"access_token":"a'))).toBeUndefined();
	expect(readBody(response('[1]'))).toBeUndefined();
});

it('finds the OAuth error of a body, also in the forms providers invented', () => {
	expect(readOAuthError({ error: 'invalid_grant', error_description: 'gone' })).toEqual({
		error: 'invalid_grant',
		description: 'gone',
	});
	expect(readOAuthError({ ok: false, error: 'invalid_refresh_token' })).toEqual({
		error: 'invalid_refresh_token',
	});
	expect(readOAuthError({ error: { code: 'invalid_client', message: 'x' } })).toEqual({
		error: 'invalid_client',
	});
	expect(readOAuthError({ access_token: 'at', error: '' })).toBeUndefined();
	expect(readOAuthError({ message: 'x' })).toBeUndefined();
});

it.each([
	[3600, 3600],
	['3600', 3600],
	['3600.5', 3600.5],
	[undefined, undefined],
	[null, undefined],
	[0, undefined],
	[-5, undefined],
	['', undefined],
	['never', undefined],
	[Number.NaN, undefined],
	[true, undefined],
	[1e15, 315_360_000],
])('reads an expires_in of %p as %p seconds', (value, expected) => {
	expect(readLifetime(value)).toBe(expected);
});
