import {
	authorizationCodeOf,
	type AuthorizationCodeSettings,
	type Connection,
} from '../config/connection';
import { SecretStoreError, VaultedOAuth2Error } from '../errors';
import type { Asker, Emit, EventDetails } from '../events';
import type { IdTokenClaims } from '../oauth/authorizationServer';
import type { Consented, ConnectionRequests } from '../oauth/tokenRequest';
import { assertSealedFor } from '../secrets/binding';
import type { Bundle } from '../secrets/bundle';
import { consented, ticketUsed } from '../secrets/patches';
import type { SealedBundle } from '../secrets/sealedBundle';
import { Admissions, LINK, STATE, type Admitted, type Visit } from './admissions';
import { flowCookie, hasCookie, type FlowCookie } from './flowCookie';
import { KeySource } from './keySource';
import { assertMayChangeAccount } from './permission';
import { authorizationError, fewerScopes, refusal, wrongResponseMode } from './refusals';
import { grantedScopes, missingScopes } from './scopes';
import { subjectOf, UNKNOWN_SUBJECT } from './subject';
import { revokeQuietly } from './revocation';
import { randomId, type Ticket } from './ticket';
import { FLOW_MS, isUsed, LONGEST_LINK_MS, withUsed } from './usedLinks';

/** Options for {@link AuthorizationFlow}. */
export interface AuthorizationFlowOptions {
	readonly connection: Connection;
	readonly bundle: SealedBundle;
	readonly request: ConnectionRequests;
	/** Milliseconds since the epoch. */
	readonly now: () => number;
	/** Milliseconds by a clock that is never set back. */
	readonly elapsed: () => number;
	/** The operator's setting, see {@link assertMayChangeAccount}. */
	readonly onlyEditors: boolean;
	/** The audit trail. */
	readonly emit: Emit;
}

/** What is asked of {@link AuthorizationFlow.links}. */
export interface LinkRequest {
	readonly by: Asker;
	/** At most a day; default a quarter of an hour. */
	readonly lifetimeMs?: number;
}

/** The ways to a person's consent. All of them are permissions: they are for the person who connects, and for nobody else. */
export interface ConnectLinks {
	/** Opens the trigger's connect address, once; absent where Redirect URI is not the callback address of a trigger. */
	readonly connectUrl?: string;
	/** The provider's own page; the address it leads back to is pasted into the credential. */
	readonly authorizationUrl: string;
	/** Milliseconds since the epoch at which `connectUrl` ends. */
	readonly expiresAt: number;
	/** Milliseconds since the epoch until which the answer to `authorizationUrl` has to be pasted. */
	readonly pasteUntil: number;
	/** What is pasted, as words in a sentence. */
	readonly toPaste: string;
}

/** What was connected; nothing in it is confidential. */
export interface Connected {
	readonly label: string;
	readonly secretId: string;
	readonly scopes: readonly string[];
	/** Milliseconds since the epoch, or null: no known end. */
	readonly expiresAt: number | null;
	/** False where the provider gave no refresh token, so that the connection ends with its access token. */
	readonly refreshable: boolean;
	/** True where tokens of an earlier consent were replaced. */
	readonly reconnected: boolean;
	/** Claims of the validated ID token, where one was asked for. */
	readonly claims?: IdTokenClaims;
	/** Set where the tokens could not be stored; this process keeps them, and stores them as soon as it can. */
	readonly unsaved?: SecretStoreError;
}

/** How an answer of the provider arrived. */
export interface Arrival extends Visit {
	/** True if it came in the body of a POST. */
	readonly isPosted?: boolean;
	/** Called for a good answer to this connection and this browser. What it throws is thrown, and nothing is redeemed. */
	readonly beforeRedeeming?: () => void;
}

interface Redemption {
	readonly response: URLSearchParams;
	readonly by: Asker;
	readonly beforeRedeeming?: Arrival['beforeRedeeming'];
}

/** How long a link is good for, unless told. */
const LINK_MS = 900_000;

/** What a person finds of an answer where no trigger takes it. */
const ADDRESS = 'the address the browser ends at';
const POSTED =
	'the form data of the browser’s last request (developer tools, “Network”, from code= or state= on)';

const CALLBACK = '/callback';
const CONNECT = '/connect';

