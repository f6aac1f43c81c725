import type { INodeProperties } from 'n8n-workflow';

import { FIELD_NAMES } from '../src';
import { expiry } from './form/expiry';
import { placement } from './form/placement';
import { provider } from './form/provider';
import { secrets } from './form/secrets';
import { store } from './form/store';
import { use } from './form/use';

/** The pointer to the sealed secrets. n8n's "expirable" property: empty means that preAuthentication is called before the first use. */
const pointer: INodeProperties = {
	displayName: FIELD_NAMES.secretRef,
	name: 'secretRef',
	type: 'hidden',
	// Redacted by n8n like a password: whoever holds the pointer can use the bundle.
	typeOptions: { expirable: true, password: true },
	default: '',
};

/** The form, from the provider to the pointer. */
export const properties: INodeProperties[] = [
	...provider,
	...store,
	...secrets,
	...use,
	...expiry,
	...placement,
	pointer,
];
