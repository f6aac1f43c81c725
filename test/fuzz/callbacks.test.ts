import fc from 'fast-check';

import { AuthorizationFlow, type Connected } from '../../src/authorization/authorizationFlow';
import { FlowKeys, type Ticket } from '../../src/authorization/ticket';
import { parseForm } from '../../src/config/parseForm';
import { createTokenRequest } from '../../src/oauth/tokenRequest';
import { sealedForOf } from '../../src/secrets/binding';
import { formatBundle } from '../../src/secrets/bundleFormat';
import { sha256 } from '../../src/secrets/pointer';
import { SealedBundle } from '../../src/secrets/sealedBundle';
import { systemClock } from '../../src/tokens/clock';
import { form } from '../config/fixtures';
import { MemoryStore } from '../support/memoryStore';
import { assertClassified, fuzz, type Outcome } from './fuzz';
import { FakeNetwork, ISSUER, NOW, ok, TOKEN_ENDPOINT } from './provider';
import { assertNoSecret, SECRETS } from './secrets';
import { inherited, text } from './values';

const KEY = 'k'.repeat(43);
const FLOW_KEY = 'f'.repeat(43);
const keys = new FlowKeys(FLOW_KEY);
const strangers = new FlowKeys('s'.repeat(43));
const ID = 'flow-id_0';
const NAME = `__Secure-vaulted-oauth2-${ID}`;
const COOKIE = keys.secretOf(ID, 'cookie');
const ticket = (kind: Ticket['kind'], expiresAt = NOW + 300_000): Ticket => ({
	kind,
	id: ID,
	flow: kind === 'link' ? '' : ID,
	issuedAt: expiresAt - 300_000,
	expiresAt,
});
const BROWSER = keys.issue(ticket('browser'));
const PASTE = keys.issue(ticket('paste'));
const LINK = keys.issue(ticket('link'));
const STATES = [
	BROWSER,
	PASTE,
	LINK,
	keys.issue(ticket('browser', NOW - 1)),
	strangers.issue(ticket('browser')),
	keys.sign('outcome', BROWSER),
	BROWSER.slice(0, -1),
	`${BROWSER}=`,
	BROWSER.toUpperCase(),
];

/** What opens a flow may not be seen either. */
const OWN = [KEY, FLOW_KEY, COOKIE, BROWSER, PASTE, LINK, keys.secretOf(ID, 'code verifier')];
function assertQuiet({ error }: Outcome): void {
	assertNoSecret(error);
	const { message = '' } = (error ?? {}) as Partial<Error>;
	if (OWN.some((own) => message.includes(own))) throw new Error(`it says ${message}`);
	if (/[\r\n\p{Cc}]/u.test(message)) throw new Error('a control character');
}

/** A connection that nobody has connected yet, in a store of its own, and a provider that redeems everything. */
async function newFlow(
	issuer: boolean,
	formPost = false,
): Promise<{ flow: AuthorizationFlow; network: FakeNetwork }> {
	const { connection } = await parseForm(
		form({
			grantType: 'authorizationCode',
			issuerUrl: issuer ? ISSUER : '',
			tokenUrl: TOKEN_ENDPOINT,
			authorizationUrl: `${ISSUER}/authorize`,
			redirectUri: 'https://n8n.example.com/webhook/x/callback',
			responseMode: formPost ? 'formPost' : 'default',
			scope: 'api:read',
			clientSecret: SECRETS.clientSecret,
		}),
	);
	const store = new MemoryStore();
	const content = formatBundle({
		label: connection.label,
		keySha256: sha256(KEY),
		sealedFor: sealedForOf(connection),
		clientSecret: SECRETS.clientSecret,
		tokenSets: [],
		typedSha256: {},
		authorization: { used: {}, flowKey: FLOW_KEY },
		generation: 0,
		other: {},
	});
	await store.create('bundle', content);
	const network = new FakeNetwork((url) =>
		ok(
			url === TOKEN_ENDPOINT
				? {
						access_token: SECRETS.stored,
						token_type: 'bearer',
						refresh_token: SECRETS.refreshToken,
					}
				: { issuer: ISSUER, authorization_response_iss_parameter_supported: true },
		),
	);
	const server = network.server({
		...(issuer ? { issuer: ISSUER } : {}),
		tokenEndpoint: TOKEN_ENDPOINT,
	});
	const clock = { ...systemClock, now: () => NOW };
	const flow = new AuthorizationFlow({
		connection,
		bundle: new SealedBundle({
			store,
			clock,
			ref: { store: { kind: store.kind }, secretId: 'bundle', key: KEY },
		}),
		request: createTokenRequest({ connection, server, store, now: () => NOW }),
		now: () => NOW,
		elapsed: () => NOW,
		onlyEditors: false,
		emit: () => undefined,
	});
	return { flow, network };
}

