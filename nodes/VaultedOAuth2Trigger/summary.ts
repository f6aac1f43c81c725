import type { IDataObject, INodeExecutionData, IWebhookFunctions } from 'n8n-workflow';

import {
	ConfigurationError,
	LONGEST_SESSION_MS,
	type Connected,
	type OpenConnection,
} from '../../src';

/** What the node's options ask for. */
export interface SummaryOptions {
	/** Names of the claims to output. */
	readonly claims: readonly string[];
	/** Lifetime in milliseconds of the session token; absent where none is wanted. */
	readonly sessionMs?: number;
}

/** Of a node that asks for nothing. */
export const NO_OPTIONS: SummaryOptions = { claims: [] };

/** The longest lifetime of a session token: it cannot be withdrawn. */
export const LONGEST_SESSION_MINUTES = LONGEST_SESSION_MS / 60_000;

/**
 * The node's options.
 *
 * @throws ConfigurationError `INVALID_LIFETIME`
 */
export function summaryOptions(node: IWebhookFunctions): SummaryOptions {
	const names = node.getNodeParameter('claims', '') as string;
	const claims = names.split(/[\s,]+/).filter((name) => name !== '');
	if (node.getNodeParameter('issueSessionToken', false) !== true) return { claims };
	const minutes = Number(node.getNodeParameter('sessionMinutes', 60));
	if (!(minutes >= 1 && minutes <= LONGEST_SESSION_MINUTES)) {
		throw new ConfigurationError(
			'Session Lifetime (Minutes)',
			`it has to be a number from 1 to ${LONGEST_SESSION_MINUTES}. Nothing was changed.`,
			{ code: 'INVALID_LIFETIME' },
		);
	}
	return { claims, sessionMs: minutes * 60_000 };
}

/** What the workflow learns; nothing of it opens anything, but for the session token where one was asked for. */
export async function summaryOf(
	connected: Connected,
	connection: Pick<OpenConnection, 'secretRef'> & Required<Pick<OpenConnection, 'sessions'>>,
	options: SummaryOptions,
): Promise<INodeExecutionData> {
	const { label, secretId, scopes, expiresAt, refreshable, reconnected, claims, unsaved } =
		connected;
	const json: IDataObject = {
		event: 'connected',
		label,
		scopes: [...scopes],
		expiresAt: expiresAt === null ? null : new Date(expiresAt).toISOString(),
		refreshable,
		reconnected,
		secretStore: connection.secretRef.store.kind,
		secretId,
		stored: unsaved === undefined,
	};
	if (claims === undefined) return { json };
	const chosen = options.claims.filter((name) => Object.hasOwn(claims, name));
	const told = Object.fromEntries(chosen.map((name) => [name, claims[name]]));
	Object.assign(json, { subject: claims.sub, claims: told });
	if (options.sessionMs !== undefined) {
		const session = { subject: claims.sub, claims: told };
		const { token, expiresAt: ends } = await connection.sessions.issue(session, options.sessionMs);
		Object.assign(json, { sessionToken: token, sessionExpiresAt: new Date(ends).toISOString() });
	}
	return { json };
}
