import type { ICredentialDataDecryptedObject } from 'n8n-workflow';

import type { TokenSet } from '../src';

/**
 * How far one use of a credential has come. n8n hands the same decrypted object to every hook of one use, and does not say why it calls:
 * remembered per object, the first call can be told from the one after a failed request.
 */
export type Phase =
	| { readonly step: 'unsealed' }
	| { readonly step: 'authenticated'; readonly sent: SentToken }
	| { readonly step: 'failed'; readonly error: unknown };

/** The token a request was sent with. */
export interface SentToken {
	readonly tokenSet: TokenSet;
	/** True if the API refused the request because it wants a nonce in the proof (RFC 9449 §9), so that it may be sent again. */
	wantsNonce: boolean;
	/** Path of the address it was sent to. */
	readonly endpoint: string;
	/** True if the API's answer was seen, and said that the token has expired. */
	isExpired: boolean;
}

const phases = new WeakMap<ICredentialDataDecryptedObject, Phase>();

/** Where this use of the credential stands; undefined before anything happened. */
export function phaseOf(credentials: ICredentialDataDecryptedObject): Phase | undefined {
	return phases.get(credentials);
}

/** Remembers where this use of the credential stands. */
export function enter(credentials: ICredentialDataDecryptedObject, phase: Phase): void {
	phases.set(credentials, phase);
}

/** Forgets this use. */
export function leave(credentials: ICredentialDataDecryptedObject): void {
	phases.delete(credentials);
}
