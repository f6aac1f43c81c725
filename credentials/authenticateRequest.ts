import type { ICredentialDataDecryptedObject, IHttpRequestOptions } from 'n8n-workflow';

import {
	addressWith,
	ConfigurationError,
	isExpired,
	mayReceiveToken,
	ownHeaders,
	ownParameter,
	type ApiAuthorization,
	type Connections,
	type JudgedAnswer,
	type OpenConnection,
} from '../src';
import { shownWithLink } from './connectLink';
import { guardMark, type Watch } from './guardedRequests';
import { enter, phaseOf, type SentToken } from './phases';
import { safeOptions, type RequestOptions } from './safeOptions';
import { takeTestMark } from './testMark';

/** n8n takes an error with this response as "credential expired" and calls preAuthentication, stores what that returns, and comes back. */
class SealFirst extends Error {
	readonly response = { status: 401 };

	constructor() {
		super('The typed secrets have to be sealed first. Open the credential and save it.');
	}
}

/** Where the request really goes: its address against its base, as the HTTP client combines them. */
function targetOf({ url, uri, baseURL }: RequestOptions): URL | undefined {
	const address = url || uri || '';
	const absolute = /^([a-z][a-z\d+.-]*:)?\/\//i.test(address);
	const text =
		baseURL === undefined || baseURL === '' || absolute
			? address
			: address === ''
				? baseURL
				: `${baseURL.replace(/\/?\/$/, '')}/${address.replace(/^\/+/, '')}`;
	return URL.canParse(text) ? new URL(text) : undefined;
}

const NO_REDIRECTS = {
	followRedirect: false,
	followAllRedirects: false,
	maxRedirects: 0,
	disableFollowRedirect: true,
};

/** Without the guard a stream would lead to its request, and n8n keeps nothing but "Authorization" from where a redirect leads. */
function unguarded(
	{ useStream, encoding }: RequestOptions,
	{ headers, query }: ApiAuthorization,
): Partial<RequestOptions> {
	const isUsual =
		query === undefined && Object.keys(headers).every((name) => name === 'authorization');
	return {
		...(useStream === true ? { useStream: false, encoding: null } : {}),
		...(encoding === 'stream' ? { encoding: 'arraybuffer' } : {}),
		...(isUsual ? {} : NO_REDIRECTS),
	};
}

/** n8n itself would carry "Authorization", spelled like this, to wherever a redirect leads. */
function withToken(
	{ headers, ...options }: ReturnType<typeof safeOptions>,
	{ target, authorization, watch }: { target: URL; authorization: ApiAuthorization; watch: Watch },
): RequestOptions {
	const mark = guardMark({ authorization, watch });
	const url = addressWith(authorization, target);
	for (const name of Object.keys(headers))
		if (Object.hasOwn(authorization.headers, name.trim().toLowerCase()))
			Reflect.deleteProperty(headers, name);
	return {
		...options,
		...(mark === undefined ? unguarded(options, authorization) : {}),
		...('uri' in options ? { uri: url } : {}),
		url,
		headers: { ...headers, ...mark, ...authorization.headers },
	};
}

async function attach(
	{ connection, tokens, authorize, wantsNonce }: OpenConnection,
	options: RequestOptions,
): Promise<{ options: RequestOptions; sent: SentToken }> {
	const target = targetOf(options);
	if (target === undefined || !mayReceiveToken(connection, target)) {
		throw new ConfigurationError(
			'API Base URL',
			`the request goes to ${target?.origin ?? 'an unknown address'}, but this credential's token is sent only to ${connection.apiOrigins.join(', ')}. Use another credential for it, or add its origin to Additional API Origins.`,
			{ code: 'ADDRESS_NOT_ALLOWED' },
		);
	}
	const own = { headers: ownHeaders(connection), parameter: ownParameter(connection) };
	const safe = safeOptions(options, target, own);
	const tokenSet = await tokens.get();
	const endpoint = target.pathname;
	const sent: SentToken = { tokenSet, wantsNonce: false, isExpired: false, endpoint };
	const authorization = await authorize(tokenSet, { method: safe.method ?? 'GET', url: target });
	const watch = (answer: JudgedAnswer): void => {
		sent.wantsNonce = wantsNonce(tokenSet, target, answer);
		sent.isExpired = !sent.wantsNonce && isExpired(connection.expiry, answer);
		if (!sent.wantsNonce && !sent.isExpired) tokens.accepted(endpoint);
	};
	return { options: withToken(safe, { target, authorization, watch }), sent };
}

/**
 * Puts a token that will not expire under it into a request of n8n (RFC 6750 §2.1). Called for every request with this credential.
 *
 * @throws ShownError of any class; "Fix the configuration" if the request goes to another origin, or would show the token to somebody else
 */
export async function authenticateRequest(
	connections: Connections,
	credentials: ICredentialDataDecryptedObject,
	requestOptions: IHttpRequestOptions,
): Promise<IHttpRequestOptions> {
	takeTestMark(credentials, requestOptions);
	try {
		const form = await connections.read(credentials);
		if (phaseOf(credentials)?.step !== 'unsealed' && connections.needsSealing(form)) {
			enter(credentials, { step: 'unsealed' });
			throw new SealFirst();
		}
		const { options, sent } = await attach(connections.open(form), requestOptions);
		enter(credentials, { step: 'authenticated', sent });
		return options as IHttpRequestOptions;
	} catch (error) {
		if (error instanceof SealFirst) throw error;
		const failure = await shownWithLink(connections, credentials, error);
		enter(credentials, { step: 'failed', error: failure });
		throw failure;
	}
}
