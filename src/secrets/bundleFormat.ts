import { clampTime } from '../clampTime';
import { asApiHeaders, readApiHeaders } from '../config/apiHeaders';
import { GRANT_TYPES, type ClientAuthenticationMethod, type GrantType } from '../config/connection';
import { asDpopKey, type DpopKey } from '../config/dpopKey';
import { SecretStoreError, type StoredFailure } from '../errors';
import type { TokenSet } from '../tokens/tokenSet';
import { AUTHENTICATION_FAMILIES, type SealedFor } from './binding';
import type { Authorization, Bundle, Claim, LeaseClaim, Refusal } from './bundle';
import { actionOn } from './store';
import type { StoreAddress } from './storeAddress';
import {
	asObject,
	isNestedWithin,
	unknownIn,
	withUnknown,
	type Json,
	type Shape,
} from './unknownKeys';

const FORMAT_KEY = 'vaulted_oauth2';
const FORMAT = 1;
/** Far more than anyone writes by hand. */
const MOST_LEVELS = 100;
/** Whatever a bundle says, nobody waits longer than this for a lease to end. */
const LONGEST_LEASE_SECONDS = 3600;

const FAILURE: Shape = { class: true, code: true, title: true, field: true, detail: true };
const CLAIM: Shape = { owner: true, until: true };
const TOKEN: Shape = {
	access_token: true,
	scope: true,
	issued_at: true,
	expires_at: true,
	requested_for: true,
	dpop_jkt: true,
};
const SHAPE: Shape = {
	[FORMAT_KEY]: true,
	label: true,
	key_sha256: true,
	sealed_for: {
		grant_type: true,
		client_id: true,
		issuer: true,
		token_endpoint: true,
		api_origins: true,
		store: { kind: true, region: true, endpoint: true },
		client_authentication: true,
		authorization_endpoint: true,
		revocation_endpoint: true,
		token_in: true,
	},
	client_secret: true,
	private_key: true,
	api_headers: true,
	token_endpoint_auth_method: true,
	refresh_token: true,
	dpop_key: true,
	token: true,
	other_tokens: { '*': TOKEN },
	typed_sha256: { client_secret: true, private_key: true, refresh_token: true, api_headers: true },
	authorization: {
		connected_at: true,
		connected_by: true,
		asked_scope: true,
		subject_sha256: true,
		used_until: true,
		flow_key: true,
		used: { '*': CLAIM },
	},
	refused: { at: true, request_sha256: true, tries: true, cause: FAILURE },
	lease: { ...CLAIM, seconds: true, cause: FAILURE },
	generation: true,
	issued_sha256: true,
	adopted_sha256: true,
};

function optional<V>(key: string, value: V | undefined): Record<string, V> {
	return value === undefined ? {} : { [key]: value };
}

function iso(milliseconds: number): string {
	return new Date(clampTime(milliseconds) ?? 0).toISOString();
}

function formatClaim({ owner, until }: Claim): object {
	return { owner, until: iso(until) };
}

function formatFailure({ failureClass, ...rest }: StoredFailure): object {
	return { class: failureClass, ...rest };
}

function formatAuthorization(authorization: Authorization): object {
	const { connectedAt, connectedBy, askedScope, subjectSha256, used, usedUntil, flowKey } =
		authorization;
	return {
		...optional('connected_at', connectedAt === undefined ? undefined : iso(connectedAt)),
		...optional('connected_by', connectedBy),
		...optional('asked_scope', askedScope),
		...optional('subject_sha256', subjectSha256),
		used: Object.fromEntries(Object.entries(used).map(([id, claim]) => [id, formatClaim(claim)])),
		...optional('used_until', usedUntil === undefined ? undefined : iso(usedUntil)),
		...optional('flow_key', flowKey),
	};
}

function formatToken(tokenSet: TokenSet): object {
	return {
		access_token: tokenSet.accessToken,
		...optional('scope', tokenSet.scope),
		issued_at: iso(tokenSet.issuedAt),
		expires_at: tokenSet.expiresAt === null ? null : iso(tokenSet.expiresAt),
		requested_for: tokenSet.requestedFor,
		...optional('dpop_jkt', tokenSet.dpopKey?.kid),
	};
}

