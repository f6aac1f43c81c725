import type { IHttpRequestOptions } from 'n8n-workflow';

import { ConfigurationError } from '../src';

/** What n8n's two kinds of requests have between them; the HTTP Request node uses the older one, which has `uri`. */
export interface RequestOptions extends Omit<IHttpRequestOptions, 'encoding' | 'headers' | 'body'> {
	uri?: string;
	headers?: Record<string, unknown>;
	body?: unknown;
	encoding?: IHttpRequestOptions['encoding'] | null;
	useStream?: boolean;
	rejectUnauthorized?: boolean;
}

type Headers = Record<string, string | string[]>;

/** What is asked and how the answer is read. Nothing of this decides where the token goes or who can read it on its way. */
const HARMLESS = [
	...['method', 'qs', 'qsStringifyOptions', 'useQuerystring', 'arrayFormat'],
	...['body', 'form', 'formData', 'json', 'gzip', 'encoding', 'useStream'],
	...['timeout', 'abortSignal', 'simple', 'ignoreHttpStatusErrors'],
	...['resolveWithFullResponse', 'returnFullResponse'],
	...['followRedirect', 'followAllRedirects', 'maxRedirects', 'disableFollowRedirect'],
	'allowedDomains',
];

/** A client's own certificate (RFC 8705) says who asks. A `ca` would say whom to trust. */
const HARMLESS_OF_AGENT = ['cert', 'key', 'passphrase'];

/** An answer to these repeats the request with its headers, or is a tunnel. */
const NO_METHODS = /^(connect|trace|track)$/i;

function refuse(option: ConfigurationError['field'], why: string): never {
	throw new ConfigurationError(option, why, { code: 'OPTION_NOT_ALLOWED' });
}

function pick<T extends object>(from: T, names: readonly string[]): Partial<T> {
	return Object.fromEntries(
		Object.entries(from).filter(([name]) => names.includes(name)),
	) as Partial<T>;
}

function isText(value: unknown): value is string | number | boolean {
	return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

/** The HTTP client spreads an object under a method's name, or "common", over the other headers: `{"get":{"host":"…"}}`. */
function headerValue(name: string, value: unknown): string | string[] {
	if (isText(value)) return String(value);
	if (Array.isArray(value) && value.every(isText)) return value.map(String);
	return refuse('Headers', `the value of "${name}" is not a text. Enter a text.`);
}

function safeHeaders(
	headers: Record<string, unknown>,
	target: URL,
	own: readonly string[],
): Headers {
	const safe: Headers = {};
	for (const [name, value] of Object.entries(headers)) {
		const known = name.trim().toLowerCase();
		if (value === undefined || value === null || own.includes(known)) continue;
		const text = headerValue(name, value);
		if (known !== 'host') safe[name] = text;
		else if (text !== target.host) {
			refuse(
				'Headers',
				'a Host header would send the token on to another host. Remove it, or use another credential for this request.',
			);
		}
	}
	return safe;
}

function refuseUntrusted({
	rejectUnauthorized,
	skipSslCertificateValidation,
	agentOptions = {},
}: RequestOptions): void {
	if (
		rejectUnauthorized === false ||
		skipSslCertificateValidation === true ||
		agentOptions.rejectUnauthorized === false
	) {
		refuse(
			'Ignore SSL Issues (Insecure)',
			'without a check of its certificate the token could go to any host. Turn it off; for a private certificate authority the operator of n8n sets NODE_EXTRA_CA_CERTS.',
		);
	}
	if (agentOptions.ca !== undefined) {
		refuse(
			'SSL Certificates',
			'with a certificate authority of your own the token could go to any host. Leave CA empty; for a private certificate authority the operator of n8n sets NODE_EXTRA_CA_CERTS.',
		);
	}
}

/** To https a proxy passes on what it cannot read. */
function refuseReadingProxy({ proxy }: RequestOptions, target: URL): void {
	if (!proxy || target.protocol === 'https:') return;
	refuse(
		'Proxy',
		'the request is not encrypted, so that the proxy could read the token. Remove it, or use https.',
	);
}

/** What only the credential sets. */
export interface Own {
	/** Names of headers, in lower case. */
	readonly headers: readonly string[];
	/** The name of a parameter of the address. */
	readonly parameter: string | undefined;
}

/** Without the parameter that is the credential's. */
function safeQuery(
	{ qs }: RequestOptions,
	parameter: string | undefined,
): Pick<RequestOptions, 'qs'> {
	if (qs === undefined || parameter === undefined) return {};
	return { qs: Object.fromEntries(Object.entries(qs).filter(([name]) => name !== parameter)) };
}

/**
 * The options of a request as it may carry the token: those known to be harmless, the rest left out. Its address is `target`.
 *
 * @throws ConfigurationError `OPTION_NOT_ALLOWED` if an option would show the token to somebody else than `target`
 */
export function safeOptions(
	options: RequestOptions,
	target: URL,
	{ headers: own, parameter }: Own,
): RequestOptions & { headers: Headers; url: string } {
	if (NO_METHODS.test(options.method ?? ''))
		refuse('Method', `${String(options.method)} is not sent with a token. Use another method.`);
	refuseUntrusted(options);
	refuseReadingProxy(options, target);
	const { uri, proxy, agentOptions } = options;
	return {
		...pick(options, HARMLESS),
		...safeQuery(options, parameter),
		...(uri === undefined ? {} : { uri: target.href }),
		...(proxy ? { proxy } : {}),
		...(agentOptions === undefined ? {} : { agentOptions: pick(agentOptions, HARMLESS_OF_AGENT) }),
		// Its presence makes n8n say more of a certificate that is not trusted.
		...('rejectUnauthorized' in options ? { rejectUnauthorized: true } : {}),
		url: target.href,
		headers: safeHeaders(options.headers ?? {}, target, own),
		sendCredentialsOnCrossOriginRedirect: false,
	};
}
