import {
	classifyNetworkError,
	classifyOAuthError,
	classifyResponse,
	type FailureContext,
} from '../../src/oauth/classify';
import { ProviderError, type VaultedOAuth2Error } from '../../src/errors';
import { Redactor } from '../../src/redact';
import { EgressError, type EgressErrorCode } from '../../src/http/egress';

const NOW = Date.UTC(2026, 0, 1);
const context: FailureContext = {
	host: 'login.example.com',
	field: 'Token URL',
	grantType: 'refresh_token',
	redactor: new Redactor([]),
};
const PAGE = { 'content-type': 'text/html' };
const said = ({ failureClass, code }: VaultedOAuth2Error): string => `${failureClass} ${code}`;

/** Class and stable code of every answer without an OAuth error: programs and the documentation go by them. */
const ANSWERS: [statuses: readonly number[], expected: string][] = [
	[[200, 201, 204, 299], 'provider INVALID_RESPONSE'],
	[[300, 301, 302, 303, 307, 308, 399], 'configuration REDIRECTED'],
	[[401, 403], 'configuration INVALID_CLIENT'],
	[[400, 402, 404, 405, 406, 410, 415, 418, 451], 'configuration ENDPOINT_NOT_FOUND'],
	[[429], 'provider RATE_LIMITED'],
	[[408, 425, 500, 501, 502, 503, 504, 520, 599], 'provider SERVER_ERROR'],
];

it.each(
	ANSWERS.flatMap(([statuses, expected]) => statuses.map((status) => [status, expected] as const)),
)('a page with %i is: %s', (status, expected) => {
	const error = classifyResponse({ status, headers: PAGE, body: '<html>' }, context, NOW);
	expect(said(error)).toBe(expected);
});

it.each([
	['invalid_grant', 'reconnect INVALID_GRANT'],
	['interaction_required', 'reconnect INVALID_GRANT'],
	['token_revoked', 'reconnect INVALID_GRANT'],
	['invalid_client', 'configuration INVALID_CLIENT'],
	['unauthorized_client', 'configuration UNAUTHORIZED_CLIENT'],
	['unsupported_grant_type', 'configuration UNAUTHORIZED_CLIENT'],
	['invalid_scope', 'configuration INVALID_SCOPE'],
	['invalid_target', 'configuration INVALID_TARGET'],
	['access_denied', 'configuration ACCESS_DENIED'],
	['invalid_request', 'configuration INVALID_REQUEST'],
	['unheard_of', 'configuration INVALID_REQUEST'],
	['constructor', 'configuration INVALID_REQUEST'],
	['temporarily_unavailable', 'provider TEMPORARILY_UNAVAILABLE'],
	['server_error', 'provider TEMPORARILY_UNAVAILABLE'],
	['slow_down', 'provider TEMPORARILY_UNAVAILABLE'],
])('the OAuth error %s is: %s', (error, expected) => {
	expect(said(classifyOAuthError({ error }, context))).toBe(expected);
});

it.each<[EgressErrorCode, string]>([
	['BLOCKED', 'configuration BLOCKED_BY_INSTANCE'],
	['TIMEOUT', 'provider TIMEOUT'],
	['NETWORK', 'provider UNREACHABLE'],
	['TOO_LARGE', 'provider UNREACHABLE'],
	['ABORTED', 'provider UNREACHABLE'],
])('no answer (%s) is: %s', (code, expected) => {
	expect(said(classifyNetworkError(new EgressError(code, 'detail', 'h'), context))).toBe(expected);
});

const date = (milliseconds: number): string => new Date(milliseconds).toUTCString();

it.each([
	['30', 30],
	[' 30 ', 30],
	['0', 0],
	['1.5', 2],
	['3600', 3600],
	['3601', 3600],
	['9'.repeat(400), 3600],
	[date(NOW + 90_000), 90],
	[date(NOW - 90_000), 0],
	[date(NOW + 400 * 86_400_000), 3600],
	['Fri, 31 Dec 9999 23:59:59 GMT', 3600],
	['Thu, 01 Jan 1970 00:00:00 GMT', 0],
	['-5', undefined],
	['-1e9', undefined],
	['NaN', undefined],
	['Infinity', undefined],
	['soon', undefined],
	['30, 30', undefined],
	['', undefined],
])('reads a Retry-After of %p as %p seconds', (value, expected) => {
	const headers = { 'retry-after': value };
	const error = classifyResponse({ status: 503, headers, body: '' }, context, NOW);
	expect((error as ProviderError).retryAfterSeconds).toBe(expected);
});

it('knows no Retry-After if there is none', () => {
	const error = classifyResponse({ status: 503, headers: {}, body: '' }, context, NOW);
	expect(error).toBeInstanceOf(ProviderError);
	expect((error as ProviderError).retryAfterSeconds).toBeUndefined();
});

it('a secret in a Content-Type is hidden', () => {
	const redactor = new Redactor(['example-secret']);
	const headers = { 'content-type': 'text/example%2Dsecret; <b>' };
	const error = classifyResponse({ status: 200, headers, body: '' }, { ...context, redactor }, NOW);
	expect(error.message).toContain('(text/**hidden**; ‹b›)');
});
