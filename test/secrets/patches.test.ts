import type { Connection } from '../../src/config/connection';
import type { DpopKey } from '../../src/config/dpopKey';
import type { Bundle } from '../../src/secrets/bundle';
import {
	consented,
	disconnected,
	editPutBack,
	flowKeyMade,
	isOldCopy,
	released,
	ticketUsed,
	tokensIssued,
	tokensRestored,
	typedSecrets,
	withTokens,
	withTyped,
	type Patch,
} from '../../src/secrets/patches';
import { sha256 } from '../../src/secrets/pointer';
import type { IssuedTokens, TokenSet } from '../../src/tokens/tokenSet';

const OWNER = 'us';

function token(name: string, requestedFor = 'f'): TokenSet {
	return { accessToken: name, issuedAt: 0, expiresAt: 1, requestedFor };
}

/** What the `n`-th redemption brought. */
function issued(n: number, changes: Partial<IssuedTokens> = {}): IssuedTokens {
	return { tokenSet: token(`at-${n}`), refreshToken: `rt-${n}`, ...changes };
}

function bundle(changes: Partial<Bundle> = {}): Bundle {
	return {
		label: 'L',
		keySha256: 'k',
		sealedFor: { grantType: 'refresh_token', clientId: 'c', apiOrigins: [] },
		clientSecret: 'cs',
		refreshToken: 'rt-0',
		issuedSha256: sha256('rt-0'),
		tokenSets: [token('at-0')],
		typedSha256: {},
		generation: 0,
		other: { note: 'base' },
		...changes,
	};
}

/** The bundle after so many refreshes. */
function refreshed(n: number, from = bundle()): Bundle {
	let newest = from;
	for (let round = 1; round <= n; round += 1) newest = withTokens(newest, issued(round));
	return newest;
}

const nothingSpent = (): boolean => false;
const spent =
	(...refreshTokens: string[]) =>
	(digest: string): boolean =>
		refreshTokens.map(sha256).includes(digest);
const lease = (owner: string) => ({ lease: { owner, until: 1, seconds: 60 } });
const refusal = {
	at: 0,
	requestSha256: 'r',
	tries: 1,
	cause: { failureClass: 'reconnect', code: 'INVALID_GRANT', title: 't', detail: 'd' },
} as const;

describe('tokens issued', () => {
	const patch = (n = 1): Patch =>
		tokensIssued({ redeemed: `rt-${n - 1}`, issued: issued(n), owner: OWNER });

	it('replace the ones that were redeemed, with their lease and the refusal before', () => {
		const next = patch().apply(bundle({ ...lease(OWNER), refusal }), nothingSpent);
		expect(next).toEqual(
			bundle({
				refreshToken: 'rt-1',
				issuedSha256: sha256('rt-1'),
				tokenSets: [token('at-1')],
				generation: 1,
			}),
		);
	});

	it('leave an edit of anything else as it is', () => {
		const edited = bundle({ clientSecret: 'rotated by ops', other: { note: 'edited' } });
		expect(patch().apply(edited, nothingSpent)).toMatchObject({
			refreshToken: 'rt-1',
			clientSecret: 'rotated by ops',
			other: { note: 'edited' },
		});
	});

	it('do not come back what was removed', () => {
		const { clientSecret: _removed, ...without } = bundle();
		expect(patch().apply(without, nothingSpent)).not.toHaveProperty('clientSecret');
	});

	it('leave a refresh token that a person put there meanwhile, and release the lease', () => {
		const theirs = bundle({ refreshToken: 'theirs', tokenSets: [] });
		expect(patch().apply({ ...theirs, ...lease(OWNER) }, nothingSpent)).toEqual(theirs);
	});

	it('apply to a refresh token that is known to be spent, whatever the times say', () => {
		const old = bundle({ refreshToken: 'rt-1' });
		expect(patch(3).apply(old, spent('rt-1', 'rt-2'))).toMatchObject({ refreshToken: 'rt-3' });
	});

	it('leave the lease of another process', () => {
		const next = patch().apply(bundle(lease('them')), nothingSpent);
		expect(next).toMatchObject({ refreshToken: 'rt-1', ...lease('them') });
	});

	it('must not be lost if the refresh token was rotated, and spend the former one', () => {
		expect(patch()).toMatchObject({ keep: 'written', spends: sha256('rt-0') });
		const same = tokensIssued({
			redeemed: 'rt-0',
			issued: issued(1, { refreshToken: 'rt-0' }),
			owner: OWNER,
		});
		expect(same.keep).toBe('inMemory');
		expect(same).not.toHaveProperty('spends');
		expect(same.apply(bundle(), nothingSpent)).toMatchObject({
			refreshToken: 'rt-0',
			generation: 0,
		});
	});

	it('keep the refresh token if none came (RFC 6749 §6)', () => {
		const only = tokensIssued({
			redeemed: 'rt-0',
			issued: { tokenSet: token('at-1') },
			owner: OWNER,
		});
		expect(only.apply(bundle(), nothingSpent)).toMatchObject({
			refreshToken: 'rt-0',
			tokenSets: [token('at-1')],
			generation: 0,
		});
	});

	it('without a refresh token apply to every bundle', () => {
		const { refreshToken: _none, issuedSha256: _digest, ...bare } = bundle();
		const only = tokensIssued({
			redeemed: undefined,
			issued: { tokenSet: token('at-1') },
			owner: OWNER,
		});
		expect(only.apply(bare, nothingSpent)).toEqual({ ...bare, tokenSets: [token('at-1')] });
	});

	it('are without effect the second time', () => {
		const once = patch().apply(bundle(), nothingSpent);
		expect(patch().apply(once, spent('rt-0'))).toEqual(once);
	});
});

