import type { ServerMetadata } from 'openid-client';

import { isSecureUrl } from '../config/secureUrl';
import { ConfigurationError, ProviderError, type VaultedOAuth2Error } from '../errors';
import { isLoopback } from '../loopback';
import { RecentlyUsed } from '../recentlyUsed';
import { Redactor } from '../redact';
import { Exchange, TIMEOUT_MS, type ExchangeOptions } from './exchange';

/** Issuers whose documents are kept in memory. */
const LIMIT = 1000;
/** A document older than this is refreshed. */
const FRESH_MS = 3_600_000;
/** How long a first failure is remembered; doubled after each further one. */
const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 300_000;
/** A suspect document is refreshed at most this often. */
const RECHECK_MS = 60_000;

/** The addresses in a document, to which requests or persons are sent (RFC 8414 §2, OpenID Connect Discovery 1.0 §3). */
const ADDRESS = /_endpoint$|^jwks_uri$/;

/**
 * The document without addresses that must not be sent a secret or believed a key. Whoever answers for the issuer may write anything into
 * it: https, or http to this machine itself if the issuer is there as well.
 */
function withSecureAddresses<T extends object>(document: T, issuer: URL): T {
	const isSecure = (address: unknown): boolean =>
		typeof address === 'string' &&
		isSecureUrl(address) &&
		(new URL(address).protocol === 'https:' || isLoopback(issuer.hostname));
	const entries: [string, unknown][] = Object.entries(document);
	return Object.fromEntries(
		entries
			.filter(([name, value]) => !ADDRESS.test(name) || isSecure(value))
			.map(([name, value]) => [
				name,
				// RFC 8705 §5.
				name === 'mtls_endpoint_aliases' && typeof value === 'object' && value !== null
					? withSecureAddresses(value, issuer)
					: value,
			]),
	) as T;
}

/**
 * Fetches the issuer's document: OpenID Connect Discovery 1.0 §4, else RFC 8414 §3. The library compares the issuer in it.
 *
 * @throws ConfigurationError also `DISCOVERY_FAILED`
 * @throws ProviderError
 */
async function discover(issuer: URL, options: ExchangeOptions): Promise<ServerMetadata> {
	const library = await import('openid-client');
	let failure: VaultedOAuth2Error | undefined;
	for (const algorithm of ['oidc', 'oauth2'] as const) {
		const exchange = new Exchange(options, {
			host: issuer.host,
			field: 'Issuer URL',
			grantType: 'client_credentials',
			redactor: new Redactor([]),
		});
		try {
			const found = await library.discovery(issuer, 'discovery', undefined, undefined, {
				algorithm,
				timeout: TIMEOUT_MS / 1000,
				[library.customFetch]: exchange.plain,
				// The address was checked: https, or http to this machine itself.
				execute: [library.allowInsecureRequests],
			});
			return withSecureAddresses<ServerMetadata>(found.serverMetadata(), issuer);
		} catch {
			failure ??= exchange.failure;
			if (failure instanceof ProviderError) throw failure;
		}
	}
	throw (
		failure ??
		new ConfigurationError(
			'Issuer URL',
			`${issuer.host} does not describe this issuer. Check the address, or leave it empty and fill in Token URL.`,
			{ code: 'DISCOVERY_FAILED' },
		)
	);
}

/** One issuer's document, and at most one request for it at a time. All times are milliseconds since the epoch. */
class IssuerDocument {
	private document: ServerMetadata | undefined;
	private fetchedAt = 0;
	private pending: Promise<ServerMetadata> | undefined;
	private setback:
		{ readonly error: unknown; readonly at: number; readonly waitMs: number } | undefined;
	private isSuspect = false;
	private recheckedAt: number | undefined;

	constructor(
		private readonly fetch: () => Promise<ServerMetadata>,
		private readonly now: () => number,
	) {}

	get isPending(): boolean {
		return this.pending !== undefined;
	}

	async get(): Promise<ServerMetadata> {
		const { document, setback } = this;
		const isWaiting = setback !== undefined && !this.hasPassed(setback.at, setback.waitMs);
		if (document === undefined) {
			if (isWaiting) throw setback.error;
			return await this.refresh();
		}
		if (this.isSuspect && (this.isPending || this.mayRecheck())) {
			this.recheckedAt = this.now();
			return await this.refresh().catch(() => document);
		}
		// Whoever has a document does not wait for a newer one.
		if (!isWaiting && this.hasPassed(this.fetchedAt, FRESH_MS)) {
			this.refresh().catch(() => undefined);
		}
		return document;
	}

	suspect(): void {
		this.isSuspect = true;
	}

	private mayRecheck(): boolean {
		return this.recheckedAt === undefined || this.hasPassed(this.recheckedAt, RECHECK_MS);
	}

	/** Also true if the clock was set back in between: otherwise the wait would last until it has caught up. */
	private hasPassed(since: number, milliseconds: number): boolean {
		const elapsed = this.now() - since;
		return elapsed < 0 || elapsed >= milliseconds;
	}

	private async refresh(): Promise<ServerMetadata> {
		this.pending ??= this.attempt().finally(() => {
			this.pending = undefined;
		});
		return await this.pending;
	}

	private async attempt(): Promise<ServerMetadata> {
		try {
			this.document = await this.fetch();
			this.fetchedAt = this.now();
			this.setback = undefined;
			this.isSuspect = false;
			return this.document;
		} catch (error) {
			// Without a document each connection reports the failure and waits by itself: here it only keeps them from asking all at once.
			const doubled =
				this.document === undefined || this.setback === undefined
					? FIRST_RETRY_MS
					: this.setback.waitMs * 2;
			const waitMs = Math.min(doubled, LONGEST_RETRY_MS);
			this.setback = { error, at: this.now(), waitMs };
			throw error;
		}
	}
}

/**
 * The metadata of authorization servers (OpenID Connect Discovery 1.0, RFC 8414): one document per issuer, whichever connection asks.
 *
 * A document is kept for an hour. After that it still serves, while a newer one is fetched in the background; if that fails, it stays in
 * use and the next attempt waits: 1 s, doubled each time, at most 5 minutes.
 */
export class Discovery {
	private readonly documents = new RecentlyUsed<IssuerDocument>(
		LIMIT,
		({ isPending }) => isPending,
	);

	constructor(private readonly options: ExchangeOptions) {}

	/**
	 * The issuer's document. It holds only addresses that secrets may be sent to: https, or http to this machine itself if the issuer is
	 * there as well; others are left out as if it did not name them.
	 *
	 * @throws ConfigurationError, ProviderError only if no document of it is known yet; the failure is repeated for 1 s without a request
	 */
	async metadata(issuer: string): Promise<ServerMetadata> {
		return await this.documentOf(issuer).get();
	}

	/** Says that an address in the issuer's document is wrong: the next {@link metadata} fetches it first, at most once a minute. */
	invalidate(issuer: string): void {
		this.documentOf(issuer).suspect();
	}

	private documentOf(issuer: string): IssuerDocument {
		const url = new URL(issuer);
		return this.documents.get(
			url.href,
			() => new IssuerDocument(async () => await discover(url, this.options), this.options.now),
		);
	}
}
