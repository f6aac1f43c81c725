import { canonicalUrl } from '../config/canonicalUrl';
import type { StoreSettings } from '../config/connection';

/** Where a store is, whoever uses it: what its secrets are bound to besides their name or ARN, which has the AWS account in it. */
export interface StoreAddress {
	readonly kind: StoreSettings['kind'];
	/** AWS region. */
	readonly region?: string;
	/** Canonical; absent for the region's own endpoint. */
	readonly endpoint?: string;
}

/** The address in the settings of a store. The identity that is used there is no part of it: access keys are rotated. */
export function storeAddressOf(settings: StoreSettings): StoreAddress {
	if (settings.kind === 'localVault') return { kind: settings.kind };
	const { kind, region, endpoint } = settings;
	return { kind, region, ...(endpoint === undefined ? {} : { endpoint: canonicalUrl(endpoint) }) };
}
