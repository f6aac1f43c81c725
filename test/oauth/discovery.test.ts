import { setImmediate as nextTurn } from 'node:timers/promises';

import type { Egress } from '../../src/http/egress';
import { createEgress } from '../../src/http/createEgress';
import {
	createAuthorizationServer,
	type AuthorizationServer,
} from '../../src/oauth/authorizationServer';
import type { Client } from '../../src/oauth/clientAuthentication';
import { Discovery } from '../../src/oauth/discovery';
import { startAuthorizationServer } from '../support/authorizationServer';
import { failureOf } from '../support/failureOf';
import { listenOnLoopback, type LoopbackServer } from '../support/loopback';

const NOW = Date.UTC(2026, 0, 1);
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const OPENID = '/.well-known/openid-configuration';
const client: Client = { clientId: 'c', clientSecret: 's', authentication: 'client_secret_post' };
const grant = { grantType: 'client_credentials', parameters: {} } as const;

let provider: LoopbackServer;
/** Status of the discovery document. */
let status: number;
/** Path of the token endpoint, in the document and in fact; every other path is answered with {@link elsewhere}. */
let described: string;
let actual: string;
let elsewhere: number;
/** Paths that were asked for, in order. */
let asked: string[];
/** Resolves once the document may be answered. */
let hold: Promise<unknown>;
let now: number;
let discovery: Discovery;
let exchanges: Promise<unknown>[];
let options: { egress: Egress; now: () => number };

beforeEach(async () => {
	[status, described, actual, asked, now, exchanges] = [200, '/token', '/token', [], NOW, []];
	elsewhere = 404;
	hold = Promise.resolve();
	provider = await listenOnLoopback();
	provider.serve((request, response) => {
		const path = request.url ?? '';
		asked.push(path);
		const json = (code: number, body: object): unknown =>
			response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
		if (path === actual) return json(200, { access_token: 'at' });
		if (path !== OPENID) {
			if (elsewhere === 302) response.setHeader('location', provider.origin + actual);
			return json(elsewhere, {});
		}
		void hold.then(() =>
			json(status, { issuer: provider.origin, token_endpoint: provider.origin + described }),
		);
	});
	const egress = createEgress(undefined, {});
	options = {
		now: () => now,
		egress: {
			...egress,
			request(url, request) {
				const exchange = egress.request(url, request);
				exchanges.push(exchange);
				return exchange;
			},
		},
	};
	discovery = new Discovery(options);
});
afterEach(async () => {
	await provider.close();
});

const documents = (): number => asked.filter((path) => path === OPENID).length;
const endpoint = async (): Promise<string> => {
	const { token_endpoint = '' } = await discovery.metadata(provider.origin);
	return token_endpoint.slice(provider.origin.length);
};
const server = (): AuthorizationServer =>
	createAuthorizationServer({ issuer: provider.origin, discovery, ...options });

/** Until requests in the background have ended and their outcome is known. */
async function settled(): Promise<void> {
	for (let known = -1; known !== exchanges.length;) {
		known = exchanges.length;
		await Promise.allSettled(exchanges);
		for (let turn = 0; turn < 10; turn += 1) await nextTurn();
	}
}

/** Lets time pass, asks for the document, and says how many requests that took. */
async function after(milliseconds: number): Promise<number> {
	now += milliseconds;
	const before = documents();
	await discovery.metadata(provider.origin);
	await settled();
	return documents() - before;
}

it('fetches one document for all connections of an issuer, however they spell it', async () => {
	const servers = [provider.origin, `${provider.origin}/`].flatMap((issuer) =>
		Array.from({ length: 50 }, () => createAuthorizationServer({ issuer, discovery, ...options })),
	);
	await Promise.all(servers.map(async (each) => await each.requestTokens(client, grant)));
	expect(asked).toEqual([OPENID, ...Array<string>(100).fill('/token')]);
});

it('keeps a document for an hour; an older one serves at once while it is refreshed', async () => {
	await expect(endpoint()).resolves.toBe('/token');
	described = '/moved';
	await expect(after(HOUR - 1)).resolves.toBe(0);

	let release = (): void => undefined;
	hold = new Promise<void>((resolve) => (release = resolve));
	now += 1;
	const served = await Promise.all([endpoint(), endpoint(), endpoint()]);
	expect(served).toEqual(['/token', '/token', '/token']);
	release();
	await settled();
	expect(documents()).toBe(2);
	await expect(endpoint()).resolves.toBe('/moved');
});

it('keeps the last document in use while discovery fails, and asks ever more rarely', async () => {
	await endpoint();
	status = 503;
	await expect(after(HOUR)).resolves.toBe(1);
	for (const seconds of [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]) {
		await expect(after(seconds * SECOND - 1)).resolves.toBe(0);
		await expect(after(1)).resolves.toBe(1);
	}
	await expect(endpoint()).resolves.toBe('/token');

	[status, described] = [200, '/moved'];
	await expect(after(5 * MINUTE)).resolves.toBe(1);
	await expect(endpoint()).resolves.toBe('/moved');
	status = 503;
	await expect(after(HOUR)).resolves.toBe(1);
	await expect(after(SECOND)).resolves.toBe(1);
});

