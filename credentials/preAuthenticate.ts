import type {
	ICredentialDataDecryptedObject,
	IDataObject,
	IHttpRequestHelper,
	IHttpRequestOptions,
	IN8nHttpFullResponse,
} from 'n8n-workflow';

import {
	addressWith,
	isExpired,
	type Connections,
	type OpenConnection,
	type TokenSet,
} from '../src';
import { shownWithLink } from './connectLink';
import { enter, leave, phaseOf, type SentToken } from './phases';

/** One from the store, and one from the provider. */
const MOST_REPLACEMENTS = 2;

/** Asks the API at the Validation Path whether it still takes the token. Undefined where it cannot be told. */
async function isRefused(
	helper: IHttpRequestHelper,
	{ authorize, connection, wantsNonce }: OpenConnection,
	{ url, tokenSet }: { readonly url: URL; readonly tokenSet: TokenSet },
): Promise<boolean | undefined> {
	const send = async (): Promise<IN8nHttpFullResponse> => {
		const authorization = await authorize(tokenSet, { method: 'GET', url });
		const request: IHttpRequestOptions = {
			method: 'GET',
			url: addressWith(authorization, url),
			headers: { ...authorization.headers },
			returnFullResponse: true,
			ignoreHttpStatusErrors: true,
			disableFollowRedirect: true,
		};
		return (await helper.helpers.httpRequest(request)) as IN8nHttpFullResponse;
	};
	const lacksNonce = ({ statusCode: status, headers }: IN8nHttpFullResponse): boolean =>
		wantsNonce(tokenSet, url, { status, headers });
	try {
		let answer = await send();
		if (lacksNonce(answer)) answer = await send();
		// One that still wants a nonce has not looked at the token.
		const { statusCode: status, headers, body } = answer;
		return lacksNonce(answer) ? undefined : isExpired(connection.expiry, { status, headers, body });
	} catch {
		// The API itself is out of reach: the failure that led here tells the user more.
		return undefined;
	}
}

/**
 * After a failed request n8n does not say what failed, and sends the request again where the pointer is returned. So it is returned only
 * if the API itself says, at the Validation Path or without one in its answer, that the token has expired, or that it wants a nonce: a request that
 * failed for any other reason never goes out twice.
 */
async function heal(
	connections: Connections,
	helper: IHttpRequestHelper,
	{ credentials, sent }: { credentials: ICredentialDataDecryptedObject; sent: SentToken },
): Promise<IDataObject> {
	const pointer = { secretRef: credentials['secretRef'] as string };
	if (sent.wantsNonce) return pointer;
	const open = connections.open(await connections.read(credentials));
	const { connection, tokens } = open;
	if (connection.validationUrl === undefined) {
		if (!sent.isExpired) return {};
		const replaced = await tokens.replaceRefused(sent.tokenSet.accessToken, sent.endpoint);
		return replaced === undefined ? {} : pointer;
	}
	const url = new URL(connection.validationUrl);
	let { tokenSet } = sent;
	// Another process's token may have been refused as well; then there is one more to try.
	for (let replacements = 0; ; replacements += 1) {
		const refused = await isRefused(helper, open, { url, tokenSet });
		if (refused === false) tokens.accepted(url.pathname);
		if (refused !== true || replacements === MOST_REPLACEMENTS)
			return replacements > 0 && refused !== true ? pointer : {};
		const replaced = await tokens.replaceRefused(tokenSet.accessToken, url.pathname);
		if (replaced === undefined) return {};
		tokenSet = replaced;
	}
}

/**
 * What n8n calls before the first use of an unsealed credential, and after every failed request.
 *
 * @returns what is to be written into n8n's database: after sealing the pointer and blanks, else nothing
 * @throws ShownError of any class
 */
export async function preAuthenticate(
	connections: Connections,
	helper: IHttpRequestHelper,
	credentials: ICredentialDataDecryptedObject,
): Promise<IDataObject> {
	const phase = phaseOf(credentials);
	// n8n asks again after what was thrown here or in authenticate: the answer is the same, and nothing is tried twice.
	if (phase?.step === 'failed') throw phase.error;
	try {
		if (phase?.step === 'authenticated') {
			leave(credentials);
			return await heal(connections, helper, { credentials, sent: phase.sent });
		}
		const form = await connections.read(credentials);
		return connections.needsSealing(form) ? { ...(await connections.seal(form)) } : {};
	} catch (error) {
		const failure = await shownWithLink(connections, credentials, error);
		enter(credentials, { step: 'failed', error: failure });
		throw failure;
	}
}
