import { ConfigurationError } from '../errors';
import { FIELD_NAMES, type FieldKey } from './fields';

/** Where a request to the API carries its token (RFC 6750 §2); other headers and cookies are what providers made of it. */
export type TokenPlacement =
	| {
			readonly in: 'header';
			/** In lower case. */
			readonly name: string;
			/** What stands before the token, such as `Bearer`; may be empty. */
			readonly prefix: string;
	  }
	| { readonly in: 'query' | 'cookie'; readonly name: string };

/** What the fields say about it; absent: the field is empty. */
export interface PlacementFields {
	readonly placement: string | undefined;
	readonly header: string | undefined;
	readonly prefix: string;
	readonly queryParameter: string | undefined;
	readonly cookie: string | undefined;
}

/** RFC 9110 §5.6.2 `token`: names of headers and cookies. */
const NAME = /^[\w!#$%&'*+.^`|~-]{1,128}$/;
const PREFIX = /^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/;
const PARAMETER = /^[\w.~-]{1,128}$/;

/** Where a message goes, where it ends (RFC 9110 §7.2 and §7.6.1, RFC 9112 §6), what is in it, and what this package uses itself. */
const NOT_FREE =
	/^(?:host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|dpop|(?:content|proxy|x-vaulted-oauth2)-.*)$/;

/** True if a connection may set a header of this name, in lower case, to what it likes. */
export function isFreeHeader(name: string): boolean {
	return NAME.test(name) && !NOT_FREE.test(name);
}

function refuse(key: FieldKey, text: string): never {
	throw new ConfigurationError(FIELD_NAMES[key], text, { code: 'INVALID_FIELD' });
}

function inHeader({ header = 'authorization', prefix }: PlacementFields): TokenPlacement {
	const name = header.toLowerCase();
	if (name === 'cookie')
		refuse('tokenHeader', 'choose Cookie in Send Token In, and enter the name of the cookie.');
	if (!isFreeHeader(name))
		refuse(
			'tokenHeader',
			'it must be the name of a header that is free to use, such as Authorization or X-Auth-Token.',
		);
	if (prefix !== '' && (prefix.length > 128 || !PREFIX.test(prefix)))
		refuse('tokenPrefix', 'it must be one or more words such as Bearer, or empty.');
	return { in: 'header', name, prefix };
}

/** Reads where the token goes. @throws ConfigurationError `INVALID_FIELD` */
export function parsePlacement(fields: PlacementFields): TokenPlacement {
	const { placement, queryParameter = 'access_token', cookie = 'access_token' } = fields;
	if (placement === 'query') {
		if (!PARAMETER.test(queryParameter))
			refuse(
				'tokenQueryParameter',
				'it must be the name of a parameter, such as access_token, made of letters, digits and . _ ~ -.',
			);
		return { in: 'query', name: queryParameter };
	}
	if (placement !== 'cookie') return inHeader(fields);
	if (!NAME.test(cookie))
		refuse('tokenCookie', 'it must be the name of a cookie, such as access_token.');
	return { in: 'cookie', name: cookie };
}

/** True for the header that RFC 6750 §2.1 and RFC 9449 §7.1 name. */
function isInAuthorization(placement: TokenPlacement): boolean {
	return placement.in === 'header' && placement.name === 'authorization';
}

/** By what two placements are told apart; undefined for the usual one. What stands before the token makes no difference. */
export function placementKey(placement: TokenPlacement): string | undefined {
	return isInAuthorization(placement) ? undefined : `${placement.in} ${placement.name}`;
}

/** A proof of possession belongs to a token in the Authorization header (RFC 9449 §7.1). @throws ConfigurationError `INVALID_FIELD` */
export function assertFitsDpop(placement: TokenPlacement): void {
	if (isInAuthorization(placement)) return;
	refuse(
		'tokenPlacement',
		'a token that is bound to a key (DPoP) goes into the header Authorization and nowhere else. Choose Header with Authorization, or choose Never in DPoP.',
	);
}
