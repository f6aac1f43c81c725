/** What operators want to know of a connection. No event carries a secret. See docs/operations.md. */
export type TokenEventName =
	| 'connected'
	| 'acquired'
	| 'refreshed'
	| 'adopted'
	| 'lease waited for'
	| 'lease taken over'
	| 'served while the provider is down'
	| 'served while the secret store is down'
	| 'rotated but not saved'
	| 'saved after all'
	| 'reconnect needed';

/** One event of one connection. */
export interface TokenEvent {
	readonly name: TokenEventName;
	readonly label: string;
	readonly secretId: string;
	/** Stable code of the error behind it. */
	readonly code?: string;
}

/** Receives events; must not throw. */
export type TokenEvents = (event: TokenEvent) => void;

/** Events that nobody has to look at: each is what happens when all is well. */
export const QUIET_EVENTS: ReadonlySet<TokenEventName> = new Set([
	'connected',
	'acquired',
	'refreshed',
	'adopted',
	'lease waited for',
]);

/** How often each event of a connection happened in this process. */
export type TokenCounters = Readonly<Record<Exclude<TokenEventName, 'connected'>, number>>;

/** Reports an event of one connection; `code` is that of the error behind it. */
export type Emit = (name: keyof TokenCounters, code?: string) => void;

/** All counters at zero. */
export const NO_EVENTS: TokenCounters = {
	acquired: 0,
	refreshed: 0,
	adopted: 0,
	'lease waited for': 0,
	'lease taken over': 0,
	'served while the provider is down': 0,
	'served while the secret store is down': 0,
	'rotated but not saved': 0,
	'saved after all': 0,
	'reconnect needed': 0,
};