/**
 * The authorization code grant (RFC 6749 §4.1, with RFC 7636 and RFC 9207) of one connection.
 *
 * Nothing of a flow is kept in a process: link and state are signed, cookie, nonce and code verifier derived from a key in the bundle. Opening
 * a link writes nothing; the link is used up when an answer is redeemed, which is remembered in the bundle by compare-and-swap, so that of two
 * processes one wins.
 */
export class AuthorizationFlow {
	/** The keys of this connection's flows. */
	readonly keys: KeySource;
	private readonly settings: AuthorizationCodeSettings;
	private readonly admissions: Admissions;

	/** @throws ConfigurationError `WRONG_GRANT_TYPE` if the connection is not of this grant */
	constructor(private readonly options: AuthorizationFlowOptions) {
		this.settings = authorizationCodeOf(options.connection);
		this.keys = new KeySource(options);
		this.admissions = new Admissions({ ...options, keys: this.keys });
	}

	/**
	 * New links: a permission to connect one account, in two forms.
	 *
	 * @throws ConfigurationError also `ONLY_BY_EDITORS` and `SEALED_FOR_OTHER`, SecretStoreError, ProviderError if discovery fails
	 */
	async links({ by, lifetimeMs = LINK_MS }: LinkRequest): Promise<ConnectLinks> {
		const { bundle, connection, emit } = this.options;
		assertMayChangeAccount(by, this.options);
		const keys = await this.keys.toSign();
		if (bundle.lastKnown !== undefined) assertSealedFor(bundle.lastKnown, connection);
		const [id, issuedAt] = [randomId(), this.options.now()];
		const expiresAt = issuedAt + Math.min(lifetimeMs, LONGEST_LINK_MS);
		const link: Ticket = { kind: 'link', id, issuedAt, expiresAt, flow: '' };
		const state = this.begin('paste', link);
		const { href: authorizationUrl } = await this.authorizationUrl({ keys, ticket: state });
		const address = this.connectAddress();
		emit('link.minted', { linkId: id, expiresAt: new Date(expiresAt).toISOString(), ...by });
		return {
			...(address === undefined ? {} : { connectUrl: `${address}?link=${keys.issue(link)}` }),
			authorizationUrl,
			expiresAt,
			pasteUntil: state.expiresAt,
			toPaste: this.settings.formPost ? POSTED : ADDRESS,
		};
	}

	/**
	 * Opens a link: where to send the browser, and the cookie that ties the flow to it. Writes nothing.
	 *
	 * @throws ReconnectError if the link is not good, or `UNAVAILABLE`: a visitor without a good link learns nothing of the connection
	 * @throws VaultedOAuth2Error of any class
	 */
	async connect(
		link: string,
		visit: Visit = {},
	): Promise<{ location: string; cookie: FlowCookie }> {
		const { connection, bundle, emit } = this.options;
		const { ticket, keys } = await this.admissions.admit(link, LINK, visit);
		const linkId = ticket.id;
		return await this.reporting('link.refused', { linkId, ...visit }, async () => {
			const known = bundle.lastKnown ?? (await bundle.read());
			assertSealedFor(known, connection);
			if (isUsed(known.authorization, ticket)) throw refusal('LINK_USED');
			const state = { keys, ticket: this.begin('browser', ticket) };
			const location = await this.authorizationUrl(state);
			emit('link.opened', { linkId, flowId: state.ticket.flow, ...visit });
			return { location: location.href, cookie: flowCookie(state, this.settings) };
		});
	}

	/**
	 * A browser came back from the provider: redeems the code and seals the tokens.
	 *
	 * @param cookies the request's Cookie header
	 * @throws ReconnectError if the answer is not good; then the tokens there were are untouched
	 * @throws ConfigurationError also `WRONG_RESPONSE_MODE`
	 * @throws VaultedOAuth2Error of any class
	 */
	async callback(
		response: URLSearchParams,
		cookies: string | undefined,
		{ isPosted = false, beforeRedeeming, ...visit }: Arrival = {},
	): Promise<Connected> {
		const admitted = await this.admissions.admit(stateIn(response), STATE, visit);
		const by: Asker = { from: 'workflow', ...visit };
		return await this.redeeming(admitted, by, async () => {
			if (admitted.ticket.kind !== 'browser') throw refusal('FOR_PASTING');
			this.assertResponseMode(response, isPosted);
			if (!hasCookie(cookies, flowCookie(admitted, this.settings))) throw refusal('OTHER_BROWSER');
			return await this.redeem(admitted, { response, by, beforeRedeeming });
		});
	}

