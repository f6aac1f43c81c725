import { regionalAwsEndpoint, type StoreSettings } from '../config/connection';

/** Where a store is, in one canonical form: equal for settings that lead to the same place. */
export interface StoreAddress {
	readonly kind: StoreSettings['kind'];
	readonly region?: string;
	/** Absent for AWS's own endpoint of the region. */
	readonly endpoint?: string;
	/** AWS account of the secret, if its ARN is known; else that of the assumed role. */
	readonly account?: string;
}

function accountIn(arn: string | undefined): string | undefined {
	return /^arn:[^:]*:[^:]*:[^:]*:(\d{12}):/.exec(arn ?? '')?.[1];
}

/** Without what URLs may be written with: default port, upper-case host, slashes at the end. */
function canonical(endpoint: string): string {
	if (!URL.canParse(endpoint)) return endpoint;
	const { origin, pathname } = new URL(endpoint);
	return origin + pathname.replace(/\/+$/, '');
}

/**
 * The address that settings lead to. Neither key nor role is part of it: they are changed without the secret being another one.
 *
 * @param secretId the secret in question, if it exists: its ARN says which account it is in
 */
export function storeAddress(store: StoreSettings, secretId?: string): StoreAddress {
	if (store.kind === 'localVault') return { kind: store.kind };
	const { kind, region, endpoint, credentials } = store;
	const role = credentials.kind === 'assumeRole' ? credentials.roleArn : undefined;
	const account = accountIn(secretId) ?? accountIn(role);
	const isOfRegion = endpoint !== undefined && canonical(endpoint) === regionalAwsEndpoint(region);
	return {
		kind,
		region,
		...(endpoint === undefined || isOfRegion ? {} : { endpoint: canonical(endpoint) }),
		...(account === undefined ? {} : { account }),
	};
}
