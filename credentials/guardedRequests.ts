import { AUTHORIZATION_HEADERS, randomText, withoutRequest, type NonceAnswer } from '../src';
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

type BeforeRedirect = (
	next: { href?: string; headers: Record<string, unknown> },
	...rest: unknown[]
) => void;

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

/** Called with the answer to a request, whatever its status. */
export type Watch = (answer: NonceAnswer) => void;

const marked = new WeakMap<Config, Watch | undefined>();

/** Requests that are yet to be sent, by their mark. Some never are. */
const waiting = new Map<string, Watch>();
const MOST_WAITING = 1000;

function isMarked(config: Config | undefined): boolean {
	return config !== undefined && marked.has(config);
}

/**
 * n8n's own function runs first. The HTTP client would take the token along to a subdomain of the API, and a proof to an address it is not for:
 * with one, no token is sent further.
 */
function keepAtOrigin({ url = '', headers: sent, beforeRedirect }: Config): BeforeRedirect {
	const origin = URL.canParse(url) && !sent.has(PROOF_HEADER) ? new URL(url).origin : undefined;
	return (next, ...rest) => {
		beforeRedirect?.(next, ...rest);
		const { href = '', headers } = next;
		if (URL.canParse(href) && new URL(href).origin === origin) return;
		for (const name of Object.keys(headers))
			if (AUTHORIZATION_HEADERS.includes(name.toLowerCase())) Reflect.deleteProperty(headers, name);
	};
}

function withoutToken({ data, status, statusText, headers }: Answer): Answer {
	return {
		data: withoutRequest(data),
		status,
		statusText,
		headers,
	};
}

function watched(config: Config | undefined, answer: Answer | undefined): void {
	if (config === undefined || answer === undefined) return;
	marked.get(config)?.({ status: answer.status, headers: answer.headers });
}

function guard({ interceptors }: Client): void {
	interceptors.request.use((config) => {
		if (!config.headers.has(MARK)) return config;
		const mark = String(config.headers.get(MARK));
		config.headers.delete(MARK);
		marked.set(config, waiting.get(mark));
		waiting.delete(mark);
		config.beforeRedirect = keepAtOrigin(config);
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

let guarded: boolean | undefined;

/**
 * Sees to it that n8n's HTTP client keeps the token of a marked request to itself: no answer, no stream and no error leads back to the
 * request's headers, and a redirect to another origin goes without. n8n would put them where workflows read them: docs/adr/0019-n8n-keeps-requests.md.
 *
 * @param watch is called with the answer, if this n8n has such a client
 * @returns the header that marks a request; nothing if this n8n has another client
 */
export function guardMark(watch?: Watch): Readonly<Record<string, string>> {
	if (guarded === undefined) {
		const all = clients();
		for (const client of all) guard(client);
		guarded = all.size > 0;
		if (!guarded) n8nLog().warn(UNGUARDED);
	}
	if (!guarded) return {};
	if (watch === undefined) return { [MARK]: 'true' };
	const mark = randomText();
	waiting.set(mark, watch);
	const [oldest] = waiting.keys();
	if (waiting.size > MOST_WAITING && oldest !== undefined) waiting.delete(oldest);
	return { [MARK]: mark };
}