	/**
	 * The same for an answer that was pasted: the whole address, or the parameters alone. Pasting once more what connected the account is
	 * without effect.
	 *
	 * @throws as {@link callback} does
	 */
	async paste(text: string): Promise<Connected | undefined> {
		const query = text.includes('?') ? text.slice(text.indexOf('?') + 1) : text;
		const response = new URLSearchParams(query.split('#', 1)[0]);
		const { bundle } = this.options;
		const state = stateIn(response);
		const found = await this.admissions.find(state);
		const { authorization } = bundle.lastKnown ?? (await bundle.read());
		if (found !== undefined && authorization?.connectedBy === found.ticket.flow) return undefined;
		const admitted = this.admissions.check(found, STATE);
		const by: Asker = { from: 'form' };
		return await this.redeeming(
			admitted,
			by,
			async () => await this.redeem(admitted, { response, by }),
		);
	}

	/** A sign-in that the permission leads to. */
	private begin(kind: 'browser' | 'paste', { id, issuedAt }: Ticket): Ticket {
		return { kind, id, issuedAt, expiresAt: this.options.now() + FLOW_MS, flow: randomId() };
	}

	/** Verifier and nonce of a flow, if the connection uses them. */
	private secretsOf({ keys, ticket: { flow } }: Admitted): {
		codeVerifier?: string;
		nonce?: string;
	} {
		return {
			...(this.settings.pkce ? { codeVerifier: keys.secretOf(flow, 'code verifier') } : {}),
			...(this.options.request.wantsIdToken ? { nonce: keys.secretOf(flow, 'nonce') } : {}),
		};
	}

	private async authorizationUrl(admitted: Admitted): Promise<URL> {
		const { request, bundle } = this.options;
		return await request.authorizationUrl(
			{ state: admitted.keys.issue(admitted.ticket), ...this.secretsOf(admitted) },
			async () => bundle.lastKnown ?? (await bundle.read()),
		);
	}

	private connectAddress(): string | undefined {
		const { href } = new URL(this.settings.redirectUri);
		return href.endsWith(CALLBACK) ? `${href.slice(0, -CALLBACK.length)}${CONNECT}` : undefined;
	}

	private async redeeming<T>(
		{ ticket: { id, flow } }: Admitted,
		by: Asker,
		task: () => Promise<T>,
	): Promise<T> {
		return await this.reporting('account.refused', { linkId: id, flowId: flow, ...by }, task);
	}

	/** Reports what `task` throws. */
	private async reporting<T>(
		name: 'link.refused' | 'account.refused',
		details: EventDetails,
		task: () => Promise<T>,
	): Promise<T> {
		try {
			return await task();
		} catch (error) {
			if (error instanceof VaultedOAuth2Error) {
				const { code, message } = error;
				this.options.emit(name, { ...details, code, message });
			}
			throw error;
		}
	}

	/** An error is shown however it came: a provider that does not know the response mode says so by a redirect. */
	private assertResponseMode(response: URLSearchParams, isPosted: boolean): void {
		if (isPosted === this.settings.formPost) return;
		if (isPosted || response.has('code')) throw wrongResponseMode(isPosted);
	}

	private async assertGranted(response: URLSearchParams): Promise<void> {
		if (!(await this.options.request.isFromHere(response))) throw refusal('ISSUER_MISMATCH');
		const error = response.get('error');
		if (error !== null && error !== '')
			throw authorizationError({ error, description: response.get('error_description') ?? '' });
		if ((response.get('code') ?? '') === '') throw refusal('RESPONSE_INVALID');
	}