/** The bundle as the secret's JSON text; times as ISO 8601, so that a person can read it. */
export function formatBundle(bundle: Bundle): string {
	const { sealedFor, tokenSets, typedSha256, authorization, refusal, lease } = bundle;
	const json: Json = {
		[FORMAT_KEY]: FORMAT,
		label: bundle.label,
		key_sha256: bundle.keySha256,
		sealed_for: {
			grant_type: sealedFor.grantType,
			client_id: sealedFor.clientId,
			...optional('issuer', sealedFor.issuer),
			...optional('token_endpoint', sealedFor.tokenEndpoint),
			api_origins: sealedFor.apiOrigins,
			...optional('store', sealedFor.store),
			...optional('client_authentication', sealedFor.authentication),
			...optional('authorization_endpoint', sealedFor.authorizationEndpoint),
			...optional('revocation_endpoint', sealedFor.revocationEndpoint),
			...optional('token_in', sealedFor.tokenPlacement),
		},
		...optional('client_secret', bundle.clientSecret),
		...optional('private_key', bundle.privateKey),
		...optional('api_headers', bundle.apiHeaders && readApiHeaders(bundle.apiHeaders)),
		...optional('token_endpoint_auth_method', bundle.clientAuthentication),
		...optional('refresh_token', bundle.refreshToken),
		...optional('dpop_key', bundle.dpopKey),
		token: undefined,
		other_tokens: Object.fromEntries(
			tokenSets.map((tokenSet) => [tokenSet.requestedFor, formatToken(tokenSet)]),
		),
		typed_sha256: {
			...optional('client_secret', typedSha256.clientSecret),
			...optional('private_key', typedSha256.privateKey),
			...optional('refresh_token', typedSha256.refreshToken),
			...optional('api_headers', typedSha256.apiHeaders),
		},
		...optional('authorization', authorization && formatAuthorization(authorization)),
		...optional(
			'refused',
			refusal && {
				at: iso(refusal.at),
				request_sha256: refusal.requestSha256,
				tries: refusal.tries,
				cause: formatFailure(refusal.cause),
			},
		),
		...optional(
			'lease',
			lease && {
				...formatClaim(lease),
				seconds: lease.seconds,
				...optional('cause', lease.cause && formatFailure(lease.cause)),
			},
		),
		generation: bundle.generation,
		...optional('issued_sha256', bundle.issuedSha256),
		...optional('adopted_sha256', bundle.adoptedSha256),
	};
	return JSON.stringify(withNewestApart(withUnknown(json, bundle.other, SHAPE), tokenSets[0]));
}

/** The newest token set has a key of its own: `token`. */
function withNewestApart(json: Json, newest: TokenSet | undefined): Json {
	const { [newest?.requestedFor ?? '']: token, ...older } = asObject(json['other_tokens']) ?? {};
	const isAlone = Object.keys(older).length === 0;
	return { ...json, token, other_tokens: isAlone ? undefined : older };
}

/** The reverse: which one is the newest changes, what is unknown of each stays with it. */
function withNewestAmongOthers(json: Json): Json {
	const newest = asObject(json['token']);
	const older = asObject(json['other_tokens']);
	const token = newest && { [asText(newest['requested_for']) ?? '']: newest };
	return { ...json, other_tokens: { ...older, ...token } };
}

/** True if two bundles would be stored as the same text. */
export function sameBundle(left: Bundle, right: Bundle): boolean {
	return left === right || formatBundle(left) === formatBundle(right);
}

function asText(value: unknown): string | undefined {
	return typeof value === 'string' && value !== '' ? value : undefined;
}

function asTime(value: unknown): number | undefined {
	const time = Date.parse(asText(value) ?? '');
	return Number.isNaN(time) ? undefined : time;
}

function asCount(value: unknown): number | undefined {
	return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;
}

function parseClaim(value: unknown): Claim | undefined {
	const json = asObject(value);
	const owner = asText(json?.['owner']);
	const until = asTime(json?.['until']);
	return owner === undefined || until === undefined ? undefined : { owner, until };
}

function parseFailure(value: unknown): StoredFailure | undefined {
	const json = asObject(value);
	const failureClass = json?.['class'];
	if (
		failureClass !== 'reconnect' &&
		failureClass !== 'configuration' &&
		failureClass !== 'provider'
	)
		return undefined;
	const [code, title, detail] = ['code', 'title', 'detail'].map((key) => asText(json?.[key]));
	if (code === undefined || title === undefined || detail === undefined) return undefined;
	const field = asText(json?.['field']);
	if (failureClass === 'configuration' && field === undefined) return undefined;
	// Only this package writes them; a code that a newer version wrote is passed on as it is.
	return { failureClass, code, title, detail, ...optional('field', field) } as StoredFailure;
}

/** A lease that was edited by hand into something else is none. */
function parseLease(value: unknown): LeaseClaim | undefined {
	const claim = parseClaim(value);
	const json = asObject(value);
	const seconds = json?.['seconds'];
	if (claim === undefined || typeof seconds !== 'number' || !(seconds > 0)) return undefined;
	return {
		...claim,
		seconds: Math.min(seconds, LONGEST_LEASE_SECONDS),
		...optional('cause', parseFailure(json?.['cause'])),
	};
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
		...optional('subjectSha256', asText(json['subject_sha256'])),
		used: Object.fromEntries(used),
		...optional('usedUntil', asTime(json['used_until'])),
		...optional('flowKey', asText(json['flow_key'])),
	};
}

function parseRefusal(value: unknown): Refusal | undefined {
	const json = asObject(value);
	const at = asTime(json?.['at']);
	const requestSha256 = asText(json?.['request_sha256']);
	const cause = parseFailure(json?.['cause']);
	if (at === undefined || requestSha256 === undefined || cause === undefined) return undefined;
	return { at, requestSha256, tries: asCount(json?.['tries']) ?? 1, cause };
}

