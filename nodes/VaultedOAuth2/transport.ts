import {
	OperationalError,
	type IDataObject,
	type IExecuteFunctions,
	type IHttpRequestMethods,
	type IHttpRequestOptions,
	type IN8nHttpFullResponse,
} from 'n8n-workflow';

import { mayReceiveToken, VaultedOAuth2Error, type TokenSet } from '../../src';
import type { Item } from './actions/operation';
import type { ItemConnection } from './connection';
import { assertDomainAllowed } from './credential';
import { exchangeError } from './errors';
import { nextHop, type Hop } from './redirects';

/** A request to the API, without its token. */
export interface ApiCall extends Omit<Hop, 'withToken'> {
	/** How lists are written in the query: `a=1&a=2`, `a[]=1&a[]=2` or `a[0]=1&a[1]=2`. */
	readonly queryArrays: 'repeat' | 'brackets' | 'indices';
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
	readonly body: Body;
	/** Where the answer came from. */
	readonly url: URL;
	/** The tokens that were sent, to keep them out of what the API says. */
	readonly secrets: readonly string[];
	/** Why a token that was refused could not be replaced. */
	readonly hint?: string | undefined;
}

type Answer = IN8nHttpFullResponse & { body: Body };

/** Reads a body to its end. @throws NodeApiError where the connection breaks */
export async function readBody(
	{ node, itemIndex }: Item,
	{ body, secrets }: Pick<ApiAnswer, 'body' | 'secrets'>,
): Promise<Buffer> {
	try {
		return await node.helpers.binaryToBuffer(body);
	} catch (error) {
		throw exchangeError(node.getNode(), error, { itemIndex, secrets });
	}
}

/** Gives up a body that nobody reads: it would keep its connection. */
export function discard(body: Body): void {
	if (!Buffer.isBuffer(body)) body.destroy();
}

/** One from the store, and one from the provider. */
const MOST_REPLACEMENTS = 2;

/** One call of the API: its redirects, and its further tries if the token was refused. */
class Exchange {
	private readonly secrets: string[] = [];
	private replacements = 0;
	private hint: string | undefined;

	constructor(
		private readonly item: Item,
		private readonly connection: ItemConnection,
		private readonly call: ApiCall,
	) {}

	async run(): Promise<ApiAnswer> {
		const { maxRedirects, url } = this.call;
		let hop: Hop = { ...this.call, withToken: this.mayReceiveToken(url) };
		for (let redirects = 0; ; redirects += 1) {
			const {
				statusCode: status,
				statusMessage: statusText = '',
				headers,
				body,
			} = await this.step(hop);
			const next =
				maxRedirects > 0
					? nextHop(hop, { status, location: headers['location'] }, (target) =>
							this.mayReceiveToken(target),
						)
					: undefined;
			if (next === undefined) {
				return {
					status,
					statusText,
					headers,
					body,
					url: hop.url,
					secrets: this.secrets,
					hint: this.hint,
				};
			}
			discard(body);
			if (redirects >= maxRedirects)
				throw new OperationalError(`The API redirects more than ${maxRedirects} times`);
			hop = next;
		}
	}

	private mayReceiveToken(url: URL): boolean {
		return mayReceiveToken(this.connection.connection, url);
	}

	/**
	 * Sends one hop. A token refused with 401 (RFC 6750 §3.1) is replaced and the hop sent again, in the whole call twice at most: another
	 * process's token may have been refused as well.
	 */
	private async step(hop: Hop): Promise<Answer> {
		if (!hop.withToken) return await this.send(hop);
		let { accessToken } = await this.connection.tokens.get();
		for (;;) {
			const answer = await this.send(hop, accessToken);
			if (this.isAccepted(hop, answer) || this.replacements === MOST_REPLACEMENTS) return answer;
			this.replacements += 1;
			const body = await readBody(this.item, { body: answer.body, secrets: this.secrets });
			const replacement = await this.replace(accessToken, hop.url.pathname);
			if (replacement === undefined) return { ...answer, body };
			({ accessToken } = replacement);
		}
	}

	/** Anything but 401 says that the API knows the token. */
	private isAccepted({ url }: Hop, { statusCode }: Answer): boolean {
		if (statusCode === 401) return false;
		this.connection.tokens.accepted(url.pathname);
		return true;
	}

	/** Another token than the one that was refused. Where it cannot be had at present, the API's own refusal is what is shown. */
	private async replace(accessToken: string, endpoint: string): Promise<TokenSet | undefined> {
		const { tokens } = this.connection;
		return await tokens.replaceRefused(accessToken, endpoint).catch((error: unknown) => {
			if (!(error instanceof VaultedOAuth2Error && error.temporary)) throw error;
			this.hint = `The token was refused, and a new one cannot be had now: ${error.message}`;
			return undefined;
		});
	}

	private async send(hop: Hop, accessToken?: string): Promise<Answer> {
		const { node, itemIndex } = this.item;
		assertDomainAllowed(node.getNode(), this.connection.allowedDomains, hop.url);
		if (accessToken !== undefined && !this.secrets.includes(accessToken))
			this.secrets.push(accessToken);
		const abortSignal = node.getExecutionCancelSignal();
		const request: IHttpRequestOptions = {
			// n8n's type leaves OPTIONS out, its request function does not.
			method: hop.method as IHttpRequestMethods,
			url: hop.url.href,
			headers: {
				...hop.headers,
				...(accessToken === undefined ? {} : { Authorization: `Bearer ${accessToken}` }),
			},
			...(hop.query === undefined ? {} : { qs: hop.query, arrayFormat: this.call.queryArrays }),
			...(hop.body === undefined ? {} : { body: hop.body }),
			timeout: this.call.timeoutMs,
			encoding: 'stream',
			returnFullResponse: true,
			ignoreHttpStatusErrors: true,
			// The HTTP client would take the token along.
			disableFollowRedirect: true,
			...(abortSignal === undefined ? {} : { abortSignal }),
		};
		try {
			return (await node.helpers.httpRequest(request)) as Answer;
		} catch (error) {
			throw exchangeError(node.getNode(), error, { itemIndex, secrets: this.secrets });
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
