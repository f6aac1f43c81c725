import {
	normalise,
	readBody,
	readExpiry,
	readLifetime,
	readOAuthError,
} from '../../src/oauth/tokenResponse';

const NOW = Date.UTC(2026, 0, 1);
/** Seconds. */
const TEN_YEARS = 315_360_000;

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

it('tells a token that is bound to a key from a bearer token', () => {
	expect(normalise({ access_token: 'at', token_type: 'DPoP' })).toMatchObject({ isBound: true });
	expect(normalise({ access_token: 'at', token_type: 'bearer' })).toMatchObject({ isBound: false });
	expect(normalise({ access_token: 'at' })).toMatchObject({ isBound: false });
});

it('does not take what cannot be used as a bearer token', () => {
	expect(normalise({})).toBeUndefined();
	expect(normalise({ access_token: '' })).toBeUndefined();
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

it('reads a form of any size and shape in time that grows with its length only', () => {
	const bodies = ['a=&', 'a=&a', 'a', '=', '&', 'a=&a=b', ' ', 'a=b\n'].flatMap((part) => {
		const long = part.repeat(Math.ceil(100_000 / part.length));
		return [long, `${long}<`, `x=${long}<`, `${long} y`];
	});
	// The short one first: a check that tries every way to split a text would not end with the others.
	for (const body of [`${'a=&'.repeat(26)}<`, ...bodies]) {
		const start = performance.now();
		readBody(response(body, 'text/plain'));
		expect(performance.now() - start).toBeLessThan(1000);
	}
});

it.each(['a=b&c', 'a=b&', '=b', 'a b=c', 'a=<b>', 'a=b c', '', 'plain words'])(
	'does not take %p for a form',
	(body) => {
		expect(readBody(response(body, 'text/plain'))).toBeUndefined();
	},
);

it('reads empty values and equals signs in values of a form', () => {
	expect(readBody(response('\naccess_token=a%20t==&scope=&x.y-z=1\n', 'text/plain'))).toEqual({
		access_token: 'a t==',
		scope: '',
		'x.y-z': '1',
	});
});

it.each([7, null, {}, [], [1], ['a', 7], [['a']], true, '', '  '])(
	'leaves out a scope of %p',
	(scope) => {
		expect(normalised({ access_token: 'at', scope })).toEqual({
			access_token: 'at',
			token_type: 'bearer',
			expiresIn: undefined,
		});
	},
);

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
	['3600.5', 3600],
	[0.5, undefined],
	[undefined, undefined],
	[null, undefined],
	[0, undefined],
	[-5, undefined],
	['', undefined],
	['never', undefined],
	['Infinity', undefined],
	['-5', undefined],
	[Number.NaN, undefined],
	[-Infinity, undefined],
	[true, undefined],
	[[3600], undefined],
	[{}, undefined],
	[1e15, TEN_YEARS],
	[1e308, TEN_YEARS],
	[Infinity, TEN_YEARS],
	['9'.repeat(400), TEN_YEARS],
])('reads an expires_in of %p as %p seconds', (value, expected) => {
	expect(readLifetime(value)).toBe(expected);
});

it.each([
	[NOW / 1000 + 60, NOW + 60_000],
	[NOW / 1000 + 0.0015, NOW + 1],
	[String(NOW / 1000 + 60), NOW + 60_000],
	[NOW / 1000, undefined],
	[NOW / 1000 - 1, undefined],
	[0, undefined],
	[-1, undefined],
	[Number.NaN, undefined],
	[-Infinity, undefined],
	['never', undefined],
	['-1', undefined],
	[undefined, undefined],
	[null, undefined],
	[true, undefined],
	[[NOW], undefined],
	[9_999_999_999_999, NOW + TEN_YEARS * 1000],
	[1e308, NOW + TEN_YEARS * 1000],
	[Infinity, NOW + TEN_YEARS * 1000],
	['9'.repeat(400), NOW + TEN_YEARS * 1000],
])('reads an exp of %p as %p', (value, expected) => {
	expect(readExpiry(value, NOW)).toBe(expected);
});

it('reads an exp as a time that can be written, whatever the clock says', () => {
	for (const now of [-1e18, 0, 1e18, Infinity]) {
		const expiresAt = readExpiry(9_999_999_999_999, now);
		expect(() => new Date(expiresAt ?? 0).toISOString()).not.toThrow();
	}
});