const state = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...STATES) }, text);
const parameter = fc.oneof(
	fc.tuple(fc.constant('state'), state),
	fc.tuple(fc.constant('code'), fc.constantFrom(SECRETS.code, '')),
	fc.tuple(fc.constant('iss'), fc.constantFrom(ISSUER, `${ISSUER}/`, `${ISSUER}.evil.example`, '')),
	fc.tuple(
		fc.constant('error'),
		fc.oneof(fc.constantFrom('access_denied', 'server_error', 'invalid_target', ''), text),
	),
	fc.tuple(fc.constant('error_description'), text),
	fc.tuple(fc.oneof(inherited, text), text),
);
const query = fc.oneof(
	{ weight: 1, arbitrary: fc.array(parameter, { maxLength: 6 }) },
	// Nearly right ones.
	{
		weight: 2,
		arbitrary: fc
			.array(parameter, { maxLength: 2 })
			.map((more): [string, string][] => [['state', BROWSER], ['code', SECRETS.code], ['iss', ISSUER], ...more]), // prettier-ignore
	},
);
const cookies = fc.option(
	fc
		.array(
			fc.oneof(
				fc.constantFrom(`${NAME}=${COOKIE}`, `${NAME}=${COOKIE}x`, `${NAME}=`, NAME, `x${NAME}=${COOKIE}`, `${NAME}=${COOKIE.slice(1)}`), // prettier-ignore
				text,
			),
			{ maxLength: 3 },
		)
		.map((pairs) => pairs.join('; ')),
	{ nil: undefined, freq: 8 },
);

/** True if a person with this cookie may end the flow with this query. */
function mayConnect(
	response: URLSearchParams,
	{ cookie, issuer }: { cookie: string | undefined; issuer: boolean },
): boolean {
	const only = (name: string): string | undefined =>
		response.getAll(name).length === 1 ? response.get(name)! : undefined;
	const mine = (cookie ?? '').split(/;\s*/).find((pair) => pair.startsWith(`${NAME}=`));
	return (
		only('state') === BROWSER &&
		only('code') === SECRETS.code &&
		response.getAll('error').join('') === '' &&
		response.getAll('error').length < 2 &&
		(issuer ? only('iss') === ISSUER : response.getAll('iss').length < 2) &&
		mine === `${NAME}=${COOKIE}`
	);
}

fuzz('callbacks', {
	share: 5,
	of: fc.record({
		query,
		cookie: cookies,
		issuer: fc.boolean(),
		formPost: fc.boolean(),
		isAsAsked: fc.boolean(),
	}),
	async run({ query: pairs, cookie, issuer, formPost, isAsAsked }) {
		const { flow, network } = await newFlow(issuer, formPost);
		const arrival = { isPosted: formPost === isAsAsked };
		const connected = await flow
			.callback(new URLSearchParams(pairs), cookie, arrival)
			.catch((error: unknown) => {
				if (network.asked.includes(TOKEN_ENDPOINT))
					throw new Error('the code was sent', { cause: error });
				throw error;
			});
		// What was used once is used.
		await expect(flow.callback(new URLSearchParams(pairs), cookie, arrival)).rejects.toMatchObject({
			failureClass: 'reconnect',
		});
		return connected;
	},
	check(outcome, { query: pairs, cookie, issuer, isAsAsked }) {
		assertClassified(outcome, 'configuration', 'provider', 'reconnect');
		assertQuiet(outcome);
		const { scopes } = (outcome.result ?? {}) as Partial<Connected>;
		const may = isAsAsked && mayConnect(new URLSearchParams(pairs), { cookie, issuer });
		if ((scopes !== undefined) !== may) throw new Error(may ? 'it is refused' : 'it is connected');
	},
});

fuzz('pasted answers and links', {
	share: 5,
	of: fc.oneof(
		text,
		query.map((pairs) => `https://n8n.example.com/return?${new URLSearchParams(pairs).toString()}`),
		fc.tuple(state, text).map(([first, more]) => `?state=${first}&code=${SECRETS.code}#${more}`),
		state,
	),
	async run(pasted) {
		const { flow } = await newFlow(false);
		const results = await Promise.allSettled([flow.paste(pasted), flow.connect(pasted)]);
		return results;
	},
	check({ result }, pasted) {
		const [paste, connect] = result as PromiseSettledResult<unknown>[];
		for (const each of [paste, connect]) {
			if (each?.status !== 'rejected') continue;
			assertClassified({ error: each.reason }, 'configuration', 'provider', 'reconnect');
			assertQuiet({ error: each.reason });
		}
		const ours = [BROWSER, PASTE].some((signed) => pasted.includes(encodeURIComponent(signed)));
		if (paste?.status === 'fulfilled' && !ours) throw new Error('it is connected');
		if (connect?.status === 'fulfilled' && pasted !== LINK) throw new Error('the link is opened');
	},
});
