import type { IDataObject, IExecuteFunctions, IHttpRequestOptions, IN8nHttpFullResponse } from 'n8n-workflow';

import { mayReceiveToken, ProviderError, SecretStoreError } from '../../src';
import type { Item } from './actions/operation';
import type { ItemConnection } from './connection';
import { exchangeError } from './errors';
import { nextHop, type Hop } from './redirects';

/** A request to the API, without its token. */
export interface ApiCall extends Omit<Hop, 'withToken'> {
	/** Of the first address; a redirect brings its own. */
	readonly query?: IDataObject;
	/** How lists are written in the query: `a=1&a=2`, `a[]=1&a[]=2` or `a[0]=1&a[1]=2`. */
	readonly queryArrays?: 'repeat' | 'brackets' | 'indices';
	/** Milliseconds until the answer has to begin. */
	readonly timeoutMs: number;
	/** 0: a redirect is the answer. */
	readonly maxRedirects: number;
}

/** A body as it arrives, or as it was read. */
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
	/** The tokens that were sent, so that they can be kept out of what the API says. */
	readonly secrets: readonly string[];
	/** Why a refused token could not be replaced. */
	readonly hint?: string;
}

type Answer = IN8nHttpFullResponse & { body: Body };

/** A body nobody reads would keep its connection open. */
function discard(body: Body): void {
	if (!Buffer.isBuffer(body)) body.destroy();
}

/** One call: its tokens, its redirects, its second try. */
class Exchange {
	readonly secrets: string[] = [];
	private hint: string | undefined;
	private healed = false;

	constructor(
		private readonly item: Item,
		private readonly connection: ItemConnection,
		private readonly call: ApiCall,
	) {}

	async run(): Promise<ApiAnswer> {
		const { url } = this.call;
		let hop: Hop = { ...this.call, withToken: mayReceiveToken(this.connection.connection, url) };
		for (let redirects = 0; ; redirects += 1) {
			const answer = await this.sendAndHeal(hop, redirects === 0);
			const { statusCode: status, statusMessage: statusText = '', headers, body } = answer;
			const next =
				this.call.maxRedirects === 0
					? undefined
					: nextHop(hop, { status, location: headers['location'] }, (target) =>
							mayReceiveToken(this.connection.connection, target),
						);
			if (next === undefined) {
				const hint = this.hint === undefined ? {} : { hint: this.hint };
				return { status, statusText, headers, body, url: hop.url, secrets: this.secrets, ...hint };
			}
			discard(body);
			if (redirects >= this.call.maxRedirects) {
				throw new Error(`The API redirects more than ${this.call.maxRedirects} times`);
			}
			hop = next;
		}
	}
}
