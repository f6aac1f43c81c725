import {
	GRANT_TYPES,
	type ClientAuthenticationMethod,
	type Connection,
	type GrantType,
} from '../config/connection';
import { ConfigurationError, SecretStoreError } from '../errors';
import type { TokenSet } from '../tokens/tokenSet';
import { sameDigest, sha256, type SecretRef } from './pointer';

/** What a bundle may be used for: where its secrets and tokens are sent. */
export interface SealedFor {
	readonly grantType: GrantType;
	readonly clientId: string;
	readonly issuer?: string;
	readonly tokenEndpoint?: string;
	readonly apiOrigins: readonly string[];
}

/** A claim on something only one writer may have: a refresh, a link, an authorization response. */
export interface Claim {
	/** Random, so that of two writers who claim the same thing in the same moment one loses the compare-and-swap. */
	readonly owner: string;
	/** Milliseconds since the epoch. */
	readonly until: number;
}

/** A claim on the redemption of the refresh token, see src/tokens/lease.ts. */
export interface LeaseClaim extends Claim {
	/** How long it lasts. Clocks differ from host to host, so that `until` alone tells only its owner. */
	readonly seconds: number;
}

/** A refresh token that the provider refuses for good. */
export interface Refused {
	/** Milliseconds since the epoch. */
	readonly at: number;
	/** Which one: another one, however it got into the bundle, is not meant. */
	readonly refreshTokenSha256: string;
}

/** What is remembered of the authorization code flow (RFC 6749 §4.1). */
export interface Authorization {
	/** Milliseconds since the epoch at which a person last connected the account. */
	readonly connectedAt?: number;
	/** Id of the flow that did. */
	readonly connectedBy?: string;
	/** The scope that was asked for then. */
	readonly askedScope?: string;
	/** Links and states that were used, by their id, until they expire: each is good for one use. */
	readonly used: Readonly<Record<string, Claim>>;
}

/** The sealed secrets of one connection: the content of one secret of the store. */
export interface Bundle {
	readonly label: string;
	/** SHA-256 of the pointer's key. */
	readonly keySha256: string;
	readonly sealedFor: SealedFor;
	readonly clientSecret?: string;
	/** Client authentication that was found to work. */
	readonly clientAuthentication?: ClientAuthenticationMethod;
	readonly refreshToken?: string;
	readonly tokenSet?: TokenSet;
	/** SHA-256 of what was typed when it was sealed: tells a secret that is already sealed from a new one. */
	readonly typedSha256: {
		readonly clientSecret?: string;
		readonly refreshToken?: string;
	};
	readonly authorization?: Authorization;
	/** Set while the refresh token is known to be refused for good. */
	readonly refused?: Refused;
	/** Who is redeeming the refresh token at present. */
	readonly lease?: LeaseClaim;
	/** Keys this package does not know, kept as they are: administrators and rotation functions write into secrets as well. */
	readonly other: Readonly<Record<string, unknown>>;
}

const FORMAT_KEY = 'vaulted_oauth2';
const FORMAT = 1;
/** Whatever a bundle says, nobody waits longer than this for a lease to end. */
const LONGEST_LEASE_SECONDS = 3600;

function optional<V>(key: string, value: V | undefined): Record<string, V> {
	return value === undefined ? {} : { [key]: value };
}

function iso(milliseconds: number): string {
	return new Date(milliseconds).toISOString();
}

function formatClaim({ owner, until }: Claim): object {
	return { owner, until: iso(until) };
}

function formatAuthorization({
	connectedAt,
	connectedBy,
	askedScope,
	used,
}: Authorization): object {
	return {
		...optional('connected_at', connectedAt === undefined ? undefined : iso(connectedAt)),
		...optional('connected_by', connectedBy),
		...optional('asked_scope', askedScope),
		used: Object.fromEntries(Object.entries(used).map(([id, claim]) => [id, formatClaim(claim)])),
	};
}

/** The bundle as the secret's JSON text; times as ISO 8601, so that a person can read it. */
export function formatBundle(bundle: Bundle): string {
	const { sealedFor, tokenSet, typedSha256, authorization, refused, lease } = bundle;
	return JSON.stringify({
		...bundle.other,
		[FORMAT_KEY]: FORMAT,
		label: bundle.label,
		key_sha256: bundle.keySha256,
		sealed_for: {
			grant_type: sealedFor.grantType,
			client_id: sealedFor.clientId,
			...optional('issuer', sealedFor.issuer),
			...optional('token_endpoint', sealedFor.tokenEndpoint),
			api_origins: sealedFor.apiOrigins,
		},
		...optional('client_secret', bundle.clientSecret),
		...optional('token_endpoint_auth_method', bundle.clientAuthentication),
		...optional('refresh_token', bundle.refreshToken),
		...optional(
			'token',
			tokenSet && {
				access_token: tokenSet.accessToken,
				...optional('scope', tokenSet.scope),
				issued_at: iso(tokenSet.issuedAt),
				expires_at: tokenSet.expiresAt === null ? null : iso(tokenSet.expiresAt),
				requested_for: tokenSet.requestedFor,
			},
		),
		typed_sha256: {
			...optional('client_secret', typedSha256.clientSecret),
			...optional('refresh_token', typedSha256.refreshToken),
		},
		...optional('authorization', authorization && formatAuthorization(authorization)),
		...optional(
			'refused',
			refused && { at: iso(refused.at), refresh_token_sha256: refused.refreshTokenSha256 },
		),
		...optional('lease', lease && { ...formatClaim(lease), seconds: lease.seconds }),
	});
}

