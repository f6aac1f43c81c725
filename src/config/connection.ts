import { ConfigurationError } from '../errors';
import type { AwsCredentials } from '../secrets/awsSecretsManager';
import type { SigningAlgorithm } from './clientKey';
import type { Expiry } from './expiry';
import type { TokenPlacement } from './tokenPlacement';

/** OAuth 2.0 grant types (RFC 6749 §4.1, §4.4 and §6) this package speaks. */
export const GRANT_TYPES = ['authorization_code', 'client_credentials', 'refresh_token'] as const;

/** One of {@link GRANT_TYPES}. */
export type GrantType = (typeof GRANT_TYPES)[number];

/**
 * How the client authenticates at the token endpoint; the names of RFC 7591 §2 and RFC 8705 §2, and Basic without the encoding of
 * RFC 6749 §2.3.1. `tls_client_auth` is sent as `self_signed_tls_client_auth` is: they differ in what the provider compares.
 */
export type ClientAuthenticationMethod =
	| 'client_secret_basic'
	| 'client_secret_basic_unencoded'
	| 'client_secret_post'
	| 'private_key_jwt'
	| 'tls_client_auth'
	| 'none';

/** What a client proves its identity with: nothing, a shared secret, a key that signs, or a certificate. */
export type CredentialKind = 'none' | 'secret' | 'key' | 'certificate';

/** What a way to authenticate needs. */
export function credentialKindOf(method: ClientAuthenticationMethod | 'automatic'): CredentialKind {
	switch (method) {
		case 'none':
			return 'none';
		case 'private_key_jwt':
			return 'key';
		case 'tls_client_auth':
			return 'certificate';
		default:
			return 'secret';
	}
}

/** What is said of the key that signs client assertions (RFC 7523 §2.2). */
export interface AssertionSettings {
	/** JWS header `kid` (RFC 7515 §4.1.4). Default: that of a JWK. */
	readonly keyId?: string;
	/** Default: the one that key and provider have in common. */
	readonly algorithm?: SigningAlgorithm;
}

/** Where the bundle lives. */
export type StoreSettings =
	| { readonly kind: 'localVault' }
	| {
			readonly kind: 'awsSecretsManager';
			readonly region: string;
			readonly endpoint?: string;
			readonly credentials: AwsCredentials;
			/** The name a new secret gets; made from tenant and label where absent. */
			readonly secretName?: string;
			/** Of a new secret: ID, ARN or alias; AWS's own key for Secrets Manager if absent. */
			readonly kmsKeyId?: string;
			/** Of a new secret, besides this package's own. */
			readonly tags?: Readonly<Record<string, string>>;
	  };

/** AWS's own address of Secrets Manager in a region. */
export function regionalAwsEndpoint(region: string): string {
	return `https://secretsmanager.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
}

/** Where the client secret comes from. */
export type ClientSecretSource =
	| { readonly kind: 'entered' }
	| { readonly kind: 'reference'; readonly secretId: string; readonly jsonKey?: string };

/** What the authorization code grant needs besides (RFC 6749 §4.1). */
export interface AuthorizationCodeSettings {
	/** Discovered where absent. */
	readonly authorizationEndpoint?: string;
	readonly redirectUri: string;
	/** What is asked for; never empty. */
	readonly scope: string;
	/** Further parameters of the authorization request, such as `access_type` or `prompt`. */
	readonly parameters: Readonly<Record<string, string>>;
	/** Whether answers come in the body of a POST (OAuth 2.0 Form Post Response Mode), not in an address. */
	readonly formPost: boolean;
	/** When authorization requests are pushed (RFC 9126): by what the provider's metadata requires or offers, or in any case. */
	readonly pushed: 'ifRequired' | 'ifOffered' | 'always' | 'never';
	/** Proof Key for Code Exchange, method S256 (RFC 7636). */
	readonly pkce: boolean;
	/** Whether a person may grant less than was asked for (RFC 6749 §3.3). */
	readonly acceptFewerScopes: boolean;
}

/** A validated connection: what the credential's fields mean. Holds no client secret and no token. */
export interface Connection {
	readonly label: string;
	readonly grantType: GrantType;
	/** OpenID Connect Discovery 1.0 or RFC 8414 issuer identifier. At least one of `issuer` and `tokenEndpoint` is set. */
	readonly issuer?: string;
	readonly tokenEndpoint?: string;
	/** RFC 7009. Discovered where absent; never set for Client Credentials. */
	readonly revocationEndpoint?: string;
	/** Set for the authorization code grant, and only for it. */
	readonly authorizationCode?: AuthorizationCodeSettings;
	/** Whether workflows that use the credential may make connect links and disconnect the account. */
	readonly accountChangesByWorkflows: boolean;
	readonly clientId: string;
	readonly clientAuthentication: ClientAuthenticationMethod | 'automatic';
	/** Set for `private_key_jwt`. */
	readonly assertion?: AssertionSettings;
	/** Of the client secret, or of the private key in its place. */
	readonly clientSecretSource: ClientSecretSource;
	readonly scope?: string;
	/** Resources the token is meant for (RFC 8707): sent in authorization and token requests. */
	readonly resources: readonly string[];
	/** Further parameters of the token request, such as `audience`. */
	readonly tokenParameters: Readonly<Record<string, string>>;
	/** Without a trailing slash. */
	readonly apiBaseUrl: string;
	/** Origins that may receive the access token; the first one is that of `apiBaseUrl`. */
	readonly apiOrigins: readonly string[];
	readonly tenantId?: string;
	/** Absolute address under `apiBaseUrl` that tells whether a token is accepted. */
	readonly validationUrl?: string;
	readonly refreshBufferSeconds: number;
	/** Assumed where a token response has no `expires_in`; 0: use the token until it is refused. */
	readonly defaultLifetimeSeconds: number;
	/** Whether tokens are bound to a key (RFC 9449): `ifOffered` if the provider's metadata names an algorithm for it. */
	readonly dpop: 'never' | 'ifOffered' | 'always';
	/** Where requests to the API carry the token. */
	readonly tokenPlacement: TokenPlacement;
	/** How the API says that a token has expired. */
	readonly expiry: Expiry;
	/** Whether the headers in the bundle go along with them. */
	readonly sendsApiHeaders: boolean;
	readonly store: StoreSettings;
}

/** What the authorization code grant needs. @throws ConfigurationError `WRONG_GRANT_TYPE` where the connection is of another grant */
export function authorizationCodeOf({ authorizationCode }: Connection): AuthorizationCodeSettings {
	if (authorizationCode !== undefined) return authorizationCode;
	throw new ConfigurationError(
		'Grant Type',
		'only a credential with Authorization Code is connected by a person. Choose that grant type, or another credential.',
		{ code: 'WRONG_GRANT_TYPE' },
	);
}

/** The secrets a user typed into the form since it was last sealed. Absent: nothing typed, keep what is stored. */
export interface TypedSecrets {
	readonly clientSecret?: string;
	/** PEM or JWK; see `readClientKey`. */
	readonly privateKey?: string;
	readonly refreshToken?: string;
	/** See `parseApiHeaders`. */
	readonly apiHeaders?: string;
	/** The address a person was sent back to after consent, pasted: it carries an authorization code. */
	readonly authorizationResponse?: string;
}

/** A form of the credential, read once: what it means, what was typed, and the pointer to what is sealed already. */
export interface Form {
	readonly connection: Connection;
	readonly typed: TypedSecrets;
	/** The pointer's text; absent before the first seal. */
	readonly secretRef?: string;
}
