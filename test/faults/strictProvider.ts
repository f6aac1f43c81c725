import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

import { listenOnLoopback } from '../support/loopback';

/** All refresh tokens that came from one consent. */
interface Family {
	valid: string;
	isRevoked: boolean;
}

/** What happened at the token endpoint since the last look. */
export interface Tally {
	redeemed: number;
	/** A refresh token that had been redeemed before: it revoked its family. */
	reused: number;
	/** Any token of a revoked family, or one that was never issued. */
	refused: number;
}

/** An authorization server with one kind of client and strict rotation: a refresh token that comes twice revokes its whole family. */
export interface StrictProvider {
	readonly tokenUrl: string;
	/** Milliseconds between a redemption and its answer. */
	delayMs: number;
	/** A refresh token somebody has just consented to. */
	mint(): string;
	/** True where the access token is the last one that its family got. */
	isLatest(accessToken: string): boolean;
	/** The tally, which begins anew. */
	take(): Tally;
	close(): Promise<void>;
}

const NOTHING: Tally = { redeemed: 0, reused: 0, refused: 0 };

export async function startStrictProvider(): Promise<StrictProvider> {
	const server = await listenOnLoopback();
	const families = new Map<string, Family>();
	const latest = new Map<Family, string>();
	let tally = { ...NOTHING };

	function issue(family: Family): string {
		family.valid = `rt-${randomUUID()}`;
		families.set(family.valid, family);
		return family.valid;
	}

	/** The answer to a redemption, decided when it arrives. */
	function redeem(refreshToken: string): { status: number; body: object } {
		const family = families.get(refreshToken);
		if (family === undefined || family.isRevoked || family.valid !== refreshToken) {
			if (family !== undefined && !family.isRevoked) {
				tally.reused += 1;
				family.isRevoked = true;
			} else tally.refused += 1;
			return { status: 400, body: { error: 'invalid_grant' } };
		}
		tally.redeemed += 1;
		const accessToken = `at-${randomUUID()}`;
		latest.set(family, accessToken);
		return {
			status: 200,
			body: {
				access_token: accessToken,
				refresh_token: issue(family),
				token_type: 'Bearer',
				expires_in: 3600,
			},
		};
	}

	const provider: StrictProvider = {
		tokenUrl: `${server.origin}/token`,
		delayMs: 0,
		mint: () => issue({ valid: '', isRevoked: false }),
		isLatest: (accessToken) => [...latest.values()].includes(accessToken),
		take: () => {
			const taken = tally;
			tally = { ...NOTHING };
			return taken;
		},
		close: () => server.close(),
	};

	server.serve((request, response) => {
		void readText(request).then((text) => {
			const { status, body } = redeem(new URLSearchParams(text).get('refresh_token') ?? '');
			setTimeout(() => {
				response.writeHead(status, { 'content-type': 'application/json' });
				response.end(JSON.stringify(body));
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
