import type { Authorization, Claim } from '../secrets/bundle';
import type { Ticket } from './ticket';

/** The longest lifetime of a link. */
export const LONGEST_LINK_MS = 86_400_000;
/** How long a person has at the provider. */
export const FLOW_MS = 600_000;
/** Links remembered as used: far above what people do; it bounds the bundle's size. */
const MAX_USED_LINKS = 50;

type Used = Pick<Authorization, 'used' | 'usedUntil'>;

/** When a link can be forgotten: then neither it nor a sign-in that it led to is good any more. */
function forgottenAt({ issuedAt }: Ticket): number {
	return issuedAt + LONGEST_LINK_MS + FLOW_MS;
}

/** True if the lifetime is one that this package gives. */
export function isBounded(ticket: Ticket): boolean {
	return ticket.expiresAt <= forgottenAt(ticket);
}

/** True if the link was used, by `owner` or by anybody. */
export function isUsed(remembered: Used | undefined, ticket: Ticket, owner?: string): boolean {
	const before = remembered?.used[ticket.id];
	if (before !== undefined) return before.owner !== owner;
	return forgottenAt(ticket) <= (remembered?.usedUntil ?? -Infinity);
}

/**
 * Remembers a link as used. If there are too many, those made first are forgotten, and with them every link that was made before: they count
 * as used from then on. So no number of used links keeps a new one from connecting.
 */
export function withUsed(
	remembered: Used | undefined,
	ticket: Ticket,
	{ owner, now }: { owner: string; now: number },
): Used {
	const claim: Claim = { owner, until: forgottenAt(ticket) };
	const claims = Object.entries({ ...remembered?.used, [ticket.id]: claim })
		.filter(([, { until }]) => until > now)
		.sort(([, left], [, right]) => right.until - left.until);
	const [newestForgotten] = claims.slice(MAX_USED_LINKS);
	const usedUntil = Math.max(
		newestForgotten?.[1].until ?? -Infinity,
		remembered?.usedUntil ?? -Infinity,
	);
	return {
		used: Object.fromEntries(claims.slice(0, MAX_USED_LINKS)),
		...(usedUntil > now ? { usedUntil } : {}),
	};
}
