/** What operators want to know of a connection. No event carries a secret. */
export type TokenEventName =
	| 'connected'
	| 'acquired'
	| 'adopted'
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
