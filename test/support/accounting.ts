import {
	startAuthorizationServer,
	type AuthorizationServer,
	type OAuthClient,
} from './authorizationServer.ts';
import { startSampleApi, type SampleApi } from './sampleApi.ts';

/** What the accounting API lets a client do. */
const ACCOUNTING_SCOPES = [
	'accounting.contacts',
	'accounting.reports.read',
	'accounting.transactions',
];

/** Asks for sign-in, a refresh token and everything the API offers. */
export const ACCOUNTING_SCOPE = ['openid', 'offline_access', ...ACCOUNTING_SCOPES].join(' ');

/**
 * An accounting API and its identity server, as such products have them: discovery, login and consent pages, bearer tokens of one hour,
 * refresh tokens that rotate, `iss` in the authorization response; every request needs a token that a user consented to.
 */
export async function startAccounting(
	clients: readonly OAuthClient[],
	now: () => number = Date.now,
): Promise<{ provider: AuthorizationServer; api: SampleApi }> {
	const provider = await startAuthorizationServer({
		clients,
		scopes: ACCOUNTING_SCOPES,
		accessTokenSeconds: 3600,
		rotateRefreshTokens: true,
		loginPages: true,
		now,
	});
	const isUsers = (token: string): boolean =>
		provider.issued.some(({ value, kind }) => value === token && kind === 'AccessToken');
	const api = await startSampleApi({
		isActive: (token) => provider.isActive(token) && isUsers(token),
	});
	return { provider, api };
}
