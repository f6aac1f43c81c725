import {
	authorizationCodeOf,
	type AuthorizationCodeSettings,
	type Connection,
} from '../config/connection';
import { SecretStoreError } from '../errors';
import type { IdTokenClaims } from '../oauth/authorizationServer';
import type { Consented, ConnectionRequests } from '../oauth/tokenRequest';
import { assertSealedFor } from '../secrets/binding';
import type { Authorization, Bundle, Claim } from '../secrets/bundle';
import { consented, ticketUsed } from '../secrets/patches';
import { sameDigest } from '../secrets/pointer';
import type { SealedBundle } from '../secrets/sealedBundle';
import { authorizationError, fewerScopes, refusal, type RefusalCode } from './refusals';
import { grantedScopes, missingScopes } from './scopes';
import { FlowKeys, randomId, type Ticket } from './ticket';

/** What {@link AuthorizationFlow} works with. */
export interface AuthorizationFlowOptions {
	readonly connection: Connection;
	readonly bundle: SealedBundle;
	readonly request: ConnectionRequests;
	/** Milliseconds since the epoch. */
	readonly now: () => number;
	/** Told of every account that was connected. */
	readonly onConnected: () => void;
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
}

/** A cookie that ties a flow to the browser it began in. */
export interface FlowCookie {
	readonly name: string;
	readonly value: string;
	readonly path: string;
	readonly maxAgeSeconds: number;
	/** True unless the callback is plain http, which only this machine itself may be. */
	readonly secure: boolean;
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

/** How long a link is good for, unless told. */
const LINK_MS = 900_000;
/** How long a person has at the provider. */
const FLOW_MS = 600_000;
/** Links and answers remembered as used. Far above what people do; it bounds the bundle's size. */
const LARGEST_MEMORY = 50;

const CALLBACK = '/callback';
const CONNECT = '/connect';

/**
 * The authorization code grant (RFC 6749 §4.1, with RFC 7636 and RFC 9207) of one connection.
 *
 * Nothing of a flow is kept in a process: link and state are signed, cookie, nonce and code verifier derived from the key in the connection's
 * pointer. What was used once is remembered in the bundle by compare-and-swap, so that of two processes one wins.
 */
export class AuthorizationFlow {
	/** Signs and derives with the key of this connection's pointer. */
	readonly keys: FlowKeys;
	private readonly settings: AuthorizationCodeSettings;

	/** @throws ConfigurationError `WRONG_GRANT_TYPE` where the connection is not of this grant */
	constructor(private readonly options: AuthorizationFlowOptions) {
		this.settings = authorizationCodeOf(options.connection);
		this.keys = new FlowKeys(options.bundle.ref.key);
	}

	/** New links; asks the store for nothing. @throws ConfigurationError, ProviderError where the provider has to be discovered and is not */
	async links(lifetimeMs = LINK_MS): Promise<ConnectLinks> {
		const expiresAt = this.options.now() + lifetimeMs;
		const state = this.begin('paste');
		const { href: authorizationUrl } = await this.authorizationUrl(state);
		const address = this.connectAddress();
		const link = this.keys.issue({ kind: 'link', id: randomId(), expiresAt });
		return {
			...(address === undefined ? {} : { connectUrl: `${address}?link=${link}` }),
			authorizationUrl,
			expiresAt,
			pasteUntil: state.expiresAt,
		};
	}

	/**
	 * Opens a link: where to send the browser, and the cookie that ties the flow to it.
	 *
	 * @throws ReconnectError where the link is not good; then nothing was written
	 * @throws VaultedOAuth2Error of any class
	 */
	async connect(link: string): Promise<{ location: string; cookie: FlowCookie }> {
		const ticket = this.ticket(link, {
			kinds: ['link'],
			invalid: 'LINK_INVALID',
			expired: 'LINK_EXPIRED',
		});
		const state = this.begin('browser');
		const location = await this.authorizationUrl(state);
		await this.use(ticket, 'LINK_USED');
		return { location: location.href, cookie: this.cookie(state) };
	}

