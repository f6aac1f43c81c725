import { Stream } from 'node:stream';

import {
	LONGEST_JUDGED,
	randomText,
	withoutRequest,
	withParameter,
	type ApiAuthorization,
	type JudgedAnswer,
} from '../src';
import { n8nLog } from './n8nLog';
import { loadAsN8n } from './n8nModules';

/** A header by which a request says that it carries a token. It never leaves n8n. */
const MARK = 'x-vaulted-oauth2-guard';
/** A proof of possession (RFC 9449): good for one address alone. */
const PROOF_HEADER = 'dpop';

/** What this file needs of axios, the HTTP client of n8n. */
interface Config {
	url?: string;
	headers: {
		get(name: string): unknown;
		has(name: string): boolean;
		delete(name: string): boolean;
	};
	beforeRedirect?: BeforeRedirect | undefined;
}

/** A redirect's request as the HTTP client is about to send it. */
interface Next {
	href?: string;
	path?: string;
	search?: string;
	headers: Record<string, unknown>;
}

type BeforeRedirect = (next: Next, ...rest: unknown[]) => void;

interface Answer {
	data?: unknown;
	status?: unknown;
	statusText?: unknown;
	headers?: unknown;
	config?: Config | undefined;
	request?: unknown;
}

interface Failure extends Error {
	config?: Config | undefined;
	request?: unknown;
	response?: Answer | undefined;
}

interface Client {
	interceptors: {
		request: { use(each: (config: Config) => Config): unknown };
		response: {
			use(each: (answer: Answer) => Answer, failed: (failure: Failure) => Promise<never>): unknown;
		};
	};
}

/** Where n8n's versions have the client they send requests with. */
const PLACES: readonly (readonly string[])[] = [['@n8n/backend-network', 'axios'], ['axios']];

const UNGUARDED =
	'Vaulted OAuth2: this n8n sends requests with a client that is not known to this package. Files that the HTTP Request node gets are held in memory, and with On Error: Continue an error holds the token. Look for an update of this package, or use its own node.';

/** Called with the API's answer to a request, whatever its status. */
export type Watch = (answer: JudgedAnswer) => void;

/** What a marked request carries, and who wants to know of its answer. */
export interface Guarded {
	readonly authorization: Pick<ApiAuthorization, 'headers' | 'query'>;
	readonly watch?: Watch | undefined;
}

/** A request that was sent. */
interface Sent {
	readonly watch?: Watch | undefined;
	/** True once it was redirected to where its token does not go. */
	isAway: boolean;
}

const marked = new WeakMap<Config, Sent>();

/** Requests that are yet to be sent, by their mark. Some never are. */
const waiting = new Map<string, Guarded>();
const MOST_WAITING = 10_000;

/** What n8n, or whoever sets up the request, may have put beside the token. */
const ALWAYS_HIDDEN = ['authorization', PROOF_HEADER];

function isMarked(config: Config | undefined): boolean {
	return config !== undefined && marked.has(config);
}

/** The API may have put the token into the address it redirects to. */
function setParameter(next: Next, name: string, value: string | undefined): void {
	for (const part of ['href', 'path', 'search'] as const)
		if (typeof next[part] === 'string') next[part] = withParameter(next[part], name, value);
}

/**
 * n8n's own function runs first. The HTTP client would take the token along to a subdomain of the API, in headers of other names to any host, and
 * a proof to an address it is not for: with one, no token is sent further.
 */
function keepAtOrigin(
	{ url = '', headers: sent, beforeRedirect }: Config,
	{ authorization }: Guarded,
	request: Sent,
): BeforeRedirect {
	const { headers: own, query } = authorization;
	const hidden = new Set([...ALWAYS_HIDDEN, ...Object.keys(own)]);
	const origin = URL.canParse(url) && !sent.has(PROOF_HEADER) ? new URL(url).origin : undefined;
	return (next, ...rest) => {
		beforeRedirect?.(next, ...rest);
		const { href = '', headers } = next;
		request.isAway ||= !URL.canParse(href) || new URL(href).origin !== origin;
		const { isAway } = request;
		if (query !== undefined) setParameter(next, query.name, isAway ? undefined : query.value);
		if (!isAway) return;
		for (const name of Object.keys(headers))
			if (hidden.has(name.toLowerCase())) Reflect.deleteProperty(headers, name);
	};
}

/** Nothing is known of what the request carries. */
function refuseRedirect(): never {
	throw new Error('The redirect is not followed: too many requests wait at once. Try again.');
}

function withoutToken({ data, status, statusText, headers }: Answer): Answer {
	return {
		data: withoutRequest(data),
		status,
		statusText,
		headers,
	};
}

/** A body as it was read; a stream is not looked at. */
function readable(data: unknown): unknown {
	if (Buffer.isBuffer(data)) return data.length <= LONGEST_JUDGED ? data.toString() : undefined;
	return data instanceof Stream ? undefined : data;
}

function watched(config: Config | undefined, answer: Answer | undefined): void {
	const request = config && marked.get(config);
	if (request === undefined || answer === undefined || request.isAway) return;
	const { status, headers, data } = answer;
	request.watch?.({ status, headers, body: readable(data) });
}

function guard({ interceptors }: Client): void {
	interceptors.request.use((config) => {
		if (!config.headers.has(MARK)) return config;
		const mark = String(config.headers.get(MARK));
		config.headers.delete(MARK);
		const guarded = waiting.get(mark);
		waiting.delete(mark);
		const request: Sent = { watch: guarded?.watch, isAway: false };
		marked.set(config, request);
		config.beforeRedirect =
			guarded === undefined ? refuseRedirect : keepAtOrigin(config, guarded, request);
		return config;
	});
	interceptors.response.use(
		(answer) => {
			if (!isMarked(answer.config)) return answer;
			watched(answer.config, answer);
			return withoutToken(answer);
		},
		async (failure) => {
			// axios has errors without a request too, and what is thrown need not be an error of axios.
			if (isMarked(failure.config)) {
				watched(failure.config, failure.response);
				failure.config = failure.request = undefined;
				if (failure.response !== undefined) failure.response = withoutToken(failure.response);
			}
			return await Promise.reject(failure);
		},
	);
}

function clients(): ReadonlySet<Client> {
	const found = PLACES.flatMap((place) => {
		try {
			return [loadAsN8n(...place) as Client];
		} catch {
			return [];
		}
	});
	return new Set(found);
}

let isGuarding: boolean | undefined;
let marks = 0;
/** Nobody else can name a request that waits. */
let secretPart = '';

/**
 * Sees to it that n8n's HTTP client keeps the token of a marked request to itself: no answer, no stream and no error leads back to the
 * request's headers, and a redirect to another origin goes without. n8n would put them where workflows read them: docs/adr/0019-n8n-keeps-requests.md.
 *
 * @returns the header that marks a request; undefined if this n8n has another client
 */
export function guardMark(guarded: Guarded): Readonly<Record<string, string>> | undefined {
	if (isGuarding === undefined) {
		const all = clients();
		for (const client of all) guard(client);
		isGuarding = all.size > 0;
		secretPart = randomText();
		if (!isGuarding) n8nLog().warn(UNGUARDED);
	}
	if (!isGuarding) return undefined;
	marks += 1;
	const mark = `${secretPart}.${String(marks)}`;
	waiting.set(mark, guarded);
	if (waiting.size > MOST_WAITING) {
		const oldest = waiting.keys().next().value;
		if (oldest !== undefined) waiting.delete(oldest);
	}
	return { [MARK]: mark };
}
