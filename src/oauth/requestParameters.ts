import type { AuthorizationRequest, CodeGrant, GrantRequest } from './authorizationServer';

type OpenIdClient = typeof import('openid-client');

function parametersOf(
	{ resources = [] }: { readonly resources?: readonly string[] },
	parameters: Readonly<Record<string, string>>,
): URLSearchParams {
	const result = new URLSearchParams(parameters);
	// RFC 8707 §2: one parameter for each.
	for (const resource of resources) result.append('resource', resource);
	return result;
}

/** The parameters of a token request besides grant and client (RFC 6749 §3.2, RFC 8707 §2.2). */
export function grantParameters(grant: GrantRequest): URLSearchParams {
	const { scope, parameters } = grant;
	return parametersOf(grant, { ...parameters, ...(scope === undefined ? {} : { scope }) });
}

/** The parameters of an authorization request (RFC 6749 §4.1.1, RFC 7636 §4.3, RFC 9449 §10, OAuth 2.0 Form Post Response Mode §2). */
export async function authorizationParameters(
	{ calculatePKCECodeChallenge }: OpenIdClient,
	request: AuthorizationRequest,
): Promise<URLSearchParams> {
	const { codeVerifier, nonce, dpopJkt, formPost = false } = request;
	return parametersOf(request, {
		...request.parameters,
		redirect_uri: request.redirectUri,
		scope: request.scope,
		state: request.state,
		...(nonce === undefined ? {} : { nonce }),
		...(dpopJkt === undefined ? {} : { dpop_jkt: dpopJkt }),
		...(formPost ? { response_mode: 'form_post' } : {}),
		...(codeVerifier === undefined
			? {}
			: {
					code_challenge: await calculatePKCECodeChallenge(codeVerifier),
					code_challenge_method: 'S256',
				}),
	});
}

/** The address a person came back to, with the parameters that were checked: the library reads the response from it. */
export function responseUrl({ redirectUri, response }: CodeGrant, hasIssuer: boolean): URL {
	const url = new URL(redirectUri);
	// Without a configured issuer there is none to compare: see isFromHere.
	for (const key of hasIssuer ? ['code', 'state', 'iss'] : ['code', 'state']) {
		const value = response.get(key);
		if (value !== null) url.searchParams.set(key, value);
	}
	return url;
}