describe('token sets for several scopes', () => {
	const with20 = (accessToken: (n: number) => string): Bundle => {
		let newest = bundle({ tokenSets: [] });
		for (let n = 0; n < 20; n += 1)
			newest = withTokens(newest, { tokenSet: token(accessToken(n), `scope ${n}`) });
		return newest;
	};

	it('are kept beside each other, the last one first', () => {
		const both = withTokens(bundle(), { tokenSet: token('at-g', 'g') });
		expect(both.tokenSets).toEqual([token('at-g', 'g'), token('at-0')]);
		const again = withTokens(both, { tokenSet: token('at-1') });
		expect(again.tokenSets).toEqual([token('at-1'), token('at-g', 'g')]);
	});

	it('are 16 at most', () => {
		expect(with20((n) => `at-${n}`).tokenSets.map(({ accessToken }) => accessToken)).toEqual(
			Array.from({ length: 16 }, (_, n) => `at-${19 - n}`),
		);
	});

	it('leave room for the refresh token if they are large', () => {
		const { tokenSets } = with20(() => 'x'.repeat(8_000));
		expect(tokenSets[0]?.requestedFor).toBe('scope 19');
		expect(tokenSets.length).toBeLessThanOrEqual(6);
	});
});

describe('a consent', () => {
	const consent = (insteadOf?: string): Patch =>
		consented({
			issued: issued(9),
			connectedAt: 5,
			connectedBy: 'flow',
			askedScope: 'a',
			insteadOf,
		});
	const used = { link: { owner: 'o', until: 2 } };

	it('ends the former consent with all its tokens, and keeps what was used', () => {
		const former = refreshed(
			2,
			bundle({ refusal, authorization: { connectedBy: 'before', used } }),
		);
		const other = { ...former, tokenSets: [...former.tokenSets, token('at-g', 'g')] };
		const next = consent('before').apply(other, nothingSpent);
		expect(next).toMatchObject({
			refreshToken: 'rt-9',
			tokenSets: [token('at-9')],
			clientSecret: 'cs',
			generation: 3,
			authorization: { connectedAt: 5, connectedBy: 'flow', askedScope: 'a', used },
		});
		expect(next).not.toHaveProperty('refusal');
	});

	it('takes no refresh token over if it brought none', () => {
		const { refreshToken: _none, ...only } = issued(9);
		const next = consented({
			issued: only,
			connectedAt: 5,
			connectedBy: 'flow',
			askedScope: 'a',
			insteadOf: undefined,
		}).apply(refreshed(2), nothingSpent);
		expect(next).not.toHaveProperty('refreshToken');
		expect(isOldCopy(refreshed(2), next)).toBe(true);
	});

	it('leaves the one that was first', () => {
		const first = bundle({ authorization: { connectedBy: 'other flow', used: {} } });
		expect(consent('before').apply(first, nothingSpent)).toBe(first);
		expect(consent().apply(first, nothingSpent)).toBe(first);
	});

	it('must not be lost', () => {
		expect(consent().keep).toBe('written');
	});
});

