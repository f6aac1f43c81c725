import { withoutRequest } from '../src';
import { n8nLog } from './n8nLog';
import { loadAsN8n } from './n8nModules';

/** A header by which a request says that it carries a token. It never leaves n8n. */
const MARK = 'x-vaulted-oauth2-guard';
const TOKEN_HEADER = 'authorization';

/** What this file needs of axios, the HTTP client of n8n. */
interface Config {
	url?: string;
	headers: { has(name: string): boolean; delete(name: string): boolean };
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

const marked = new WeakSet<Config>();

function isMarked(config: Config | undefined): boolean {
	return config !== undefined && marked.has(config);
}

/** n8n's own function runs first. The HTTP client would take the token along to a subdomain of the API. */
function keepAtOrigin({ url = '', beforeRedirect }: Config): BeforeRedirect {
	const origin = URL.canParse(url) ? new URL(url).origin : undefined;
	return (next, ...rest) => {
		beforeRedirect?.(next, ...rest);
		const { href = '', headers } = next;
		if (URL.canParse(href) && new URL(href).origin === origin) return;
		for (const name of Object.keys(headers))
			if (name.toLowerCase() === TOKEN_HEADER) Reflect.deleteProperty(headers, name);
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

function guard({ interceptors }: Client): void {
	interceptors.request.use((config) => {
		if (!config.headers.has(MARK)) return config;
		config.headers.delete(MARK);
		marked.add(config);
		config.beforeRedirect = keepAtOrigin(config);
		return config;
	});
	interceptors.response.use(
		(answer) => (isMarked(answer.config) ? withoutToken(answer) : answer),
		async (failure) => {
			// axios has errors without a request too, and what is thrown need not be an error of axios.
			if (isMarked(failure.config)) {
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
 * @returns the header that marks a request; nothing if this n8n has another client
 */
export function guardMark(): Readonly<Record<string, string>> {
	if (guarded === undefined) {
		const all = clients();
		for (const client of all) guard(client);
		guarded = all.size > 0;
		if (!guarded) n8nLog().warn(UNGUARDED);
	}
	return guarded ? { [MARK]: 'true' } : {};
}
