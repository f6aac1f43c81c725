import { canonicalUrl } from '../config/canonicalUrl';
import {
	credentialKindOf,
	type Connection,
	type GrantType,
	type TypedSecrets,
} from '../config/connection';
import type { FieldName } from '../config/fields';
import { placementKey } from '../config/tokenPlacement';
import { ConfigurationError } from '../errors';
import { storeAddressOf, type StoreAddress } from './storeAddress';

/** Families of client authentication: each uses another secret. */
export const AUTHENTICATION_FAMILIES = [
	'none',
	'secret',
	'reference',
	'key',
	'key_reference',
	'certificate',
	'certificate_reference',
] as const;

/** One of {@link AUTHENTICATION_FAMILIES}. */
export type AuthenticationFamily = (typeof AUTHENTICATION_FAMILIES)[number];

/** What a bundle may be used for: everything that decides where its secrets and tokens go. */
export interface SealedFor {
	readonly grantType: GrantType;
	readonly clientId: string;
	readonly issuer?: string;
	readonly tokenEndpoint?: string;
	readonly apiOrigins: readonly string[];
	/** Absent in bundles of version 0.1.0, which say nothing of the two after it either. */
	readonly store?: StoreAddress;
	readonly authentication?: AuthenticationFamily;
	readonly authorizationEndpoint?: string;
	/** Absent in bundles that were sealed before there was such a field: it was not filled in. */
	readonly revocationEndpoint?: string;
	/** Where requests carry the token; absent: in the header Authorization. APIs repeat other headers, addresses and cookies. */
	readonly tokenPlacement?: string;
}

interface Bound<T> {
	/** The field that decides it. */
	readonly field: FieldName;
	readonly of: (value: T) => string | boolean | undefined;
}

/** Where the bundle itself is kept. */
const STORE: readonly Bound<StoreAddress>[] = [
	{ field: 'Secret Store', of: ({ kind }) => kind },
	{ field: 'AWS Region', of: ({ region }) => region },
	{ field: 'AWS Endpoint', of: ({ endpoint }) => endpoint },
];

/** What every bundle is bound to. */
const ALWAYS: readonly Bound<SealedFor>[] = [
	{ field: 'Grant Type', of: ({ grantType }) => grantType },
	{ field: 'Issuer URL', of: ({ issuer }) => issuer && canonicalUrl(issuer) },
	{ field: 'Token URL', of: ({ tokenEndpoint }) => tokenEndpoint && canonicalUrl(tokenEndpoint) },
	{ field: 'Client ID', of: ({ clientId }) => clientId },
	{ field: 'Revocation URL', of: ({ revocationEndpoint }) => revocationEndpoint },
	{ field: 'Send Token In', of: ({ tokenPlacement }) => tokenPlacement },
];

/** What bundles of version 0.1.0 are bound to once they are sealed again. */
const SINCE_0_2: readonly Bound<SealedFor>[] = [
	{
		field: 'Client Authentication',
		of: ({ authentication }) =>
			authentication === 'reference' ? 'secret' : authentication?.replace('_reference', ''),
	},
	{
		field: 'Client Secret Source',
		of: ({ authentication }) => authentication?.endsWith('reference'),
	},
	{ field: 'Authorization URL', of: ({ authorizationEndpoint }) => authorizationEndpoint },
];

function changed<T>(bound: readonly Bound<T>[], before: T, after: T): FieldName[] {
	return bound.filter(({ of }) => of(before) !== of(after)).map(({ field }) => field);
}

/** Names of the fields in which two addresses of a store differ. */
export function changedAddress(before: StoreAddress, after: StoreAddress): FieldName[] {
	return changed(STORE, before, after);
}

/** A bundle may be used for fewer origins than it was sealed for, never for others. */
function addedOrigins(before: SealedFor, after: SealedFor): FieldName[] {
	const [base] = after.apiOrigins;
	const added = after.apiOrigins.filter((origin) => !before.apiOrigins.includes(origin));
	return [
		...(base !== undefined && added.includes(base) ? (['API Base URL'] as const) : []),
		...(added.some((origin) => origin !== base) ? (['Additional API Origins'] as const) : []),
	];
}