describe('typed secrets', () => {
	const connection = {
		label: 'Renamed',
		grantType: 'refresh_token',
		clientId: 'c',
		clientSecretSource: { kind: 'entered' },
		apiOrigins: ['https://a.example'],
		tokenPlacement: { in: 'header', name: 'authorization', prefix: 'Bearer' },
		store: { kind: 'localVault' },
	} as unknown as Connection;
	const options = {
		connection,
		typedSha256: {},
		issued: undefined,
		redeemed: undefined,
		keepsNothing: false,
		owner: OWNER,
	};

	it('replace the client secret and keep the tokens that were issued meanwhile', () => {
		const patch = typedSecrets({
			...options,
			typed: { clientSecret: 'cs-2' },
			typedSha256: { clientSecret: 'd2' },
		});
		expect(patch.keep).toBe('no');
		expect(patch.apply(refreshed(3), nothingSpent)).toMatchObject({
			label: 'Renamed',
			clientSecret: 'cs-2',
			typedSha256: { clientSecret: 'd2' },
			refreshToken: 'rt-3',
			generation: 3,
			sealedFor: { apiOrigins: ['https://a.example'] },
			other: { note: 'base' },
		});
	});

	it('win over the tokens of the former ones, and over an older copy that is written back', () => {
		const patch = typedSecrets({
			...options,
			typed: { refreshToken: 'typed' },
			typedSha256: { refreshToken: 'd' },
			issued: issued(9),
			redeemed: 'typed',
		});
		const next = patch.apply(refreshed(3), nothingSpent);
		expect(next).toMatchObject({ refreshToken: 'rt-9', tokenSets: [token('at-9')] });
		expect(next.generation).toBeGreaterThan(3);
	});

	it('written before with the answer lost leave the successor', () => {
		const patch = typedSecrets({
			...options,
			typed: { refreshToken: 'typed' },
			typedSha256: { refreshToken: 'd' },
			issued: issued(1),
			redeemed: 'typed',
		});
		const written = patch.apply(bundle(lease(OWNER)), nothingSpent);
		const later = withTokens(written, issued(2));
		expect(patch.apply(later, spent('typed'))).toEqual(later);
	});

	it('for another place end the consent and all tokens', () => {
		const connected = refreshed(2, bundle({ authorization: { connectedBy: 'flow', used: {} } }));
		const next = typedSecrets({
			...options,
			typed: { clientSecret: 'cs-2' },
			keepsNothing: true,
		}).apply({ ...connected, refusal, typedSha256: { refreshToken: 'former' } }, nothingSpent);
		for (const gone of ['refreshToken', 'issuedSha256', 'authorization', 'refusal'])
			expect(next).not.toHaveProperty(gone);
		expect(next).toMatchObject({ tokenSets: [], generation: 3 });
		// What was typed for the former place is known no more.
		expect(next.typedSha256).toEqual(options.typedSha256);
	});
});

