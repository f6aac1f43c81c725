/** The only door that credentials and nodes use. */
import { readInstanceSettings } from './config/instanceSettings';
import { Connections } from './connections';
import { createEgress } from './http/createEgress';
import { plainText } from './plainText';
import { systemClock } from './tokens/clock';
import { QUIET_EVENTS, type TokenEvent } from './tokens/events';

export type { Connected, FlowCookie } from './authorization/authorizationFlow';
export { randomId as randomText } from './authorization/ticket';
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
export { plainText } from './plainText';
export { Redactor } from './redact';
export type { TokenCounters } from './tokens/events';
export type { TokenSet } from './tokens/tokenSet';

/** Where events are written; n8n's logger has this shape. */
export interface Log {
	debug(message: string, meta?: object): void;
	warn(message: string, meta?: object): void;
}

/** What was typed into a form, and what others answered, must not make lines of its own. */
function write(log: Log, { name, ...rest }: TokenEvent): void {
	const meta = Object.fromEntries(
		Object.entries(rest).map(([key, text]: [string, string]) => [key, plainText(text)]),
	);
	const message = `Vaulted OAuth2 connection "${meta['label'] ?? ''}": ${name}`;
	if (QUIET_EVENTS.has(name)) log.debug(message, meta);
	else log.warn(message, meta);
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
