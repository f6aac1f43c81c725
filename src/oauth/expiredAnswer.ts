import type { BodyRule, Expiry } from '../config/expiry';

/** An answer of an API, with lower-case names of headers. */
export interface JudgedAnswer {
	readonly status: unknown;
	readonly headers: unknown;
	/** Parsed JSON, or a text; absent: it was not looked at. */
	readonly body?: unknown;
}

/** Bytes of a body that are looked at: errors are short. */
export const LONGEST_JUDGED = 65_536;

const READABLE = /[/+]json\b|^text\/|^application\/xml\b/i;

function header(headers: unknown, name: string): string {
	const value = (headers as Readonly<Record<string, unknown>> | null | undefined)?.[name];
	return typeof value === 'string' ? value : '';
}

/** The `error` of a challenge (RFC 6750 §3). */
function challengeOf(headers: unknown): string | undefined {
	return /\berror="?([a-z_]+)/i.exec(header(headers, 'www-authenticate'))?.[1];
}

function asJson(body: unknown): unknown {
	if (typeof body !== 'string') return body;
	try {
		return JSON.parse(body) as unknown;
	} catch {
		return undefined;
	}
}

function at(value: unknown, [step, ...rest]: readonly string[]): unknown {
	if (step === undefined) return value;
	if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
	if (Array.isArray(value) && !/^\d+$/.test(step)) return undefined;
	return at((value as Readonly<Record<string, unknown>>)[step], rest);
}

function matches({ path, comparison, value }: BodyRule, body: unknown): boolean {
	const isWhole = path.length === 0;
	const found = isWhole ? body : at(asJson(body), path);
	if (found === undefined || found === null) return false;
	// The whole body may have been parsed already.
	if (typeof found === 'object' && !isWhole) return false;
	const text = typeof found === 'object' ? JSON.stringify(found) : String(found as string | number);
	return comparison === 'equals' ? text === value : text.includes(value);
}

/** True if only the body can tell whether the token has expired, and it is one that can be looked at. */
export function needsBody(expiry: Expiry, { status, headers }: JudgedAnswer): boolean {
	if (expiry.bodyRule === undefined || isExpired(expiry, { status, headers })) return false;
	const type = header(headers, 'content-type');
	return (
		challengeOf(headers) !== 'insufficient_scope' &&
		(type === '' || READABLE.test(type)) &&
		!(Number(header(headers, 'content-length')) > LONGEST_JUDGED)
	);
}

/**
 * True if an answer says that the token it was sent has expired, as the connection says it does. A token that lacks scope
 * (`insufficient_scope`, RFC 6750 §3.1) has not: another one would lack it as well.
 */
export function isExpired(
	{ statusCodes, byChallenge, bodyRule }: Expiry,
	{ status, headers, body }: JudgedAnswer,
): boolean {
	const challenge = challengeOf(headers);
	if (challenge === 'insufficient_scope') return false;
	if (statusCodes.includes(Number(status))) return true;
	if (byChallenge && challenge === 'invalid_token' && Number(status) >= 400) return true;
	return bodyRule !== undefined && body !== undefined && matches(bodyRule, body);
}
