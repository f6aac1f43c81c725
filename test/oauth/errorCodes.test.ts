import { authorizationError } from '../../src/authorization/refusals';
import { ConfigurationError, type VaultedOAuth2Error } from '../../src/errors';
import { classifyOAuthError } from '../../src/oauth/classify';
import { Redactor } from '../../src/redact';

/** What the class and the field of an error are at both endpoints. "its address": Token URL at the one, Authorization URL at the other. */
const CODES: Record<string, Record<string, string>> = {
	'RFC 6749 §4.1.2.1': {
		invalid_request: 'configuration: its address',
		unauthorized_client: 'configuration: Grant Type',
		unsupported_response_type: 'configuration: Grant Type',
		invalid_scope: 'configuration: Scope',
		server_error: 'provider',
		temporarily_unavailable: 'provider',
	},
	'RFC 6749 §5.2': {
		invalid_request: 'configuration: its address',
		invalid_client: 'configuration: Client Secret',
		invalid_grant: 'reconnect',
		unauthorized_client: 'configuration: Grant Type',
		unsupported_grant_type: 'configuration: Grant Type',
		invalid_scope: 'configuration: Scope',
	},
	'RFC 7009 §2.2.1': { unsupported_token_type: 'configuration: its address' },
	'RFC 8707 §2': { invalid_target: 'configuration: Resource' },
	'RFC 9449 §5 and §8': {
		invalid_dpop_proof: 'configuration: DPoP',
		use_dpop_nonce: 'provider',
	},
	'OpenID Connect Core 1.0 §3.1.2.6': {
		interaction_required: 'reconnect',
		login_required: 'reconnect',
		account_selection_required: 'reconnect',
		consent_required: 'reconnect',
		invalid_request_uri: 'configuration: its address',
		invalid_request_object: 'configuration: its address',
		request_not_supported: 'configuration: its address',
		request_uri_not_supported: 'configuration: its address',
		registration_not_supported: 'configuration: its address',
	},
};

const atTokenEndpoint = (error: string): VaultedOAuth2Error =>
	classifyOAuthError(
		{ error },
		{
			host: 'login.example.com',
			field: 'Token URL',
			grantType: 'refresh_token',
			byConsent: true,
			redactor: new Redactor([]),
		},
	);

const said = (error: VaultedOAuth2Error, address: string): string =>
	error instanceof ConfigurationError
		? `${error.failureClass}: ${error.field === address ? 'its address' : error.field}`
		: error.failureClass;

describe.each(Object.entries(CODES))('%s', (_document, codes) => {
	it.each(Object.entries(codes))('%s is at both endpoints: %s', (code, expected) => {
		expect(said(atTokenEndpoint(code), 'Token URL')).toBe(expected);
		expect(said(authorizationError({ error: code }), 'Authorization URL')).toBe(expected);
	});
});

it('access_denied is the client’s at the token endpoint, a person’s at the authorization endpoint', () => {
	expect(said(atTokenEndpoint('access_denied'), 'Token URL')).toBe('configuration: Client ID');
	expect(said(authorizationError({ error: 'access_denied' }), '')).toBe('reconnect');
});

it('a code in no list is the form’s at the token endpoint, a person’s at the authorization endpoint', () => {
	expect(said(atTokenEndpoint('unheard_of'), 'Token URL')).toBe('configuration: its address');
	expect(said(authorizationError({ error: 'user_cancelled_login' }), '')).toBe('reconnect');
});

describe('a provider’s words in a message', () => {
	const SECRET = 'S3cr=t+/value-1';
	const context = {
		host: 'login.example.com',
		field: 'Token URL',
		grantType: 'client_credentials',
		redactor: new Redactor([SECRET]),
	} as const;
	const basic = Buffer.from(`client-1:${encodeURIComponent(SECRET)}`).toString('base64');

	it.each(['error', 'description'])('hold no Basic header that was echoed in %s', (place) => {
		const words = `no client for Basic ${basic}`;
		const body = place === 'error' ? { error: words } : { error: 'x', description: words };
		const { message } = classifyOAuthError(body, context);
		expect(message).toContain('no client for Basic ');
		expect(message).not.toContain(basic.slice(14, 20));
	});

	it('become no link, and no line of a log', () => {
		const description = 'go\nto <a href="https://evil.example">here</a>\u2028\u001b[2J\u202eend';
		for (const { message } of [
			classifyOAuthError({ error: 'x', description }, context),
			authorizationError({ error: 'x', description }),
		]) {
			expect(message).toContain('go to ‹a href="https://evil.example"›here‹/a› [2J end');
			expect(message).not.toMatch(/[<>\p{Cc}\p{Cf}\u2028]/u);
		}
	});
});
