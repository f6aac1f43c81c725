import { VaultedOAuth2Error } from '../src';

/**
 * An error as n8n shows it in the form and in the HTTP Request node: its own words. n8n would show the `code` of an error instead of its
 * message, so this one has none; the node of this package finds the original as its cause.
 */
class ShownError extends Error {
	constructor(cause: VaultedOAuth2Error) {
		super(cause.message, { cause });
		this.name = cause.name;
	}
}

/** What to throw into n8n for an error of the core; anything else as it is. */
export function shown(error: unknown): unknown {
	return error instanceof VaultedOAuth2Error ? new ShownError(error) : error;
}
