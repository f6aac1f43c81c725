import type { VaultedOAuth2Error } from '../../src/errors';
import { Redactor } from '../../src/redact';
import { classifyOAuthError, type FailureContext } from '../../src/oauth/classify';

const context: FailureContext = {
	host: 'login.example.com',
	field: 'Token URL',
	grantType: 'refresh_token',
	redactor: new Redactor([]),
};
const classOf = (error: string, changes: Partial<FailureContext> = {}): VaultedOAuth2Error =>
	classifyOAuthError({ error }, { ...context, ...changes });

const RECONNECT = [
	'invalid_grant',
	'interaction_required',
	'login_required',
	'consent_required',
	'bad_refresh_token',
	'invalid_refresh_token',
	'expired_refresh_token',
	'token_expired',
	'token_revoked',
];
const TEMPORARY = [
	'temporarily_unavailable',
	'server_error',
	'slow_down',
	'rate_limit',
	'rate_limited',
	'rate_limit_exceeded',
	'too_many_requests',
];

it.each(RECONNECT)('%s asks for a person, and never of a grant without one', (error) => {
	expect(classOf(error).failureClass).toBe('reconnect');
	expect(classOf(error, { grantType: 'authorization_code' }).failureClass).toBe('reconnect');
	expect(classOf(error, { grantType: 'client_credentials' }).failureClass).toBe('configuration');
});

it.each(TEMPORARY)('%s is tried again', (error) => {
	expect(classOf(error)).toMatchObject({ failureClass: 'provider', temporary: true });
});

it.each(
	[...RECONNECT, ...TEMPORARY].flatMap((error) => [`${error}x`, `x${error}`, error.toUpperCase()]),
)('%s is a code that nobody knows: a person has to look', (error) => {
	expect(classOf(error)).toMatchObject({
		failureClass: 'configuration',
		code: 'INVALID_REQUEST',
		field: 'Token URL',
	});
});
