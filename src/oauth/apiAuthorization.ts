import { readApiHeaders } from '../config/apiHeaders';
import type { Connection } from '../config/connection';
import { FIELD_NAMES } from '../config/fields';
import { withParameter } from '../config/queryParameter';
import { assertFitsDpop } from '../config/tokenPlacement';
import { ConfigurationError } from '../errors';
import type { TokenSet } from '../tokens/tokenSet';
import type { ApiNonces } from './apiNonces';
import { dpopProof } from './dpop';

/** A request to the API. */
export interface ApiRequest {
	readonly method: string;
	readonly url: URL;
}

/** A parameter of an address. */
export interface QueryParameter {
	readonly name: string;
	readonly value: string;
}

/**
 * What a request to the API is authorized by: the token, wherever the connection says it goes, for one that is bound to a key the proof
 * (RFC 6750 §2, RFC 9449 §7.1), and the connection's own headers. All of it goes to the API's origins only.
 */
export interface ApiAuthorization {
	/** Lower-case names. */
	readonly headers: Readonly<Record<string, string>>;
	/** The token, if it is sent in the address (RFC 6750 §2.3): see {@link addressWith}. */
	readonly query?: QueryParameter;
	/** What nobody else may see of it. */
	readonly secrets: readonly string[];
}

/** Options for {@link ApiAuthorizer}. */
export interface AuthorizeOptions {
	readonly connection: Pick<Connection, 'dpop' | 'sendsApiHeaders' | 'tokenPlacement'>;
	/** The headers in the bundle, see `parseApiHeaders`. */
	readonly apiHeaders: () => string | undefined;
	readonly nonces: ApiNonces;
	/** Milliseconds since the epoch. */
	readonly now: () => number;
}

/** RFC 6265 §4.1.1 `cookie-octet`. */
const COOKIE_VALUE = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/;

/** Characters of a word that is hidden by itself. */
const SHORTEST_KEY = 8;

/** A connection that wants bound tokens uses no other. @throws ConfigurationError `NOT_BOUND_TO_KEY` */
export function assertBound({ dpop }: Pick<Connection, 'dpop'>, { dpopKey }: TokenSet): void {
	if (dpop !== 'always' || dpopKey !== undefined) return;
	throw new ConfigurationError(
		FIELD_NAMES.dpop,
		'the provider was sent a proof of possession and issued a bearer token all the same, so it does not support DPoP for this client. Turn it on at the provider, or choose If Offered or Never.',
		{ code: 'NOT_BOUND_TO_KEY' },
	);
}

/** Names of headers, in lower case, that only the credential sets. */
export function ownHeaders({
	tokenPlacement: { in: place, name },
}: Pick<Connection, 'tokenPlacement'>): readonly string[] {
	const further = { header: [name], cookie: ['cookie'], query: [] }[place];
	return ['authorization', 'dpop', ...further];
}

/** The parameter of an address that only the credential sets; undefined if the token is not sent there. */
export function ownParameter({
	tokenPlacement: { in: place, name },
}: Pick<Connection, 'tokenPlacement'>): string | undefined {
	return place === 'query' ? name : undefined;
}

/** The address to send a request to: with the token in it, if that is where it goes. */
export function addressWith({ query }: Pick<ApiAuthorization, 'query'>, { href }: URL): string {
	return query === undefined ? href : withParameter(href, query.name, query.value);
}

type Carried = Omit<ApiAuthorization, 'secrets'>;

function carry(
	{ tokenPlacement: placement }: Pick<Connection, 'tokenPlacement'>,
	token: string,
): Carried {
	if (placement.in === 'query')
		return { headers: {}, query: { name: placement.name, value: token } };
	if (placement.in === 'header') {
		const { name, prefix } = placement;
		return { headers: { [name]: prefix === '' ? token : `${prefix} ${token}` } };
	}
	if (COOKIE_VALUE.test(token)) return { headers: { cookie: `${placement.name}=${token}` } };
	throw new ConfigurationError(
		FIELD_NAMES.tokenPlacement,
		'the token has characters that a cookie cannot hold. Choose Header or Query Parameter.',
		{ code: 'INVALID_FIELD' },
	);
}

/** A key may stand behind a scheme, as in `Token abc`. */
function keysOf(value: string): string[] {
	const last = value.slice(value.lastIndexOf(' ') + 1);
	return last.length >= SHORTEST_KEY ? [value, last] : [value];
}

/** With the connection's own headers. The token's place is never theirs. */
function withHeaders(
	{ headers, query }: Carried,
	tokenSecrets: readonly string[],
	text: string | undefined,
): ApiAuthorization {
	const further = text === undefined ? {} : readApiHeaders(text);
	const values = Object.values(further);
	return {
		headers: { ...further, ...headers },
		...(query === undefined ? {} : { query }),
		secrets: [...tokenSecrets, ...values.flatMap(keysOf)],
	};
}

/** Authorizes the requests of one connection to the API. */
export class ApiAuthorizer {
	/** What a bearer token is sent as, with which headers: the same for every request. */
	private readonly known = new WeakMap<
		TokenSet,
		{ readonly text: string | undefined; readonly authorization: ApiAuthorization }
	>();

	constructor(private readonly options: AuthorizeOptions) {}

	/**
	 * What authorizes one request to the API. A proof is good for this one alone.
	 *
	 * @throws ConfigurationError as {@link assertBound} does; `INVALID_FIELD` if the token does not fit into its place; `MISSING_FIELD` if the
	 * connection's own headers are not in the store
	 */
	async authorize(tokenSet: TokenSet, request: ApiRequest): Promise<ApiAuthorization> {
		const text = this.ownHeaders();
		const known = this.known.get(tokenSet);
		if (known !== undefined && known.text === text) return known.authorization;
		const { connection } = this.options;
		assertBound(connection, tokenSet);
		const { accessToken, dpopKey } = tokenSet;
		if (dpopKey !== undefined) {
			const headers = await this.prove(tokenSet, dpopKey, request);
			return withHeaders({ headers }, [accessToken, headers.dpop], text);
		}
		const authorization = withHeaders(carry(connection, accessToken), [accessToken], text);
		this.known.set(tokenSet, { text, authorization });
		return authorization;
	}

	private ownHeaders(): string | undefined {
		const { connection, apiHeaders } = this.options;
		if (!connection.sendsApiHeaders) return undefined;
		const text = apiHeaders();
		if (text !== undefined) return text;
		throw new ConfigurationError(
			FIELD_NAMES.apiHeaders,
			'the secret store has none for this connection. Type them in the credential and save, or turn Send API Headers off.',
			{ code: 'MISSING_FIELD' },
		);
	}

	private async prove(
		{ accessToken }: TokenSet,
		dpopKey: NonNullable<TokenSet['dpopKey']>,
		{ method, url }: ApiRequest,
	): Promise<{ authorization: string; dpop: string }> {
		const { connection, nonces, now } = this.options;
		assertFitsDpop(connection.tokenPlacement);
		const nonce = nonces.of(url);
		const dpop = await dpopProof(dpopKey, { method, url, accessToken, nonce, now: now() });
		return { authorization: `DPoP ${accessToken}`, dpop };
	}
}
