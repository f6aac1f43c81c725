import type { FieldName } from '../config/fields';
import type { ConfigurationCode, ProviderCode, ReconnectCode } from '../errors';

interface Misconfigured {
	readonly failureClass: 'configuration';
	readonly code: ConfigurationCode;
	/** The field to correct; absent if it is that of the endpoint's own address. */
	readonly field?: FieldName;
	/** How to correct it. */
	readonly wayOut?: string;
}

interface Withdrawn {
	readonly failureClass: 'reconnect';
	readonly code: ReconnectCode;
}

interface Unavailable {
	readonly failureClass: 'provider';
	readonly code: ProviderCode;
}

/** What an OAuth error asks for, and the code of the error it becomes. */
export type OAuthErrorMeaning = Misconfigured | Unavailable | Withdrawn;

const UNAUTHORIZED_CLIENT: Misconfigured = {
	failureClass: 'configuration',
	code: 'UNAUTHORIZED_CLIENT',
	field: 'Grant Type',
	wayOut: 'Allow this grant for the client at the provider, or choose another one.',
};

const LOST_GRANT: Withdrawn = { failureClass: 'reconnect', code: 'INVALID_GRANT' };

const TEMPORARY: Unavailable = {
	failureClass: 'provider',
	code: 'TEMPORARILY_UNAVAILABLE',
};

/** Also what an error in no list means at the token endpoint: nobody but whoever wrote the form can have caused it. */
export const INVALID_REQUEST: Misconfigured = {
	failureClass: 'configuration',
	code: 'INVALID_REQUEST',
};

/** The client, as far as nothing is known of how it authenticates. */
export const UNRECOGNISED_CLIENT = {
	failureClass: 'configuration',
	code: 'INVALID_CLIENT',
	field: 'Client Secret',
	wayOut: 'Check Client ID, Client Secret and Client Authentication.',
} as const satisfies Misconfigured;

/** What `access_denied` means at the token endpoint, where no person is asked: the client is not let in. */
export const CLIENT_DENIED: Misconfigured = {
	failureClass: 'configuration',
	code: 'ACCESS_DENIED',
	field: 'Client ID',
	wayOut: 'Give the client access at the provider.',
};

/** What `access_denied` means at the authorization endpoint, and any error in no list: the person or the provider did not consent. */
export const CONSENT_DENIED: Withdrawn = {
	failureClass: 'reconnect',
	code: 'ACCESS_DENIED',
};

/**
 * Error codes of RFC 6749 §4.1.2.1 and §5.2, RFC 7009 §2.2.1, RFC 8707 §2, RFC 9449 §5 and §8, OpenID Connect Core 1.0 §3.1.2.6, and of providers' own that are common.
 * They mean the same at the token endpoint and at the authorization endpoint; only `access_denied` does not: see {@link CLIENT_DENIED},
 * {@link CONSENT_DENIED}.
 */
const MEANINGS: ReadonlyMap<string, OAuthErrorMeaning> = new Map<string, OAuthErrorMeaning>([
	['invalid_request', INVALID_REQUEST],
	['invalid_request_object', INVALID_REQUEST],
	['invalid_request_uri', INVALID_REQUEST],
	['registration_not_supported', INVALID_REQUEST],
	['request_not_supported', INVALID_REQUEST],
	['request_uri_not_supported', INVALID_REQUEST],
	['invalid_client', UNRECOGNISED_CLIENT],
	['unauthorized_client', UNAUTHORIZED_CLIENT],
	['unsupported_grant_type', UNAUTHORIZED_CLIENT],
	['unsupported_response_type', UNAUTHORIZED_CLIENT],
	[
		'invalid_scope',
		{
			failureClass: 'configuration',
			code: 'INVALID_SCOPE',
			field: 'Scope',
			wayOut: 'Ask only for scopes that the provider offers to this client.',
		},
	],
	[
		'invalid_target',
		{
			failureClass: 'configuration',
			code: 'INVALID_TARGET',
			field: 'Resource',
			wayOut: 'Correct it, or the audience in the additional parameters.',
		},
	],
	[
		'invalid_dpop_proof',
		{
			failureClass: 'configuration',
			code: 'INVALID_DPOP_PROOF',
			field: 'DPoP',
			wayOut:
				'If the provider wants proofs of possession of this client, choose Always; else choose Never. Check this machine’s clock as well.',
		},
	],
	[
		'unsupported_token_type',
		{
			...INVALID_REQUEST,
			wayOut:
				'The provider does not revoke refresh tokens; end the access in the account’s settings there.',
		},
	],
	['invalid_grant', LOST_GRANT],
	['account_selection_required', LOST_GRANT],
	['consent_required', LOST_GRANT],
	['interaction_required', LOST_GRANT],
	['login_required', LOST_GRANT],
	['bad_refresh_token', LOST_GRANT],
	['expired_refresh_token', LOST_GRANT],
	['invalid_refresh_token', LOST_GRANT],
	['token_expired', LOST_GRANT],
	['token_revoked', LOST_GRANT],
	['server_error', TEMPORARY],
	['temporarily_unavailable', TEMPORARY],
	['rate_limit', TEMPORARY],
	['rate_limit_exceeded', TEMPORARY],
	['rate_limited', TEMPORARY],
	['slow_down', TEMPORARY],
	['too_many_requests', TEMPORARY],
	['use_dpop_nonce', TEMPORARY],
]);

/** What an error code means; undefined for one that is in no list. */
export function meaningOf(error: string): OAuthErrorMeaning | undefined {
	return MEANINGS.get(error);
}
