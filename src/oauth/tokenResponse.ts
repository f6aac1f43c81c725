import { clampTime } from '../clampTime';

/** A token endpoint's answer, as received. */
export interface RawResponse {
	readonly status: number;
	/** Lower-case names. */
	readonly headers: Readonly<Record<string, string>>;
	readonly body: string;
}

/** An OAuth error response (RFC 6749 §5.2). */
export interface OAuthErrorBody {
	readonly error: string;
	readonly description?: string;
}

/** A successful answer in the form RFC 6749 §5.1 asks for, and what had to be taken out of it. */
export interface NormalisedResponse {
	/** JSON text that a strict client accepts. */
	readonly body: string;
	/** Whole seconds; undefined where the server named none. */
	readonly expiresIn: number | undefined;
	/** True if the token is bound to a key (RFC 9449 §5 `token_type`). */
	readonly isBound: boolean;
}

type Json = Record<string, unknown>;

/** Longer lifetimes are cut to this: some servers write a date or "never" into the number. */
const LONGEST_LIFETIME_SECONDS = 10 * 365 * 86_400;

/** Token types that this package cannot use (RFC 6749 §7.1). */
const UNUSABLE_TYPES = new Set(['mac', 'pop', 'n_a']);

function parseJson(body: string): Json | undefined {
	try {
		const value: unknown = JSON.parse(body);
		return typeof value === 'object' && value !== null && !Array.isArray(value)
			? (value as Json)
			: undefined;
	} catch {
		return undefined;
	}
}

/** Checked part by part: one expression for the whole text would try every way to split it. */
function looksLikeForm(text: string): boolean {
	return text.split('&').every((part) => /^[\w.-]+=[^<\s]*$/.test(part));
}

/** The body as an object: JSON, or the form encoding that some servers answer with. */
export function readBody({ headers, body }: RawResponse): Json | undefined {
	const json = parseJson(body);
	if (json !== undefined) return json;
	const isForm = (headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded');
	const text = body.trim();
	if (!isForm && !looksLikeForm(text)) return undefined;
	return Object.fromEntries(new URLSearchParams(text));
}

/** The OAuth error in a body of any status; some servers send it with 200. */
export function readOAuthError(json: Json | undefined): OAuthErrorBody | undefined {
	if (json === undefined || typeof json['access_token'] === 'string') return undefined;
	const nested = json['error'];
	const error =
		typeof nested === 'object' && nested !== null
			? ((nested as Json)['code'] ?? (nested as Json)['type'])
			: nested;
	if (typeof error !== 'string' || error === '') return undefined;
	const description = json['error_description'] ?? json['message'];
	return typeof description === 'string' && description !== '' ? { error, description } : { error };
}

/** A number, also as text of digits; undefined for everything else. */
function readNumber(value: unknown): number | undefined {
	const number =
		typeof value === 'string' && /^\s*\d+(\.\d+)?\s*$/.test(value) ? Number(value) : value;
	return typeof number === 'number' && !Number.isNaN(number) ? number : undefined;
}

/**
 * The lifetime in whole seconds (RFC 6749 §5.1 `expires_in`), at most ten years. Missing, null, zero, negative and unreadable values all mean
 * that the server named none.
 */
export function readLifetime(value: unknown): number | undefined {
	const seconds = Math.floor(readNumber(value) ?? 0);
	return seconds > 0 ? Math.min(seconds, LONGEST_LIFETIME_SECONDS) : undefined;
}

/**
 * The end of a token in milliseconds since the epoch, from seconds since the epoch (RFC 7662 §2.2 `exp`): at most ten years after `now`.
 * Undefined if the value is missing, unreadable or not in the future.
 *
 * @param now milliseconds since the epoch
 */
export function readExpiry(value: unknown, now: number): number | undefined {
	const seconds = readNumber(value);
	if (seconds === undefined) return undefined;
	const expiresAt = clampTime(Math.min(seconds, now / 1000 + LONGEST_LIFETIME_SECONDS) * 1000);
	return expiresAt !== undefined && expiresAt > now ? expiresAt : undefined;
}

function readScope(value: unknown): string | undefined {
	if (typeof value === 'string' && value.trim() !== '') return value.trim();
	if (Array.isArray(value) && value.every((entry) => typeof entry === 'string') && value.length > 0)
		return value.join(' ');
	return undefined;
}

/**
 * Brings a successful answer into the form of RFC 6749 §5.1: real servers leave out `token_type`, send `expires_in` as text or null, an
 * empty refresh token, scopes as a list. The ID token is dropped where nobody asked for it: the library would refuse one
 * that it cannot verify. Undefined where there is no access token
 * that can be used as a bearer token (RFC 6750) or with proofs of possession (RFC 9449).
 */
export function normalise(
	json: Json,
	{ keepIdToken = false }: { readonly keepIdToken?: boolean } = {},
): NormalisedResponse | undefined {
	const accessToken = json['access_token'];
	const type = typeof json['token_type'] === 'string' ? json['token_type'].toLowerCase() : '';
	if (typeof accessToken !== 'string' || accessToken === '' || UNUSABLE_TYPES.has(type))
		return undefined;
	const isBound = type === 'dpop';
	const refreshToken = json['refresh_token'];
	const scope = readScope(json['scope']);
	return {
		body: JSON.stringify({
			access_token: accessToken,
			token_type: isBound ? 'dpop' : 'bearer',
			...(typeof refreshToken === 'string' && refreshToken !== ''
				? { refresh_token: refreshToken }
				: {}),
			...(scope === undefined ? {} : { scope }),
			...(keepIdToken && typeof json['id_token'] === 'string'
				? { id_token: json['id_token'] }
				: {}),
		}),
		expiresIn: readLifetime(json['expires_in']),
		isBound,
	};
}
