import type { Connection } from '../config/connection';
import { FIELD_NAMES } from '../config/fields';
import { ConfigurationError } from '../errors';
import type { Asker } from '../events';

/** What decides who may connect and disconnect the account of a connection. */
export interface PermissionOptions {
	readonly connection: Connection;
	/** The operator's setting: nobody but who may edit the credential, whatever the credential says. */
	readonly onlyEditors: boolean;
}

/**
 * Whoever may use a credential in a workflow could put another account behind it; so that is for those who may edit it, unless they said
 * otherwise.
 *
 * @throws ConfigurationError `ONLY_BY_EDITORS`
 */
export function assertMayChangeAccount(
	{ from }: Asker,
	{ connection, onlyEditors }: PermissionOptions,
): void {
	if (from === 'form') return;
	if (onlyEditors) {
		throw new ConfigurationError(
			'VAULTED_OAUTH2_LINKS',
			'on this n8n only people who may edit the credential connect or disconnect its account. Open the credential and save it: that shows a connect link.',
			{ code: 'ONLY_BY_EDITORS' },
		);
	}
	if (connection.accountChangesByWorkflows) return;
	throw new ConfigurationError(
		FIELD_NAMES.accountChangesByWorkflows,
		'it is off, so that workflows neither make connect links nor disconnect the account. Open the credential and save it: that shows a link; or turn this on there.',
		{ code: 'ONLY_BY_EDITORS' },
	);
}
