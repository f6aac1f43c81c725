import type { AuthorizationCodeSettings } from '../config/connection';
import { sameDigest } from '../secrets/pointer';
import type { Admitted } from './admissions';
import { FLOW_MS } from './usedLinks';

/** A cookie that ties a flow to the browser it began in. */
export interface FlowCookie {
	readonly name: string;
	readonly value: string;
	readonly path: string;
	readonly maxAgeSeconds: number;
	/** `Lax` comes along with a redirect from the provider, but not with its form post. */
	readonly sameSite: 'Lax' | 'None';
	/** False only for a redirect over plain http, which only this machine itself may ask for. */
	readonly secure: boolean;
}

/**
 * The cookie of a flow. Both addresses of a trigger are in one folder; it goes no further. Each flow has one of its own, so that two tabs do not
 * meet. `SameSite=None` needs `Secure`, which browsers also accept from this machine itself over plain http.
 */
export function flowCookie(
	{ keys, ticket: { flow } }: Admitted,
	{ redirectUri, formPost }: Pick<AuthorizationCodeSettings, 'redirectUri' | 'formPost'>,
): FlowCookie {
	const { pathname, protocol } = new URL(redirectUri);
	const isHttps = protocol === 'https:';
	return {
		name: `${isHttps ? '__Secure-' : ''}vaulted-oauth2-${flow}`,
		value: keys.secretOf(flow, 'cookie'),
		path: pathname.slice(0, pathname.lastIndexOf('/') + 1),
		maxAgeSeconds: FLOW_MS / 1000,
		sameSite: formPost ? 'None' : 'Lax',
		secure: isHttps || formPost,
	};
}

/** True if a request's Cookie header (RFC 6265 §4.2.1) has the cookie in it. */
export function hasCookie(
	header: string | undefined,
	{ name, value }: Pick<FlowCookie, 'name' | 'value'>,
): boolean {
	const pair = (header ?? '').split(/;\s*/).find((cookie) => cookie.startsWith(`${name}=`));
	return sameDigest(pair?.slice(name.length + 1) ?? '', value);
}
