import { OperationalError, type IDataObject, type IExecuteFunctions } from 'n8n-workflow';

import {
	addressWith,
	drain,
	isExpired,
	LONGEST_JUDGED,
	mayReceiveToken,
	needsBody,
	ownParameter,
	Redactor,
	VaultedOAuth2Error,
	withParameter,
	type ApiAuthorization,
	type TokenSet,
} from '../../src';
import type { Item } from './actions/operation';
import type { ItemConnection } from './connection';
import { assertDomainAllowed } from './credential';
import { exchangeError } from './errors';
import { peek } from './peek';
import { withQuery, type QueryArrays } from './query';
import { nextHop, type Hop } from './redirects';
import { assertSendable } from './requestHeaders';
import { summaryOf } from './summary';

/** A request to the API, without its token. */
export interface ApiCall extends Omit<Hop, 'withToken'> {
	readonly queryArrays: QueryArrays;
	/** Milliseconds until the answer has to begin. */
	readonly timeoutMs: number;
	/** 0: a redirect is the answer. */
	readonly maxRedirects: number;
}

/** A body as it arrives, or read. */
export type Body = Parameters<IExecuteFunctions['helpers']['binaryToBuffer']>[0];

/** The API's answer, whatever its status. */
export interface ApiAnswer {
	readonly status: number;
	readonly statusText: string;
	/** Lower-case names. */
	readonly headers: IDataObject;
	/** Names and values in turn, as the API sent them. */
	readonly rawHeaders: readonly string[];
	readonly body: Body;
	/** Where the answer came from. */
	readonly url: URL;
	/** Keeps the tokens that were sent out of what the API says. */
	readonly redactor: Redactor;
	/** Why a token that was refused could not be replaced. */
	readonly hint?: string | undefined;
}

type Answer = Pick<ApiAnswer, 'status' | 'statusText' | 'headers' | 'rawHeaders' | 'body'>;

/** Reads a body to its end. @throws NodeApiError where the connection breaks */
export async function readBody(
	{ node, itemIndex }: Item,
	{ body, redactor }: Pick<ApiAnswer, 'body' | 'redactor'>,
): Promise<Buffer> {
	if (Buffer.isBuffer(body)) return body;
	const chunks: Buffer[] = [];
	try {
		for await (const chunk of body as AsyncIterable<Buffer>) chunks.push(chunk);
		return Buffer.concat(chunks);
	} catch (error) {
		throw exchangeError(node.getNode(), error, { itemIndex, redactor });
	}
}

/** Gives up a body that nobody reads: it would keep its connection. */
export function discard(body: Body): void {
	if (!Buffer.isBuffer(body)) drain(body);
}

const redactors = new WeakMap<readonly string[], Redactor>();

/** Made once for a token, not for each item; with proofs of possession for each, since every request has another one. */
function redactorOf(sent: ReadonlySet<readonly string[]>): Redactor {
	const [first] = sent;
	const single = sent.size === 1 ? first : undefined;
	const known = single && redactors.get(single);
	if (known !== undefined) return known;
	const redactor = new Redactor([...sent].flat());
	if (single !== undefined) redactors.set(single, redactor);
	return redactor;
}

/** One from the store, and one from the provider. */
const MOST_REPLACEMENTS = 2;

/** One call of the API: its redirects, and its further tries if the token was refused. */
class Exchange {
	/** The secrets of everything that authorized a request. */
	private readonly sent = new Set<readonly string[]>();
	private replacements = 0;
	private hint: string | undefined;

	constructor(
		private readonly item: Item,
		private readonly connection: ItemConnection,
		private readonly call: ApiCall,
	) {}

	async run(): Promise<ApiAnswer> {
		return await this.follow().catch((error: unknown) => {
			if (!(error instanceof OperationalError)) throw error;
			const { node, itemIndex } = this.item;
			throw exchangeError(node.getNode(), error, { itemIndex, redactor: this.redactor });
		});
	}

	private async follow(): Promise<ApiAnswer> {
		const { maxRedirects, url } = this.call;
		let hop: Hop = { ...this.call, withToken: this.mayReceiveToken(url) };
		for (let redirects = 0; ; redirects += 1) {
			const answer = await this.step(hop);
			const { status, headers, body } = answer;
			const next =
				maxRedirects > 0
					? nextHop(hop, { status, location: headers['location'] }, (target) =>
							this.mayReceiveToken(target),
						)
					: undefined;
			if (next === undefined) {
				return { ...answer, url: hop.url, redactor: this.redactor, hint: this.hint };
			}
			discard(body);
			if (redirects >= maxRedirects)
				throw new OperationalError(`The API redirects more than ${maxRedirects} times`);
			hop = { ...next, url: this.withoutToken(next.url) };
		}
	}

