import type { GrantType } from '../config/connection';
import {
	ConfigurationError,
	ProviderError,
	ReconnectError,
	type VaultedOAuth2Error,
} from '../errors';
import type { EgressError } from '../http/egress';
import type { OAuthErrorBody, RawResponse } from './tokenResponse';

/** What the messages may say of the request that failed. */
export interface FailureContext {
	/** Host of the address that was asked. */
	readonly host: string;
	/** The field that holds the address. */
	readonly field: 'Token URL' | 'Issuer URL';
	readonly grantType: GrantType;
	/** True where a person's consent is renewed by a link (authorization code), false where a refresh token is typed. */
	readonly byConsent?: boolean | undefined;
	/** True where an ID token was asked for. */
	readonly keepIdToken?: boolean | undefined;
	/** Makes a provider's text fit for a message. */
	readonly redact: (text: string) => string;
}

/** The way to a person's new consent. */
export const CONNECT_AGAIN =
	'Connect the account again: run “Get Authorization URL” of the Vaulted OAuth2 node, or open the credential and save it, and follow the link.';

const RETRY = 'Nothing is lost; try again in a while.';

/** Codes of RFC 6749 §5.2, OpenID Connect and of providers' own that mean: a person has to authorize again. */
const RECONNECT =
	/^(invalid_grant|interaction_required|login_required|consent_required|bad_refresh_token|(invalid|expired)_refresh_token|token_(expired|revoked))$/;
const TEMPORARY =
	/^(temporarily_unavailable|server_error|slow_down|rate_limit(ed|_exceeded)?|too_many_requests)$/;

/** Whole seconds of a `Retry-After` header (RFC 9110 §10.2.3), which is a number or a date. */
function readRetryAfter(value: string | undefined, now: number): number | undefined {
	if (value === undefined) return undefined;
	if (/^\d+$/.test(value.trim())) return Number(value);
	const date = Date.parse(value);
	return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - now) / 1000));
}

/** Why a grant is invalid, and the way to a new one; undefined for a grant without a person. */
function lostConsent({ grantType, byConsent }: FailureContext): string | undefined {
	if (grantType === 'client_credentials') return undefined;
	if (grantType === 'authorization_code')
		return 'The authorization code has expired, was used already or belongs to another request. Nothing was changed; connect again with a new link.';
	return byConsent === true
		? `The consent was withdrawn or has expired, or the refresh token was used elsewhere. ${CONNECT_AGAIN}`
		: 'The refresh token was revoked, has expired or was used elsewhere. Authorize the connection again: type a new Refresh Token into the credential and save.';
}

/**
 * An OAuth error (RFC 6749 §5.2) as one of the four classes.
 *
 * @param status of the answer: 401 says that the client was not recognised, whatever the error is called (Keycloak: unauthorized_client)
 */
export function classifyOAuthError(
	body: OAuthErrorBody,
	context: FailureContext,
	status = 400,
): VaultedOAuth2Error {
	const { host } = context;
	const words = context.redact(
		body.description === undefined ? body.error : `${body.error}: ${body.description}`,
	);
	const said = `${host} answered "${words}".`;
	const configuration = (field: string, wayOut: string, code: string): ConfigurationError =>
		new ConfigurationError(field, `${said} ${wayOut}`, { code });
	if (RECONNECT.test(body.error)) {
		const why = lostConsent(context);
		return why !== undefined
			? new ReconnectError(`${said} ${why}`, { code: 'INVALID_GRANT' })
			: configuration(
					'Grant Type',
					'Check that the provider allows Client Credentials for this client.',
					'UNAUTHORIZED_CLIENT',
				);
	}
	if (TEMPORARY.test(body.error))
		return new ProviderError(`${said} ${RETRY}`, { code: 'TEMPORARILY_UNAVAILABLE' });
	const isUnknownClient = status === 401 && body.error === 'unauthorized_client';
	switch (isUnknownClient ? 'invalid_client' : body.error) {
		case 'invalid_client':
			return configuration(
				'Client Secret',
				'Check Client ID, Client Secret and Client Authentication.',
				'INVALID_CLIENT',
			);
		case 'unauthorized_client':
		case 'unsupported_grant_type':
			return configuration(
				'Grant Type',
				'Allow this grant for the client at the provider, or choose another one.',
				'UNAUTHORIZED_CLIENT',
			);
		case 'invalid_scope':
			return configuration(
				'Scope',
				'Ask only for scopes that the provider offers to this client.',
				'INVALID_SCOPE',
			);
		case 'invalid_target':
			return configuration(
				'Additional Token Parameters',
				'Correct the resource or audience.',
				'INVALID_TARGET',
			);
		case 'access_denied':
			return configuration('Client ID', 'Give the client access at the provider.', 'ACCESS_DENIED');
		default:
			return configuration(
				context.field,
				'Check Token URL, Scope and Additional Token Parameters against the provider’s documentation.',
				'INVALID_REQUEST',
			);
	}
}

/** An answer without any OAuth error in it, as one of the four classes. */
export function classifyResponse(
	response: RawResponse,
	context: FailureContext,
	now: number,
): VaultedOAuth2Error {
	const { status, headers } = response;
	const { field, host } = context;
	const configuration = (text: string, code: string, at: string = field): ConfigurationError =>
		new ConfigurationError(at, text, { code });
	if (status >= 500 || status === 429 || status === 408 || status === 425) {
		return new ProviderError(`${host} answered ${String(status)}. ${RETRY}`, {
			code: status === 429 ? 'RATE_LIMITED' : 'SERVER_ERROR',
			retryAfterSeconds: readRetryAfter(headers['retry-after'], now),
		});
	}
	if (status >= 200 && status < 300) {
		return new ProviderError(
			`${host} answered ${String(status)} without a bearer token in it (${headers['content-type'] ?? 'no content type'}). ${RETRY} If it stays like this, check ${field}.`,
			{ code: 'INVALID_RESPONSE' },
		);
	}
	if (status >= 300 && status < 400) {
		return configuration(
			`${host} redirects this address (${String(status)}), and secrets do not follow redirects. Enter the final address.`,
			'REDIRECTED',
		);
	}
	if (status === 401 || status === 403) {
		return configuration(
			`${host} answered ${String(status)} without an OAuth error. Check Client ID, Client Secret and Client Authentication.`,
			'INVALID_CLIENT',
			'Client Secret',
		);
	}
	return configuration(
		`${host} answered ${String(status)}. Check the address.`,
		'ENDPOINT_NOT_FOUND',
	);
}

/** A request that got no answer, as one of the four classes. */
export function classifyNetworkError(
	error: EgressError,
	context: FailureContext,
): VaultedOAuth2Error {
	if (error.code === 'BLOCKED') {
		return new ConfigurationError(
			context.field,
			`${context.host} may not be reached from this instance (${error.detail}). Use another address, or have it allowed in the instance's N8N_SSRF_* settings.`,
			{ code: 'BLOCKED_BY_INSTANCE' },
		);
	}
	return new ProviderError(
		`${context.host} did not answer (${error.detail}). ${RETRY} If it never worked, check ${context.field}.`,
		{ code: error.code === 'TIMEOUT' ? 'TIMEOUT' : 'UNREACHABLE' },
	);
}
