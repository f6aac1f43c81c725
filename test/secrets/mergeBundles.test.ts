import type { Bundle } from '../../src/secrets/bundle';
import { mergeBundles } from '../../src/secrets/mergeBundles';

const bundle = (changes: Partial<Bundle> = {}): Bundle => ({
	label: 'L',
	keySha256: 'k',
	sealedFor: { grantType: 'refresh_token', clientId: 'c', apiOrigins: [] },
	clientSecret: 'cs',
	refreshToken: 'rt-0',
	tokenSet: token(0),
	typedSha256: {},
	other: { note: 'base', kept: 1 },
	...changes,
});
const token = (issuedAt: number): NonNullable<Bundle['tokenSet']> => ({
	accessToken: `at-${String(issuedAt)}`,
	issuedAt,
	expiresAt: issuedAt + 1,
	requestedFor: '',
});

it('keeps our new tokens and their edits', () => {
	const merged = mergeBundles(
		bundle(),
		bundle({ tokenSet: token(5), refreshToken: 'rt-5' }),
		bundle({ clientSecret: 'rotated by ops', other: { note: 'edited', added: 2 } }),
	);
	expect(merged).toEqual(
		bundle({
			tokenSet: token(5),
			refreshToken: 'rt-5',
			clientSecret: 'rotated by ops',
			other: { note: 'edited', added: 2 },
		}),
	);
});

it('takes the newer token set together with its refresh token', () => {
	const ours = bundle({ tokenSet: token(5), refreshToken: 'rt-5' });
	const newer = bundle({ tokenSet: token(6), refreshToken: 'rt-6' });
	const older = bundle({ tokenSet: token(4), refreshToken: 'rt-4' });
	expect(mergeBundles(bundle(), ours, newer)).toMatchObject({
		tokenSet: token(6),
		refreshToken: 'rt-6',
	});
	expect(mergeBundles(bundle(), ours, older)).toMatchObject({
		tokenSet: token(5),
		refreshToken: 'rt-5',
	});
});

it('keeps a refresh token that an administrator typed', () => {
	const merged = mergeBundles(
		bundle(),
		bundle({ tokenSet: token(5), refreshToken: 'rt-5' }),
		bundle({ refreshToken: 'typed' }),
	);
	expect(merged).toMatchObject({ tokenSet: token(5), refreshToken: 'typed' });
});

it('drops what they removed', () => {
	const { clientSecret: _removed, ...without } = bundle();
	expect(mergeBundles(bundle(), bundle({ tokenSet: token(5) }), without)).not.toHaveProperty(
		'clientSecret',
	);
});

it('keeps the tokens of a refresh token that was typed anew, whichever of the two was issued later', () => {
	const typed = { typedSha256: { refreshToken: 'digest' } };
	const saved = bundle({ ...typed, tokenSet: token(4), refreshToken: 'rt-typed' });
	const refreshed = bundle({ tokenSet: token(5), refreshToken: 'rt-5' });
	expect(mergeBundles(bundle(), refreshed, saved)).toMatchObject(saved);
	expect(mergeBundles(bundle(), saved, refreshed)).toMatchObject(saved);
});

describe('a lease', () => {
	const lease = (owner: string, until: number) => ({ lease: { owner, until, seconds: 60 } });
	const refreshed = { tokenSet: token(5), refreshToken: 'rt-5' };

	it('that was only renewed meanwhile is released by the write of its owner', () => {
		const merged = mergeBundles(bundle(lease('us', 1)), bundle(refreshed), bundle(lease('us', 2)));
		expect(merged).toEqual(bundle(refreshed));
	});

	it('that another one has taken over stays', () => {
		const theirs = bundle(lease('them', 2));
		const merged = mergeBundles(bundle(lease('us', 1)), bundle(refreshed), theirs);
		expect(merged).toEqual(bundle({ ...refreshed, ...lease('them', 2) }));
	});
});
