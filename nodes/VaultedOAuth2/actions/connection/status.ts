import type { IDataObject } from 'n8n-workflow';

import type { Connection, OpenConnection, TokenSet } from '../../../../src';
import { failureOf } from '../../errors';

const DAY_SECONDS = 86_400;

function iso(milliseconds: number | null | undefined): string | null {
	return milliseconds == null ? null : new Date(milliseconds).toISOString();
}

function seconds(milliseconds: number): number {
	return Math.round(milliseconds / 1000);
}

/** What may be told of a token; never the token. */
export function describeToken(
	tokenSet: TokenSet,
	{ connection, refreshAt }: { connection: Connection; refreshAt: number | null | undefined },
): IDataObject {
	const { issuedAt, expiresAt } = tokenSet;
	return {
		issuedAt: iso(issuedAt),
		expiresAt: iso(expiresAt),
		refreshAt: iso(refreshAt),
		lifetimeSeconds: expiresAt === null ? null : seconds(expiresAt - issuedAt),
		effectiveBufferSeconds:
			expiresAt === null || refreshAt == null ? null : seconds(expiresAt - refreshAt),
		// RFC 6749 §5.1: left out where it is what was asked for.
		scope: tokenSet.scope ?? connection.scope ?? null,
	};
}

const NO_TOKEN: IDataObject = {
	issuedAt: null,
	expiresAt: null,
	refreshAt: null,
	lifetimeSeconds: null,
	effectiveBufferSeconds: null,
	scope: null,
};

/** Every refresh that rotates the refresh token has to be written, and a store takes only so many versions. */
function warnings({ connection, store, tokens }: OpenConnection): string[] {
	const { tokenSet, refreshAt } = tokens.status();
	if (connection.grantType !== 'refresh_token' || store.versionsPerDay === undefined) return [];
	if (tokenSet === undefined || refreshAt == null) return [];
	const perDay = Math.ceil(DAY_SECONDS / Math.max(1, seconds(refreshAt - tokenSet.issuedAt)));
	if (perDay <= store.versionsPerDay) return [];
	return [
		`If the provider rotates the refresh token, refreshing all day writes about ${perDay} versions of the secret a day; the store takes ${store.versionsPerDay}. Ask the provider for longer lived access tokens.`,
	];
}

/** How a connection is doing, as far as it is known without asking anybody. */
export function describeStatus(open: OpenConnection): IDataObject {
	const { connection, secretRef, tokens } = open;
	const { tokenSet, refreshAt, unsaved, versionId, lastError } = tokens.status();
	const warned = warnings(open);
	return {
		healthy: lastError === undefined && !unsaved,
		label: connection.label,
		grantType: connection.grantType,
		secretStore: secretRef.store,
		secretId: secretRef.secretId,
		versionId: versionId ?? null,
		...(tokenSet === undefined ? NO_TOKEN : describeToken(tokenSet, { connection, refreshAt })),
		unsaved,
		lastError: lastError === undefined ? null : failureOf(lastError),
		...(warned.length === 0 ? {} : { warnings: warned }),
	};
}
