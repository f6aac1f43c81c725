/** The only door that credentials and nodes use. */
import { describeSettings, settingWarnings } from './config/describeSettings';
import { readInstanceSettings, type InstanceSettings } from './config/instanceSettings';
import { Connections } from './connections';
import { EVENTS, type ConnectionEvent } from './events';
import { createEgress } from './http/createEgress';
import { plainText } from './plainText';
import { systemClock } from './tokens/clock';

export type { Connected, ConnectLinks } from './authorization/authorizationFlow';
export type { FlowCookie } from './authorization/flowCookie';
export type { Visit } from './authorization/admissions';
export { LONGEST_SESSION_MS } from './authorization/sessionTokens';
export { randomId as randomText, type FlowKeys } from './authorization/ticket';
export { LONGEST_LINK_MS } from './authorization/usedLinks';
export { mayReceiveToken, resolveApiUrl } from './config/apiUrl';
export type { Connection, Form } from './config/connection';
export { FIELD_NAMES } from './config/fields';
export { withParameter } from './config/queryParameter';
export {
	asAccount,
	type ConnectableAccount,
	type Connections,
	type OpenConnection,
} from './connections';
export type { ListedConnection, Listing } from './listing';
export {
	ConfigurationError,
	ProviderError,
	ReconnectError,
	SecretStoreError,
	VaultedOAuth2Error,
	type FailureClass,
} from './errors';
export type { Asker } from './events';
export { drain } from './http/drain';
export { EgressError, type RequestBody } from './http/egress';
export { multipartBody, type FormPart } from './http/multipart';
export { rest } from './http/limiter';
export { isTransient } from './http/rateLimits';
export { withoutRequest } from './http/withoutRequest';
export { plainText } from './plainText';
export { Redactor } from './redact';
export {
	addressWith,
	assertBound,
	ownHeaders,
	ownParameter,
	type ApiAuthorization,
} from './oauth/apiAuthorization';
export { isExpired, LONGEST_JUDGED, needsBody, type JudgedAnswer } from './oauth/expiredAnswer';
export type { TokenSet } from './tokens/tokenSet';

/** Where events are written; n8n's logger has this shape. */
export interface Log {
	debug(message: string, meta?: object): void;
	info(message: string, meta?: object): void;
	warn(message: string, meta?: object): void;
}

/** What was typed into a form, and what others answered, must not make lines of its own. */
function write(log: Log, { name, ...details }: ConnectionEvent): void {
	const safe = Object.fromEntries(
		Object.entries(details).map(([key, value]: [string, unknown]) => [
			key,
			typeof value === 'string' ? plainText(value) : value,
		]),
	);
	const message = `Vaulted OAuth2 connection "${plainText(details.label)}": ${name}`;
	log[EVENTS[name].level](message, { event: name, ...safe });
}

/** Once, when the process first uses this package: n8n does not load it before. */
function writeSettings(log: Log, settings: InstanceSettings): void {
	const values = describeSettings(settings);
	const text = Object.entries(values).map(([name, value]) => `${name}=${value}`);
	log.info(`Vaulted OAuth2 settings: ${text.join(' ')}`, values);
	for (const warning of settingWarnings(settings)) log.warn(`Vaulted OAuth2: ${warning}`);
}

/** Sees to it that `end` is called, and waited for, before the process ends. */
export type EndHook = (end: () => Promise<void>) => void;

let shared: Connections | undefined;
let endHook: EndHook | undefined;
let eventLog: Log | undefined;

/** Sets where events are written, whatever log connections are asked for with. */
export function writeEventsTo(log: Log): void {
	eventLog = log;
}

/** Sets how {@link Connections.end} comes to be called. The hook itself is called once, at the first use of connections. */
export function endConnectionsBy(hook: EndHook): void {
	endHook = hook;
}

/** The connections of this process, which credentials and nodes share: one cache and one refresh for both. */
export function sharedConnections(log: Log): Connections {
	if (shared !== undefined) return shared;
	const settings = readInstanceSettings(process.env, process.argv[2]);
	writeSettings(log, settings);
	const connections = new Connections({
		settings,
		egress: createEgress(settings.egressPolicy, process.env),
		now: () => systemClock.now(),
		elapsed: () => systemClock.elapsed(),
		emit: (event) => write(eventLog ?? log, event),
	});
	shared = connections;
	endHook?.(async () => await connections.end());
	return connections;
}