type Json = Record<string, unknown>;

function asObject(value: unknown): Json | undefined {
	return typeof value === 'object' && value !== null && !Array.isArray(value)
		? (value as Json)
		: undefined;
}

function asText(value: unknown): string | undefined {
	return typeof value === 'string' && value !== '' ? value : undefined;
}

function asTime(value: unknown): number | undefined {
	const time = Date.parse(asText(value) ?? '');
	return Number.isNaN(time) ? undefined : time;
}

function parseClaim(value: unknown): Claim | undefined {
	const json = asObject(value);
	const owner = asText(json?.['owner']);
	const until = asTime(json?.['until']);
	return owner === undefined || until === undefined ? undefined : { owner, until };
}

/** A lease that was edited by hand into something else is none. */
function parseLease(value: unknown): LeaseClaim | undefined {
	const claim = parseClaim(value);
	const seconds = asObject(value)?.['seconds'];
	if (claim === undefined || typeof seconds !== 'number' || !(seconds > 0)) return undefined;
	return { ...claim, seconds: Math.min(seconds, LONGEST_LEASE_SECONDS) };
}

function parseAuthorization(value: unknown): Authorization | undefined {
	const json = asObject(value);
	if (json === undefined) return undefined;
	const used = Object.entries(asObject(json['used']) ?? {}).flatMap(([id, text]) => {
		const claim = parseClaim(text);
		return claim === undefined ? [] : [[id, claim] as const];
	});
	return {
		...optional('connectedAt', asTime(json['connected_at'])),
		...optional('connectedBy', asText(json['connected_by'])),
		...optional('askedScope', asText(json['asked_scope'])),
		used: Object.fromEntries(used),
	};
}

function parseRefused(value: unknown): Refused | undefined {
	const json = asObject(value);
	const at = asTime(json?.['at']);
	const refreshTokenSha256 = asText(json?.['refresh_token_sha256']);
	return at === undefined || refreshTokenSha256 === undefined
		? undefined
		: { at, refreshTokenSha256 };
}

function invalid(secretId: string): SecretStoreError {
	return new SecretStoreError(
		`the secret ${secretId} is not a bundle of this package, or it was damaged by hand. Restore an earlier version of it, or create the credential anew.`,
		{ code: 'BUNDLE_INVALID', action: 'read', secretId },
	);
}

function parseTokenSet(value: unknown): TokenSet | undefined {
	const json = asObject(value);
	const accessToken = asText(json?.['access_token']);
	const issuedAt = asTime(json?.['issued_at']);
	const expiresAt = json?.['expires_at'] === null ? null : asTime(json?.['expires_at']);
	if (accessToken === undefined || issuedAt === undefined || expiresAt === undefined)
		return undefined;
	return {
		accessToken,
		...optional('scope', asText(json?.['scope'])),
		issuedAt,
		expiresAt,
		requestedFor: asText(json?.['requested_for']) ?? '',
	};
}

function parseSealedFor(value: unknown): SealedFor | undefined {
	const json = asObject(value);
	const grantType = json?.['grant_type'];
	const clientId = asText(json?.['client_id']);
	const apiOrigins = json?.['api_origins'];
	if (clientId === undefined || !Array.isArray(apiOrigins)) return undefined;
	if (!GRANT_TYPES.includes(grantType as GrantType)) return undefined;
	return {
		grantType: grantType as GrantType,
		clientId,
		...optional('issuer', asText(json?.['issuer'])),
		...optional('tokenEndpoint', asText(json?.['token_endpoint'])),
		apiOrigins: apiOrigins.filter((origin): origin is string => typeof origin === 'string'),
	};
}

/** True for the content of any secret this package made, whosever it is. */
export function isBundle(content: string): boolean {
	try {
		return asObject(JSON.parse(content))?.[FORMAT_KEY] !== undefined;
	} catch {
		return false;
	}
}

/**
 * Reads a secret's JSON text.
 *
 * @throws SecretStoreError `BUNDLE_INVALID`
 */
