import type {
	ICredentialDataDecryptedObject,
	IDataObject,
	IHttpRequestHelper,
	IHttpRequestOptions,
} from 'n8n-workflow';

import type { Connections } from '../src';
import { shownWithLink } from './connectLink';
import { enter, leave, phaseOf } from './phases';

/** One from the store, and one from the provider. */
const MOST_REPLACEMENTS = 2;

/** Asks the API at the Validation Path whether it still takes the token. Undefined where it cannot be told. */
async function isRefused(
	helper: IHttpRequestHelper,
	url: string,
	accessToken: string,
): Promise<boolean | undefined> {
	const request: IHttpRequestOptions = {
		method: 'GET',
		url,
		headers: { Authorization: `Bearer ${accessToken}` },
		returnFullResponse: true,
		ignoreHttpStatusErrors: true,
		disableFollowRedirect: true,
	};
	try {
		const { statusCode } = (await helper.helpers.httpRequest(request)) as { statusCode: number };
		return statusCode === 401;
	} catch {
		// The API itself is out of reach: the failure that led here tells the user more.
		return undefined;
	}
}

/**
 * After a failed request n8n does not say what failed, and sends the request again where the pointer is returned. So it is returned only
 * where the API itself says, at the Validation Path, that the token was refused: a request that failed for any other reason never goes out twice.
 */
async function heal(
	connections: Connections,
	helper: IHttpRequestHelper,
	{
		credentials,
		accessToken,
	}: { credentials: ICredentialDataDecryptedObject; accessToken: string },
): Promise<IDataObject> {
	const { connection, tokens } = connections.open(await connections.read(credentials));
	const { validationUrl } = connection;
	if (validationUrl === undefined) return {};
	const endpoint = new URL(validationUrl).pathname;
	let token = accessToken;
	// Another process's token may have been refused as well; then there is one more to try.
	for (let replacements = 0; ; replacements += 1) {
		const refused = await isRefused(helper, validationUrl, token);
		if (refused === false) tokens.accepted(endpoint);
		if (refused !== true || replacements === MOST_REPLACEMENTS)
			return replacements > 0 && refused !== true
				? { secretRef: credentials['secretRef'] as string }
				: {};
		const replaced = await tokens.replaceRefused(token, endpoint);
		if (replaced === undefined) return {};
		token = replaced.accessToken;
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
			return await heal(connections, helper, { credentials, accessToken: phase.accessToken });
		}
		const form = await connections.read(credentials);
		return connections.needsSealing(form) ? { ...(await connections.seal(form)) } : {};
	} catch (error) {
		const failure = await shownWithLink(connections, credentials, error);
		enter(credentials, { step: 'failed', error: failure });
		throw failure;
	}
}
