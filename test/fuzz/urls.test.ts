import assert from 'node:assert/strict';
import { urlToHttpOptions } from 'node:url';
import fc from 'fast-check';
import { Dispatcher, request } from 'undici';

import { mayReceiveToken, resolveApiUrl, type ApiTarget } from '../../src/config/apiUrl';
import { isSecureUrl } from '../../src/config/secureUrl';
import { costOf, LONGEST_MS } from '../support/costOf';
import { ConfigurationError } from '../../src/errors';

/** The same in every run, so that it fails for a change and not by chance; `FUZZ_SEED=…` looks elsewhere. */
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_260_101);
const RUNS = 20_000;
/** Each costs a request's preparation. */
const RUNS_WITH_CLIENT = 1000;
/** Characters. */
const LONG = 16_000;

const TARGETS: ApiTarget[] = [
	'https://api.example.com/v1',
	'https://api.example.com',
	'https://api.example.com:8443/a/b',
	'http://127.0.0.1:8080/v1',
	'https://[2001:db8::1]/v1',
].map((apiBaseUrl) => ({
	apiBaseUrl,
	apiOrigins: [new URL(apiBaseUrl).origin, 'https://files.example.com'],
}));

/** What paths, addresses and attacks on both are made of. */
const PIECES = [
	...[
		'/',
		'//',
		'\\',
		'.',
		'..',
		'...',
		'?',
		'#',
		'@',
		':',
		';',
		'%',
		'&',
		'=',
		'*',
		'|',
		'[',
		']',
	],
	...[
		'%2e',
		'%2E',
		'%2f',
		'%5c',
		'%3b',
		'%25',
		'%00',
		'%252e',
		'%252f',
		'%c0%ae',
		'%zz',
		'2e',
		'2f',
	],
	...[
		'http:',
		'https:',
		'HTTPS://',
		'https://',
		'http://',
		'blob:',
		'javascript:',
		'data:',
		'file:',
	],
	...['api.example.com', 'API.example.com', 'files.example.com', 'evil.example', '[2001:db8::1]'],
	...['127.0.0.1', '2130706433', 'localhost', '.localhost', ':443', ':8443', ':8080', 'user:pw@'],
	...['v1', 'V1', 'v10', 'a/b', 'a', 'b', 'me', '/v1/', '/a/b/', 'x=1', '../v1'],
	...['\t', '\n', '\r', ' ', '\u0000', '\u007f', '\u00a0', '\u2028', '\ufeff', '\u00ad', '\u200b'],
	...['／', '．', '。', '＠', '：', '％', 'ⓐ', 'ß', 'é', 'א', '\ud800', '\udc00', '💥'],
];
const text = fc.oneof(
	{ weight: 6, arbitrary: fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }) },
	{
		weight: 1,
		arbitrary: fc.array(fc.string({ unit: 'binary', maxLength: 6 }), { maxLength: 4 }),
	},
	{ weight: 1, arbitrary: fc.webUrl({ withQueryParameters: true }).map((url) => [url]) },
);
const path = text.map((pieces) => pieces.join(''));
/** Mostly something that gets through the first check. */
const probable = fc
	.tuple(
		fc.constantFrom(
			...['', '', '/', 'https://api.example.com/v1/', 'https://files.example.com/', '//', 'blob:'],
			...['https://api.example.com:8443/a/b/', 'http://127.0.0.1:8080/v1/', 'https://user@'],
		),
		path,
	)
	.map((parts) => parts.join(''));
const target = fc.constantFrom(...TARGETS);

// In the properties, node:assert: an `expect` costs more than what is tested.

function resolved(from: ApiTarget, input: string): URL | undefined {
	try {
		return resolveApiUrl(from, input, 'Path');
	} catch (error) {
		assert(error instanceof ConfigurationError);
		assert.equal(error.code, 'ADDRESS_NOT_ALLOWED');
		assert.equal(error.field, 'Path');
		return undefined;
	}
}

