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
import { readRetryAfter } from '../http/rateLimits';
import type { Redactor } from '../redact';
import { CLIENT_DENIED, INVALID_REQUEST, meaningOf, UNRECOGNISED_CLIENT } from './errorCodes';
import { quoted, quotedError } from './quoted';
import type { OAuthErrorBody, RawResponse } from './tokenResponse';

interface Correction {
	readonly field: FieldName;
	readonly wayOut: string;
}

/** What to correct if the client is not recognised; `clockAheadMs` as in {@link FailureContext}. */
export type InvalidClient = (clockAheadMs: number) => Correction;

/** What the messages may say of the request that failed. */
export interface FailureContext {
	/** Host of the address that was asked. */
	readonly host: string;
	/** The field that holds the address. */
	readonly field: 'Token URL' | 'Issuer URL' | 'Revocation URL';
	readonly grantType: GrantType;
	/** True where a person's consent is renewed by a link (authorization code), false where a refresh token is typed. */
	readonly byConsent?: boolean | undefined;
	/** True where an ID token was asked for. */
	readonly keepIdToken?: boolean | undefined;
	/** True if a proof of possession is sent (RFC 9449 §5). */
	readonly isProven?: boolean | undefined;
	/** What a success has in it. Default: a bearer token. */
	readonly wanted?: string;
	/** What to correct if the client is not recognised. Default: the client secret. */
	readonly invalidClient?: InvalidClient | undefined;
	/** How far this machine's clock was ahead of the server's when the answer came, in milliseconds. */
	readonly clockAheadMs?: number;
	/** Knows the secrets that were sent. */
	readonly redactor: Redactor;
}

/** The way to a person's new consent. */
export const CONNECT_AGAIN =
	'Connect the account again: run “Get Authorization URL” of the Vaulted OAuth2 node, or open the credential and save it, and follow the link.';

const CHECK =
	'Check Token URL, Scope and Additional Token Parameters against the provider’s documentation.';
const RETRY = 'Nothing is lost; try again in a while.';

/** TLS alerts (RFC 8446 §6.2) about a client's certificate, as Node calls them. */
const CERTIFICATE_ALERT = /_ALERT_.*(CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED|HANDSHAKE_FAILURE)/;

/** Whatever a provider asks for, nobody waits longer because of one answer. */
const LONGEST_RETRY_AFTER_SECONDS = 3600;

/** Whole seconds, 0 to 3600. */
function retryAfterIn(headers: RawResponse['headers'], now: number): number | undefined {
	const seconds = readRetryAfter(headers['retry-after'], now);
	return seconds === undefined ? undefined : Math.min(seconds, LONGEST_RETRY_AFTER_SECONDS);
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

function unrecognisedClient({ invalidClient, clockAheadMs = 0 }: FailureContext): Correction {
	return invalidClient?.(clockAheadMs) ?? UNRECOGNISED_CLIENT;
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
	const said = `${context.host} answered "${quotedError(body, context.redactor)}".`;
	const isUnknownClient = status === 401 && body.error === 'unauthorized_client';
	const meaning =
		meaningOf(isUnknownClient ? 'invalid_client' : body.error) ??
		(body.error === 'access_denied' ? CLIENT_DENIED : INVALID_REQUEST);
	if (meaning.failureClass === 'provider')
		return new ProviderError(`${said} ${RETRY}`, { code: meaning.code });
	if (meaning.code === 'INVALID_CLIENT') {
		const { field, wayOut } = unrecognisedClient(context);
		return new ConfigurationError(field, `${said} ${wayOut}`, { code: meaning.code });
	}
	if (meaning.failureClass === 'configuration') {
		const { field = context.field, wayOut = CHECK } = meaning;
		return new ConfigurationError(field, `${said} ${wayOut}`, { code: meaning.code });
	}
	const why = lostConsent(context);
	return why !== undefined
		? new ReconnectError(`${said} ${why}`, { code: meaning.code })
		: new ConfigurationError(
				'Grant Type',
				`${said} Check that the provider allows Client Credentials for this client.`,
				{ code: 'UNAUTHORIZED_CLIENT' },
			);
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
			retryAfterSeconds: retryAfterIn(headers, now),
		});
	}
	if (status >= 200 && status < 300) {
		return new ProviderError(
			`${host} answered ${String(status)} without ${context.wanted ?? 'a bearer token'} in it (${quoted(headers['content-type'] ?? 'no content type', context.redactor)}). ${RETRY} If it stays like this, check ${field}.`,
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
		const { field: at, wayOut } = unrecognisedClient(context);
		return configuration(
			`${host} answered ${String(status)} without an OAuth error. ${wayOut}`,
			'INVALID_CLIENT',
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
			`${context.host} may not be reached from this instance (${error.detail}). Use another address, or have it allowed in the instance's settings (N8N_SSRF_* or the one named).`,
			{ code: 'BLOCKED_BY_INSTANCE' },
		);
	}
	if (context.invalidClient !== undefined && CERTIFICATE_ALERT.test(error.detail)) {
		const { field, wayOut } = unrecognisedClient(context);
		return new ConfigurationError(
			field,
			`${context.host} refused the connection (${error.detail}). ${wayOut}`,
			{ code: 'INVALID_CLIENT' },
		);
	}
	return new ProviderError(
		`${context.host} did not answer (${error.detail}). ${RETRY} If it never worked, check ${context.field}.`,
		{ code: error.code === 'TIMEOUT' ? 'TIMEOUT' : 'UNREACHABLE' },
	);
}