function familyOf({ clientAuthentication, clientSecretSource }: Connection): AuthenticationFamily {
	const kind = credentialKindOf(clientAuthentication);
	if (kind === 'none' || clientSecretSource.kind === 'entered') return kind;
	return kind === 'secret' ? 'reference' : `${kind}_reference`;
}

/** What a connection's bundle is sealed for. */
export function sealedForOf(connection: Connection): SealedFor {
	const { grantType, clientId, issuer, tokenEndpoint, revocationEndpoint } = connection;
	const { apiOrigins, authorizationCode } = connection;
	const authorizationEndpoint = authorizationCode?.authorizationEndpoint;
	const tokenPlacement = placementKey(connection.tokenPlacement);
	return {
		grantType,
		clientId,
		...(issuer === undefined ? {} : { issuer }),
		...(tokenEndpoint === undefined ? {} : { tokenEndpoint }),
		apiOrigins,
		store: storeAddressOf(connection.store),
		authentication: familyOf(connection),
		...(authorizationEndpoint === undefined ? {} : { authorizationEndpoint }),
		...(revocationEndpoint === undefined ? {} : { revocationEndpoint }),
		...(tokenPlacement === undefined ? {} : { tokenPlacement }),
	};
}

/** Names of the fields in which a connection wants something else than a bundle was sealed for; empty if it may be used. */
export function changedSince(before: SealedFor, connection: Connection): FieldName[] {
	const after = sealedForOf(connection);
	return [
		...changed(ALWAYS, before, after),
		...(before.store === undefined ? [] : changed(SINCE_0_2, before, after)),
		...addedOrigins(before, after),
		...(before.store === undefined || after.store === undefined
			? []
			: changedAddress(before.store, after.store)),
	];
}

/** The fields in which the secrets of a connection are typed, by what they are called there. */
const TYPED_IN = {
	clientSecret: 'Client Secret',
	privateKey: 'Private Key',
	refreshToken: 'Refresh Token',
	apiHeaders: 'API Headers',
} as const satisfies Partial<Record<keyof TypedSecrets, FieldName>>;

/** A secret that is typed and then kept in the bundle. An authorization response is none: it is redeemed. */
export type KeptSecret = keyof typeof TYPED_IN;

/** Every {@link KeptSecret}. */
export const KEPT_SECRETS = Object.keys(TYPED_IN) as KeptSecret[];

/** What a connection needs and its bundle holds because a person typed it. */
export function neededSecrets(connection: Connection): KeptSecret[] {
	const family = familyOf(connection);
	return [
		...(family === 'secret' ? (['clientSecret'] as const) : []),
		...(family === 'key' || family === 'certificate' ? (['privateKey'] as const) : []),
		...(connection.grantType === 'refresh_token' ? (['refreshToken'] as const) : []),
		...(connection.sendsApiHeaders ? (['apiHeaders'] as const) : []),
	];
}

/** The names of these secrets in the form, as a list in a sentence. */
export function namesOf(secrets: readonly KeptSecret[]): string {
	return secrets.map((key) => TYPED_IN[key]).join(' and ');
}

/** The field a secret is typed in. */
export function fieldOf(secret: KeptSecret): FieldName {
	return TYPED_IN[secret];
}

/**
 * A bundle goes only where it was sealed for.
 *
 * @throws ConfigurationError `SEALED_FOR_OTHER`, naming the fields that changed
 */
export function assertSealedFor(
	{ sealedFor }: { readonly sealedFor: SealedFor },
	connection: Connection,
): void {
	const fields = changedSince(sealedFor, connection);
	const [first] = fields;
	if (first === undefined) return;
	const secrets = neededSecrets(connection);
	const again =
		secrets.length === 0
			? 'create a new credential for the new one'
			: `type ${namesOf(secrets)} again`;
	throw new ConfigurationError(
		first,
		`the stored secret was sealed for another ${fields.join(', ')} and is not sent elsewhere. Either restore the former value or ${again}, then save.`,
		{ code: 'SEALED_FOR_OTHER' },
	);
}
