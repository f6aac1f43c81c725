import type { InstanceSettings } from '../config/instanceSettings';
import type { Bundle } from '../secrets/bundle';

const DAY_MS = 86_400_000;
/** Under the lease a refresh writes two versions: the claim, and the tokens that release it. */
const VERSIONS_PER_REFRESH = 2;
/** A lifetime's share that is over when a token is refreshed, at least. */
const USED_SHARE = 2 / 3;
const BUFFER_MS = 300_000;

/** What decides besides the bundle. */
export interface Sharing {
	readonly settings: Pick<InstanceSettings, 'lease' | 'severalProcesses' | 'endsAfterRun'>;
	/** True once this process has had the lease: no process that it replaced can still be redeeming unseen. */
	readonly wasHeld: boolean;
	readonly versionsPerDay: number | undefined;
}

/**
 * Whether a redemption takes the lease. Several processes must; a single one does as well, since another may start beside it, unless its tokens
 * are so short-lived that the second version of each refresh would use up what the store takes in a day. Client Credentials have nothing to
 * lose; they take it only to try again what was refused, once for all processes.
 */
export function isShared(newest: Bundle, { settings, wasHeld, versionsPerDay }: Sharing): boolean {
	if (settings.lease === 'never') return false;
	const isAlways = settings.lease === 'always';
	if (!spendsRefreshToken(newest))
		return (settings.severalProcesses || isAlways) && newest.refusal !== undefined;
	if (isAlways || settings.severalProcesses || settings.endsAfterRun || !wasHeld) return true;
	return versionsPerDay === undefined || versionsOf(newest) <= versionsPerDay;
}

/** True if a redemption of what the bundle holds spends a refresh token. */
export function spendsRefreshToken({ sealedFor }: Bundle): boolean {
	return sealedFor.grantType !== 'client_credentials';
}

/** Versions a day that refreshing all day writes under the lease. */
function versionsOf({ tokenSets: [tokenSet] }: Bundle): number {
	if (tokenSet?.expiresAt == null) return 0;
	const lifetime = tokenSet.expiresAt - tokenSet.issuedAt;
	const period = Math.max(lifetime * USED_SHARE, lifetime - BUFFER_MS);
	return (DAY_MS / period) * VERSIONS_PER_REFRESH;
}