export function parseBundle(content: string, secretId: string): Bundle {
	let json: Json | undefined;
	try {
		json = asObject(JSON.parse(content));
	} catch {
		throw invalid(secretId);
	}
	const keySha256 = asText(json?.['key_sha256']);
	const sealedFor = parseSealedFor(json?.['sealed_for']);
	if (json?.[FORMAT_KEY] !== FORMAT || keySha256 === undefined || sealedFor === undefined) {
		throw invalid(secretId);
	}
	const {
		[FORMAT_KEY]: _format,
		key_sha256: _key,
		sealed_for: _sealedFor,
		label,
		client_secret: clientSecret,
		token_endpoint_auth_method: clientAuthentication,
		refresh_token: refreshToken,
		token,
		typed_sha256: typed,
		authorization,
		refused,
		lease,
		...other
	} = json;
	return {
		label: asText(label) ?? '',
		keySha256,
		sealedFor,
		...optional('clientSecret', asText(clientSecret)),
		...optional(
			'clientAuthentication',
			asText(clientAuthentication) as ClientAuthenticationMethod | undefined,
		),
		...optional('refreshToken', asText(refreshToken)),
		...optional('tokenSet', parseTokenSet(token)),
		typedSha256: {
			...optional('clientSecret', asText(asObject(typed)?.['client_secret'])),
			...optional('refreshToken', asText(asObject(typed)?.['refresh_token'])),
		},
		...optional('authorization', parseAuthorization(authorization)),
		...optional('refused', parseRefused(refused)),
		...optional('lease', parseLease(lease)),
		other,
	};
}

/**
 * The capability check: whoever points at a bundle must know the random key it was sealed with.
 *
 * @throws SecretStoreError `KEY_MISMATCH`
 */
export function assertKey(bundle: Bundle, ref: SecretRef): void {
	if (sameDigest(bundle.keySha256, sha256(ref.key))) return;
	throw new SecretStoreError(
		`the secret ${ref.secretId} belongs to another connection: the pointer's key does not open it. Create the credential anew and type its secrets.`,
		{ code: 'KEY_MISMATCH', action: 'read', secretId: ref.secretId },
	);
}

/** What a connection's bundle is sealed for. */
export function sealedForOf(connection: Connection): SealedFor {
	return {
		grantType: connection.grantType,
		clientId: connection.clientId,
		...optional('issuer', connection.issuer),
		...optional('tokenEndpoint', connection.tokenEndpoint),
		apiOrigins: connection.apiOrigins,
	};
}

/** Names of the fields in which a connection wants something else than the bundle was sealed for; empty where it may be used. */
export function changedSince(sealedFor: SealedFor, connection: Connection): string[] {
	const added = connection.apiOrigins.filter((origin) => !sealedFor.apiOrigins.includes(origin));
	const [base] = connection.apiOrigins;
	return [
		...(sealedFor.grantType === connection.grantType ? [] : ['Grant Type']),
		...(sealedFor.issuer === connection.issuer ? [] : ['Issuer URL']),
		...(sealedFor.tokenEndpoint === connection.tokenEndpoint ? [] : ['Token URL']),
		...(sealedFor.clientId === connection.clientId ? [] : ['Client ID']),
		...(base !== undefined && added.includes(base) ? ['API Base URL'] : []),
		...(added.some((origin) => origin !== base) ? ['Additional API Origins'] : []),
	];
}

/** Since when the bundle's refresh token is known to be refused (milliseconds since the epoch); undefined where it is not. */
export function refusedSince({ refused, refreshToken }: Bundle): number | undefined {
	if (refused === undefined || refreshToken === undefined) return undefined;
	return refused.refreshTokenSha256 === sha256(refreshToken) ? refused.at : undefined;
}

/** The fields in which the secrets of such a connection are typed, as the form calls them. */
export function typedSecretsOf(connection: Connection): ('Client Secret' | 'Refresh Token')[] {
	const { clientSecretSource, clientAuthentication, grantType } = connection;
	return [
		...(clientSecretSource.kind === 'entered' && clientAuthentication !== 'none'
			? (['Client Secret'] as const)
			: []),
		...(grantType === 'refresh_token' ? (['Refresh Token'] as const) : []),
	];
}

/**
 * A bundle goes only where it was sealed for.
 *
 * @throws ConfigurationError `SEALED_FOR_OTHER`, naming the fields that changed
 */
export function assertSealedFor(bundle: Bundle, connection: Connection): void {
	const changed = changedSince(bundle.sealedFor, connection);
	const [first] = changed;
	if (first === undefined) return;
	const secrets = typedSecretsOf(connection);
	const again =
		secrets.length === 0
			? 'create a new credential for the new address'
			: `type ${secrets.join(' and ')} again`;
	throw new ConfigurationError(
		first,
		`the stored secret was sealed for another ${changed.join(', ')} and is not sent elsewhere. Either restore the former value or ${again}, then save.`,
		{ code: 'SEALED_FOR_OTHER' },
	);
}
