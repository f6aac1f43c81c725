import type { ICredentialDataDecryptedObject, IHttpRequestOptions } from 'n8n-workflow';

import { ConfigurationError, mayReceiveToken, type Connections, type OpenConnection } from '../src';
import { shownWithLink } from './connectLink';
import { enter, phaseOf } from './phases';
import { takeTestMark } from './testMark';

/** n8n's older request form, which the HTTP Request node still uses, has `uri`. */
type AnyRequestOptions = IHttpRequestOptions & { uri?: string };

/** n8n takes an error with this response as "credential expired" and calls preAuthentication, stores what that returns, and comes back. */
class SealFirst extends Error {
	readonly response = { status: 401 };

	constructor() {
		super('The typed secrets have to be sealed first. Open the credential and save it.');
	}
}

/** Where the request really goes: its address against its base, as the HTTP client combines them. */
function targetOf({ url, uri, baseURL }: AnyRequestOptions): URL | undefined {
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

function withToken(
	options: AnyRequestOptions,
	target: URL,
	accessToken: string,
): IHttpRequestOptions {
	const headers = Object.fromEntries(
		Object.entries(options.headers ?? {}).filter(
			([name]) => name.toLowerCase() !== 'authorization',
		),
	);
	// The very address that was checked is the one that is used.
	delete options.baseURL;
	if (options.uri !== undefined) options.uri = target.href;
	options.url = target.href;
	options.headers = { ...headers, Authorization: `Bearer ${accessToken}` };
	options.sendCredentialsOnCrossOriginRedirect = false;
	return options;
}

async function attach(
	{ connection, tokens }: OpenConnection,
	options: AnyRequestOptions,
): Promise<{ options: IHttpRequestOptions; accessToken: string }> {
	const target = targetOf(options);
	if (target === undefined || !mayReceiveToken(connection, target)) {
		throw new ConfigurationError(
			'API Base URL',
			`the request goes to ${target?.origin ?? 'an unknown address'}, but this credential's token is sent only to ${connection.apiOrigins.join(', ')}. Use another credential for it, or add its origin to Additional API Origins.`,
			{ code: 'ADDRESS_NOT_ALLOWED' },
		);
	}
	const { accessToken } = await tokens.get();
	return { options: withToken(options, target, accessToken), accessToken };
}

/**
 * Puts a token that will not expire under it into a request of n8n (RFC 6750 §2.1). Called for every request with this credential.
 *
 * @throws ShownError of any class; "Fix the configuration" where the request goes to another origin
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
		const { options, accessToken } = await attach(connections.open(form), requestOptions);
		enter(credentials, { step: 'authenticated', accessToken });
		return options;
	} catch (error) {
		if (error instanceof SealFirst) throw error;
		const failure = await shownWithLink(connections, credentials, error);
		enter(credentials, { step: 'failed', error: failure });
		throw failure;
	}
}
