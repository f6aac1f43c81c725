import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { listenOnLoopback } from './loopback.ts';

export interface ApiRequest {
	readonly method: string;
	/** With the query string. */
	readonly path: string;
	/** Whether a bearer token came, and what became of it. The token itself is not kept. */
	readonly authorization: 'none' | 'accepted' | 'refused';
	readonly status: number;
}

export interface ApiAnswer {
	status: number;
	headers?: Record<string, string>;
	/** Bytes and text are sent as they are, anything else as JSON. */
	body?: unknown;
}

export interface SampleApiOptions {
	/** Whether a bearer token is good now. */
	isActive: (token: string) => boolean | Promise<boolean>;
	/** Any free one unless told. */
	port?: number;
}

export interface SampleApi {
	/** `http://127.0.0.1:PORT`, without a trailing slash. */
	readonly url: string;
	/** Every request that was answered, in order. */
	readonly requests: readonly ApiRequest[];
	countRequests(filter?: Partial<ApiRequest>): number;
	/** Answers the next requests (one, unless told) with this, whatever their token. */
	answerNext(answer: ApiAnswer, requests?: number): void;
	close(): Promise<void>;
}

interface Call {
	readonly method: string;
	readonly url: URL;
	readonly headers: IncomingMessage['headers'];
	readonly body: string;
}

type Route = (call: Call) => ApiAnswer | Promise<ApiAnswer>;

/** A transparent pixel. */
const PNG = Buffer.from(
	'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
	'base64',
);
const PAGES = 3;
const ITEMS_PER_PAGE = 2;

/** By first segment of the path. */
const ROUTES: Record<string, Route> = {
	me: () => ({ status: 200, body: { id: 'user-1', name: 'Test User' } }),

	echo: ({ method, url, headers, body }) => {
		const { authorization: _, ...rest } = headers;
		return {
			status: 200,
			body: { method, path: url.pathname, query: query(url), headers: rest, body },
		};
	},

	// ?retryAfter=2 adds the header.
	status: ({ url }) => {
		const status = Number(url.pathname.split('/')[2] ?? 200);
		const retryAfter = url.searchParams.get('retryAfter');
		return {
			status,
			headers: retryAfter === null ? {} : { 'retry-after': retryAfter },
			body: { status },
		};
	},

	redirect: ({ url }) => ({
		status: Number(url.searchParams.get('status') ?? 302),
		headers: { location: url.searchParams.get('to') ?? '/me' },
	}),

	file: () => ({
		status: 200,
		headers: {
			'content-type': 'image/png',
			'content-disposition': 'attachment; filename="pixel.png"',
		},
		body: PNG,
	}),

	text: () => ({
		status: 200,
		headers: { 'content-type': 'text/plain; charset=utf-8' },
		body: 'plain text ✓',
	}),

	slow: async ({ url }) => {
		const milliseconds = Number(url.searchParams.get('ms') ?? 100);
		await pause(milliseconds);
		return { status: 200, body: { waited: milliseconds } };
	},

	items: ({ url }) => {
		const page = Number(url.searchParams.get('page') ?? 1);
		const first = (page - 1) * ITEMS_PER_PAGE + 1;
		const items = Array.from({ length: page <= PAGES ? ITEMS_PER_PAGE : 0 }, (_, index) => ({
			id: first + index,
		}));
		const next = page < PAGES ? `${url.origin}/items?page=${page + 1}` : null;
		return {
			status: 200,
			headers: next === null ? {} : { link: `<${next}>; rel="next"` },
			body: { items, page, pages: PAGES, next },
		};
	},
};

function query(url: URL): Record<string, string | string[]> {
	const names = [...new Set(url.searchParams.keys())];
	return Object.fromEntries(
		names.map((name) => {
			const values = url.searchParams.getAll(name);
			return [name, values.length === 1 ? (values[0] ?? '') : values];
		}),
	);
}

async function readBody(request: IncomingMessage): Promise<string> {
	const chunks: Buffer[] = [];
	for await (const chunk of request) chunks.push(chunk as Buffer);
	return Buffer.concat(chunks).toString();
}

function send(response: ServerResponse, { status, headers = {}, body }: ApiAnswer): void {
	const asItIs = typeof body === 'string' || Buffer.isBuffer(body) || body === undefined;
	response.writeHead(status, {
		...(asItIs ? {} : { 'content-type': 'application/json' }),
		...headers,
	});
	response.end(asItIs ? body : JSON.stringify(body));
}

function refusal(tokenCame: boolean): ApiAnswer {
	const challenge = tokenCame
		? 'Bearer realm="sample", error="invalid_token"'
		: 'Bearer realm="sample"';
	return {
		status: 401,
		headers: { 'www-authenticate': challenge },
		body: { error: 'unauthorized' },
	};
}

/**
 * A small API on a loopback port that wants a good bearer token for everything (RFC 6750) and records who came with what:
 * `/me`, `/echo`, `/status/CODE`, `/redirect?to=&status=`, `/file`, `/text`, `/slow?ms=`, `/items?page=`.
 */
export async function startSampleApi(options: SampleApiOptions): Promise<SampleApi> {
	const requests: ApiRequest[] = [];
	const planned: ApiAnswer[] = [];

	async function authorize(header: string | undefined): Promise<ApiRequest['authorization']> {
		if (header === undefined) return 'none';
		const token = /^Bearer (\S+)$/i.exec(header)?.[1];
		return token !== undefined && (await options.isActive(token)) ? 'accepted' : 'refused';
	}

	async function answer(
		call: Call,
		authorization: ApiRequest['authorization'],
	): Promise<ApiAnswer> {
		const next = planned.shift();
		if (next) return next;
		if (authorization !== 'accepted') return refusal(authorization === 'refused');
		const route = ROUTES[call.url.pathname.split('/')[1] ?? ''];
		return route ? await route(call) : { status: 404, body: { error: 'not found' } };
	}

	async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const method = request.method ?? '';
		const path = request.url ?? '/';
		const { headers } = request;
		const url = new URL(`http://${headers.host}${path}`);
		const authorization = await authorize(headers.authorization);
		const result = await answer(
			{ method, url, headers, body: await readBody(request) },
			authorization,
		);
		requests.push({ method, path, authorization, status: result.status });
		send(response, result);
	}

	const server = await listenOnLoopback(options.port);
	server.serve((request, response) => {
		serve(request, response).catch((error: unknown) => {
			if (!response.headersSent) send(response, { status: 500, body: { error: String(error) } });
		});
	});

	return {
		url: server.origin,
		requests,
		countRequests: (filter = {}) =>
			requests.filter((request) =>
				Object.entries(filter).every(
					([name, value]) => request[name as keyof ApiRequest] === value,
				),
			).length,
		answerNext: (next, count = 1) => {
			for (let i = 0; i < count; i++) planned.push(next);
		},
		close: () => server.close(),
	};
}