describe('an older copy that was written back', () => {
	it('is known by its generation', () => {
		expect(isOldCopy(bundle(), refreshed(1))).toBe(true);
		expect(isOldCopy(refreshed(1), refreshed(1))).toBe(false);
		expect(isOldCopy(refreshed(2), refreshed(1))).toBe(false);
	});

	it('is none if a person typed another refresh token into it, or removed it', () => {
		expect(isOldCopy(bundle({ refreshToken: 'theirs' }), refreshed(1))).toBe(false);
		const { refreshToken: _removed, ...without } = bundle();
		expect(isOldCopy(without, refreshed(1))).toBe(false);
	});

	it('is none if it is sealed for another place', () => {
		const elsewhere = { ...bundle().sealedFor, clientId: 'other' };
		expect(isOldCopy(bundle({ sealedFor: elsewhere }), refreshed(1))).toBe(false);
	});

	it('gets its tokens back, and keeps every other edit in it', () => {
		const edited = bundle({ clientSecret: 'cs-2', other: { note: 'edited' }, ...lease('them') });
		const next = tokensRestored(refreshed(2)).apply(edited, nothingSpent);
		expect(next).toEqual({
			...refreshed(2),
			clientSecret: 'cs-2',
			other: { note: 'edited' },
			...lease('them'),
		});
	});

	it('gets back which account is connected, and forgets no link that was used', () => {
		const link = (id: string) => ({ [id]: { owner: 'o', until: 2 } });
		const from = refreshed(
			1,
			bundle({ authorization: { connectedBy: 'new', used: link('second') } }),
		);
		const edited = bundle({ authorization: { connectedBy: 'old', used: link('first') } });
		expect(tokensRestored(from).apply(edited, nothingSpent).authorization).toEqual({
			connectedBy: 'new',
			used: { ...link('first'), ...link('second') },
		});
	});

	it('is left alone once newer tokens are there', () => {
		const newer = refreshed(3);
		expect(tokensRestored(refreshed(2)).apply(newer, nothingSpent)).toBe(newer);
	});
});

describe('an edit that a write of ours has replaced', () => {
	const base = bundle();
	const ours = refreshed(1);

	it('is put back, with our tokens', () => {
		const edited = bundle({ clientSecret: 'cs-2', other: { note: 'edited' } });
		expect(editPutBack(edited, base).apply(ours, nothingSpent)).toEqual({
			...ours,
			clientSecret: 'cs-2',
			other: { note: 'edited' },
		});
	});

	it('is put back with its refresh token if a person typed one', () => {
		const edited = bundle({ refreshToken: 'theirs' });
		expect(editPutBack(edited, base).apply(ours, nothingSpent)).toMatchObject({
			refreshToken: 'theirs',
			generation: 1,
		});
	});

	it('does not replace a refresh token that someone else typed later', () => {
		const edited = bundle({ refreshToken: 'typed' });
		const later = bundle({ refreshToken: 'typed later' });
		expect(editPutBack(edited, base).apply(later, nothingSpent)).toMatchObject({
			refreshToken: 'typed later',
		});
	});

	it('is put back without the tokens it removed, unless newer ones were issued', () => {
		const edited = bundle({ tokenSets: [] });
		const sameTokens = bundle({ label: 'Renamed' });
		expect(editPutBack(edited, base).apply(sameTokens, nothingSpent)).toEqual({
			...sameTokens,
			tokenSets: [],
		});
		expect(editPutBack(edited, base).apply(ours, nothingSpent)).toEqual(ours);
	});

	it('leaves the lease as it is by now', () => {
		const edited = bundle({ ...lease(OWNER), other: { note: 'edited' } });
		expect(editPutBack(edited, base).apply(ours, nothingSpent)).not.toHaveProperty('lease');
		const theirs = { ...ours, ...lease('them') };
		expect(editPutBack(edited, base).apply(theirs, nothingSpent)).toMatchObject(lease('them'));
	});

	it('must not be lost', () => {
		expect(editPutBack(base, base).keep).toBe('written');
	});
});

describe('the release of a lease', () => {
	it('takes it out, and says what was refused', () => {
		expect(released(OWNER).apply(bundle(lease(OWNER)), nothingSpent)).toEqual(bundle());
		expect(released(OWNER, refusal).apply(bundle(lease(OWNER)), nothingSpent)).toEqual(
			bundle({ refusal }),
		);
	});

	it('leaves the lease of another process', () => {
		const theirs = bundle(lease('them'));
		expect(released(OWNER).apply(theirs, nothingSpent)).toBe(theirs);
	});
});

it('a ticket is used by the claim, and not if that refuses it', () => {
	const authorization = { used: { link: { owner: 'o', until: 2 } } };
	expect(ticketUsed(() => authorization).apply(bundle(), nothingSpent)).toEqual(
		bundle({ authorization }),
	);
	const refused = ticketUsed(() => {
		throw new Error('used');
	});
	expect(() => refused.apply(bundle(), nothingSpent)).toThrow('used');
});

