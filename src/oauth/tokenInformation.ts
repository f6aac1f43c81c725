import type { DpopKey } from '../config/dpopKey';
import { ConfigurationError } from '../errors';
import { Redactor } from '../redact';
import type { AuthorizationServerOptions, IdTokenClaims, TokenKind } from './authorizationServer';
import type { Client } from './clientAuthentication';
import { beginRequest } from './clientRequest';
import type { DpopHandles } from './dpop';
import type { Endpoints } from './endpoints';

/** What an authorization server says of a token (RFC 7662 §2.2), without the token and the client's secret. */
export type Introspection = Readonly<Record<string, unknown>> & { readonly active: boolean };

/** A token whose state is asked for. */
export interface IntrospectedToken {
	readonly token: string;
	/** RFC 7662 §2.1 `token_type_hint`. */
	readonly hint: TokenKind;
}

/** An access token, and the key that it is bound to (RFC 9449), if it is. */
export interface UserInfoToken {
	readonly accessToken: string;
	readonly dpopKey?: DpopKey;
}

/** What the UserInfo endpoint says (OpenID Connect Core 1.0 §5.3.2). */
export interface UserInfo {
	/** The issuer that says it. */
	readonly issuer: string;
	/** Without the token and the client's secret. */
	readonly claims: IdTokenClaims;
}

interface Asking {
	readonly options: AuthorizationServerOptions;
	readonly endpoints: Endpoints;
	readonly client: Client;
}

const NO_ENDPOINT = {
	introspection_endpoint: {
		code: 'NO_INTROSPECTION_ENDPOINT',
		what: 'introspection endpoint (RFC 7662)',
		instead: 'use Get Status, which asks nobody.',
	},
	userinfo_endpoint: {
		code: 'NO_USERINFO_ENDPOINT',
		what: 'UserInfo endpoint (OpenID Connect)',
		instead: 'call the API’s own address for the current user with an API Request.',
	},
} as const;

/** The address of an endpoint that only discovery names. @throws ConfigurationError `NO_…_ENDPOINT`, ProviderError */
async function discovered(
	{ options, endpoints, client }: Asking,
	kind: keyof typeof NO_ENDPOINT,
): Promise<string> {
	const address = await endpoints.find(kind, client);
	if (address !== undefined) return address;
	const { code, what, instead } = NO_ENDPOINT[kind];
	const isDescribed = options.issuer !== undefined;
	throw new ConfigurationError(
		'Issuer URL',
		isDescribed
			? `the issuer describes no ${what} with an https:// address. If the provider has none, ${instead}`
			: `it is empty, so that the provider’s ${what} is not known. Fill it in; if the provider has none, ${instead}`,
		{ code },
	);
}

/**
 * Asks what a token is worth (RFC 7662 §2.1).
 *
 * @throws ConfigurationError also `NO_INTROSPECTION_ENDPOINT`; ProviderError
 */
export async function introspectToken(
	asking: Asking,
	{ token, hint }: IntrospectedToken,
): Promise<Introspection> {
	const { options, endpoints, client } = asking;
	const address = await discovered(asking, 'introspection_endpoint');
	const { library, configuration, exchange } = await beginRequest(options, endpoints, {
		client,
		address,
		metadata: { introspection_endpoint: address },
		context: { grantType: 'client_credentials', wanted: 'the state of a token' },
		secrets: [token],
		answer: ({ asClient }) => asClient,
	});
	try {
		const said = await library.tokenIntrospection(configuration, token, { token_type_hint: hint });
		return new Redactor([token, client.clientSecret]).value(said) as Introspection;
	} catch {
		throw exchange.toError();
	}
}

/**
 * Asks whom an access token is for (OpenID Connect Core 1.0 §5.3). Whether that is who connected the account is for the caller to check.
 *
 * @returns undefined if the token is refused (RFC 6750 §3.1 `invalid_token`)
 * @throws ConfigurationError also `NO_USERINFO_ENDPOINT` and `INVALID_SCOPE`; ProviderError
 */
export async function askUserInfo(
	asking: Asking,
	{ accessToken, dpopKey }: UserInfoToken,
	handles: DpopHandles,
): Promise<UserInfo | undefined> {
	const { options, endpoints, client } = asking;
	const address = await discovered(asking, 'userinfo_endpoint');
	const { library, configuration, exchange } = await beginRequest(options, endpoints, {
		client,
		address,
		// As it names itself: that is what ID tokens have, too.
		metadata: { ...(await endpoints.metadata()), userinfo_endpoint: address },
		context: {
			grantType: 'client_credentials',
			wanted: 'claims',
			isProven: dpopKey !== undefined,
		},
		secrets: [accessToken],
		answer: ({ asBearer }) => asBearer,
	});
	const DPoP = dpopKey && (await handles.of(library, configuration, dpopKey));
	try {
		const said = await library.fetchUserInfo(
			configuration,
			accessToken,
			// eslint-disable-next-line @typescript-eslint/no-deprecated -- only the subject's digest is known, which the caller compares
			library.skipSubjectCheck,
			DPoP === undefined ? {} : { DPoP },
		);
		const claims = new Redactor([accessToken, client.clientSecret]).value(said) as IdTokenClaims;
		return { issuer: configuration.serverMetadata().issuer, claims };
	} catch {
		if (exchange.isTokenRefused) return undefined;
		throw exchange.toError();
	}
}
