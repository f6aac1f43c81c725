/** Scopes that steer the sign-in itself; many providers leave them out of what they say was granted. */
const OF_SIGN_IN = new Set([
	'openid',
	'profile',
	'email',
	'address',
	'phone',
	'offline_access',
	'offline',
]);

function listed(scope: string): string[] {
	// Some providers separate with commas, against RFC 6749 §3.3.
	return scope.split(/[\s,]+/).filter((entry) => entry !== '');
}

/** The scopes asked for that were not granted. A provider that names none granted what was asked for (RFC 6749 §5.1). */
export function missingScopes(asked: string, granted: string | undefined): string[] {
	if (granted === undefined) return [];
	const present = new Set(listed(granted).map((scope) => scope.toLowerCase()));
	return listed(asked).filter(
		(scope) => !OF_SIGN_IN.has(scope) && !present.has(scope.toLowerCase()),
	);
}

/** The scopes that were granted, as a list. */
export function grantedScopes(asked: string, granted: string | undefined): string[] {
	return listed(granted ?? asked);
}
