import type { Egress, EgressResponse } from '../../src/http/egress';
import {
	createAuthorizationServer,
	type AuthorizationServer,
} from '../../src/oauth/authorizationServer';
import { Discovery } from '../../src/oauth/discovery';

export const NOW = Date.UTC(2026, 0, 1);
export const ISSUER = 'https://login.example.com';
export const TOKEN_ENDPOINT = `${ISSUER}/token`;

/** A network of which every answer is made by the test. */
export class FakeNetwork {
	/** The addresses that were asked. */
	readonly asked: string[] = [];
	readonly egress: Egress;

	constructor(answer: (url: string) => EgressResponse) {
		this.egress = {
			request: async (url) => {
				this.asked.push(url);
				return answer(url);
			},
			// Nothing of an API or of AWS is used.
			open: async () => await Promise.reject(new Error('no API here')),
		};
	}

	/** A provider that is known by these addresses. */
	server(known: { issuer?: string; tokenEndpoint?: string }): AuthorizationServer {
		const options = { egress: this.egress, now: () => NOW };
		return createAuthorizationServer({ ...options, ...known, discovery: new Discovery(options) });
	}
}

/** A 200 with JSON in it. */
export function ok(json: unknown): EgressResponse {
	return {
		status: 200,
		headers: { 'content-type': 'application/json' },
		body: JSON.stringify(json),
	};
}
