import { FIELD_NAMES } from '../config/fields';
import {
	ConfigurationError,
	ProviderError,
	ReconnectError,
	type VaultedOAuth2Error,
} from '../errors';
import { CONSENT_DENIED, meaningOf } from '../oauth/errorCodes';
import { quoted, quotedError } from '../oauth/quoted';
import type { OAuthErrorBody } from '../oauth/tokenResponse';

const TITLE = 'Not connected';
const CHECK =
	'Check Authorization URL, Scope, PKCE and Additional Authorization Parameters against the provider’s documentation.';
const UNCHANGED = 'Nothing was changed.';
const NEW_LINK = 'Ask for a new link and open it.';

/** Why a link, a return from the provider or a pasted answer is not taken; each is its own outcome. */
const TEXTS = {
	LINK_INVALID: `this address can only be opened with a link that was made for this connection. ${NEW_LINK}`,
	LINK_EXPIRED: `this link has expired. ${NEW_LINK}`,
	LINK_USED: `this link was used before; each link is good for one use. ${NEW_LINK}`,
	UNAVAILABLE:
		'accounts cannot be connected here at present. Nothing was changed. Try again in a while; the log of this n8n says more.',
	RESPONSE_INVALID: `what came back from the provider is incomplete or was not asked for by this connection. ${UNCHANGED} ${NEW_LINK}`,
	RESPONSE_EXPIRED: `it took too long: the sign-in at the provider has to be finished within ten minutes. ${UNCHANGED} ${NEW_LINK}`,
	RESPONSE_USED: `this answer of the provider was used before; it is good for one use. ${UNCHANGED} If the account is not connected, ask for a new link.`,
	OTHER_BROWSER: `the sign-in was begun in another browser, or this one keeps no cookies. ${UNCHANGED} ${NEW_LINK} Open it in the browser in which you sign in.`,
	FOR_PASTING: `this sign-in was begun for an answer that is pasted. ${UNCHANGED} Copy the provider’s answer into the credential’s Authorization Response and save, or ask for a new link and open it here.`,
	ISSUER_MISMATCH: `the answer comes from another provider than this connection’s. ${UNCHANGED} Check Issuer URL; if it is right, somebody may have mixed up two providers on purpose.`,
	CONNECTED_MEANWHILE: `this account was connected in another tab after this sign-in had begun. ${UNCHANGED} To connect again, ask for a new link.`,
} as const;

/** Codes of the outcomes that end a person's attempt without anything being wrong with provider, store or form. */
export type RefusalCode = keyof typeof TEXTS;

/** The outcome as an error a person can read. */
export function refusal(code: RefusalCode): ReconnectError {
	return new ReconnectError(TEXTS[code], { code, title: TITLE });
}

/** A person granted less than was asked for (RFC 6749 §3.3). */
export function fewerScopes(missing: readonly string[]): ReconnectError {
	return new ReconnectError(
		`less was granted than was asked for: ${quoted(missing.join(' '))} is missing. ${UNCHANGED} Connect again and allow everything, with an account that may; or turn on Accept Fewer Scopes in the credential.`,
		{ code: 'FEWER_SCOPES', title: TITLE },
	);
}

/** An answer came in the other way than it was asked for: the address or the body of a POST. */
export function wrongResponseMode(isPosted: boolean): ConfigurationError {
	return new ConfigurationError(
		FIELD_NAMES.responseMode,
		isPosted
			? `the answer came by a form post, and this connection asks for a redirect. ${UNCHANGED} If the provider answers by form posts only, choose Form Post; then ask for a new link.`
			: `the answer came by a redirect, with the code in its address, and this connection asks for a form post. ${UNCHANGED} If the provider supports no form posts, choose Default; then ask for a new link.`,
		{ code: 'WRONG_RESPONSE_MODE' },
	);
}

/** An authorization error response (RFC 6749 §4.1.2.1, OpenID Connect Core 1.0 §3.1.2.6) as one of the four classes. */
export function authorizationError(body: OAuthErrorBody): VaultedOAuth2Error {
	const said = `The provider answered "${quotedError(body)}". ${UNCHANGED}`;
	const meaning = meaningOf(body.error) ?? CONSENT_DENIED;
	switch (meaning.failureClass) {
		case 'provider':
			return new ProviderError(`${said} Try again in a while, with a new link.`, {
				code: meaning.code,
			});
		case 'configuration': {
			const { field = 'Authorization URL', wayOut = CHECK } = meaning;
			return new ConfigurationError(field, `${said} ${wayOut}`, { code: meaning.code });
		}
		case 'reconnect':
			return new ReconnectError(
				`${said} To connect, ask for a new link, sign in and allow the access.`,
				{ code: CONSENT_DENIED.code, title: TITLE },
			);
	}
}
