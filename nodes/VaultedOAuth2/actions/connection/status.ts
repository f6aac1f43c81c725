import type { IDataObject, INodeProperties } from 'n8n-workflow';

import type { Connection, OpenConnection, TokenSet } from '../../../../src';
import { failureOf } from '../../errors';
import { parameter, type Item } from '../operation';
import { stateOf } from './state';

const DAY_SECONDS = 86_400;

/** Whether a status is told in ten fields. A node of version 1 tells it all, as it always did. */
export const simplify: INodeProperties = {
	displayName: 'Simplify',
	name: 'simplify',
	type: 'boolean',
	default: true,
	displayOptions: { show: { '@version': [{ _cnd: { gte: 1.1 } }] } },
	description: 'Whether to return a simplified version of the response instead of the raw data',
};

/** A time in milliseconds since the epoch, for an item; null if there is none, or none that a date can hold. */
export function iso(milliseconds: number | null | undefined): string | null {
	const date = new Date(milliseconds ?? NaN);
	return Number.isNaN(date.getTime()) ? null : date.toISOString();
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
		tokenType: tokenSet.dpopKey === undefined ? 'Bearer' : 'DPoP',
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
	tokenType: null,
	scope: null,
};

/** A person consented to another scope than the form asks for now. */
function scopeWarnings({ connection, tokens }: OpenConnection): string[] {
	const { askedScope } = tokens.status();
	const asked = connection.authorizationCode?.scope;
	if (askedScope === undefined || asked === undefined) return [];
	const sorted = (scope: string) => scope.split(' ').sort().join(' ');
	if (sorted(askedScope) === sorted(asked)) return [];
	return [
		`Scope was changed after the account had been connected (then: ${askedScope}). Connect it again, so that the change takes effect.`,
	];
}

/** Versions of the secret a day at most, if it is refreshed all day; undefined where the store or the grant sets no limit. */
function versionsPerDay({ connection, store, tokens }: OpenConnection): number | undefined {
	const { tokenSet, refreshAt, versionsPerRefresh } = tokens.status();
	if (connection.grantType === 'client_credentials' || store.versionsPerDay === undefined)
		return undefined;
	if (tokenSet === undefined || refreshAt == null) return undefined;
	const period = Math.max(1, seconds(refreshAt - tokenSet.issuedAt));
	return Math.ceil(DAY_SECONDS / period) * versionsPerRefresh;
}

/** Every refresh that rotates the refresh token has to be written, and a store takes only so many versions. */
function versionWarnings(open: OpenConnection): string[] {
	const perDay = versionsPerDay(open);
	const most = open.store.versionsPerDay;
	if (perDay === undefined || most === undefined || perDay <= most) return [];
	const { versionsPerRefresh } = open.tokens.status();
	// Under the lease every refresh is written, rotated or not.
	const when =
		versionsPerRefresh === 1
			? 'If the provider rotates the refresh token, refreshing'
			: `With several n8n processes each of ${perDay / versionsPerRefresh} refreshes a day writes ${versionsPerRefresh} versions of the secret, so refreshing`;
	return [
		`${when} all day writes about ${perDay} versions of the secret a day; the store takes ${most}. Ask the provider for longer lived access tokens.`,
	];
}

/** What is not wrong yet, but will be, as far as it is known without asking anybody. */
export function warningsOf(open: OpenConnection): { versionsPerDay?: number; warnings?: string[] } {
	const perDay = versionsPerDay(open);
	const warnings = [...versionWarnings(open), ...scopeWarnings(open)];
	return {
		...(perDay === undefined ? {} : { versionsPerDay: perDay }),
		...(warnings.length === 0 ? {} : { warnings }),
	};
}

/** How a connection is doing, as far as it is known without asking anybody. */
export function describeStatus(open: OpenConnection): IDataObject {
	const { connection, secretRef, tokens } = open;
	const { tokenSet, refreshAt, unsaved, versionId, lastError, connectedAt, counters } =
		tokens.status();
	const state = stateOf(open);
	return {
		healthy: state === 'healthy',
		state,
		label: connection.label,
		grantType: connection.grantType,
		secretStore: secretRef.store.kind,
		secretId: secretRef.secretId,
		versionId: versionId ?? null,
		...(connection.authorizationCode === undefined ? {} : { connectedAt: iso(connectedAt) }),
		...(tokenSet === undefined ? NO_TOKEN : describeToken(tokenSet, { connection, refreshAt })),
		unsaved,
		lastError: lastError === undefined ? null : failureOf(lastError),
		counters: { ...counters },
		...warningsOf(open),
	};
}

/** The same for an item: in ten fields if it is to be simple. */
export function statusFor(item: Item, status: IDataObject): IDataObject {
	if (!parameter<boolean>(item, 'simplify', false)) return status;
	const { label, healthy, state, issuedAt, expiresAt, refreshAt, scope, unsaved } = status;
	const { lastError, warnings } = status;
	return {
		label: label ?? null,
		healthy,
		state,
		issuedAt: issuedAt ?? null,
		expiresAt: expiresAt ?? null,
		refreshAt: refreshAt ?? null,
		scope: scope ?? null,
		unsaved: unsaved ?? false,
		lastError,
		warnings: warnings ?? [],
	};
}