	/** Remembers the link as used, so that nothing else it led to is redeemed. */
	private async use(ticket: Ticket): Promise<Bundle> {
		const { bundle, connection, now } = this.options;
		const owner = randomId();
		const startedAt = ticket.expiresAt - FLOW_MS;
		const used = ticketUsed((newest) => {
			assertSealedFor(newest, connection);
			const { authorization } = newest;
			if (isUsed(authorization, ticket, owner)) throw refusal('RESPONSE_USED');
			if ((authorization?.connectedAt ?? 0) > startedAt) throw refusal('CONNECTED_MEANWHILE');
			const { usedUntil: _before, ...rest } = authorization ?? {};
			return { ...rest, ...withUsed(authorization, ticket, { owner, now: now() }) };
		});
		return await bundle.update(used);
	}

	private async redeem(
		admitted: Admitted,
		{ response, by, beforeRedeeming }: Redemption,
	): Promise<Connected> {
		await this.assertGranted(response);
		beforeRedeeming?.();
		const { request } = this.options;
		const { ticket, keys } = admitted;
		const { codeVerifier, nonce } = this.secretsOf(admitted);
		const claimed = await this.use(ticket);
		const consent = await request.redeemCode(claimed, {
			response,
			expectedState: keys.issue(ticket),
			...(codeVerifier === undefined ? {} : { codeVerifier }),
			...(nonce === undefined ? {} : { expectedNonce: nonce }),
		});
		const { scope: granted } = consent.issued.tokenSet;
		const missing = missingScopes(this.settings.scope, granted);
		if (missing.length > 0 && !this.settings.acceptFewerScopes) throw fewerScopes(missing);
		const connected = await this.seal(ticket, claimed, consent);
		this.account(ticket, { before: claimed, connected, by });
		return connected;
	}

	private async seal(
		{ flow }: Ticket,
		before: Bundle,
		{ issued, claims }: Consented,
	): Promise<Connected> {
		const { bundle, connection, now } = this.options;
		const { scope: askedScope } = this.settings;
		const subjectSha256 = subjectOf(claims);
		const consent = consented({
			issued,
			connectedAt: now(),
			connectedBy: flow,
			askedScope,
			...(subjectSha256 === undefined ? {} : { subjectSha256 }),
			insteadOf: before.authorization?.connectedBy,
		});
		const unsaved = await bundle
			.update(consent)
			.then(() => undefined)
			.catch((error: unknown) => {
				if (error instanceof SecretStoreError) return error;
				throw error;
			});
		if (bundle.lastKnown?.authorization?.connectedBy !== flow) throw refusal('CONNECTED_MEANWHILE');
		const { tokenSet, refreshToken } = issued;
		return {
			label: connection.label,
			secretId: bundle.ref.secretId,
			scopes: grantedScopes(askedScope, tokenSet.scope),
			expiresAt: tokenSet.expiresAt,
			refreshable: refreshToken !== undefined,
			reconnected: before.tokenSets.length > 0 || before.refreshToken !== undefined,
			...(claims === undefined ? {} : { claims }),
			...(unsaved === undefined ? {} : { unsaved }),
		};
	}

	/** Reports which account was connected, and in place of which; ends the grant of another person's account. */
	private account(
		{ id, flow }: Ticket,
		{ before, connected, by }: { before: Bundle; connected: Connected; by: Asker },
	): void {
		const { emit, request } = this.options;
		const subject = subjectOf(connected.claims);
		const formerSubject = before.authorization?.subjectSha256;
		const details = { linkId: id, flowId: flow, subject: subject ?? UNKNOWN_SUBJECT, ...by };
		emit('account.connected', details);
		const isKnown = subject !== undefined && formerSubject !== undefined;
		if (!connected.reconnected || (isKnown && subject === formerSubject)) return;
		emit('account.replaced', { ...details, formerSubject: formerSubject ?? UNKNOWN_SUBJECT });
		// RFC 7009 §2.1: the server may end the whole grant of client and person, so that of the same person's account the new tokens would go too.
		if (!isKnown || connected.unsaved !== undefined) return;
		void revokeQuietly({ bundle: before, request, emit, subject: formerSubject });
	}
}

/** The state of an answer. No parameter may come twice (RFC 6749 §3.1): then it is none. */
function stateIn(response: URLSearchParams): string {
	const isRepeated = ['state', 'code', 'iss', 'error'].some(
		(key) => response.getAll(key).length > 1,
	);
	return isRepeated ? '' : (response.get('state') ?? '');
}
