import type { Clock } from './clock';

const DAY_MS = 86_400_000;
/** Endpoints remembered. */
const MOST_ENDPOINTS = 256;
/** Endpoints that may ask for a replacement without ever having accepted a token since. */
const MOST_UNANSWERED = 3;
/** A part of a path that names one thing of many. */
const NAME_OF_ONE = /\d|^.{24,}$/;

/**
 * Whether a 401 of the API is worth another token (RFC 6750 §3.1). An endpoint that refuses even a new token means something else by it: its
 * answer stands until it has accepted one again, or for a day.
 */
export class Replacements {
	/** By the monotonic clock, when a token was replaced for an endpoint that has accepted none since. */
	private readonly unanswered = new Map<string, number>();
	private readonly accepting = new Set<string>();

	constructor(private readonly clock: Clock) {}

	/** True if the token may be replaced for this endpoint. */
	isWorthwhile(endpoint: string): boolean {
		const now = this.clock.elapsed();
		for (const [key, since] of this.unanswered)
			if (now - since >= DAY_MS) this.unanswered.delete(key);
		const key = keyOf(endpoint);
		if (this.unanswered.has(key)) return false;
		return this.accepting.has(key) || this.unanswered.size < MOST_UNANSWERED;
	}

	/** A token was replaced for this endpoint. */
	replaced(endpoint: string): void {
		const key = keyOf(endpoint);
		this.accepting.delete(key);
		this.unanswered.set(key, this.clock.elapsed());
	}

	/** The endpoint answered with anything but that the token has expired. */
	accepted(endpoint: string): void {
		const key = keyOf(endpoint);
		this.unanswered.delete(key);
		this.accepting.delete(key);
		this.accepting.add(key);
		const [oldest] = this.accepting;
		if (this.accepting.size > MOST_ENDPOINTS && oldest !== undefined) this.accepting.delete(oldest);
	}
}

/** Addresses that differ only in the thing they name are one endpoint. */
function keyOf(endpoint: string): string {
	const [path = ''] = endpoint.split(/[?#]/, 1);
	return path
		.split('/')
		.map((part) => (NAME_OF_ONE.test(part) ? '*' : part))
		.join('/');
}
