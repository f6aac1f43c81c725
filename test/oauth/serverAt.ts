import { createEgress } from '../../src/http/createEgress';
import {
	createAuthorizationServer,
	type AuthorizationServer,
	type GrantRequest,
} from '../../src/oauth/authorizationServer';
import { Discovery } from '../../src/oauth/discovery';
import type { ExchangeOptions } from '../../src/oauth/exchange';

/** A request for a token by Client Credentials. */
export const grant: GrantRequest = {
	grantType: 'client_credentials',
	scope: 'api:read',
	parameters: {},
};

/** The authorization server at a place, with a discovery of its own; over the real network and in real time unless told. */
export function serverAt(
	place: { readonly issuer?: string; readonly tokenEndpoint?: string },
	{ egress = createEgress(undefined, {}), now = Date.now }: Partial<ExchangeOptions> = {},
): AuthorizationServer {
	const options = { egress, now };
	return createAuthorizationServer({ ...place, ...options, discovery: new Discovery(options) });
}