	private get redactor(): Redactor {
		return redactorOf(this.sent);
	}

	/** The API may have put the token into the address it redirects to. It is set again where it belongs. */
	private withoutToken(url: URL): URL {
		const parameter = ownParameter(this.connection.connection);
		return parameter === undefined ? url : new URL(withParameter(url.href, parameter));
	}

	private mayReceiveToken(url: URL): boolean {
		return mayReceiveToken(this.connection.connection, url);
	}

	/**
	 * Sends one hop. A token that the API calls expired (RFC 6750 §3.1, or as the credential says) is replaced and the hop sent again, in the
	 * whole call twice at most: another process's token may have been refused as well.
	 */
	private async step(hop: Hop): Promise<Answer> {
		if (!hop.withToken) return await this.send(hop);
		let token = await this.connection.tokens.get();
		for (;;) {
			const { answer: sent, wantsNonce } = await this.sendWithNonce(hop, token);
			if (wantsNonce) return sent;
			const { answer, isRefused } = await this.judge(sent);
			if (!isRefused) this.connection.tokens.accepted(hop.url.pathname);
			if (!isRefused || this.replacements === MOST_REPLACEMENTS) return answer;
			this.replacements += 1;
			const body = await readBody(this.item, { body: answer.body, redactor: this.redactor });
			const replacement = await this.replace(token, hop.url.pathname);
			if (replacement === undefined) return { ...answer, body };
			summaryOf(this.item.node).refreshes += 1;
			token = replacement;
		}
	}

	/** An API that wants its nonce in the proof has not looked at the token (RFC 9449 §9): it gets the same request once more. */
	private async sendWithNonce(
		hop: Hop,
		token: TokenSet,
	): Promise<{ answer: Answer; wantsNonce: boolean }> {
		for (let isRepeated = false; ; isRepeated = true) {
			const answer = await this.send(hop, token);
			const wantsNonce = this.connection.wantsNonce(token, hop.url, answer);
			if (!wantsNonce || isRepeated) return { answer, wantsNonce };
			discard(answer.body);
		}
	}

	/** Whether the API calls the token expired. The answer can still be read whole. */
	private async judge(answer: Answer): Promise<{ answer: Answer; isRefused: boolean }> {
		const { expiry } = this.connection.connection;
		const { status, headers } = answer;
		if (!needsBody(expiry, { status, headers }))
			return { answer, isRefused: isExpired(expiry, { status, headers }) };
		const { content, body } = await peek(answer.body, LONGEST_JUDGED);
		const isRefused = isExpired(expiry, { status, headers, body: content?.toString() });
		return { answer: { ...answer, body }, isRefused };
	}

	/** Another token than the one that was refused. Where it cannot be had at present, the API's own refusal is what is shown. */
	private async replace(
		{ accessToken }: TokenSet,
		endpoint: string,
	): Promise<TokenSet | undefined> {
		const { tokens } = this.connection;
		return await tokens.replaceRefused(accessToken, endpoint).catch((error: unknown) => {
			if (!(error instanceof VaultedOAuth2Error && error.temporary)) throw error;
			this.hint = `The token was refused, and a new one cannot be had now: ${error.message}`;
			return undefined;
		});
	}

	private async authorize(hop: Hop, token: TokenSet): Promise<ApiAuthorization> {
		const authorization = await this.connection.authorize(token, hop);
		this.sent.add(authorization.secrets);
		return authorization;
	}

	private async send(hop: Hop, token?: TokenSet): Promise<Answer> {
		const { node, itemIndex } = this.item;
		assertDomainAllowed(node.getNode(), this.connection.allowedDomains, hop.url);
		assertSendable(this.item, hop.headers);
		const authorization = token && (await this.authorize(hop, token));
		const { query = {}, body, method } = hop;
		const asked = withQuery(hop.url, query, this.call.queryArrays);
		const url = authorization === undefined ? asked : new URL(addressWith(authorization, asked));
		try {
			return await this.connection.open(url, {
				method,
				headers: { ...hop.headers, ...authorization?.headers },
				body,
				headersTimeoutMs: this.call.timeoutMs,
				signal: node.getExecutionCancelSignal(),
			});
		} catch (error) {
			throw exchangeError(node.getNode(), error, { itemIndex, redactor: this.redactor });
		}
	}
}

/**
 * Calls the API with the connection's token: the only door of this node to the network, besides sealing.
 *
 * @throws VaultedOAuth2Error where there is no token to be had
 * @throws NodeApiError where no answer came
 */
export async function callApi(
	item: Item,
	connection: ItemConnection,
	call: ApiCall,
): Promise<ApiAnswer> {
	return await new Exchange(item, connection, call).run();
}
