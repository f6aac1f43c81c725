import { formatBundle, type Bundle } from './bundle';

/** True where two bundles would be stored as the same text. */
export function sameBundle(left: Bundle, right: Bundle): boolean {
	return formatBundle(left) === formatBundle(right);
}

function changed(base: unknown, theirs: unknown): boolean {
	return JSON.stringify(base) !== JSON.stringify(theirs);
}

/**
 * Three-way merge of a bundle: what another writer changed since `base` is kept, everything else is ours.
 *
 * Tokens are the exception: the newer token set wins together with the refresh token that was issued with it. Where only the refresh
 * token was replaced, an administrator typed a new one, and it stays.
 */
export function mergeBundles(base: Bundle, ours: Bundle, theirs: Bundle): Bundle {
	const merged: Record<string, unknown> = { ...ours };
	const take = (key: keyof Bundle): void => {
		if (theirs[key] === undefined) Reflect.deleteProperty(merged, key);
		else merged[key] = theirs[key];
	};
	for (const key of [
		'label',
		'keySha256',
		'sealedFor',
		'clientSecret',
		'clientAuthentication',
		'typedSha256',
		'refused',
	] as const) {
		if (changed(base[key], theirs[key])) take(key);
	}
	// A lease that was only renewed is still the same one.
	if (base.lease?.owner !== theirs.lease?.owner) take('lease');
	if (changed(base.authorization, theirs.authorization)) {
		take('authorization');
		// What was used stays used, whoever wrote it.
		const used = { ...ours.authorization?.used, ...theirs.authorization?.used };
		if (theirs.authorization !== undefined)
			merged['authorization'] = { ...theirs.authorization, used };
	}
	const connectedAt = [base, ours, theirs].map(({ authorization }) => authorization?.connectedAt);
	const [before, byUs, byThem] = connectedAt;
	// A new consent ends the former one with all its tokens, however new they are.
	if (before !== byThem && (byThem ?? 0) > (byUs ?? 0)) {
		take('tokenSet');
		take('refreshToken');
	} else if (before !== byUs) {
		// Ours are those of a new consent.
	} else if (changed(base.typedSha256.refreshToken, theirs.typedSha256.refreshToken)) {
		// So are those of a refresh token that was typed anew, while we were still redeeming the former one.
		take('tokenSet');
		take('refreshToken');
	} else if (changed(base.typedSha256.refreshToken, ours.typedSha256.refreshToken)) {
		// The same, the other way round.
	} else if (changed(base.tokenSet, theirs.tokenSet)) {
		if ((theirs.tokenSet?.issuedAt ?? 0) > (ours.tokenSet?.issuedAt ?? 0)) {
			take('tokenSet');
			take('refreshToken');
		}
	} else if (changed(base.refreshToken, theirs.refreshToken)) {
		take('refreshToken');
	}
	const keys = new Set([...Object.keys(ours.other), ...Object.keys(theirs.other)]);
	merged['other'] = Object.fromEntries(
		[...keys]
			.map((key) => [
				key,
				changed(base.other[key], theirs.other[key]) ? theirs.other[key] : ours.other[key],
			])
			.filter(([, value]) => value !== undefined),
	);
	return merged as unknown as Bundle;
}
