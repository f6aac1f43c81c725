import type { IncomingMessage } from 'node:http';

import { listenOnLoopback } from '../support/loopback';
import { StrictRotation, type TokenAnswer } from './strictRotation';

/** An authorization server with one kind of client, on a loopback port. */
export interface StrictProvider extends Pick<StrictRotation, 'mint' | 'isLatest' | 'take'> {
	readonly tokenUrl: string;
	readonly rotation: StrictRotation;
	/** Milliseconds between a redemption and its answer. */
	delayMs: number;
	/** Answers wait for it; the refresh token is redeemed by then. */
	held: Promise<void> | undefined;
	/** Token requests that have arrived. */
	arrived: number;
	/** What it answers instead, if anything; `hang` is no answer at all. The refresh token is not looked at then. */
	instead: TokenAnswer | 'hang' | undefined;
	close(): Promise<void>;
}

/** A provider with strict rotation: a refresh token that comes twice revokes its whole family. */
export async function startStrictProvider(): Promise<StrictProvider> {
	const server = await listenOnLoopback();
	const rotation = new StrictRotation();
	const provider: StrictProvider = {
		tokenUrl: `${server.origin}/token`,
		rotation,
		delayMs: 0,
		held: undefined,
		arrived: 0,
		instead: undefined,
		mint: () => rotation.mint(),
		isLatest: (accessToken) => rotation.isLatest(accessToken),
		take: () => rotation.take(),
		close: () => server.close(),
	};

	server.serve((request, response) => {
		void readText(request).then(async (text) => {
			provider.arrived += 1;
			const answer = provider.instead ?? rotation.answer(new URLSearchParams(text));
			if (answer === 'hang') return;
			await provider.held;
			const { status, headers, body } = answer;
			setTimeout(() => {
				response.writeHead(status, { 'content-type': 'application/json', ...headers });
				response.end(typeof body === 'string' ? body : JSON.stringify(body));
			}, provider.delayMs);
		});
	});
	return provider;
}

async function readText(request: IncomingMessage): Promise<string> {
	const chunks: Buffer[] = [];
	for await (const chunk of request) chunks.push(chunk as Buffer);
	return Buffer.concat(chunks).toString();
}
