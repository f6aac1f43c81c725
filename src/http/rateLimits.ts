/** An answer as far as it says when the next request may come. */
export interface PacedAnswer {
	readonly status: number;
	/** Lower-case names. */
	readonly headers: Readonly<Record<string, unknown>>;
}

/** Statuses that `Retry-After` is read with: the request may be sent again (RFC 9110 §15.6.3 to §15.6.5, RFC 6585 §4). */
const TRANSIENT: ReadonlySet<number> = new Set([429, 502, 503, 504]);
/** Names of the headers before the draft had one, and of those from before the draft. */
const PREFIXES = ['ratelimit-', 'x-ratelimit-', 'x-rate-limit-'] as const;
/** Nobody waits that long; a text can hold a number that no time can. */
const LONGEST_MS = 365 * 86_400_000;
/** A larger number is no count of seconds but a time: seconds since the epoch, or milliseconds. */
const FIRST_EPOCH_SECONDS = 1e9;
const FIRST_EPOCH_MS = 1e12;

/** True if the same request may succeed later: 429, 502, 503 and 504. */
export function isTransient(status: number): boolean {
	return TRANSIENT.has(status);
}

/**
 * Whole seconds of a `Retry-After` header (RFC 9110 §10.2.3), which is a number or a date; never negative. Undefined if it is missing or
 * unreadable.
 *
 * @param now milliseconds since the epoch by the clock of whoever wrote a date
 */
export function readRetryAfter(value: string | undefined, now: number): number | undefined {
	const text = value?.trim() ?? '';
	// A date begins with its weekday; without this check Date.parse reads a date out of "-5" as well.
	const date = /^[a-z]/i.test(text) ? Date.parse(text) : NaN;
	const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : (date - now) / 1000;
	return Number.isNaN(seconds) ? undefined : Math.max(Math.ceil(seconds), 0);
}

function textOf(value: unknown): string | undefined {
	return typeof value === 'string' ? value : undefined;
}

function readNumber(value: unknown): number | undefined {
	const text = textOf(value)?.trim() ?? '';
	return /^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
}

/** Seconds until a reset, which APIs write as seconds from now or as a time. */
function untilReset(value: unknown, now: number): number | undefined {
	const reset = readNumber(value);
	if (reset === undefined || reset < FIRST_EPOCH_SECONDS) return reset;
	return Math.max(0, (reset < FIRST_EPOCH_MS ? reset * 1000 : reset) - now) / 1000;
}

/** The longest wait that one of the policies in `RateLimit` (draft-ietf-httpapi-ratelimit-headers) asks for, in both spellings it has had. */
function readRateLimit(value: unknown): number | undefined {
	const text = textOf(value) ?? '';
	const former = /\bremaining=0\b/.test(text) ? /\breset=(\d+)/.exec(text) : null;
	const policies = text.split(',').filter((policy) => /;\s*r=0(?![\d.])/.test(policy));
	const waits = [former, ...policies.map((policy) => /;\s*t=(\d+)/.exec(policy))]
		.filter((match) => match !== null)
		.map(([, seconds]) => Number(seconds));
	return waits.length === 0 ? undefined : Math.max(...waits);
}

/** Seconds until the reset of a quota that is used up. A refusal by 429 need not say that nothing is left. */
function untilQuota({ status, headers }: PacedAnswer, now: number): number | undefined {
	const waits = PREFIXES.map((prefix) => {
		const remaining = readNumber(headers[`${prefix}remaining`]);
		const isUsedUp = remaining === 0 || (remaining === undefined && status === 429);
		return isUsedUp ? untilReset(headers[`${prefix}reset`], now) : undefined;
	});
	const known = [readRateLimit(headers['ratelimit']), ...waits].filter(
		(wait) => wait !== undefined,
	);
	return known.length === 0 ? undefined : Math.max(...known);
}

/**
 * Milliseconds that an answer asks to wait before the next request: `Retry-After` of a {@link isTransient} status (RFC 9110 §10.2.3), else
 * the reset of a used-up quota in `RateLimit`, `RateLimit-Reset`, `X-RateLimit-Reset` or `X-Rate-Limit-Reset`. Undefined if it asks for
 * nothing; a year at most. Times are compared with the answer's own `Date`, so that no clock has to be right.
 *
 * @param now milliseconds since the epoch, for an answer without a date
 */
export function askedWaitMs(answer: PacedAnswer, now: number): number | undefined {
	const { status, headers } = answer;
	const date = Date.parse(textOf(headers['date']) ?? '');
	const answeredAt = Number.isNaN(date) ? now : date;
	const asked = isTransient(status)
		? readRetryAfter(textOf(headers['retry-after']), answeredAt)
		: undefined;
	const seconds = asked ?? untilQuota(answer, answeredAt);
	return seconds === undefined ? undefined : Math.min(Math.ceil(seconds * 1000), LONGEST_MS);
}
