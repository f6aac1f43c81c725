/** The only door that credentials and nodes use. */
import { readInstanceSettings } from './config/instanceSettings';
import { Connections } from './connections';
import { EVENTS, type ConnectionEvent } from './events';
import { createEgress } from './http/createEgress';
import { systemClock } from './tokens/clock';

export type { Connected, FlowCookie } from './authorization/authorizationFlow';
export type { Visit } from './authorization/admissions';
export { LONGEST_SESSION_MS } from './authorization/sessionTokens';
export { randomId as randomText, type FlowKeys } from './authorization/ticket';
export { LONGEST_LINK_MS } from './authorization/usedLinks';
export { mayReceiveToken, resolveApiUrl } from './config/apiUrl';
export type { Connection } from './config/connection';
export { FIELD_NAMES } from './config/fields';
export {
	asAccount,
	type ConnectableAccount,
	type Connections,
	type OpenConnection,
} from './connections';
export {
	ConfigurationError,
	ProviderError,
	ReconnectError,
	SecretStoreError,
	VaultedOAuth2Error,
	type FailureClass,
} from './errors';
export type { Asker } from './events';
export type { TokenSet } from './tokens/tokenSet';

/** Where events are written; n8n's logger has this shape. */
export interface Log {
	debug(message: string, meta?: object): void;
	info(message: string, meta?: object): void;
	warn(message: string, meta?: object): void;
}

function write(log: Log, { name, ...details }: ConnectionEvent): void {
	// As JSON, so that no label begins a line of its own.
	const message = `Vaulted OAuth2 connection ${JSON.stringify(details.label)}: ${name}`;
	log[EVENTS[name].level](message, { event: name, ...details });
}

/** Sees to it that `end` is called, and waited for, before the process ends. */
export type EndHook = (end: () => Promise<void>) => void;

let shared: Connections | undefined;
let endHook: EndHook | undefined;

/** Sets how {@link Connections.end} comes to be called. The hook itself is called once, at the first use of connections. */
export function endConnectionsBy(hook: EndHook): void {
	endHook = hook;
}

/** The connections of this process, which credentials and nodes share: one cache and one refresh for both. */
export function sharedConnections(log: Log): Connections {
	if (shared !== undefined) return shared;
	const settings = readInstanceSettings(process.env, process.argv[2]);
	const connections = new Connections({
		settings,
		egress: createEgress(settings.egressPolicy, process.env),
		now: () => systemClock.now(),
		elapsed: () => systemClock.elapsed(),
		emit: (event) => write(log, event),
	});
	shared = connections;
	endHook?.(async () => await connections.end());
	return connections;
}
