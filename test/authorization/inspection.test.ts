import { userInfo, type InspectionOptions } from '../../src/authorization/inspection';
import { subjectOf } from '../../src/authorization/subject';

const ISSUER = 'https://login.example.com';

/** A connection whose account belongs to `owner`, and whose provider answers these requests in turn; undefined is a token refused. */
function connectionOf(
	owner: string | undefined,
	answers: readonly (string | undefined)[],
): InspectionOptions & { readonly sent: string[] } {
	const sent: string[] = [];
	const subjectSha256 = owner === undefined ? undefined : subjectOf({ iss: ISSUER, sub: owner });
	return {
		sent,
		connection: { grantType: 'authorization_code' },
		bundle: { lastKnown: { authorization: { subjectSha256 } } },
		tokens: {
			get: () => Promise.resolve({ accessToken: 'first' }),
			replaceRefused: () => Promise.resolve({ accessToken: 'second' }),
		},
		request: {
			userInfo: (_bundle: unknown, { accessToken }: { accessToken: string }) => {
				const sub = answers[sent.push(accessToken) - 1];
				return Promise.resolve(sub === undefined ? undefined : { issuer: ISSUER, claims: { sub } });
			},
		},
	} as unknown as InspectionOptions & { readonly sent: string[] };
}

it('is of the person who connected the account', async () => {
	await expect(userInfo(connectionOf('alex', ['alex']))).resolves.toEqual({
		claims: { sub: 'alex' },
		isVerified: true,
	});
});

it('does not use an answer about anybody else (OpenID Connect Core 1.0 §5.3.2)', async () => {
	await expect(userInfo(connectionOf('alex', ['sam']))).rejects.toMatchObject({
		failureClass: 'reconnect',
		code: 'OTHER_SUBJECT',
		message: expect.not.stringContaining('sam') as string,
	});
});

it('is not verified if the provider gave no ID token', async () => {
	await expect(userInfo(connectionOf(undefined, ['alex']))).resolves.toMatchObject({
		isVerified: false,
	});
});

it('asks with a replaced token once, and names Scope if that is refused as well', async () => {
	const refused = connectionOf('alex', [undefined, undefined, 'alex']);
	await expect(userInfo(refused)).rejects.toMatchObject({ field: 'Scope' });
	expect(refused.sent).toEqual(['first', 'second']);

	const irreplaceable = connectionOf('alex', [undefined, 'alex']);
	Object.assign(irreplaceable.tokens, { replaceRefused: () => Promise.resolve(undefined) });
	await expect(userInfo(irreplaceable)).rejects.toMatchObject({ field: 'Scope' });
	expect(irreplaceable.sent).toEqual(['first']);
});