	/**
	 * A browser came back from the provider: redeems the code and seals the tokens.
	 *
	 * @param cookies the request's Cookie header
	 * @throws ReconnectError where the answer is not good; then the tokens there were are untouched
	 * @throws VaultedOAuth2Error of any class
	 */
	async callback(response: URLSearchParams, cookies: string | undefined): Promise<Connected> {
		const ticket = this.stateOf(response);
		if (ticket.kind !== 'browser') throw refusal('FOR_PASTING');
		const { name, value } = this.cookie(ticket);
		if (!sameDigest(readCookie(cookies, name) ?? '', value)) throw refusal('OTHER_BROWSER');
		await this.assertGranted(response);
		return await this.redeem(ticket, response);
	}

	/**
	 * The same for an answer that was pasted: the whole address, or the part from "?" on. Pasting once more what connected the account is
	 * without effect.
	 *
	 * @throws as {@link callback} does
	 */
	async paste(text: string): Promise<Connected | undefined> {
		const query = text.includes('?') ? text.slice(text.indexOf('?') + 1) : text;
		const response = new URLSearchParams(query.replace(/#.*$/, ''));
		const { bundle } = this.options;
		const id = this.keys.read(response.get('state') ?? '')?.id;
		const { authorization } = bundle.lastKnown ?? (await bundle.read());
		if (id !== undefined && authorization?.connectedBy === id) return undefined;
		const ticket = this.stateOf(response);
		await this.assertGranted(response);
		return await this.redeem(ticket, response);
	}

	private begin(kind: 'browser' | 'paste'): Ticket {
		return { kind, id: randomId(), expiresAt: this.options.now() + FLOW_MS };
	}

	/** Verifier and nonce of a flow, where the connection uses them. */
	private secretsOf({ id }: Ticket): { codeVerifier?: string; nonce?: string } {
		return {
			...(this.settings.pkce ? { codeVerifier: this.keys.secretOf(id, 'code verifier') } : {}),
			...(this.options.request.wantsIdToken ? { nonce: this.keys.secretOf(id, 'nonce') } : {}),
		};
	}

	private async authorizationUrl(ticket: Ticket): Promise<URL> {
		const { request, bundle } = this.options;
		return await request.authorizationUrl(
			{ state: this.keys.issue(ticket), ...this.secretsOf(ticket) },
			async () => bundle.lastKnown ?? (await bundle.read()),
		);
	}

	private connectAddress(): string | undefined {
		const { href } = new URL(this.settings.redirectUri);
		return href.endsWith(CALLBACK) ? `${href.slice(0, -CALLBACK.length)}${CONNECT}` : undefined;
	}

	/** Both addresses of a trigger are in one folder; the cookie goes no further. Each flow has a cookie of its own, so that two tabs do not meet. */
	private cookie({ id }: Ticket): FlowCookie {
		const { pathname, protocol } = new URL(this.settings.redirectUri);
		const secure = protocol === 'https:';
		return {
			name: `${secure ? '__Secure-' : ''}vaulted-oauth2-${id}`,
			value: this.keys.secretOf(id, 'cookie'),
			path: pathname.slice(0, pathname.lastIndexOf('/') + 1),
			maxAgeSeconds: FLOW_MS / 1000,
			secure,
		};
	}

	private ticket(
		text: string,
		{
			kinds,
			invalid,
			expired,
		}: { kinds: readonly Ticket['kind'][]; invalid: RefusalCode; expired: RefusalCode },
	): Ticket {
		const ticket = this.keys.read(text);
		if (ticket === undefined || !kinds.includes(ticket.kind)) throw refusal(invalid);
		if (this.options.now() >= ticket.expiresAt) throw refusal(expired);
		return ticket;
	}

	/** The flow an answer belongs to. No parameter may come twice (RFC 6749 §3.1). */
	private stateOf(response: URLSearchParams): Ticket {
		const repeated = ['state', 'code', 'iss', 'error'].some(
			(key) => response.getAll(key).length > 1,
		);
		if (repeated) throw refusal('RESPONSE_INVALID');
		return this.ticket(response.get('state') ?? '', {
			kinds: ['browser', 'paste'],
			invalid: 'RESPONSE_INVALID',
			expired: 'RESPONSE_EXPIRED',
		});
	}

	private async assertGranted(response: URLSearchParams): Promise<void> {
		if (!(await this.options.request.isFromHere(response))) throw refusal('ISSUER_MISMATCH');
		const error = response.get('error');
		if (error !== null && error !== '')
			throw authorizationError({ error, description: response.get('error_description') ?? '' });
		if ((response.get('code') ?? '') === '') throw refusal('RESPONSE_INVALID');
	}

	/** Remembers a ticket as used, so that nobody uses it again. */
	private async use(ticket: Ticket, refused: RefusalCode): Promise<Bundle> {
		const { bundle, connection, now } = this.options;
		const claim: Claim = { owner: randomId(), until: ticket.expiresAt };
		const startedAt = ticket.expiresAt - FLOW_MS;
		const used = ticketUsed((newest): Authorization => {
			assertSealedFor(newest, connection);
			const { authorization } = newest;
			const claims = stillValid(authorization?.used, now());
			const before = claims[ticket.id];
			if (before !== undefined && before.owner !== claim.owner) throw refusal(refused);
			if (Object.keys(claims).length >= LARGEST_MEMORY) throw refusal('TOO_MANY_LINKS');
			if (ticket.kind !== 'link' && (authorization?.connectedAt ?? 0) > startedAt)
				throw refusal('CONNECTED_MEANWHILE');
			return { ...authorization, used: { ...claims, [ticket.id]: claim } };
		});
		return await bundle.update(used);
	}

	private async redeem(ticket: Ticket, response: URLSearchParams): Promise<Connected> {
		const { request } = this.options;
		const { codeVerifier, nonce } = this.secretsOf(ticket);
		const claimed = await this.use(ticket, 'RESPONSE_USED');
		const consent = await request.redeemCode(claimed, {
			response,
			expectedState: this.keys.issue(ticket),
			...(codeVerifier === undefined ? {} : { codeVerifier }),
			...(nonce === undefined ? {} : { expectedNonce: nonce }),
		});
		const { scope: granted } = consent.issued.tokenSet;
		const missing = missingScopes(this.settings.scope, granted);
		if (missing.length > 0 && !this.settings.acceptFewerScopes) throw fewerScopes(missing);
		return await this.seal(ticket, claimed, consent);
	}

	private async seal(
		{ id }: Ticket,
		before: Bundle,
		{ issued, claims }: Consented,
	): Promise<Connected> {
		const { bundle, connection, now } = this.options;
		const { scope: askedScope } = this.settings;
		const consent = consented({
			issued,
			connectedAt: now(),
			connectedBy: id,
			askedScope,
			insteadOf: before.authorization?.connectedBy,
		});
		const unsaved = await bundle
			.update(consent)
			.then(() => undefined)
			.catch((error: unknown) => {
				if (error instanceof SecretStoreError) return error;
				throw error;
			});
		if (bundle.lastKnown?.authorization?.connectedBy !== id) throw refusal('CONNECTED_MEANWHILE');
		this.options.onConnected();
		const { tokenSet, refreshToken } = issued;
		return {
			label: connection.label,
			secretId: bundle.ref.secretId,
			scopes: grantedScopes(askedScope, tokenSet.scope),
			expiresAt: tokenSet.expiresAt,
			refreshable: refreshToken !== undefined,
			reconnected: before.tokenSets.length > 0,
			...(claims === undefined ? {} : { claims }),
			...(unsaved === undefined ? {} : { unsaved }),
		};
	}
}

function stillValid(used: Authorization['used'] | undefined, now: number): Record<string, Claim> {
	return Object.fromEntries(Object.entries(used ?? {}).filter(([, { until }]) => until > now));
}

/** One cookie of a Cookie header (RFC 6265 §4.2.1). */
function readCookie(header: string | undefined, name: string): string | undefined {
	const pair = (header ?? '').split(/;\s*/).find((cookie) => cookie.startsWith(`${name}=`));
	return pair?.slice(name.length + 1);
}
