import type { GrantType } from '../config/connection';
import type { FieldName } from '../config/fields';
import {
	ConfigurationError,
	ProviderError,
	ReconnectError,
	type ConfigurationCode,
	type VaultedOAuth2Error,
} from '../errors';
import type { EgressError } from '../http/egress';
import type { OAuthErrorBody, RawResponse } from './tokenResponse';

/** What to correct if the client is not recognised; `clockAheadMs` as in {@link FailureContext}. */
export type InvalidClient = (clockAheadMs: number) => Pick<Refusal, 'field' | 'wayOut'>;

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
	/** What a success has in it. Default: a bearer token. */
	readonly wanted?: string;
	/** What to correct if the client is not recognised. Default: the client secret. */
	readonly invalidClient?: InvalidClient | undefined;
	/** How far this machine's clock was ahead of the server's when the answer came, in milliseconds. */
	readonly clockAheadMs?: number;
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

/** TLS alerts (RFC 8446 §6.2) about a client's certificate, as Node calls them. */
const CERTIFICATE_ALERT = /_ALERT_.*(CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED|HANDSHAKE_FAILURE)/;

/** Whatever a provider asks for, nobody waits longer because of one answer. */
const LONGEST_RETRY_AFTER_SECONDS = 3600;

/** What to correct after an error that trying again does not cure. */
interface Refusal {
	readonly field: FieldName;
	readonly wayOut: string;
	readonly code: ConfigurationCode;
}

const INVALID_CLIENT: Refusal = {
	field: 'Client Secret',
	wayOut: 'Check Client ID, Client Secret and Client Authentication.',
	code: 'INVALID_CLIENT',
};

const UNAUTHORIZED_CLIENT: Refusal = {
	field: 'Grant Type',
	wayOut: 'Allow this grant for the client at the provider, or choose another one.',
	code: 'UNAUTHORIZED_CLIENT',
};

/** Codes of RFC 6749 §4.1.2.1 and §5.2 and RFC 8707 §2. Any other is an invalid request. */
const REFUSALS: ReadonlyMap<string, Refusal> = new Map([
	['invalid_client', INVALID_CLIENT],
	['unauthorized_client', UNAUTHORIZED_CLIENT],
	['unsupported_grant_type', UNAUTHORIZED_CLIENT],
	[
		'invalid_scope',
		{
			field: 'Scope',
			wayOut: 'Ask only for scopes that the provider offers to this client.',
			code: 'INVALID_SCOPE',
		},
	],
	[
		'invalid_target',
		{
			field: 'Additional Token Parameters',
			wayOut: 'Correct the resource or audience.',
			code: 'INVALID_TARGET',
		},
	],
	[
		'access_denied',
		{
			field: 'Client ID',
			wayOut: 'Give the client access at the provider.',
			code: 'ACCESS_DENIED',
		},
	],
]);

/**
 * Whole seconds of a `Retry-After` header (RFC 9110 §10.2.3), which is a number or a date: 0 to 3600. Undefined if it is missing or
 * unreadable.
 */
function readRetryAfter(value: string | undefined, now: number): number | undefined {
	const text = value?.trim() ?? '';
	// A date begins with its weekday; without this check Date.parse reads a date out of "-5" as well.
	const date = /^[a-z]/i.test(text) ? Date.parse(text) : NaN;
	const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : (date - now) / 1000;
	return Number.isNaN(seconds)
		? undefined
		: Math.min(Math.max(Math.ceil(seconds), 0), LONGEST_RETRY_AFTER_SECONDS);
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

function unrecognisedClient({ invalidClient, clockAheadMs = 0 }: FailureContext): Refusal {
	return { ...INVALID_CLIENT, ...invalidClient?.(clockAheadMs) };
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
	if (RECONNECT.test(body.error)) {
		const why = lostConsent(context);
		return why !== undefined
			? new ReconnectError(`${said} ${why}`, { code: 'INVALID_GRANT' })
			: new ConfigurationError(
					'Grant Type',
					`${said} Check that the provider allows Client Credentials for this client.`,
					{ code: 'UNAUTHORIZED_CLIENT' },
				);
	}
	if (TEMPORARY.test(body.error))
		return new ProviderError(`${said} ${RETRY}`, { code: 'TEMPORARILY_UNAVAILABLE' });
	const isUnknownClient = status === 401 && body.error === 'unauthorized_client';
	const known = REFUSALS.get(isUnknownClient ? 'invalid_client' : body.error);
	const { field, wayOut, code } = (known === INVALID_CLIENT
		? unrecognisedClient(context)
		: known) ?? {
		field: context.field,
		wayOut:
			'Check Token URL, Scope and Additional Token Parameters against the provider’s documentation.',
		code: 'INVALID_REQUEST',
	};
	return new ConfigurationError(field, `${said} ${wayOut}`, { code });
}

/** An answer without any OAuth error in it, as one of the four classes. */
export function classifyResponse(
	response: RawResponse,
	context: FailureContext,
	now: number,
): VaultedOAuth2Error {
	const { status, headers } = response;
	const { field, host } = context;
	const configuration = (
		text: string,
		code: ConfigurationCode,
		at: FieldName = field,
	): ConfigurationError => new ConfigurationError(at, text, { code });
	if (status >= 500 || status === 429 || status === 408 || status === 425) {
		return new ProviderError(`${host} answered ${String(status)}. ${RETRY}`, {
			code: status === 429 ? 'RATE_LIMITED' : 'SERVER_ERROR',
			retryAfterSeconds: readRetryAfter(headers['retry-after'], now),
		});
	}
	if (status >= 200 && status < 300) {
		return new ProviderError(
			`${host} answered ${String(status)} without ${context.wanted ?? 'a bearer token'} in it (${headers['content-type'] ?? 'no content type'}). ${RETRY} If it stays like this, check ${field}.`,
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
		const { field: at, wayOut, code } = unrecognisedClient(context);
		return configuration(
			`${host} answered ${String(status)} without an OAuth error. ${wayOut}`,
			code,
			at,
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
	if (context.invalidClient !== undefined && CERTIFICATE_ALERT.test(error.detail)) {
		const { field, wayOut, code } = unrecognisedClient(context);
		return new ConfigurationError(
			field,
			`${context.host} refused the connection (${error.detail}). ${wayOut}`,
			{ code },
		);
	}
	return new ProviderError(
		`${context.host} did not answer (${error.detail}). ${RETRY} If it never worked, check ${context.field}.`,
		{ code: error.code === 'TIMEOUT' ? 'TIMEOUT' : 'UNREACHABLE' },
	);
}
