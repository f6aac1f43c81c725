import { ReconnectError, type ListedConnection, type OpenConnection } from '../../../../src';

/**
 * How a connection stands:
 * - `healthy`: it has what it needs for the next request.
 * - `notConnected`: nobody has connected an account yet.
 * - `reconnectNeeded`: a person has to authorize again.
 * - `failing`: something else is wrong; see the last error.
 */
export type ConnectionState = 'healthy' | 'notConnected' | 'reconnectNeeded' | 'failing';

/** The state as far as it is known without asking the provider: from the store, and from what happened in this process. */
export function stateOf({ connection, tokens }: OpenConnection): ConnectionState {
	const { tokenSet, refreshable, refusedSince, lastError, unsaved } = tokens.status();
	const byConsent = connection.authorizationCode !== undefined;
	if (byConsent && tokenSet === undefined && !refreshable) return 'notConnected';
	const ended =
		byConsent && !refreshable && tokenSet?.expiresAt != null && tokenSet.expiresAt <= Date.now();
	if (refusedSince !== undefined || ended || lastError instanceof ReconnectError)
		return 'reconnectNeeded';
	return lastError === undefined && !unsaved ? 'healthy' : 'failing';
}

/** True where only a person can help. */
export function needsPerson(state: ConnectionState | ListedConnection['state']): boolean {
	return state === 'notConnected' || state === 'reconnectNeeded';
}
