import { grantedScopes, missingScopes } from '../../src/authorization/scopes';

it.each([
	['nothing is missing where the provider names none', 'a b', undefined, []],
	['names what is missing', 'a b c', 'b', ['a', 'c']],
	['the order means nothing', 'a b', 'b a', []],
	['more than was asked for is fine', 'a', 'a b', []],
	['commas separate as well', 'a b', 'a,b', []],
	['upper case means nothing', 'User.Read', 'user.read', []],
	[
		'scopes of the sign-in itself are often left out',
		'openid profile email offline_access a',
		'a',
		[],
	],
	['an empty answer grants nothing', 'a', '', ['a']],
])('%s', (_name, asked, granted, missing) => {
	expect(missingScopes(asked, granted)).toEqual(missing);
});

it.each(['openid', 'profile', 'email', 'address', 'phone', 'offline_access', 'offline'])(
	'%s steers the sign-in: it need not be granted by name',
	(scope) => {
		expect(missingScopes(`${scope} a`, 'a')).toEqual([]);
	},
);

it('lists what was granted, which is what was asked for where the provider says nothing', () => {
	expect(grantedScopes('a b', undefined)).toEqual(['a', 'b']);
	expect(grantedScopes('a b', 'a,c')).toEqual(['a', 'c']);
});
