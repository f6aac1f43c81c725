import type { IncomingHttpHeaders } from 'node:http';

import { listenOnLoopback, type LoopbackServer } from './loopback';

/** One request as it came. */
export interface ScriptedRequest {
	/** `POST /token`, with the query. */
	readonly line: string;
	readonly headers: IncomingHttpHeaders;
	readonly body: string;
}

type Body = string | Buffer | object;
type Headers = Record<string, string> | readonly string[];
type Act = { status: number; body: Body; headers: Headers } | 'cut' | 'hold';

/** The answers to requests of one line, in order. */
interface Plan {
	/** An object is sent as JSON. */
	reply(status: number, body?: Body, headers?: Headers): Plan;
	/** The connection is cut in place of an answer. */
	cut(): Plan;
	/** There is no answer. */
	hold(): Plan;
}

/** A real server that answers what a test has planned, each answer once; everything else with 418. */
export class ScriptedServer {
	readonly requests: ScriptedRequest[] = [];
	private readonly plans = new Map<string, Act[]>();

	private constructor(private readonly server: LoopbackServer) {
		server.serve((request, response) => {
			const { method = '', url = '', headers } = request;
			const line = `${method} ${url}`;
			const chunks: Buffer[] = [];
			request.on('data', (chunk: Buffer) => chunks.push(chunk));
			request.on('end', () => {
				this.requests.push({ line, headers, body: Buffer.concat(chunks).toString() });
				const act = this.plans.get(line)?.shift() ?? { status: 418, body: '', headers: [] };
				if (act === 'hold') return;
				if (act === 'cut') {
					request.socket.destroy();
					return;
				}
				const isText = typeof act.body === 'string' || Buffer.isBuffer(act.body);
				if (!isText) response.setHeader('content-type', 'application/json');
				response.writeHead(act.status, act.headers as Record<string, string>);
				response.end(isText ? act.body : JSON.stringify(act.body));
			});
		});
	}

	static async start(): Promise<ScriptedServer> {
		return new ScriptedServer(await listenOnLoopback());
	}

	/** `http://127.0.0.1:PORT` */
	get origin(): string {
		return this.server.origin;
	}

	/** Plans the next answers to requests of this line, such as `POST /token`. */
	on(line: string): Plan {
		const acts = this.plans.get(line) ?? [];
		this.plans.set(line, acts);
		const plan = (act: Act): Plan => {
			acts.push(act);
			return next;
		};
		const next: Plan = {
			reply: (status, body = '', headers = {}) => plan({ status, body, headers }),
			cut: () => plan('cut'),
			hold: () => plan('hold'),
		};
		return next;
	}

	/** The form that the last request brought. */
	get form(): Record<string, string> {
		return Object.fromEntries(new URLSearchParams(this.requests.at(-1)?.body));
	}

	/** Forgets everything, and says which answers nobody has asked for. */
	reset(): string[] {
		const unused = [...this.plans].filter(([, acts]) => acts.length > 0).map(([line]) => line);
		this.plans.clear();
		this.requests.length = 0;
		return unused;
	}

	async close(): Promise<void> {
		await this.server.close();
	}
}
