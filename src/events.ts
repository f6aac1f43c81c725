/**
 * What operators and auditors want to know of a connection. Each event has a stable name, a level of n8n's log and fields; none carries a
 * secret, a token or a person's name. docs/operations.md says what each means, and a test holds both together.
 */
export const EVENTS = {
	'token.acquired': { level: 'debug', fields: [], counter: 'acquired' },
	'token.refreshed': { level: 'debug', fields: [], counter: 'refreshed' },
	'token.adopted': { level: 'debug', fields: [], counter: 'adopted' },
	'token.servedWhileProviderDown': {
		level: 'warn',
		fields: ['code'],
		counter: 'servedWhileTheProviderIsDown',
	},
	'token.servedWhileStoreDown': {
		level: 'warn',
		fields: ['code'],
		counter: 'servedWhileTheSecretStoreIsDown',
	},
	'token.rotatedButNotSaved': { level: 'warn', fields: ['code'], counter: 'rotatedButNotSaved' },
	'token.savedAfterAll': { level: 'warn', fields: [], counter: 'savedAfterAll' },
	'lease.waitedFor': { level: 'debug', fields: [], counter: 'leaseWaitedFor' },
	'lease.takenOver': { level: 'warn', fields: [], counter: 'leaseTakenOver' },
	'account.reconnectNeeded': { level: 'warn', fields: ['code'], counter: 'reconnectNeeded' },
	'link.minted': {
		level: 'info',
		fields: ['linkId', 'expiresAt', 'from', 'workflowId', 'executionId'],
	},
	'link.opened': { level: 'info', fields: ['linkId', 'flowId', 'workflowId'] },
	'link.refused': { level: 'warn', fields: ['linkId', 'code', 'message', 'workflowId'] },
	'account.connected': {
		level: 'info',
		fields: ['linkId', 'flowId', 'subject', 'from', 'workflowId'],
	},
	'account.replaced': {
		level: 'warn',
		fields: ['linkId', 'flowId', 'subject', 'formerSubject', 'from', 'workflowId'],
	},
	'account.refused': {
		level: 'warn',
		fields: ['linkId', 'flowId', 'code', 'message', 'from', 'workflowId'],
	},
	'account.disconnected': {
		level: 'warn',
		fields: ['subject', 'from', 'workflowId', 'executionId'],
	},
	'visit.refused': { level: 'debug', fields: ['code', 'workflowId'] },
	'visit.failed': { level: 'warn', fields: ['code', 'message', 'workflowId'] },
	'grant.revoked': { level: 'info', fields: ['subject'] },
	'grant.notRevoked': { level: 'warn', fields: ['subject', 'code', 'message'] },
	'connections.listed': {
		level: 'info',
		fields: ['count', 'from', 'workflowId', 'executionId'],
	},
	'bundle.sealed': { level: 'info', fields: [] },
	'bundle.resealed': { level: 'info', fields: ['changed'] },
	'reveal.refused': { level: 'warn', fields: ['code', 'changed'] },
} as const satisfies Record<string, EventKind>;

interface EventKind {
	readonly level: EventLevel;
	/** What the event may carry besides label and secretId. */
	readonly fields: readonly (keyof EventDetails)[];
	/** The counter of Get Status that it adds to. */
	readonly counter?: string;
}

/** Levels of n8n's log: what happens when all is well, what an audit wants to find, and what somebody should look at. */
export type EventLevel = 'debug' | 'info' | 'warn';

/** Name of an event; stable. */
export type EventName = keyof typeof EVENTS;

/** From where something was asked: a form that somebody may edit, or a run of a workflow. Says nothing of the person. */
export interface Asker {
	readonly from: 'form' | 'workflow';
	readonly workflowId?: string;
	readonly executionId?: string;
}

/** What an event carries besides its connection; {@link EVENTS} says which. */
export interface EventDetails extends Partial<Asker> {
	/** Stable code of the error behind it. */
	readonly code?: string;
	/** The error's text; holds nothing confidential, as no message does. */
	readonly message?: string;
	/** Random id of a connect link. It opens nothing: the link's signature does. */
	readonly linkId?: string;
	/** Random id of one sign-in. */
	readonly flowId?: string;
	/** ISO 8601. */
	readonly expiresAt?: string;
	/** Digest of the connected account, or `unknown`: see {@link subjectOf} in src/authorization/subject.ts. */
	readonly subject?: string;
	readonly formerSubject?: string;
	/** How many connections somebody was told of. */
	readonly count?: number;
	/** Names of the form's fields. */
	readonly changed?: readonly string[];
}

/** One event of one connection. */
export interface ConnectionEvent extends EventDetails {
	readonly name: EventName;
	readonly label: string;
	readonly secretId: string;
}

/** Receives events; must not throw. */
export type EventSink = (event: ConnectionEvent) => void;

/** Reports an event of one connection. */
export type Emit = (name: EventName, details?: EventDetails) => void;

type Counted = Extract<(typeof EVENTS)[EventName], { readonly counter: string }>;

/** How often each counted event of a connection happened in this process. */
export type EventCounters = Readonly<Record<Counted['counter'], number>>;

/** All counters at zero. */
export const NO_EVENTS = Object.fromEntries(
	Object.values(EVENTS).flatMap((kind) => ('counter' in kind ? [[kind.counter, 0]] : [])),
) as EventCounters;

/** Adds an event to the counters, if it is one that counts. */
export function count(counters: Record<keyof EventCounters, number>, name: EventName): void {
	const kind = EVENTS[name];
	if ('counter' in kind) counters[kind.counter] += 1;
}
