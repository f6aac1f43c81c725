import type { KoaContextWithOIDC } from 'oidc-provider' with { 'resolution-mode': 'import' };

export interface TokenAnswer {
	status: number;
	headers?: Record<string, string>;
	/** An object is sent as JSON; a string as it is, by default as `text/html`. */
	body: Record<string, unknown> | string;
}

/** What goes wrong at the token endpoint. The parts can be combined. */
export interface TokenFault {
	/** How many token requests it befalls; 1 unless told, `Infinity` for all. */
	requests?: number;
	/** Holds the request back first: milliseconds, or until the promise resolves. */
	wait?: number | Promise<unknown>;
	/** Called when the provider has acted: tokens are issued, a refresh token is rotated. Holds the answer back until the promise resolves. */
	holdAnswer?: () => Promise<unknown>;
	/** Sent in place of an answer of the provider, which never hears of the request. */
	instead?: TokenAnswer;
	/** Changes the answer after the provider acted: tokens are issued, a refresh token is rotated. */
	alter?: (answer: TokenAnswer) => TokenAnswer;
	/** The provider acts, and then the connection is cut. */
	loseAnswer?: boolean;
}

export interface TokenRequest {
	/** The `grant_type` that was asked for, empty where there was none. */
	readonly grant: string;
	/** `ok`; the OAuth `error`; `instead STATUS` or `lost` where a fault befell it. */
	readonly result: string;
	/** The refresh token that was sent, so that a test can follow a rotation. */
	readonly refreshToken: string | undefined;
	/** Milliseconds since the epoch, when the request arrived. */
	readonly receivedAt: number;
}

type Params = Record<string, unknown>;

function text(value: unknown): string | undefined {
	return typeof value === 'string' ? value : undefined;
}

/** Records every token request and lets faults befall it, in front of the provider. */
export class TokenEndpoint {
	readonly requests: TokenRequest[] = [];
	/** The only tokens the store does not see: they are signed, not kept. */
	readonly idTokens: string[] = [];
	#faults: TokenFault[] = [];
	#turn: Promise<unknown> = Promise.resolve();
	readonly #now: () => number;

	/** @param now milliseconds since the epoch */
	constructor(now: () => number) {
		this.#now = now;
	}

	/** Queues a fault: the first one queued befalls the next request. */
	inject(fault: TokenFault): void {
		this.#faults.push({ requests: 1, ...fault });
	}

	/** Forgets the faults that have not befallen a request yet. */
	clearFaults(): void {
		this.#faults = [];
	}

	/** A Koa middleware for the token endpoint's path. */
	async handle(ctx: KoaContextWithOIDC, next: () => Promise<void>): Promise<void> {
		const receivedAt = this.#now();
		const fault = this.#nextFault();
		const { wait } = fault;
		if (typeof wait === 'number') await new Promise((resolve) => setTimeout(resolve, wait));
		else await wait;

		if (fault.instead) {
			const params = Object.fromEntries(new URLSearchParams(await readBody(ctx)));
			this.#record(params, { result: `instead ${fault.instead.status}`, receivedAt });
			send(ctx, fault.instead);
			return;
		}

		await this.#inTurn(next);
		await fault.holdAnswer?.();
		const params: Params = ctx.oidc.params ?? {};
		const answer = { status: ctx.status, body: ctx.body as Record<string, unknown> };
		const result = text(answer.body['error']) ?? 'ok';
		this.#record(params, { result: fault.loseAnswer ? 'lost' : result, receivedAt });
		const idToken = text(answer.body['id_token']);
		if (idToken !== undefined) this.idTokens.push(idToken);
		if (fault.alter) send(ctx, fault.alter(answer));
		if (fault.loseAnswer) {
			ctx.respond = false;
			ctx.req.socket.destroy();
		}
	}

	/** One at a time: `oidc-provider` reads and consumes a refresh token in two steps, and reuse has to be noticed every time. */
	async #inTurn(act: () => Promise<void>): Promise<void> {
		const turn = this.#turn.then(act);
		this.#turn = turn.catch(() => undefined);
		await turn;
	}

	#nextFault(): TokenFault {
		const [fault] = this.#faults;
		if (!fault) return {};
		fault.requests = (fault.requests ?? 1) - 1;
		if (fault.requests <= 0) this.#faults.shift();
		return fault;
	}

	#record(params: Params, rest: Pick<TokenRequest, 'result' | 'receivedAt'>): void {
		this.requests.push({
			grant: text(params['grant_type']) ?? '',
			refreshToken: text(params['refresh_token']),
			...rest,
		});
	}
}

function send(ctx: KoaContextWithOIDC, answer: TokenAnswer): void {
	ctx.status = answer.status;
	ctx.type = typeof answer.body === 'string' ? 'text/html' : 'application/json';
	ctx.set(answer.headers ?? {});
	ctx.body = answer.body;
}

async function readBody(ctx: KoaContextWithOIDC): Promise<string> {
	const chunks: Buffer[] = [];
	for await (const chunk of ctx.req) chunks.push(chunk as Buffer);
	return Buffer.concat(chunks).toString();
}
