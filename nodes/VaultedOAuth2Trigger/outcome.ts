import {
	SecretStoreError,
	VaultedOAuth2Error,
	type Connected,
	type FailureClass,
	type FlowKeys,
} from '../../src';

/** What the page says. Nothing in it is confidential. */
export interface Outcome {
	readonly status: number;
	readonly headline: string;
	/** Paragraphs. */
	readonly text: readonly string[];
	/** What was connected. */
	readonly label?: string;
	readonly scopes?: readonly string[];
}

/** What the address of the page carries: an outcome, and until when it is shown. */
interface Shown extends Outcome {
	/** Milliseconds since the epoch. */
	readonly until: number;
}

/** The way out for everybody who sees a page. */
const LOG = 'People who run this n8n find more in its log.';
/** For which purpose outcomes are signed. */
const PURPOSE = 'outcome';
const SHOWN_MS = 600_000;
// The page's address has to stay below the 8 KiB that proxies commonly take, whatever provider and store say.
/** Bytes of all scopes shown; some providers know hundreds. */
const LONGEST_SCOPES = 2000;
/** Characters of one paragraph. */
const LONGEST_TEXT = 1000;

const STATUS: Record<FailureClass, number> = {
	reconnect: 400,
	configuration: 409,
	provider: 502,
	secretStore: 503,
};

function shownScopes(scopes: readonly string[]): readonly string[] {
	let left = LONGEST_SCOPES;
	const shown = scopes.filter((scope) => (left -= Buffer.byteLength(scope)) >= 0);
	const more = scopes.length - shown.length;
	return more === 0 ? shown : [...shown, `… and ${more} more`];
}

/** An error's text goes on after its title; a paragraph begins anew. */
function paragraphs(texts: readonly string[]): readonly string[] {
	return texts.map((text) => {
		const whole = text.charAt(0).toUpperCase() + text.slice(1);
		return whole.length > LONGEST_TEXT ? `${whole.slice(0, LONGEST_TEXT)}…` : whole;
	});
}

/** To the minute, without a time zone of this machine's. */
function moment(at: number): string {
	return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** What a person should know who has just connected an account. */
export function connectedOutcome(connected: Connected): Outcome {
	const { label, scopes, refreshable, expiresAt, unsaved } = connected;
	const end = expiresAt === null ? 'with its access token' : `at ${moment(expiresAt)}`;
	return {
		status: 200,
		headline: connected.reconnected ? 'Connected again' : 'Connected',
		label,
		scopes: shownScopes(scopes),
		text: paragraphs([
			...(refreshable
				? []
				: [
						`The provider gave no refresh token, so that this connection ends ${end}. Whoever set it up finds in its documentation how to ask for one.`,
					]),
			...(unsaved === undefined
				? []
				: [
						`It could not be stored yet (${unsaved.code}). It works meanwhile, and is stored as soon as that is possible; if n8n is restarted before, connect again. ${LOG}`,
					]),
			'You can close this tab.',
		]),
	};
}

/** Where a store is and what it says is for people who run it. */
function shownDetail(error: VaultedOAuth2Error): string {
	if (!(error instanceof SecretStoreError)) return error.detail;
	return `this n8n cannot use its secret store at present (${error.code}). ${LOG}`;
}

/**
 * Why an account was not connected, for who had a good link; undefined for an error that this package did not throw on purpose. It names no
 * address of the secret store.
 */
export function refusedOutcome(error: unknown): Outcome | undefined {
	if (!(error instanceof VaultedOAuth2Error)) return undefined;
	const { failureClass, title } = error;
	return { status: STATUS[failureClass], headline: title, text: paragraphs([shownDetail(error)]) };
}

/** For errors that nobody foresaw: what happened is in the log only. */
export const UNEXPECTED: Outcome = {
	status: 500,
	headline: 'Something went wrong in n8n',
	text: [`No account was connected. ${LOG}`],
};

/** If the credential cannot be used at all: why that is, is in the log only, since anybody can open the trigger's addresses. */
export const UNAVAILABLE: Outcome = {
	status: 503,
	headline: 'Not connected',
	text: [`Accounts cannot be connected here at present. Nothing was changed. ${LOG}`],
};

/** In place of a signed outcome, if there is nothing to sign with. */
export const UNSIGNED = 'unavailable';

/** For a callback address that was opened by itself, or long ago. */
export const NOTHING: Outcome = {
	status: 404,
	headline: 'Nothing to see here',
	text: [
		'This address is where a provider sends people back to. To connect an account, ask for a link and open it.',
	],
};

/** The outcome as the value of a parameter: signed, since the page shows whatever it says. `now` in milliseconds since the epoch. */
export function writeOutcome(keys: FlowKeys, outcome: Outcome, now: number): string {
	const shown: Shown = { ...outcome, until: now + SHOWN_MS };
	return keys.sign(PURPOSE, Buffer.from(JSON.stringify(shown)).toString('base64url'));
}

/** The outcome in a parameter; undefined where this connection did not write it, or did so long ago. */
export function readOutcome(keys: FlowKeys, text: string, now: number): Outcome | undefined {
	const payload = keys.verify(PURPOSE, text);
	if (payload === undefined) return undefined;
	const shown = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Shown;
	return shown.until > now ? shown : undefined;
}