it('keeps the document of a real provider that has gone', async () => {
	const real = await startAuthorizationServer({ clients: [] });
	try {
		await expect(discovery.metadata(real.issuer)).resolves.toMatchObject({ issuer: real.issuer });
	} finally {
		await real.close();
	}
	now += 2 * HOUR;
	for (let call = 0; call < 3; call += 1) {
		const { token_endpoint } = await discovery.metadata(real.issuer);
		expect(token_endpoint).toBe(real.tokenEndpoint);
		await settled();
	}
	expect(exchanges).toHaveLength(2);
});

it('reports a failure if there is no document yet, and remembers it for a second only', async () => {
	status = 503;
	const storm = await Promise.all(Array.from({ length: 20 }, () => failureOf(endpoint())));
	expect(storm.map(({ code }) => code)).toEqual(Array<string>(20).fill('SERVER_ERROR'));
	now += SECOND - 1;
	await expect(failureOf(endpoint())).resolves.toMatchObject({ failureClass: 'provider' });
	expect(documents()).toBe(1);

	for (let second = 0; second < 5; second += 1) {
		now += SECOND;
		await failureOf(endpoint());
	}
	expect(documents()).toBe(6);
	[status, now] = [200, now + SECOND];
	await expect(endpoint()).resolves.toBe('/token');
});

it('is not frozen by a clock that is set back', async () => {
	await endpoint();
	described = '/moved';
	await expect(after(-48 * HOUR)).resolves.toBe(1);
	await expect(endpoint()).resolves.toBe('/moved');

	status = 503;
	await expect(after(HOUR)).resolves.toBe(1);
	await expect(after(-48 * HOUR)).resolves.toBe(1);
});

it('keeps at most a thousand documents, and those that were used last', async () => {
	const egress: Egress = {
		...options.egress,
		request: async (url) => {
			const issuer = new URL(url).origin;
			asked.push(issuer);
			return await Promise.resolve({ status: 200, headers: {}, body: JSON.stringify({ issuer }) });
		},
	};
	const many = new Discovery({ ...options, egress });
	const issuer = (index: number): string => `https://issuer-${String(index)}.example.com`;
	for (let index = 0; index < 1000; index += 1) await many.metadata(issuer(index));
	await many.metadata(issuer(0));
	await many.metadata(issuer(1000));
	expect(asked).toHaveLength(1001);
	await many.metadata(issuer(0));
	expect(asked).toHaveLength(1001);
	await many.metadata(issuer(1));
	expect(asked).toHaveLength(1002);
});

describe('a discovered token endpoint that is gone', () => {
	it.each([
		[404, 'ENDPOINT_NOT_FOUND'],
		[302, 'REDIRECTED'],
	])('is looked up again before the next request: %i', async (answer, code) => {
		const as = server();
		await as.requestTokens(client, grant);
		described = actual = '/moved';
		elsewhere = answer;
		await expect(failureOf(as.requestTokens(client, grant))).resolves.toMatchObject({ code });
		await Promise.all([as.requestTokens(client, grant), server().requestTokens(client, grant)]);
		expect(asked).toEqual([OPENID, '/token', '/token', OPENID, '/moved', '/moved']);
	});

	it('is looked up at most once a minute, and found once the document is corrected', async () => {
		const as = server();
		actual = '/moved';
		for (let call = 0; call < 10; call += 1) {
			await failureOf(as.requestTokens(client, grant));
			now += 5 * SECOND;
		}
		expect(documents()).toBe(2);
		described = '/moved';
		now += 15 * SECOND;
		await expect(as.requestTokens(client, grant)).resolves.toMatchObject({ accessToken: 'at' });
		expect(documents()).toBe(3);
	});

	it('stays in use while the document cannot be fetched', async () => {
		const as = server();
		await as.requestTokens(client, grant);
		[actual, status] = ['/elsewhere', 503];
		await failureOf(as.requestTokens(client, grant));
		await expect(failureOf(as.requestTokens(client, grant))).resolves.toMatchObject({
			code: 'ENDPOINT_NOT_FOUND',
		});
		actual = '/token';
		await expect(as.requestTokens(client, grant)).resolves.toMatchObject({ accessToken: 'at' });
	});

	it('is not looked up if it was typed into the form', async () => {
		const tokenEndpoint = `${provider.origin}/typed`;
		const issuer = provider.origin;
		const as = createAuthorizationServer({ issuer, tokenEndpoint, discovery, ...options });
		await endpoint();
		await failureOf(as.requestTokens(client, grant));
		await endpoint();
		expect(documents()).toBe(1);
	});
});