describe('the key that tokens are bound to', () => {
	const key = (kid: string): DpopKey => ({ kty: 'EC', alg: 'ES256', kid, d: `d-${kid}` });
	const [first, second] = [key('k-1'), key('k-2')];
	const boundTo = (dpopKey: DpopKey, name = 'at', requestedFor = 'f'): TokenSet => ({
		...token(name, requestedFor),
		dpopKey,
	});
	const bound = (changes: Partial<Bundle> = {}): Bundle =>
		bundle({ dpopKey: first, tokenSets: [boundTo(first)], ...changes });

	it('comes with the tokens; those of another one are good for nothing', () => {
		const before = bound({ tokenSets: [boundTo(first), token('bearer', 'b'), boundTo(first, 'at-g', 'g')] }); // prettier-ignore
		const next = withTokens(before, { tokenSet: boundTo(second, 'at-1') });
		expect(next.dpopKey).toEqual(second);
		expect(next.tokenSets).toEqual([boundTo(second, 'at-1'), token('bearer', 'b')]);
	});

	it('stays if the tokens are bearer tokens', () => {
		const next = withTokens(bound(), { tokenSet: token('at-1', 'g') });
		expect(next.dpopKey).toEqual(first);
		expect(next.tokenSets).toEqual([token('at-1', 'g'), boundTo(first)]);
	});

	it('is that of the new consent, or none', () => {
		const patch = (tokenSet: TokenSet): Patch =>
			consented({
				issued: { tokenSet },
				connectedAt: 1,
				connectedBy: 'flow',
				askedScope: 's',
				insteadOf: undefined,
			});
		expect(patch(boundTo(second)).apply(bound(), nothingSpent).dpopKey).toEqual(second);
		expect(patch(token('bearer')).apply(bound(), nothingSpent)).not.toHaveProperty('dpopKey');
	});

	it('goes when the account is disconnected', () => {
		expect(disconnected(OWNER).apply(bound(), nothingSpent)).not.toHaveProperty('dpopKey');
	});

	it('comes back with tokens that are restored', () => {
		const old = bound({ dpopKey: second, tokenSets: [boundTo(second)] });
		const newest = refreshed(1, bound());
		const restored = tokensRestored(newest).apply(old, nothingSpent);
		expect(restored).toMatchObject({ dpopKey: first, refreshToken: 'rt-1' });
		const bearer = refreshed(1);
		expect(tokensRestored(bearer).apply(old, nothingSpent)).not.toHaveProperty('dpopKey');
	});

	it('is made with the flow key, unless there is one', () => {
		const { dpopKey: _none, ...without } = bound({ tokenSets: [] });
		expect(flowKeyMade('f', second).apply(without, nothingSpent).dpopKey).toEqual(second);
		expect(flowKeyMade('f').apply(without, nothingSpent)).not.toHaveProperty('dpopKey');
		expect(flowKeyMade('f', second).apply(bound(), nothingSpent).dpopKey).toEqual(first);
	});

	it.each<[string, Partial<Bundle>, Parameters<typeof withTyped>[1], boolean]>([
		['a client secret is typed beside a refresh token', {}, { clientSecret: 'new' }, true],
		['a refresh token is typed', {}, { refreshToken: 'rt-n' }, false],
		[
			'a client secret is typed for client credentials',
			{ refreshToken: undefined } as unknown as Partial<Bundle>,
			{ clientSecret: 'new' },
			false,
		],
		[
			'a client secret is typed before the account is connected',
			{ refreshToken: undefined, authorization: { used: {} } } as unknown as Partial<Bundle>,
			{ clientSecret: 'new' },
			true,
		],
	])('%s', (_name, changes, typed, isKept) => {
		const { dpopKey, tokenSets } = withTyped(bound(changes), typed);
		expect(dpopKey).toEqual(isKept ? first : undefined);
		expect(tokenSets).toEqual(isKept ? [boundTo(first)] : []);
	});
});