/** A token that is bound to another key than the bundle's is good for nothing. */
function parseToken(value: unknown, dpopKey: DpopKey | undefined): TokenSet | undefined {
	const json = asObject(value);
	const isBound = json?.['dpop_jkt'] !== undefined;
	if (isBound && json['dpop_jkt'] !== dpopKey?.kid) return undefined;
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
		...optional('dpopKey', isBound ? dpopKey : undefined),
	};
}

function parseStoreAddress(value: unknown): StoreAddress | undefined {
	const json = asObject(value);
	const kind = json?.['kind'];
	if (kind !== 'awsSecretsManager' && kind !== 'localVault') return undefined;
	return {
		kind,
		...optional('region', asText(json?.['region'])),
		...optional('endpoint', asText(json?.['endpoint'])),
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
		...optional('store', parseStoreAddress(json?.['store'])),
		...optional(
			'authentication',
			AUTHENTICATION_FAMILIES.find((family) => family === json?.['client_authentication']),
		),
		...optional('authorizationEndpoint', asText(json?.['authorization_endpoint'])),
		...optional('revocationEndpoint', asText(json?.['revocation_endpoint'])),
		...optional('tokenPlacement', asText(json?.['token_in'])),
	};
}

function parseJson(content: string): Json | undefined {
	try {
		return asObject(JSON.parse(content));
	} catch {
		return undefined;
	}
}

/** True for the content of any secret this package made, whosever it is. */
export function isBundle(content: string): boolean {
	return parseJson(content)?.[FORMAT_KEY] !== undefined;
}

function invalid(secretId: string): SecretStoreError {
	const action = actionOn(secretId, 'read');
	return new SecretStoreError(
		`${action}: the secret ${secretId} is not a bundle of this package, or a manual edit corrupted it. Restore an earlier version of it, or create a new credential.`,
		{ code: 'BUNDLE_INVALID', action, secretId },
	);
}

function tooNew(secretId: string): SecretStoreError {
	const action = actionOn(secretId, 'read');
	return new SecretStoreError(
		`${action}: a newer version of this package wrote the secret ${secretId}. Nothing was changed; update n8n-nodes-vaulted-oauth2 in this n8n.`,
		{ code: 'BUNDLE_TOO_NEW', action, secretId },
	);
}

/**
 * Reads a secret's JSON text.
 *
 * @throws SecretStoreError `BUNDLE_INVALID`, `BUNDLE_TOO_NEW`
 */
export function parseBundle(content: string, secretId: string): Bundle {
	const json = parseJson(content);
	const format = asCount(json?.[FORMAT_KEY]);
	if (format !== undefined && format > FORMAT) throw tooNew(secretId);
	const keySha256 = asText(json?.['key_sha256']);
	const sealedFor = parseSealedFor(json?.['sealed_for']);
	if (json === undefined || format !== FORMAT || keySha256 === undefined || sealedFor === undefined)
		throw invalid(secretId);
	if (!isNestedWithin(MOST_LEVELS, json)) throw invalid(secretId);
	const typed = asObject(json['typed_sha256']);
	const dpopKey = asDpopKey(json['dpop_key']);
	const tokens = [json['token'], ...Object.values(asObject(json['other_tokens']) ?? {})];
	return {
		label: asText(json['label']) ?? '',
		keySha256,
		sealedFor,
		...optional('clientSecret', asText(json['client_secret'])),
		...optional('privateKey', asText(json['private_key'])),
		...optional('apiHeaders', asApiHeaders(json['api_headers'])),
		...optional(
			'clientAuthentication',
			asText(json['token_endpoint_auth_method']) as ClientAuthenticationMethod | undefined,
		),
		...optional('refreshToken', asText(json['refresh_token'])),
		...optional('dpopKey', dpopKey),
		tokenSets: tokens
			.flatMap((token) => parseToken(token, dpopKey) ?? [])
			.filter(
				({ requestedFor }, index, all) =>
					all.findIndex((other) => other.requestedFor === requestedFor) === index,
			),
		typedSha256: {
			...optional('clientSecret', asText(typed?.['client_secret'])),
			...optional('privateKey', asText(typed?.['private_key'])),
			...optional('refreshToken', asText(typed?.['refresh_token'])),
			...optional('apiHeaders', asText(typed?.['api_headers'])),
		},
		...optional('authorization', parseAuthorization(json['authorization'])),
		...optional('refusal', parseRefusal(json['refused'])),
		...optional('lease', parseLease(json['lease'])),
		generation: asCount(json['generation']) ?? 0,
		...optional('issuedSha256', asText(json['issued_sha256'])),
		...optional('adoptedSha256', asText(json['adopted_sha256'])),
		other: unknownIn(withNewestAmongOthers(json), SHAPE),
	};
}