/** Scheme and host with port, read without any parser of addresses. */
function siteOf(href: string): string {
	return /^[^/]*\/\/[^/?#]*/.exec(href)?.[0] ?? href;
}

/** The path as a careless server reads it, after its decoding and "..". */
function carelessly(rawPath: string): string {
	const lenient = rawPath.replace(/%(2e|2f|5c|3b|25)/gi, (code) => decodeURIComponent(code));
	const kept: string[] = [];
	for (const segment of lenient.split(/[/\\]/).map((each) => each.split(';', 1)[0] ?? '')) {
		if (segment === '..') kept.pop();
		else if (segment !== '' && segment !== '.') kept.push(segment);
	}
	return `/${kept.join('/')}/`;
}

function assertInside({ apiBaseUrl, apiOrigins }: ApiTarget, href: string, sentPath: string): void {
	assert(apiOrigins.includes(siteOf(href)));
	if (siteOf(href) !== siteOf(apiBaseUrl)) return;
	const directory = `${new URL(apiBaseUrl).pathname.replace(/\/$/, '')}/`;
	const [pathOnly = ''] = sentPath.split('?');
	for (const read of [pathOnly, carelessly(pathOnly), carelessly(carelessly(pathOnly))]) {
		assert(`${read}/`.startsWith(directory), read);
	}
}

const check = (property: fc.IRawProperty<unknown>, numRuns = RUNS): void =>
	fc.assert(property as fc.IProperty<unknown>, { seed: SEED, numRuns });

it('resolves nothing outside the base path and the additional origins, as parsers and Node see it', () => {
	let inside = 0;
	check(
		fc.property(target, probable, (from, input) => {
			const url = resolved(from, input);
			if (url === undefined) return;
			inside += 1;
			assert.equal(new URL(url.href).href, url.href);
			assert(!/[\s\\]/.test(url.href));
			const { protocol, hostname, port, path: sentPath, auth } = urlToHttpOptions(url);
			const bracketed = String(hostname).includes(':') ? `[${String(hostname)}]` : String(hostname);
			const site = `${String(protocol)}//${bracketed}${port ? `:${String(port)}` : ''}`;
			assert.equal(siteOf(url.href), site);
			assert.equal(auth, undefined);
			assertInside(from, url.href, String(sentPath));
			assert(mayReceiveToken(from, url));
		}),
	);
	// Otherwise it would say little.
	expect(inside).toBeGreaterThan(RUNS / 10);
});

it('is sent by the HTTP client to the host and path that were checked', async () => {
	class Seen extends Error {
		constructor(readonly options: Dispatcher.DispatchOptions) {
			super('Not sent');
		}
	}
	class Looking extends Dispatcher {
		override dispatch(options: Dispatcher.DispatchOptions): never {
			throw new Seen(options);
		}
	}
	const dispatcher = new Looking();
	await fc.assert(
		fc.asyncProperty(target, probable, async (from, input) => {
			const url = resolved(from, input);
			if (url === undefined) return;
			const failure: unknown = await request(url.href, { dispatcher }).catch(
				(error: unknown) => error,
			);
			const { options } = failure as Seen;
			assert.equal(new URL(String(options.origin)).host, url.host);
			assert.equal(options.path, url.pathname + url.search);
		}),
		{ seed: SEED, numRuns: RUNS_WITH_CLIENT },
	);
});

it('lets the token go to web addresses of the origins only, whatever else has such an origin', () => {
	check(
		fc.property(target, probable, (from, input) => {
			if (!URL.canParse(input)) return;
			const url = new URL(input);
			assert(!mayReceiveToken(from, url) || from.apiOrigins.includes(siteOf(url.href)));
		}),
	);
});

it('calls an address secure only if it is https, or http to this machine, with one plain host', () => {
	let secure = 0;
	check(
		fc.property(fc.oneof(probable, path), (input) => {
			if (!isSecureUrl(input)) return;
			secure += 1;
			assert.match(
				siteOf(new URL(input).href),
				/^(https:\/\/([a-z\d_.-]+|\[[\da-f:]+\])|http:\/\/(localhost|[a-z\d_.-]+\.localhost|127(\.\d+){3}|\[::1\]))(:\d+)?$/,
			);
			assert(!/[\s\\]/.test(input));
		}),
	);
	expect(secure).toBeGreaterThan(RUNS / 20);
});

it.each(PIECES)('decides on a long text of %j at once', async (piece) => {
	const long = piece.repeat(LONG / piece.length);
	for (const input of [
		long,
		`/${long}`,
		`https://api.example.com/v1/${long}`,
		`https://${long}/`,
	]) {
		for (const from of TARGETS.slice(0, 2)) {
			const cost = await costOf(() => [resolved(from, input), isSecureUrl(input)]);
			expect(cost).toBeLessThan(LONGEST_MS);
		}
	}
});
